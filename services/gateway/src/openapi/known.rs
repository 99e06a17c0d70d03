//! Scalars and the well-known types, as the gateway's JSON has them.

use prost_reflect::{Kind, MessageDescriptor};

use super::json::{Json, Object, object};

/// The schema of a well-known type; none of any other message.
pub(super) fn schema(message: &MessageDescriptor) -> Option<Object> {
    let name = message.full_name().strip_prefix("google.protobuf.")?;
    Some(match name {
        "Timestamp" => object! { "type": "string", "format": "date-time" },
        "Duration" => object! { "type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$", "examples": ["1.5s"] },
        "FieldMask" => object! { "type": "string" },
        "Struct" => object! { "type": "object", "additionalProperties": true },
        "ListValue" => object! { "type": "array", "items": object! {} },
        "Value" => object! {},
        "Empty" => object! { "type": "object" },
        "Any" => {
            object! { "type": "object", "properties": object! { "@type": object! { "type": "string" } }, "additionalProperties": true }
        }
        _ => scalar(&wrapped(message)?),
    })
}

/// Whether a parameter of a path or a query can say such a message.
pub(super) fn is_text(message: &MessageDescriptor) -> bool {
    matches!(message.full_name(), "google.protobuf.Timestamp" | "google.protobuf.Duration" | "google.protobuf.FieldMask")
        || wrapped(message).is_some()
}

/// What a wrapper wraps.
fn wrapped(message: &MessageDescriptor) -> Option<Kind> {
    let name = message.full_name().strip_prefix("google.protobuf.")?.strip_suffix("Value")?;
    let value = message.get_field_by_name("value").filter(|_| !matches!(name, "" | "List" | "Enum"))?;
    Some(value.kind())
}

/// The schema of a single value that is neither message nor enum.
pub(super) fn scalar(kind: &Kind) -> Object {
    match kind {
        Kind::Bool => object! { "type": "boolean" },
        Kind::Bytes => object! { "type": "string", "contentEncoding": "base64" },
        Kind::Double | Kind::Float => object! { "anyOf": numbers(kind) },
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 | Kind::Uint32 | Kind::Fixed32 => object! { "type": "integer", "format": format(kind) },
        // Not every reader of JSON holds 64 bits.
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 | Kind::Uint64 | Kind::Fixed64 => {
            object! { "type": "string", "format": format(kind), "pattern": "^-?[0-9]+$" }
        }
        Kind::String | Kind::Enum(_) | Kind::Message(_) => object! { "type": "string" },
    }
}

/// How wide a number is.
pub(super) fn format(kind: &Kind) -> Option<&'static str> {
    Some(match kind {
        Kind::Double => "double",
        Kind::Float => "float",
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => "int32",
        Kind::Uint32 | Kind::Fixed32 => "uint32",
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => "int64",
        Kind::Uint64 | Kind::Fixed64 => "uint64",
        _ => return None,
    })
}

/// A number, or the word for one that JSON has no digits for.
fn numbers(kind: &Kind) -> [Json; 2] {
    let words = object! { "type": "string", "enum": ["NaN", "Infinity", "-Infinity"] };
    [object! { "type": "number", "format": format(kind) }.into(), words.into()]
}
