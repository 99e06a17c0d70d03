//! Arrays as text.

use csv::{ReaderBuilder, StringRecord, Trim, Writer};
use spectra_mesh::Error;

use super::{Arrays, unread, unreadable};

/// What stands for a value that is missing, besides nothing.
const MISSING: [&str; 4] = ["nan", "na", "n/a", "null"];

/// The columns of a text whose first line names them.
pub(super) fn read(content: &[u8], delimiter: u8) -> Result<Arrays, Error> {
    let mut reader = ReaderBuilder::new().delimiter(delimiter).trim(Trim::All).from_reader(content);
    let names: Vec<String> = reader.headers().map_err(|cause| unread("CSV", &cause))?.iter().map(str::to_owned).collect();
    if names.iter().all(|name| number(name).is_some()) {
        return Err(unreadable("has no names of its columns in its first line"));
    }
    let plain = |name: String| if is_formula(&name) { name.strip_prefix('\'').unwrap_or(&name).to_owned() } else { name };
    let mut arrays = Arrays::named(names.into_iter().map(plain).collect())?;
    let mut record = StringRecord::new();
    while reader.read_record(&mut record).map_err(|cause| unread("CSV", &cause))? {
        arrays.admit(1)?;
        for (column, field) in record.iter().enumerate() {
            let Some(value) = number(field) else {
                let (row, name) = (arrays.rows() + usize::from(column == 0), arrays.names[column].clone());
                return Err(unreadable(format!("holds no number at row {row} of {name}")));
            };
            arrays.push(column, value)?;
        }
    }
    Ok(arrays)
}

/// The number that a field holds; NaN when it is missing.
fn number(field: &str) -> Option<f64> {
    if field.is_empty() || MISSING.iter().any(|missing| field.eq_ignore_ascii_case(missing)) {
        return Some(f64::NAN);
    }
    field.parse().ok()
}

/// Whether a name begins like a formula, which a spreadsheet would run unless it is quoted; or is one that is quoted.
fn is_formula(name: &str) -> bool {
    name.trim_start_matches('\'').starts_with(['=', '+', '-', '@'])
}

/// A text of the columns, the names in its first line.
pub(super) fn write(arrays: &Arrays) -> Result<Vec<u8>, Error> {
    let mut writer = Writer::from_writer(Vec::new());
    let quoted = |name: &String| if is_formula(name) { format!("'{name}") } else { name.clone() };
    writer.write_record(arrays.names.iter().map(quoted)).map_err(Error::broken)?;
    let mut buffer = zmij::Buffer::new();
    for row in 0..arrays.rows() {
        for column in &arrays.columns {
            let value = column[row];
            writer.write_field(if value.is_nan() { "" } else { buffer.format(value) }).map_err(Error::broken)?;
        }
        writer.write_record(None::<&[u8]>).map_err(Error::broken)?;
    }
    writer.into_inner().map_err(|error| Error::broken(error.to_string()))
}
