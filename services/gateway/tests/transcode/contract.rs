//! The contract that the tests share: the product's, and beside it `every.proto`, compiled here; and messages of both.

use std::sync::LazyLock;

use arbtest::arbitrary::{Result, Unstructured};
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value, prost::Message as _, prost::bytes::Bytes,
};
use protox::file::File;
use spectra_gateway::transcode::{Corrupt, Malformed, MessageId, Plans};

pub(crate) static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    let every = File::from_source("every.proto", include_str!("every.proto")).expect("every.proto is a proto");
    let every = every.file_descriptor_proto().clone();
    let known = DescriptorPool::global();
    let imported = every.dependency.iter().filter_map(|name| known.get_file_by_name(name));
    let imported: Vec<_> = imported.map(|file| file.file_descriptor_proto().clone()).collect();
    let mut pool = spectra_proto::POOL.clone();
    pool.add_file_descriptor_protos(imported.into_iter().chain([every])).expect("every.proto compiles");
    pool
});

pub(crate) static PLANS: LazyLock<Plans> = LazyLock::new(|| Plans::new(&POOL));

pub(crate) fn descriptor(name: &str) -> MessageDescriptor {
    POOL.get_message_by_name(&full_name(name)).expect("the name of a message")
}

pub(crate) fn id(name: &str) -> MessageId {
    PLANS.message(&full_name(name)).expect("the name of a message")
}

/// `Every` for `every.v1.Every`; a name with a dot is full already.
fn full_name(name: &str) -> String {
    if name.contains('.') { name.to_owned() } else { format!("every.v1.{name}") }
}

/// The message that JSON spells.
pub(crate) fn read(message: &str, text: impl AsRef<[u8]>) -> Result<DynamicMessage, Malformed> {
    let mut wire = Vec::new();
    PLANS.read_json(id(message), text.as_ref(), &mut wire)?;
    Ok(decode(message, &wire))
}

/// The JSON of a message.
pub(crate) fn write(message: &str, wire: &[u8]) -> Result<String, Corrupt> {
    let mut text = Vec::new();
    PLANS.write_json(id(message), wire, &mut text)?;
    Ok(String::from_utf8(text).expect("JSON is UTF-8"))
}

pub(crate) fn decode(message: &str, wire: &[u8]) -> DynamicMessage {
    DynamicMessage::decode(descriptor(message), wire).expect("what the transcoder writes decodes")
}

/// A message whose fields are set or not, to whatever the entropy says.
///
/// Left out is what JSON cannot tell apart: in a field that may be unset, the value that is written as null.
pub(crate) fn message(u: &mut Unstructured<'_>, descriptor: &MessageDescriptor, depth: u32) -> Result<DynamicMessage> {
    let mut message = DynamicMessage::new(descriptor.clone());
    for field in descriptor.fields() {
        let oneof = field.containing_oneof().filter(|oneof| !oneof.is_synthetic());
        let taken = oneof.as_ref().is_some_and(|oneof| oneof.fields().any(|f| message.has_field(&f)));
        let wanted = depth > 0 || !matches!(field.kind(), Kind::Message(_));
        if taken || !wanted || u.ratio(1, 2)? {
            continue;
        }
        let value = field_value(u, &field, depth)?;
        if oneof.is_none() || !is_null(&field, &value) {
            message.set_field(&field, value);
        }
    }
    Ok(message)
}

/// Whether JSON has null for the value of a `Value` or `NullValue`.
fn is_null(field: &FieldDescriptor, value: &Value) -> bool {
    match (field.kind(), value) {
        (Kind::Enum(e), _) => e.name() == "NullValue",
        (Kind::Message(m), Value::Message(v)) => m.name() == "Value" && v.has_field_by_number(1),
        _ => false,
    }
}

fn field_value(u: &mut Unstructured<'_>, field: &FieldDescriptor, depth: u32) -> Result<Value> {
    let nullable = field.supports_presence();
    if field.is_map() {
        let kind = field.kind();
        let entry = kind.as_message().expect("a map's entry");
        let (key, value) = (entry.map_entry_key_field(), entry.map_entry_value_field());
        let mut map = std::collections::HashMap::new();
        for _ in 0..u.int_in_range(1..=3)? {
            let key = map_key(single(u, &key.kind(), false, depth)?);
            map.insert(key, single(u, &value.kind(), false, depth.saturating_sub(1))?);
        }
        return Ok(Value::Map(map));
    }
    if field.is_list() {
        let count = u.int_in_range(1..=3)?;
        let elements = (0..count).map(|_| single(u, &field.kind(), false, depth.saturating_sub(1)));
        return Ok(Value::List(elements.collect::<Result<_>>()?));
    }
    single(u, &field.kind(), nullable, depth.saturating_sub(1))
}

fn map_key(value: Value) -> MapKey {
    match value {
        Value::Bool(key) => MapKey::Bool(key),
        Value::I32(key) => MapKey::I32(key),
        Value::I64(key) => MapKey::I64(key),
        Value::U32(key) => MapKey::U32(key),
        Value::U64(key) => MapKey::U64(key),
        Value::String(key) => MapKey::String(key),
        other => panic!("{other:?} is no key"),
    }
}

fn single(u: &mut Unstructured<'_>, kind: &Kind, nullable: bool, depth: u32) -> Result<Value> {
    Ok(match kind {
        Kind::Double => Value::F64(double(u)?),
        Kind::Float => Value::F32(float(u)?),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
            let any = u.arbitrary()?;
            Value::I32(*u.choose(&[0, 1, -1, i32::MIN, i32::MAX, any])?)
        }
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(u.arbitrary()?),
        Kind::Uint32 | Kind::Fixed32 => Value::U32(u.arbitrary()?),
        Kind::Uint64 | Kind::Fixed64 => Value::U64(u.arbitrary()?),
        Kind::Bool => Value::Bool(u.arbitrary()?),
        Kind::String => Value::String(text(u)?),
        Kind::Bytes => Value::Bytes(Bytes::from(u.arbitrary::<Vec<u8>>()?)),
        Kind::Enum(e) if e.full_name() == "google.protobuf.NullValue" => Value::EnumNumber(0),
        Kind::Enum(_) => {
            let numbers = [i32::from(nullable), 1, 2, -1, 1000, 77];
            Value::EnumNumber(*u.choose(&numbers)?)
        }
        Kind::Message(m) => Value::Message(nested(u, m, depth)?),
    })
}

/// Never NaN, which equals nothing, nor -0, which equals 0.
fn double(u: &mut Unstructured<'_>) -> Result<f64> {
    let bits = f64::from_bits(u.arbitrary()?);
    let number = *u.choose(&[0.0, 1.0, -2.5, 9_007_199_254_740_992.0, 3.7e18, 5e-324, bits])?;
    Ok(if number.is_nan() || number == 0.0 { 0.0 } else { number })
}

fn float(u: &mut Unstructured<'_>) -> Result<f32> {
    let bits = f32::from_bits(u.arbitrary()?);
    let number = *u.choose(&[1.0, -2.5, f32::MAX, f32::MIN, f32::MIN_POSITIVE, bits])?;
    Ok(if number.is_nan() || number == 0.0 { 0.0 } else { number })
}

fn text(u: &mut Unstructured<'_>) -> Result<String> {
    let plain: String = u.arbitrary()?;
    let odd = "\"\\/\u{8}\u{c}\n\r\t\0\u{1f}\u{7f}\u{2028}\u{feff}\u{10ffff}é€𝄞";
    Ok(if u.ratio(1, 4)? { plain + odd } else { plain })
}

/// The same, of a message that JSON may spell in its own way.
pub(crate) fn nested(u: &mut Unstructured<'_>, m: &MessageDescriptor, depth: u32) -> Result<DynamicMessage> {
    let mut known = DynamicMessage::new(m.clone());
    match m.full_name() {
        "google.protobuf.Timestamp" => {
            let seconds = u.int_in_range(-62_135_596_800..=253_402_300_799)?;
            known.set_field_by_name("seconds", Value::I64(seconds));
            known.set_field_by_name("nanos", Value::I32(nanos(u)?));
        }
        "google.protobuf.Duration" => {
            let seconds: i64 = u.int_in_range(-315_576_000_000..=315_576_000_000)?;
            let nanos = if seconds < 0 { -nanos(u)? } else { nanos(u)? };
            known.set_field_by_name("seconds", Value::I64(seconds));
            known.set_field_by_name("nanos", Value::I32(nanos));
        }
        "google.protobuf.FieldMask" => {
            let paths = ["name", "lot_code", "sample.metadata", "a.very_long.path_of_names"];
            let paths = paths.iter().take(u.int_in_range(0..=4)?);
            let paths = paths.map(|path| Value::String((*path).to_owned()));
            known.set_field_by_name("paths", Value::List(paths.collect()));
        }
        "google.protobuf.Value" => {
            let kinds = if depth == 0 { 3 } else { 5 };
            let (name, value) = match u.int_in_range(0..=kinds)? {
                0 => ("null_value", Value::EnumNumber(0)),
                1 => ("bool_value", Value::Bool(u.arbitrary()?)),
                2 => ("string_value", Value::String(text(u)?)),
                3 => {
                    let number = double(u)?;
                    let number = if number.is_finite() { number } else { 0.5 };
                    ("number_value", Value::F64(number))
                }
                4 => ("struct_value", known_value(u, "google.protobuf.Struct", depth - 1)?),
                _ => ("list_value", known_value(u, "google.protobuf.ListValue", depth - 1)?),
            };
            known.set_field_by_name(name, value);
        }
        "google.protobuf.Any" => {
            // None with a map, whose entries the bytes in an Any would hold in an order of their own.
            let names = ["every.v1.Scalars", "google.protobuf.Timestamp", "google.protobuf.Empty"];
            let name = *u.choose(&names)?;
            let payload = nested(u, &descriptor(name), depth.min(1))?.encode_to_vec();
            let url = format!("type.example/{name}");
            known.set_field_by_name("type_url", Value::String(url));
            known.set_field_by_name("value", Value::Bytes(payload.into()));
        }
        // The oracle writes what is not finite as null in these two.
        "google.protobuf.DoubleValue" => known.set_field_by_name("value", Value::F64(0.25)),
        "google.protobuf.FloatValue" => known.set_field_by_name("value", Value::F32(-7.5)),
        _ => known = message(u, m, depth)?,
    }
    Ok(known)
}

fn known_value(u: &mut Unstructured<'_>, name: &str, depth: u32) -> Result<Value> {
    message(u, &descriptor(name), depth + 1).map(Value::Message)
}

fn nanos(u: &mut Unstructured<'_>) -> Result<i32> {
    let any = u.int_in_range(0..=999_999_999)?;
    Ok(*u.choose(&[0, 1, 500_000_000, 123_456_000, 999_999_999, any])?)
}
