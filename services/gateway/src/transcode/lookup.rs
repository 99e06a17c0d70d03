//! A single field of a message on the wire, looked up or added, for headers and for files.

use super::plan::{FieldId, Kind, Plans, Shape};
use super::wire::{Value, Wire, WireType, put_bytes, put_tag};

impl Plans {
    /// The text of a string field; `None` if it is not on the wire, or not text.
    #[must_use]
    pub fn string_field<'w>(&self, field: FieldId, wire: &'w [u8]) -> Option<&'w str> {
        match self.last(field, wire)? {
            (Kind::String, Value::Bytes(text)) => str::from_utf8(text).ok(),
            _ => None,
        }
    }

    /// The number in a field of type `int32`, `int64`, `uint32` or `uint64`; `None` if it is not on the wire, or
    /// beyond 63 bits.
    #[must_use]
    pub fn integer_field(&self, field: FieldId, wire: &[u8]) -> Option<i64> {
        match self.last(field, wire)? {
            (Kind::Int32 | Kind::Int64, Value::Varint(number)) => Some(number.cast_signed()),
            (Kind::Uint32 | Kind::Uint64, Value::Varint(number)) => i64::try_from(number).ok(),
            _ => None,
        }
    }

    /// The bytes of a field of bytes, or of a message; `None` if it is not on the wire.
    #[must_use]
    pub fn bytes_field<'w>(&self, field: FieldId, wire: &'w [u8]) -> Option<&'w [u8]> {
        match self.last(field, wire)? {
            (Kind::Bytes | Kind::Message(_), Value::Bytes(bytes)) => Some(bytes),
            _ => None,
        }
    }

    /// Appends a field of bytes, or of a message that is encoded already.
    pub fn put_bytes_field(&self, field: FieldId, bytes: &[u8], out: &mut Vec<u8>) {
        put_tag(out, self.plan(field.message).fields[field.index].number, WireType::Bytes);
        put_bytes(out, bytes);
    }

    /// The last value that the wire has for a single field.
    fn last<'w>(&self, field: FieldId, wire: &'w [u8]) -> Option<(Kind, Value<'w>)> {
        let field = &self.plan(field.message).fields[field.index];
        let mut last = None;
        let mut cursor = Wire::new(wire);
        while !cursor.is_empty() {
            let (number, value) = cursor.record().ok()?;
            if number == field.number && field.shape == Shape::Single {
                last = Some((field.kind, value));
            }
        }
        last
    }
}
