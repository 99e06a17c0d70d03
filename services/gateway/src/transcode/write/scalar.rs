//! Single values, from the wire's form to JSON's.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Writer, mistyped};
use crate::transcode::error::Written;
use crate::transcode::number::{write_double, write_float, write_integer};
use crate::transcode::plan::Kind;
use crate::transcode::text::write_string;
use crate::transcode::wire::Value;

impl<'w> Writer<'_, 'w, '_> {
    /// One value of any kind; the wire may be at odds with the plan.
    pub(super) fn value(&mut self, kind: Kind, value: Value<'w>) -> Written<()> {
        if kind.is_quoted() {
            self.out.push(b'"');
            self.integer(kind, value)?;
            self.out.push(b'"');
            return Ok(());
        }
        match (kind, value) {
            (Kind::String, Value::Bytes(text)) => write_string(self.out, text),
            (Kind::Message(id), Value::Bytes(body)) => self.message(id, body),
            (Kind::Bytes, Value::Bytes(bytes)) => {
                self.base64(bytes);
                Ok(())
            }
            (Kind::Double, Value::Fixed64(bits)) => {
                write_double(self.out, f64::from_bits(bits));
                Ok(())
            }
            (Kind::Float, Value::Fixed32(bits)) => {
                write_float(self.out, f32::from_bits(bits));
                Ok(())
            }
            (Kind::Bool, Value::Varint(value)) => {
                let text: &[u8] = if value == 0 { b"false" } else { b"true" };
                self.out.extend_from_slice(text);
                Ok(())
            }
            (Kind::Enum(id), Value::Varint(value)) => {
                let number = low_half(value).cast_signed();
                match self.plans.enums[id].token(number) {
                    Some(token) => self.out.extend_from_slice(token),
                    None => write_integer(self.out, number),
                }
                Ok(())
            }
            _ => self.integer(kind, value),
        }
    }

    fn integer(&mut self, kind: Kind, value: Value<'w>) -> Written<()> {
        match (kind, value) {
            (Kind::Int32, Value::Varint(v)) => write_integer(self.out, low_half(v).cast_signed()),
            (Kind::Int64, Value::Varint(v)) | (Kind::Sfixed64, Value::Fixed64(v)) => write_integer(self.out, v.cast_signed()),
            (Kind::Uint32, Value::Varint(v)) => write_integer(self.out, low_half(v)),
            (Kind::Uint64, Value::Varint(v)) | (Kind::Fixed64, Value::Fixed64(v)) => write_integer(self.out, v),
            (Kind::Sint32, Value::Varint(v)) => {
                let v = low_half(v);
                write_integer(self.out, (v >> 1).cast_signed() ^ -(v & 1).cast_signed());
            }
            (Kind::Sint64, Value::Varint(v)) => {
                write_integer(self.out, (v >> 1).cast_signed() ^ -(v & 1).cast_signed());
            }
            (Kind::Fixed32, Value::Fixed32(v)) => write_integer(self.out, v),
            (Kind::Sfixed32, Value::Fixed32(v)) => write_integer(self.out, v.cast_signed()),
            _ => return Err(mistyped()),
        }
        Ok(())
    }

    fn base64(&mut self, bytes: &[u8]) {
        self.out.push(b'"');
        let start = self.out.len();
        let length = bytes.len().div_ceil(3) * 4;
        self.out.resize(start + length, 0);
        STANDARD.encode_slice(bytes, &mut self.out[start..]).expect("four bytes of base64 hold three");
        self.out.push(b'"');
    }
}

/// 32-bit numbers may come in 64 bits; the upper half is dropped, as protobuf has it.
#[expect(clippy::cast_possible_truncation, reason = "the upper half is to be dropped")]
pub(super) fn low_half(value: u64) -> u32 {
    value as u32
}
