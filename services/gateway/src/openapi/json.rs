//! JSON whose members stay in the order in which they are written: people read the document too.

use serde::{Serialize, Serializer};
use serde_json::Value;

/// An object.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Object(#[serde(serialize_with = "members")] Vec<(String, Json)>);

/// Any JSON.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(super) enum Json {
    /// Nothing: an object leaves such a member out.
    Absent,
    Value(Value),
    List(Vec<Json>),
    Object(Object),
}

/// An object of these members.
macro_rules! object {
    ($($name:literal: $value:expr),* $(,)?) => {
        $crate::openapi::json::Object::default()$(.with($name, $value))*
    };
}
pub(super) use object;

impl Object {
    /// The same object with one more member, or with another value of one that it has.
    pub(super) fn with(mut self, name: impl Into<String>, value: impl Into<Json>) -> Self {
        self.set(name, value);
        self
    }

    /// Sets a member; an absent value sets none.
    pub(super) fn set(&mut self, name: impl Into<String>, value: impl Into<Json>) {
        let (name, value) = (name.into(), value.into());
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            _ if value == Json::Absent => {}
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }

    /// The value of a member.
    pub(super) fn get(&self, name: &str) -> Option<&Json> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// The same object with those of its members alone, the components of this `kind`, that one of `places` refers to.
    pub(super) fn used_in(mut self, kind: &str, places: &[&Self]) -> Self {
        let places: Vec<_> = places.iter().filter_map(|place| serde_json::to_string(place).ok()).collect();
        self.0.retain(|(name, _)| {
            let reference = format!("\"#/components/{kind}/{name}\"");
            places.iter().any(|place| place.contains(&reference))
        });
        self
    }

    /// Whether there is no member.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn members<S: Serializer>(members: &[(String, Json)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(members.iter().map(|(name, value)| (name, value)))
}

impl FromIterator<(String, Object)> for Object {
    fn from_iter<I: IntoIterator<Item = (String, Object)>>(members: I) -> Self {
        Self(members.into_iter().map(|(name, value)| (name, Json::Object(value))).collect())
    }
}

impl From<Object> for Json {
    fn from(object: Object) -> Self {
        Self::Object(object)
    }
}

impl<T: Into<Json>> From<Vec<T>> for Json {
    fn from(items: Vec<T>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Json>, const N: usize> From<[T; N]> for Json {
    fn from(items: [T; N]) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Json>> From<Option<T>> for Json {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Absent, Into::into)
    }
}

macro_rules! from_values {
    ($($kind:ty),*) => {
        $(impl From<$kind> for Json {
            fn from(value: $kind) -> Self {
                Self::Value(value.into())
            }
        })*
    };
}
from_values!(Value, &str, String, bool, i32, i64, u32, u64, f64);
