//! Enums: their values in JSON are short lower-case names.

use std::collections::HashMap;

use prost_reflect::{EnumDescriptor, EnumValueDescriptor};
use spectra_proto::short_name;

use super::error::Refusal;

/// The names of one enum's values.
#[derive(Debug)]
pub(super) struct Enumeration {
    /// What JSON has for each number, in the order of numbers.
    tokens: Vec<(i32, Vec<u8>)>,
    /// Short and full names.
    by_name: HashMap<String, i32>,
    /// The short names, for the answer to a wrong one.
    choices: String,
    /// Whether zero is no value at all.
    pub(super) zero_is_null: bool,
}

impl Enumeration {
    pub(super) fn new(descriptor: &EnumDescriptor) -> Self {
        let zero_is_null = zero_is_null(descriptor);
        let mut this = Self { tokens: Vec::new(), by_name: HashMap::new(), choices: String::new(), zero_is_null };
        for value in descriptor.values() {
            this.by_name.insert(value.name().to_owned(), value.number());
            this.by_name.entry(short_name(descriptor.name(), value.name())).or_insert(value.number());
        }
        let names = names(descriptor);
        for (value, name) in &names {
            this.tokens.push((value.number(), format!("\"{name}\"").into_bytes()));
        }
        if zero_is_null {
            this.tokens.push((0, b"null".to_vec()));
        }
        this.choices = names.into_iter().map(|(_, name)| name).collect::<Vec<_>>().join(", ");
        // An alias stands behind the name it stands for, and is never written.
        this.tokens.sort_by_key(|(number, _)| *number);
        this.tokens.dedup_by_key(|(number, _)| *number);
        this
    }

    /// The number that a short or full name means.
    pub(super) fn named(&self, name: &str) -> Result<i32, Refusal> {
        let number = self.by_name.get(name).copied();
        number.ok_or_else(|| format!("must be one of {}", self.choices).into())
    }

    /// What JSON has for a number; `None` if the enum does not know it.
    #[inline]
    pub(super) fn token(&self, number: i32) -> Option<&[u8]> {
        let guess = usize::try_from(number).ok().and_then(|n| self.tokens.get(n));
        if let Some((found, token)) = guess
            && *found == number
        {
            return Some(token);
        }
        let place = self.tokens.binary_search_by_key(&number, |(number, _)| *number);
        place.ok().map(|place| self.tokens[place].1.as_slice())
    }
}

/// The values that JSON has a name for, with that name: all but a zero that is null there.
pub(crate) fn names(descriptor: &EnumDescriptor) -> Vec<(EnumValueDescriptor, String)> {
    let mut by_name: HashMap<_, _> = descriptor.values().map(|value| (value.name().to_owned(), value.number())).collect();
    let mut names = Vec::new();
    for value in descriptor.values() {
        let short = short_name(descriptor.name(), value.name());
        // Of two values that shorten to one name, the second keeps its full one.
        let name = match *by_name.entry(short.clone()).or_insert(value.number()) {
            number if number == value.number() => short,
            _ => value.name().to_owned(),
        };
        if value.number() != 0 || !zero_is_null(descriptor) {
            names.push((value, name));
        }
    }
    names
}

/// Whether JSON has null for zero: `..._UNSPECIFIED`, and the only value of `NullValue`.
pub(crate) fn zero_is_null(descriptor: &EnumDescriptor) -> bool {
    descriptor.full_name() == "google.protobuf.NullValue"
        || descriptor.values().any(|value| value.number() == 0 && format!("_{}", value.name()).ends_with("_UNSPECIFIED"))
}
