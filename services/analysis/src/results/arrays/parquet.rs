//! Arrays as Parquet.

use parquet::{
    arrow::{ArrowWriter, arrow_reader::ParquetRecordBatchReaderBuilder},
    basic::Compression,
    file::properties::WriterProperties,
};
use prost::bytes::Bytes;
use spectra_mesh::Error;

use super::{Arrays, arrow, pages, unread};

/// The columns of a file of Parquet.
pub(super) fn read(content: &Bytes) -> Result<Arrays, Error> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(content.clone()).map_err(|cause| unread("Parquet", &cause))?;
    pages::measure(content, builder.metadata())?;
    let schema = builder.schema().clone();
    let reader = builder.build().map_err(|cause| unread("Parquet", &cause))?;
    arrow::collect(&schema, reader, "Parquet")
}

/// A file of Parquet.
pub(super) fn write(arrays: &Arrays) -> Result<Vec<u8>, Error> {
    let batch = arrow::batch(arrays)?;
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).map_err(Error::broken)?;
    writer.write(&batch).map_err(Error::broken)?;
    writer.into_inner().map_err(Error::broken)
}
