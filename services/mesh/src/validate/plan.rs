//! Compiled rules: what a message, its fields and their values must obey.

use super::{
    known::{self, Json},
    scalar::{Double, Enum, Fault, Range, Size},
    text::Text,
    wire::{Form, Malformed, Value},
};

/// A set of a message's fields: a bit for each, by its place in [`Plan::fields`].
pub(super) type FieldSet = u128;

/// The rules of a message.
#[derive(Debug)]
pub(super) struct Plan {
    /// In the order of their numbers.
    pub(super) fields: Vec<Field>,
    /// The fields that a request must not leave out.
    pub(super) demanded: FieldSet,
    /// The fields that only the server sets.
    pub(super) output_only: FieldSet,
    /// The fields that keep the value they were created with.
    pub(super) immutable: FieldSet,
    /// How many of the fields are lists or maps, whose elements are counted.
    pub(super) tallies: usize,
    pub(super) update: Option<Update>,
}

/// The parts of a request that changes some fields of a resource; places in [`Plan::fields`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Update {
    pub(super) mask: usize,
    pub(super) resource: usize,
    /// The plan of the resource.
    pub(super) plan: usize,
}

/// The rules of a field.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) number: u32,
    pub(super) name: Box<str>,
    pub(super) shape: Shape,
    /// What the value obeys, or each item of a list, or each value of a map.
    pub(super) rule: Rule,
}

/// How many values a field has.
#[derive(Debug)]
pub(super) enum Shape {
    One,
    List { size: Size, tally: usize, unique: bool },
    Map { size: Size, tally: usize, key: Rule },
}

/// What one value must obey.
#[derive(Debug)]
pub(super) enum Rule {
    Text(Text),
    Bytes(Size),
    Int32(Range<i32>),
    Int64(Range<i64>),
    Double(Double),
    Enum(Enum),
    /// A number of a kind that has no rules here.
    Number(Form),
    Timestamp,
    Json(Json),
    /// The names of the fields that an update changes; [`Update`] says of what.
    Mask,
    /// A message that obeys the plan of this index.
    Message(usize),
}

impl Plan {
    pub(super) fn position(&self, number: u32) -> Option<usize> {
        self.fields.binary_search_by_key(&number, |field| field.number).ok()
    }

    pub(super) fn named(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| *field.name == *name)
    }

    /// The fields of `set`.
    pub(super) fn select(&self, set: FieldSet) -> impl Iterator<Item = &Field> {
        self.fields.iter().enumerate().filter(move |(index, _)| set & (1 << index) != 0).map(|(_, field)| field)
    }
}

impl Rule {
    /// How a value travels that is not packed.
    pub(super) fn form(&self) -> Form {
        match self {
            Self::Int32(_) | Self::Int64(_) | Self::Enum(_) => Form::Varint,
            Self::Double(_) => Form::Fixed64,
            Self::Number(form) => *form,
            Self::Text(_) | Self::Bytes(_) | Self::Timestamp | Self::Json(_) | Self::Mask | Self::Message(_) => Form::Bytes,
        }
    }

    /// What is wrong with a value. Masks and messages are not judged alone: the check walks into them.
    pub(super) fn fault(&self, value: Value<'_>) -> Result<Option<Fault>, Malformed> {
        match self {
            Self::Text(rules) => rules.fault(value.bytes()?),
            Self::Bytes(size) => value.bytes().map(|bytes| size.fault(|| bytes.len())),
            Self::Int32(range) => value.int32().map(|number| range.fault(number)),
            Self::Int64(range) => value.int64().map(|number| range.fault(number)),
            Self::Double(rules) => value.double().map(|number| rules.fault(number)),
            Self::Enum(rules) => value.int32().map(|number| rules.fault(number)),
            Self::Timestamp => known::timestamp(value.bytes()?),
            Self::Json(json) => json.fault(value.bytes()?),
            Self::Number(_) | Self::Mask | Self::Message(_) if value.form() == self.form() => Ok(None),
            Self::Number(_) | Self::Mask | Self::Message(_) => Err(Malformed),
        }
    }

    /// Whether leaving the value out breaks a rule, for a field whose absence reads as its default.
    pub(super) fn refuses_default(&self) -> bool {
        match self {
            Self::Timestamp | Self::Json(_) | Self::Mask | Self::Message(_) => false,
            _ => !matches!(self.fault(Value::default_of(self.form())), Ok(None)),
        }
    }
}
