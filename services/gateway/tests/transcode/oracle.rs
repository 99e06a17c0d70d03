//! Our reading and writing of a message, held against that of prost-reflect.

use prost_reflect::prost::Message as _;
use prost_reflect::{DynamicMessage, Kind, ReflectMessage as _, SerializeOptions, Value};
use serde_json::Value as Json;

use super::contract::{decode, read, write};
use super::rendering::{difference, render};

/// What is written is what the rules say; our own text and the oracle's, in both its spellings, read back as the message.
pub(crate) fn agree(name: &str, original: &DynamicMessage) {
    let wire = original.encode_to_vec();
    let ours = write(name, &wire).expect("a message of the contract");
    let parsed: Json = serde_json::from_str(&ours).expect("the output is JSON");
    assert_eq!(difference(&parsed, &render(original)), None);

    // Decoded anew, because a default that was set by hand counts as a difference.
    let settled = settle(decode(name, &wire));
    let back = read(name, &ours).unwrap_or_else(|fault| panic!("{fault} in our own {ours}"));
    same(&settle(back), &settled, &ours);

    for options in [SerializeOptions::new(), SerializeOptions::new().use_proto_field_name(true)] {
        let mut canonical = serde_json::Serializer::new(Vec::new());
        let written = original.serialize_with_options(&mut canonical, &options);
        written.expect("the oracle writes what the generator makes");
        let text = String::from_utf8(canonical.into_inner()).expect("UTF-8");
        let back = read(name, &text).unwrap_or_else(|fault| panic!("{fault} in {text}"));
        same(&settle(back), &settled, &text);
    }
}

/// The debug form of a message, which `assert_eq` shows, never ends: it holds its descriptor, which holds itself.
pub(crate) fn same(found: &DynamicMessage, expected: &DynamicMessage, text: &str) {
    if found != expected {
        let place = difference(&render(found), &render(expected));
        panic!("{place:?} or presence differs in {text}");
    }
}

/// Null is what output has for an unset field, and is a value to a field of `Value` or `NullValue`: where such a
/// field is unset, it may come back as null.
pub(crate) fn settle(mut message: DynamicMessage) -> DynamicMessage {
    let descriptor = message.descriptor();
    for field in descriptor.fields().filter(|field| !field.is_list() && !field.is_map()) {
        if message.has_field(&field) || field.containing_oneof().is_some_and(|oneof| !oneof.is_synthetic()) {
            continue;
        }
        match field.kind() {
            Kind::Message(m) if m.full_name() == "google.protobuf.Value" => {
                let mut null = DynamicMessage::new(m);
                null.set_field_by_name("null_value", Value::EnumNumber(0));
                message.set_field(&field, Value::Message(null));
            }
            Kind::Enum(e) if e.full_name() == "google.protobuf.NullValue" => {
                message.set_field(&field, Value::EnumNumber(0));
            }
            _ => {}
        }
    }
    let fields: Vec<_> = message.fields().map(|(f, v)| (f, v.clone())).collect();
    for (field, value) in fields {
        let value = match value {
            Value::Message(inner) => Value::Message(settle(inner)),
            Value::List(list) => Value::List(list.into_iter().map(settle_value).collect()),
            Value::Map(map) => Value::Map(map.into_iter().map(|(k, v)| (k, settle_value(v))).collect()),
            other => other,
        };
        message.set_field(&field, value);
    }
    message
}

fn settle_value(value: Value) -> Value {
    match value {
        Value::Message(inner) => Value::Message(settle(inner)),
        other => other,
    }
}
