//! Arrays as Arrow IPC, and as the record batches that Parquet has in common with it.
//!
//! What is packed does not read: the library takes the size that a buffer says it has unpacked for true before it looks.

use std::{io::Cursor, sync::Arc};

use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, Float64Array, RecordBatch,
    cast::AsArray,
    types::{
        Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
    },
};
use arrow_ipc::{
    reader::{FileReader, StreamReader},
    writer::FileWriter,
};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use spectra_mesh::Error;

use super::{Arrays, unread, unreadable};

/// The columns of a file of Arrow IPC.
pub(super) fn read_file(content: Vec<u8>) -> Result<Arrays, Error> {
    let reader = FileReader::try_new(Cursor::new(content), None).map_err(|cause| unread("Arrow IPC", &cause))?;
    let schema = reader.schema();
    collect(&schema, reader, "Arrow IPC")
}

/// The columns of a stream of Arrow IPC.
pub(super) fn read_stream(content: Vec<u8>) -> Result<Arrays, Error> {
    let reader = StreamReader::try_new(Cursor::new(content), None).map_err(|cause| unread("Arrow IPC", &cause))?;
    let schema = reader.schema();
    collect(&schema, reader, "Arrow IPC")
}

/// The columns of all batches of a schema, which must be numbers.
pub(super) fn collect(
    schema: &Schema,
    batches: impl Iterator<Item = Result<RecordBatch, ArrowError>>,
    kind: &str,
) -> Result<Arrays, Error> {
    for field in schema.fields() {
        if !field.data_type().is_numeric()
            || matches!(
                field.data_type(),
                DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) | DataType::Decimal256(..)
            )
        {
            return Err(unreadable(format!(
                "has a column {} of the type {}, which holds no plain numbers",
                field.name(),
                field.data_type()
            )));
        }
    }
    let mut arrays = Arrays::named(schema.fields().iter().map(|field| field.name().clone()).collect())?;
    for batch in batches {
        let batch = batch.map_err(|cause| unread(kind, &cause))?;
        arrays.admit(batch.num_rows())?;
        for (nth, column) in batch.columns().iter().enumerate() {
            let values = doubles(column).ok_or_else(|| unreadable(format!("holds no numbers in its column {}", arrays.names[nth])))?;
            for value in values {
                arrays.push(nth, value)?;
            }
        }
    }
    Ok(arrays)
}

/// The numbers of a column as doubles; null becomes NaN.
fn doubles(column: &ArrayRef) -> Option<Vec<f64>> {
    #[expect(clippy::cast_precision_loss, reason = "arrays are kept as doubles, which the contract says")]
    match column.data_type() {
        DataType::Float64 => each::<Float64Type>(column, |value| value),
        DataType::Float32 => each::<Float32Type>(column, f64::from),
        DataType::Float16 => each::<Float16Type>(column, f64::from),
        DataType::Int8 => each::<Int8Type>(column, f64::from),
        DataType::Int16 => each::<Int16Type>(column, f64::from),
        DataType::Int32 => each::<Int32Type>(column, f64::from),
        DataType::Int64 => each::<Int64Type>(column, |value| value as f64),
        DataType::UInt8 => each::<UInt8Type>(column, f64::from),
        DataType::UInt16 => each::<UInt16Type>(column, f64::from),
        DataType::UInt32 => each::<UInt32Type>(column, f64::from),
        DataType::UInt64 => each::<UInt64Type>(column, |value| value as f64),
        _ => None,
    }
}

fn each<T: ArrowPrimitiveType>(column: &ArrayRef, double: impl Fn(T::Native) -> f64) -> Option<Vec<f64>> {
    let column = column.as_primitive_opt::<T>()?;
    Some(column.iter().map(|value| value.map_or(f64::NAN, &double)).collect())
}

/// All columns as one batch; what is missing is null.
pub(super) fn batch(arrays: &Arrays) -> Result<RecordBatch, Error> {
    let fields: Vec<_> = arrays.names.iter().map(|name| Field::new(name, DataType::Float64, true)).collect();
    let column = |values: &Vec<f64>| {
        let values = values.iter().map(|value| (!value.is_nan()).then_some(*value));
        Arc::new(values.collect::<Float64Array>()) as ArrayRef
    };
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays.columns.iter().map(column).collect()).map_err(Error::broken)
}

/// A file of Arrow IPC.
pub(super) fn write(arrays: &Arrays) -> Result<Vec<u8>, Error> {
    let batch = batch(arrays)?;
    let mut writer = FileWriter::try_new(Vec::new(), &batch.schema()).map_err(Error::broken)?;
    writer.write(&batch).map_err(Error::broken)?;
    writer.into_inner().map_err(Error::broken)
}
