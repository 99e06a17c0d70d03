//! Free JSON: `google.protobuf.Struct` or a list of `Value` on the wire, `jsonb` in the database.

use std::fmt;

use prost_types::{ListValue, Struct, Value, value::Kind};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, MapAccess, SeqAccess, Visitor},
};
use sqlx::{
    Postgres,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgTypeInfo, PgValueFormat, PgValueRef},
};

/// A JSON object in a `jsonb` column, read and written without a second tree of values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object(pub Struct);

impl Object {
    /// What a request's field holds; an unset one is the empty object.
    #[must_use]
    pub fn of(field: Option<&Struct>) -> Self {
        Self(field.cloned().unwrap_or_default())
    }

    /// The object's text with its keys in order: what a content hash is made over.
    #[must_use]
    pub fn canonical(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl From<Object> for Struct {
    fn from(object: Object) -> Self {
        object.0
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.fields.iter().map(|(name, value)| (name, Json(value))))
    }
}

/// A value on its way into JSON.
struct Json<'a>(&'a Value);

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        /// Up to here a double holds every whole number.
        const WHOLE: f64 = 9_007_199_254_740_992.0;
        match &self.0.kind {
            None | Some(Kind::NullValue(_)) => serializer.serialize_unit(),
            Some(Kind::BoolValue(value)) => serializer.serialize_bool(*value),
            #[expect(
                clippy::cast_possible_truncation,
                reason = "whole and within the bounds of i64; the database knows no negative zero either"
            )]
            Some(Kind::NumberValue(value)) if value.fract() == 0.0 && value.abs() < WHOLE => serializer.serialize_i64(*value as i64),
            Some(Kind::NumberValue(value)) => serializer.serialize_f64(*value),
            Some(Kind::StringValue(value)) => serializer.serialize_str(value),
            Some(Kind::ListValue(list)) => serializer.collect_seq(list.values.iter().map(Json)),
            Some(Kind::StructValue(fields)) => serializer.collect_map(fields.fields.iter().map(|(name, value)| (name, Json(value)))),
        }
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_any(Tree)? {
            Kind::StructValue(fields) => Ok(Self(fields)),
            _ => Err(D::Error::custom("not a JSON object")),
        }
    }
}

/// Builds a value of the wire from JSON text.
struct Tree;

struct Node(Value);

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Value { kind: Some(deserializer.deserialize_any(Tree)?) }))
    }
}

impl<'de> Visitor<'de> for Tree {
    type Value = Kind;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Kind, E> {
        Ok(Kind::NullValue(0))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Kind, E> {
        Ok(Kind::BoolValue(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Kind, E> {
        Ok(Kind::NumberValue(value))
    }

    #[expect(clippy::cast_precision_loss, reason = "numbers of a Struct are doubles")]
    fn visit_i64<E>(self, value: i64) -> Result<Kind, E> {
        Ok(Kind::NumberValue(value as f64))
    }

    #[expect(clippy::cast_precision_loss, reason = "numbers of a Struct are doubles")]
    fn visit_u64<E>(self, value: u64) -> Result<Kind, E> {
        Ok(Kind::NumberValue(value as f64))
    }

    fn visit_str<E>(self, value: &str) -> Result<Kind, E> {
        Ok(Kind::StringValue(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Kind, E> {
        Ok(Kind::StringValue(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Kind, A::Error> {
        let mut values = Vec::new();
        while let Some(Node(value)) = items.next_element()? {
            values.push(value);
        }
        Ok(Kind::ListValue(ListValue { values }))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Kind, A::Error> {
        let mut fields = Struct::default();
        while let Some((name, Node(value))) = members.next_entry::<String, Node>()? {
            fields.fields.insert(name, value);
        }
        Ok(Kind::StructValue(fields))
    }
}

/// A JSON array in a `jsonb` column.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct List(pub Vec<Value>);

impl Serialize for List {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Json))
    }
}

impl<'de> Deserialize<'de> for List {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_any(Tree)? {
            Kind::ListValue(list) => Ok(Self(list.values)),
            _ => Err(D::Error::custom("not a JSON array")),
        }
    }
}

/// Both are columns of the type `jsonb`.
macro_rules! jsonb {
    ($json:ty) => {
        impl sqlx::Type<Postgres> for $json {
            fn type_info() -> PgTypeInfo {
                <sqlx::types::JsonValue as sqlx::Type<Postgres>>::type_info()
            }

            fn compatible(ty: &PgTypeInfo) -> bool {
                <sqlx::types::JsonValue as sqlx::Type<Postgres>>::compatible(ty)
            }
        }

        impl sqlx::Encode<'_, Postgres> for $json {
            fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
                // The binary form of jsonb is its version, 1, and the text.
                buffer.push(1);
                serde_json::to_writer(&mut **buffer, self)?;
                Ok(IsNull::No)
            }
        }

        impl sqlx::Decode<'_, Postgres> for $json {
            fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
                let bytes = value.as_bytes()?;
                let text = match (value.format(), bytes) {
                    (PgValueFormat::Binary, [1, text @ ..]) | (PgValueFormat::Text, text) => text,
                    (PgValueFormat::Binary, _) => return Err("an unknown version of jsonb".into()),
                };
                Ok(serde_json::from_slice(text)?)
            }
        }
    };
}

jsonb!(Object);
jsonb!(List);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_wire_hold_the_same() {
        let text = r#"{"a":1,"b":[true,null,"x",-0.0,1e+308],"c":{"d":0.1,"":{}}}"#;
        let object: Object = serde_json::from_str(text).expect("an object");
        assert_eq!(serde_json::from_str::<Object>(&object.canonical()).expect("its own text"), object, "zero equals its negative");
        assert_eq!(object.canonical(), r#"{"a":1,"b":[true,null,"x",0,1e+308],"c":{"":{},"d":0.1}}"#);
    }

    #[test]
    fn only_objects_are_objects_and_only_lists_lists() {
        assert!(serde_json::from_str::<Object>("[1]").is_err());
        assert!(serde_json::from_str::<List>("{}").is_err());
        let list: List = serde_json::from_str(r#"[1,{"a":[]},null]"#).expect("a list");
        assert_eq!(serde_json::to_string(&list).expect("its text"), r#"[1,{"a":[]},null]"#);
    }
}
