//! Plans: what a descriptor pool says about its messages, laid out for one pass over text or wire.

mod compile;

use std::collections::HashMap;

use super::enumeration::Enumeration;
use super::wire::{Value, WireType};

/// A message of the contract. It belongs to the [`Plans`] that gave it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageId(pub(super) usize);

/// A field of a message of the contract. It belongs to the [`Plans`] that gave it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldId {
    pub(super) message: MessageId,
    pub(super) index: usize,
}

/// The plans of every message and enum of a descriptor pool, built once at start.
#[derive(Debug)]
pub struct Plans {
    messages: Vec<Message>,
    pub(super) enums: Vec<Enumeration>,
    by_name: HashMap<String, MessageId>,
}

/// The plan of one message.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) form: Form,
    /// In the order of declaration, which is the order of output.
    pub(super) fields: Vec<Field>,
    /// The fields of each oneof, by their index.
    pub(super) oneofs: Vec<Vec<usize>>,
    /// Number and index of each field, in the order of numbers.
    by_number: Vec<(u32, usize)>,
    by_name: HashMap<String, usize>,
}

/// How a message looks in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// An object with a member for each field; all but the well-known types.
    Fields,
    /// An object without members, but in an `Any` a well-known type.
    Empty,
    /// The value of the only field.
    Wrapper,
    Timestamp,
    Duration,
    FieldMask,
    Struct,
    Value,
    ListValue,
    Any,
}

/// The plan of one field.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) number: u32,
    pub(super) name: String,
    /// `,"name":` as output has it; the first member leaves the comma out.
    pub(super) key: Vec<u8>,
    pub(super) kind: Kind,
    pub(super) shape: Shape,
    /// Whether the wire means all of several values, not the last: of lists, maps and messages.
    pub(super) gathers: bool,
    /// Whether unset and default differ.
    pub(super) explicit: bool,
    /// The oneof that the field is a member of; `optional` alone is none.
    pub(super) oneof: Option<usize>,
    /// Whether null is a value of the field rather than a word for unset.
    pub(super) takes_null: bool,
    /// What output has where the field is unset.
    pub(super) absent: Vec<u8>,
}

/// How often a field stands in its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Single,
    List,
    /// A map: a list of the field's message, which has a key and a value.
    Map,
}

/// The type of a field's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Double,
    Float,
    Int32,
    Int64,
    Uint32,
    Uint64,
    Sint32,
    Sint64,
    Fixed32,
    Fixed64,
    Sfixed32,
    Sfixed64,
    Bool,
    String,
    Bytes,
    Enum(usize),
    Message(MessageId),
}

impl Plans {
    /// The message of that full name, such as `spectra.lims.v1.Sample`.
    #[must_use]
    pub fn message(&self, full_name: &str) -> Option<MessageId> {
        self.by_name.get(full_name).copied()
    }

    /// The field of that name as the proto has it.
    #[must_use]
    pub fn field(&self, message: MessageId, name: &str) -> Option<FieldId> {
        let fields = &self.plan(message).fields;
        let index = fields.iter().position(|field| field.name == name)?;
        Some(FieldId { message, index })
    }

    #[inline]
    pub(super) fn plan(&self, message: MessageId) -> &Message {
        &self.messages[message.0]
    }

    /// The plan of a map's entries.
    #[inline]
    pub(super) fn entry(&self, map: &Field) -> Option<(&Message, &Field, &Field)> {
        let Kind::Message(id) = map.kind else {
            return None;
        };
        let plan = self.plan(id);
        match plan.fields.as_slice() {
            [key, value] => Some((plan, key, value)),
            _ => None,
        }
    }
}

impl Message {
    /// The index of the field with that number.
    #[inline]
    pub(super) fn numbered(&self, number: u32) -> Option<usize> {
        // Most messages number their fields 1, 2, 3.
        let guess = number.wrapping_sub(1) as usize;
        if let Some((found, index)) = self.by_number.get(guess)
            && *found == number
        {
            return Some(*index);
        }
        let place = self.by_number.binary_search_by_key(&number, |(number, _)| *number);
        place.ok().map(|place| self.by_number[place].1)
    }

    /// The index of the field that a JSON key means, in either spelling; `guess` is tried first.
    #[inline]
    pub(super) fn named(&self, name: &str, guess: usize) -> Option<usize> {
        if self.fields.get(guess).is_some_and(|field| field.name == name) {
            return Some(guess);
        }
        self.by_name.get(name).copied()
    }
}

impl Kind {
    pub(super) fn wire_type(self) -> WireType {
        match self {
            Self::Double | Self::Fixed64 | Self::Sfixed64 => WireType::Fixed64,
            Self::Float | Self::Fixed32 | Self::Sfixed32 => WireType::Fixed32,
            Self::String | Self::Bytes | Self::Message(_) => WireType::Bytes,
            _ => WireType::Varint,
        }
    }

    /// What the wire means where it has no value.
    pub(super) fn default(self) -> Value<'static> {
        match self.wire_type() {
            WireType::Varint => Value::Varint(0),
            WireType::Fixed64 => Value::Fixed64(0),
            WireType::Fixed32 => Value::Fixed32(0),
            WireType::Bytes => Value::Bytes(&[]),
        }
    }

    /// The one form of a value that the wire may spell in several ways: it tells whether two keys are the same.
    #[expect(clippy::cast_possible_truncation, reason = "the wire format says that the low half counts")]
    pub(super) fn canonical(self, value: Value<'_>) -> Value<'_> {
        match (self, value) {
            (Self::Bool, Value::Varint(bits)) => Value::Varint((bits != 0).into()),
            (Self::Int32, Value::Varint(bits)) => Value::Varint(i64::from(bits as i32).cast_unsigned()),
            (Self::Uint32 | Self::Sint32, Value::Varint(bits)) => Value::Varint(u64::from(bits as u32)),
            _ => value,
        }
    }

    /// Whether JSON has the number in quotes, because not every reader holds 64 bits.
    pub(super) fn is_quoted(self) -> bool {
        use Kind::{Fixed64, Int64, Sfixed64, Sint64, Uint64};
        matches!(self, Int64 | Uint64 | Sint64 | Fixed64 | Sfixed64)
    }
}
