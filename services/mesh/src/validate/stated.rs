//! The rules of one value as the contract's options state them, and what they come to.

use std::{fmt::Display, ops::Bound};

use prost_reflect::{DynamicMessage, EnumDescriptor, Value};

use super::{
    scalar::{Double, Enum, Range, Size, Unit},
    text::{Form, Pattern, Text},
};

const CHARACTERS: Unit = ("character", "characters");
const BYTES: Unit = ("byte", "bytes");

/// A `buf.validate.FieldRules`.
#[derive(Default)]
pub(super) struct Stated {
    pub(super) required: bool,
    /// The rules with their name, which is that of the type that they are for.
    typed: Option<(String, DynamicMessage)>,
}

/// The single rules that are stated of a value, by name.
pub(super) type Named = Vec<(String, Value)>;

impl Stated {
    /// Reads a `FieldRules`.
    pub(super) fn read(rules: &Value) -> Result<Self, String> {
        let mut stated = Self::default();
        for (field, value) in rules.as_message().into_iter().flat_map(DynamicMessage::fields) {
            match (field.name(), value) {
                ("required", Value::Bool(on)) => stated.required = *on,
                (name, Value::Message(rules)) => stated.typed = Some((name.to_owned(), rules.clone())),
                (name, _) => return Err(not_enforced(name)),
            }
        }
        Ok(stated)
    }

    /// Reads the `FieldRules` of an item, key or value, which is there or not there at all.
    pub(super) fn read_element(rules: &Value) -> Result<Self, String> {
        let stated = Self::read(rules)?;
        if stated.required { Err(not_enforced("required")) } else { Ok(stated) }
    }

    /// The rules, provided that they are for values of the type `name`.
    pub(super) fn rules_for(self, name: &str) -> Result<Named, String> {
        match self.typed {
            None => Ok(Named::new()),
            Some((typed, rules)) if typed == name => {
                Ok(rules.fields().map(|(field, value)| (field.name().to_owned(), value.clone())).collect())
            }
            Some((typed, _)) => Err(format!("has `{typed}` rules, which are not for its type")),
        }
    }
}

/// The fault of a rule that nobody would keep.
pub(super) fn not_enforced(rule: &str) -> String {
    format!("has the rule `{rule}`, which is not enforced here")
}

/// Refuses bounds that leave no size.
pub(super) fn possible(size: Size) -> Result<Size, String> {
    if size.min <= size.max { Ok(size) } else { Err("has bounds that leave no size".to_owned()) }
}

pub(super) fn text(rules: Named) -> Result<Text, String> {
    let mut text = Text { size: Size::any(CHARACTERS), pattern: None, form: None };
    for (name, value) in rules {
        match (&*name, value) {
            ("min_len", Value::U64(min)) => text.size.min = min,
            ("max_len", Value::U64(max)) => text.size.max = max,
            ("pattern", Value::String(expression)) => text.pattern = Some(Pattern::new(&expression)?),
            ("email", Value::Bool(on)) => text.form = on.then_some(Form::Email),
            ("uuid", Value::Bool(on)) => text.form = on.then_some(Form::Uuid),
            _ => return Err(not_enforced(&name)),
        }
    }
    text.size = possible(text.size)?;
    Ok(text)
}

pub(super) fn bytes(rules: Named) -> Result<Size, String> {
    let mut size = Size::any(BYTES);
    for (name, value) in rules {
        match (&*name, value) {
            ("min_len", Value::U64(min)) => size.min = min,
            ("max_len", Value::U64(max)) => size.max = max,
            _ => return Err(not_enforced(&name)),
        }
    }
    possible(size)
}

pub(super) fn double(mut rules: Named) -> Result<Double, String> {
    let finite = rules.extract_if(.., |(name, _)| name == "finite").any(|(_, on)| on == Value::Bool(true));
    Ok(Double { range: range(rules, Value::as_f64)?, finite })
}

/// The bounds of a number that `read` knows how to read.
pub(super) fn range<T>(rules: Named, read: impl Fn(&Value) -> Option<T>) -> Result<Range<T>, String>
where
    T: PartialOrd + Display + Copy,
{
    let mut range = Range::ANY;
    for (name, value) in rules {
        match (&*name, read(&value)) {
            ("gt", Some(number)) => range.low = Bound::Excluded(number),
            ("gte", Some(number)) => range.low = Bound::Included(number),
            ("lt", Some(number)) => range.high = Bound::Excluded(number),
            ("lte", Some(number)) => range.high = Bound::Included(number),
            _ => return Err(not_enforced(&name)),
        }
    }
    if range.is_possible() { Ok(range) } else { Err("has bounds that leave no number".to_owned()) }
}

pub(super) fn enumeration(descriptor: &EnumDescriptor, rules: Named) -> Result<Enum, String> {
    let unspecified = descriptor.get_value(0).is_some_and(|zero| zero.name().ends_with("_UNSPECIFIED"));
    let mut enumeration = Enum { unspecified, defined: None, refused: Vec::new() };
    for (name, value) in rules {
        match (&*name, value) {
            ("defined_only", Value::Bool(on)) => {
                let mut defined: Vec<_> = descriptor.values().map(|value| value.number()).collect();
                defined.sort_unstable();
                enumeration.defined = on.then_some(defined);
            }
            ("not_in", Value::List(numbers)) => enumeration.refused = numbers.iter().filter_map(Value::as_i32).collect(),
            _ => return Err(not_enforced(&name)),
        }
    }
    Ok(enumeration)
}
