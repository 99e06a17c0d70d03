//! Single values that a text spells: the digits of a number, the inside of a string, a parameter.

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::error::Refusal;
use super::plan::{Form, Kind, Plans};
use super::time::{self, Instant};
use super::wire::{self, WireType, put_bytes, put_tag, put_varint};
use super::{mask, number};

const EITHER_PADDING: GeneralPurposeConfig = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, EITHER_PADDING);
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, EITHER_PADDING);

impl Plans {
    /// Appends the value that `text` spells, without a tag; a message gets its length before it.
    pub(super) fn put_text(&self, kind: Kind, text: &str, out: &mut Vec<u8>) -> Result<(), Refusal> {
        match kind {
            Kind::Double => out.extend(number::double(text)?.to_le_bytes()),
            Kind::Float => out.extend(number::float(text)?.to_le_bytes()),
            Kind::Int32 => put_varint(out, i64::from(signed32(text)?).cast_unsigned()),
            Kind::Int64 => put_varint(out, signed64(text)?.cast_unsigned()),
            Kind::Uint32 => put_varint(out, u64::from(unsigned32(text)?)),
            Kind::Uint64 => put_varint(out, unsigned64(text)?),
            Kind::Sint32 => {
                let value = signed32(text)?;
                put_varint(out, u64::from((value << 1 ^ value >> 31).cast_unsigned()));
            }
            Kind::Sint64 => {
                let value = signed64(text)?;
                put_varint(out, (value << 1 ^ value >> 63).cast_unsigned());
            }
            Kind::Fixed32 => out.extend(unsigned32(text)?.to_le_bytes()),
            Kind::Fixed64 => out.extend(unsigned64(text)?.to_le_bytes()),
            Kind::Sfixed32 => out.extend(signed32(text)?.to_le_bytes()),
            Kind::Sfixed64 => out.extend(signed64(text)?.to_le_bytes()),
            Kind::Bool => match text {
                "true" => out.push(1),
                "false" => out.push(0),
                _ => return Err("must be true or false".into()),
            },
            Kind::String => put_bytes(out, text.as_bytes()),
            Kind::Bytes => put_base64(text, out)?,
            Kind::Enum(id) => put_enum(self.enums[id].named(text)?, out),
            Kind::Message(id) => {
                let plan = self.plan(id);
                let body = wire::open(out);
                match (plan.form, plan.fields.as_slice()) {
                    (Form::Wrapper, [value]) => {
                        put_tag(out, value.number, value.kind.wire_type());
                        self.put_text(value.kind, text, out)?;
                    }
                    (Form::Timestamp, _) => put_instant(time::parse_timestamp(text)?, out),
                    (Form::Duration, _) => put_instant(time::parse_duration(text)?, out),
                    (Form::FieldMask, _) => mask::put(text, out)?,
                    _ => return Err("must be an object".into()),
                }
                wire::close(out, body);
            }
        }
        Ok(())
    }
}

/// Appends an enum's number.
pub(super) fn put_enum(number: i32, out: &mut Vec<u8>) {
    put_varint(out, i64::from(number).cast_unsigned());
}

/// Appends the number of an enum that `text` spells in digits.
pub(super) fn put_enum_number(text: &str, out: &mut Vec<u8>) -> Result<(), Refusal> {
    signed32(text).map(|number| put_enum(number, out))
}

/// Appends the two fields that timestamps and durations have in common.
pub(super) fn put_instant(instant: Instant, out: &mut Vec<u8>) {
    let nanos = i64::from(instant.nanos);
    for (number, value) in [(1, instant.seconds), (2, nanos)] {
        if value != 0 {
            put_tag(out, number, WireType::Varint);
            put_varint(out, value.cast_unsigned());
        }
    }
}

/// Appends the bytes that base64 spells, of either alphabet, padded or not.
fn put_base64(text: &str, out: &mut Vec<u8>) -> Result<(), Refusal> {
    let engine = if text.contains(['-', '_']) { &BASE64_URL } else { &BASE64 };
    let body = wire::open(out);
    let decoded = engine.decode_vec(text, out);
    decoded.map_err(|_| Refusal::Borrowed("must be base64"))?;
    wire::close(out, body);
    Ok(())
}

fn signed32(text: &str) -> Result<i32, Refusal> {
    ranged(text, "must be a whole number between -2147483648 and 2147483647")
}

fn unsigned32(text: &str) -> Result<u32, Refusal> {
    ranged(text, "must be a whole number between 0 and 4294967295")
}

fn signed64(text: &str) -> Result<i64, Refusal> {
    ranged(text, "must be a whole number of 64 bits")
}

fn unsigned64(text: &str) -> Result<u64, Refusal> {
    ranged(text, "must be a whole number of 64 bits, and not negative")
}

fn ranged<I: TryFrom<i128>>(text: &str, rule: &'static str) -> Result<I, Refusal> {
    let value = number::integer(text).ok().and_then(|value| I::try_from(value).ok());
    value.ok_or(Refusal::Borrowed(rule))
}
