//! Every generated message goes through the transcoder and through prost-reflect; the two must agree.

use std::cell::Cell;
use std::time::Duration;

use arbtest::arbtest;
use prost_reflect::prost::Message as _;
use prost_reflect::{DynamicMessage, Kind, ReflectMessage as _, SerializeOptions, Value};
use serde_json::Value as Json;

use super::contract::{descriptor, message, read, write};
use super::rendering::render;

#[test]
fn generated_messages_agree_with_prost_reflect() {
    let ran = Cell::new(0);
    arbtest(|u| {
        let original = message(u, &descriptor("Every"), 3)?;
        agree(&original);
        ran.set(ran.get() + 1);
        Ok(())
    })
    .budget(Duration::from_secs(5))
    .run();
    println!("{} messages agreed", ran.get());
    assert!(ran.get() > 100);
}

fn agree(original: &DynamicMessage) {
    let wire = original.encode_to_vec();
    let ours = write("Every", &wire).expect("a message of the contract");
    let parsed: Json = serde_json::from_str(&ours).expect("the output is JSON");
    assert_eq!(parsed, render(original), "the rendering of {original}");

    let settled = settle(original.clone());
    let back = read("Every", &ours).unwrap_or_else(|fault| panic!("{fault} in our own {ours}"));
    assert_eq!(settle(back), settled, "{ours}");

    for options in [SerializeOptions::new(), SerializeOptions::new().use_proto_field_name(true)] {
        let mut canonical = serde_json::Serializer::new(Vec::new());
        let written = original.serialize_with_options(&mut canonical, &options);
        written.expect("the oracle writes what the generator makes");
        let text = String::from_utf8(canonical.into_inner()).expect("UTF-8");
        let back = read("Every", &text).unwrap_or_else(|fault| panic!("{fault} in {text}"));
        assert_eq!(settle(back), settled, "{text}");
    }
}

/// Null is what output has for an unset field, and is a value to a field of `Value` or `NullValue`: where such a
/// field is unset, it may come back as null.
fn settle(mut message: DynamicMessage) -> DynamicMessage {
    let descriptor = message.descriptor();
    for field in descriptor.fields().filter(|field| !field.is_list() && !field.is_map()) {
        let in_oneof = field.containing_oneof().is_some_and(|oneof| !oneof.is_synthetic());
        match field.kind() {
            Kind::Message(m) if m.full_name() == "google.protobuf.Value" && !in_oneof => {
                if !message.has_field(&field) {
                    let mut null = DynamicMessage::new(m);
                    null.set_field_by_name("null_value", Value::EnumNumber(0));
                    message.set_field(&field, Value::Message(null));
                }
            }
            Kind::Enum(e) if e.full_name() == "google.protobuf.NullValue" && !in_oneof => {
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
            Value::Map(map) => {
                Value::Map(map.into_iter().map(|(k, v)| (k, settle_value(v))).collect())
            }
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
