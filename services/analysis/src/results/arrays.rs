//! Arrays of measurements: columns of numbers, as files bring them and take them away.

use std::collections::HashSet;

use spectra_mesh::{Error, Refusal};
use spectra_proto::{analysis::ArrayFormat, types::Reason};

mod arrow;
mod csv;
mod pages;
mod parquet;

/// How many bytes a file has at most; the contract's `upload_bytes`.
pub(super) const BYTES: usize = 64 << 20;
/// How many rows arrays have at most.
const ROWS: usize = 1_000_000;
/// How many columns.
const COLUMNS: usize = 256;
/// How many values in all.
const CELLS: usize = 8_000_000;
/// How long the name of a column is at most, in characters.
const NAME: usize = 200;
/// How much is told of what a library says, in characters.
const TOLD: usize = 300;

/// Columns of one length, named apart. NaN is a value that is missing; none is infinite.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Arrays {
    pub(super) names: Vec<String>,
    pub(super) columns: Vec<Vec<f64>>,
}

/// What a file of arrays is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Csv { delimiter: u8 },
    ArrowFile,
    ArrowStream,
    Parquet,
}

impl Arrays {
    /// Columns without values. Refused when a name is blank, too long or said twice, or when there are too many.
    fn named(names: Vec<String>) -> Result<Self, Error> {
        if names.is_empty() || names.len() > COLUMNS {
            return Err(unreadable(format!("has {} columns; a file has from 1 to {COLUMNS}", names.len())));
        }
        let mut seen = HashSet::new();
        for (name, nth) in names.iter().zip(1..) {
            if name.trim().is_empty() || name.chars().count() > NAME || name.chars().any(char::is_control) {
                return Err(unreadable(format!("has a column {nth} whose name is blank, of more than {NAME} characters, or no text")));
            }
            if !seen.insert(name) {
                return Err(unreadable(format!("names two columns {name}")));
            }
        }
        let columns = vec![Vec::new(); names.len()];
        Ok(Self { names, columns })
    }

    /// How many values each column has.
    pub(super) fn rows(&self) -> usize {
        self.columns.first().map_or(0, Vec::len)
    }

    /// Makes sure that so many rows more are not too many.
    fn admit(&self, more: usize) -> Result<(), Error> {
        let rows = self.rows().saturating_add(more);
        if rows > ROWS || rows.saturating_mul(self.columns.len()) > CELLS {
            return Err(unreadable(format!("holds too much: it has {ROWS} rows and {CELLS} values at most")));
        }
        Ok(())
    }

    /// Adds a value to a column.
    fn push(&mut self, column: usize, value: f64) -> Result<(), Error> {
        let Some(values) = self.columns.get_mut(column) else { return Err(Error::broken("a value of no column")) };
        values.push(value);
        if value.is_infinite() {
            let (row, name) = (values.len(), &self.names[column]);
            return Err(unreadable(format!("holds an infinite number at row {row} of {name}")));
        }
        Ok(())
    }

    /// The arrays that a file holds.
    pub(super) fn read(format: Format, content: Vec<u8>) -> Result<Self, Error> {
        let arrays = match format {
            Format::Csv { delimiter } => csv::read(&content, delimiter),
            Format::ArrowFile => arrow::read_file(content),
            Format::ArrowStream => arrow::read_stream(content),
            Format::Parquet => parquet::read(&content.into()),
        }?;
        if arrays.rows() == 0 {
            return Err(unreadable("holds no row"));
        }
        Ok(arrays)
    }

    /// The file that holds the arrays.
    pub(super) fn write(&self, format: ArrayFormat) -> Result<Vec<u8>, Error> {
        match format {
            ArrayFormat::Csv | ArrayFormat::Unspecified => csv::write(self),
            ArrayFormat::Arrow => arrow::write(self),
            ArrayFormat::Parquet => parquet::write(self),
        }
    }
}

impl Format {
    /// What a file is that begins like this and says that it is of this media type. Refused when it is none that is taken, or another one.
    pub(super) fn of(content_type: &str, head: &[u8]) -> Result<Self, Error> {
        let begins = Self::begins(head);
        let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let said = match &*essence {
            "" | "application/octet-stream" | "application/x-www-form-urlencoded" => begins,
            "text/csv" | "text/plain" => Some(Self::Csv { delimiter: b',' }),
            "text/tab-separated-values" => Some(Self::Csv { delimiter: b'\t' }),
            "application/vnd.apache.parquet" | "application/x-parquet" => Some(Self::Parquet),
            "application/vnd.apache.arrow.file" => Some(Self::ArrowFile),
            "application/vnd.apache.arrow.stream" => Some(Self::ArrowStream),
            _ => None,
        };
        let is_text = |format: Option<Self>| matches!(format, Some(Self::Csv { .. }));
        match said {
            Some(format) if begins == said || is_text(begins) && is_text(said) => Ok(format),
            Some(_) => Err(refused(&essence, "the file does not begin as one of its type does")),
            None => Err(refused(&essence, "arrays come as CSV, Parquet or Arrow IPC")),
        }
    }

    fn begins(head: &[u8]) -> Option<Self> {
        if head.starts_with(b"PAR1") {
            Some(Self::Parquet)
        } else if head.starts_with(b"ARROW1") {
            Some(Self::ArrowFile)
        } else if head.starts_with(&[0xff; 4]) {
            Some(Self::ArrowStream)
        } else if head.contains(&0) {
            None
        } else {
            Some(Self::Csv { delimiter: b',' })
        }
    }
}

/// What the files of a format are called, by media type and ending.
pub(super) fn kind(format: ArrayFormat) -> (&'static str, &'static str) {
    match format {
        ArrayFormat::Csv | ArrayFormat::Unspecified => ("text/csv", "csv"),
        ArrayFormat::Arrow => ("application/vnd.apache.arrow.file", "arrow"),
        ArrayFormat::Parquet => ("application/vnd.apache.parquet", "parquet"),
    }
}

fn refused(content_type: &str, told: &str) -> Error {
    Refusal::new(Reason::MediaType, told).about("content_type", content_type).into()
}

/// The refusal of a file, in a predicate of it.
fn unreadable(told: impl Into<String>) -> Error {
    Error::invalid("content", told)
}

/// The same, with what a library says of it.
fn unread(kind: &str, cause: &impl ToString) -> Error {
    let cause: String = cause.to_string().chars().filter(|letter| !letter.is_control()).take(TOLD).collect();
    unreadable(format!("does not read as {kind}: {cause}"))
}

#[cfg(test)]
mod tests;
