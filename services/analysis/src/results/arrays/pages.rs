//! How large the pages of a Parquet file say that they are unpacked, before any of them is.
//!
//! The library makes room for what a page says, and unpacks up to it; it has no limit of its own. So the headers of all pages are read first:
//! they are in Thrift's compact protocol, and the sizes of a page are its second and third fields.

use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use spectra_mesh::Error;

use super::{COLUMNS, unreadable};

/// How many bytes all pages of a file have unpacked at most: four times what its values take.
const UNPACKED: u64 = 256 << 20;
/// How deep a header's structures lie in one another at most.
const DEEP: u8 = 8;

/// A place in a file.
struct Walk<'a> {
    left: &'a [u8],
}

/// Makes sure that what a file holds is not too large unpacked.
pub(super) fn measure(content: &[u8], metadata: &ParquetMetaData) -> Result<(), Error> {
    let columns = metadata.file_metadata().schema_descr().num_columns();
    if columns > COLUMNS {
        return Err(unreadable(format!("has {columns} columns; a file has from 1 to {COLUMNS}")));
    }
    // Otherwise many columns could lie in one place, which would be walked over for each of them.
    let sizes = metadata.row_groups().iter().flat_map(RowGroupMetaData::columns).map(ColumnChunkMetaData::compressed_size);
    let packed = sizes.fold(0_u64, |sum, size| sum.saturating_add(u64::try_from(size).unwrap_or(u64::MAX)));
    if !usize::try_from(packed).is_ok_and(|packed| packed <= content.len()) {
        return Err(unreadable("does not read as Parquet: its columns say that they are larger than the file"));
    }
    let mut unpacked = 0_u64;
    for column in metadata.row_groups().iter().flat_map(RowGroupMetaData::columns) {
        let broken = || unreadable("does not read as Parquet: a column lies outside of the file");
        let first = column.dictionary_page_offset().unwrap_or(i64::MAX).min(column.data_page_offset());
        let first = usize::try_from(first).map_err(|_| broken())?;
        let size = usize::try_from(column.compressed_size()).map_err(|_| broken())?;
        let pages = first.checked_add(size).and_then(|end| content.get(first..end)).ok_or_else(broken)?;
        let mut walk = Walk { left: pages };
        while !walk.left.is_empty() {
            let size = walk.page().ok_or_else(|| unreadable("does not read as Parquet: the header of a page is broken"))?;
            unpacked = unpacked.saturating_add(size);
            if unpacked > UNPACKED {
                return Err(unreadable(format!("is larger than {UNPACKED} bytes once it is unpacked")));
            }
        }
    }
    Ok(())
}

impl Walk<'_> {
    /// Walks over a page, which says that it has so many bytes unpacked.
    fn page(&mut self) -> Option<u64> {
        let (mut field, mut sizes) = (0_i64, [None; 2]);
        loop {
            let (kind, number) = self.field(field)?;
            if kind == 0 {
                break;
            }
            field = number;
            match (number, kind) {
                (2 | 3, 5) => sizes[usize::from(number == 3)] = Some(u64::try_from(self.integer()?).ok()?),
                _ => self.skip(kind, DEEP)?,
            }
        }
        let [unpacked, packed] = sizes;
        self.pass(usize::try_from(packed?).ok()?)?;
        unpacked
    }

    /// The type and the number of the next field; type 0 at the end of a structure.
    fn field(&mut self, before: i64) -> Option<(u8, i64)> {
        let byte = self.byte()?;
        let (delta, kind) = (byte >> 4, byte & 15);
        if kind == 0 {
            return Some((0, before));
        }
        let number = if delta == 0 { self.integer()? } else { before.checked_add(i64::from(delta))? };
        Some((kind, number))
    }

    /// Passes over a value of a type.
    fn skip(&mut self, kind: u8, deep: u8) -> Option<()> {
        let deep = deep.checked_sub(1)?;
        match kind {
            // Of a field, a truth is in its type.
            1 | 2 => Some(()),
            3 => self.pass(1),
            4..=6 => self.integer().map(|_| ()),
            7 => self.pass(8),
            8 => {
                let length = self.varint()?;
                self.pass(usize::try_from(length).ok()?)
            }
            9 | 10 => {
                let byte = self.byte()?;
                let count = if byte >> 4 == 15 { self.varint()? } else { u64::from(byte >> 4) };
                (0..count).try_for_each(|_| self.item(byte & 15, deep))
            }
            11 => {
                let count = self.varint()?;
                let kinds = if count == 0 { 0 } else { self.byte()? };
                (0..count).try_for_each(|_| self.item(kinds >> 4, deep).and_then(|()| self.item(kinds & 15, deep)))
            }
            12 => {
                let mut field = 0;
                loop {
                    let (kind, number) = self.field(field)?;
                    if kind == 0 {
                        return Some(());
                    }
                    field = number;
                    self.skip(kind, deep)?;
                }
            }
            _ => None,
        }
    }

    /// Passes over an item of a list, where a truth takes a byte.
    fn item(&mut self, kind: u8, deep: u8) -> Option<()> {
        if matches!(kind, 1 | 2) { self.pass(1) } else { self.skip(kind, deep) }
    }

    fn integer(&mut self) -> Option<i64> {
        let zigzag = self.varint()?;
        Some((zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed())
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for place in 0..10 {
            let byte = self.byte()?;
            value |= u64::from(byte & 127).checked_shl(7 * place)?;
            if byte < 128 {
                return Some(value);
            }
        }
        None
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, left) = self.left.split_first()?;
        self.left = left;
        Some(*byte)
    }

    fn pass(&mut self, bytes: usize) -> Option<()> {
        self.left = self.left.get(bytes..)?;
        Some(())
    }
}

/// What a page says that it has unpacked, header first.
#[cfg(test)]
pub(super) fn page(bytes: &[u8]) -> Option<u64> {
    Walk { left: bytes }.page()
}
