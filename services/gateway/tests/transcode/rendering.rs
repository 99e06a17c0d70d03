//! What the JSON of a message should be: the contract's rules, applied slowly to a decoded message.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, ReflectMessage as _, Value};
use serde_json::{Map, Number, Value as Json, json};
use spectra_proto::short_name;

use super::contract::descriptor;

pub(crate) fn render(message: &DynamicMessage) -> Json {
    let known = message.descriptor().full_name().strip_prefix("google.protobuf.").map(str::to_owned);
    match known.as_deref() {
        None | Some("Empty") => Json::Object(members(message)),
        // The format of a moment is the oracle's own, which is proto3's.
        Some("Timestamp") => serde_json::to_value(message).expect("a moment"),
        Some("Duration") => {
            let seconds = i128::from(get(message, "seconds").as_i64().expect("seconds"));
            duration(seconds * 1_000_000_000 + i128::from(get(message, "nanos").as_i32().expect("nanos")))
        }
        Some("FieldMask") => {
            let paths = get(message, "paths");
            let paths = paths.as_list().expect("a list").iter();
            paths.map(|path| path.as_str().expect("a path")).collect::<Vec<_>>().join(",").into()
        }
        Some("Struct") => field(message, "fields"),
        Some("ListValue") => field(message, "values"),
        Some("Value") => {
            let set = message.fields().next().map(|(field, value)| (field.kind(), value.clone()));
            set.map_or(Json::Null, |(kind, value)| single(&kind, &value))
        }
        Some("Any") => any(message),
        Some(_) => field(message, "value"),
    }
}

fn duration(nanos: i128) -> Json {
    let sign = if nanos < 0 { "-" } else { "" };
    let (seconds, nanos) = (nanos.abs() / 1_000_000_000, format!("{:09}", nanos.abs() % 1_000_000_000));
    let digits = nanos.strip_suffix("000000").or(nanos.strip_suffix("000")).unwrap_or(&nanos);
    let fraction = if digits == "000" { String::new() } else { format!(".{digits}") };
    json!(format!("{sign}{seconds}{fraction}s"))
}

fn members(message: &DynamicMessage) -> Map<String, Json> {
    let fields = message.descriptor();
    let members = fields.fields().map(|field| {
        let unset = field.supports_presence() && !message.has_field(&field);
        let value = if unset { Json::Null } else { many(&field, &message.get_field(&field)) };
        (field.name().to_owned(), value)
    });
    members.collect()
}

fn any(message: &DynamicMessage) -> Json {
    let (url, body) = (get(message, "type_url"), get(message, "value"));
    let url = url.as_str().expect("a URL");
    let Some((_, name)) = url.rsplit_once('/') else {
        return json!({});
    };
    let body = body.as_bytes().expect("bytes").clone();
    let body = DynamicMessage::decode(descriptor(name), body).expect("the message in an Any");
    let mut object = if name.starts_with("google.") { Map::from_iter([("value".to_owned(), render(&body))]) } else { members(&body) };
    object.insert("@type".to_owned(), url.into());
    Json::Object(object)
}

fn get(message: &DynamicMessage, name: &str) -> Value {
    message.get_field_by_name(name).expect("a field of the type").into_owned()
}

fn field(message: &DynamicMessage, name: &str) -> Json {
    let descriptor = message.descriptor();
    many(&descriptor.get_field_by_name(name).expect("a field of the type"), &get(message, name))
}

fn many(field: &FieldDescriptor, value: &Value) -> Json {
    match (value, field.kind()) {
        (Value::List(list), kind) => list.iter().map(|value| single(&kind, value)).collect(),
        (Value::Map(map), Kind::Message(entry)) => {
            let kind = entry.map_entry_value_field().kind();
            map.iter().map(|(key, value)| (spell(key), single(&kind, value))).collect()
        }
        (value, kind) => single(&kind, value),
    }
}

fn spell(key: &MapKey) -> String {
    match key {
        MapKey::Bool(key) => key.to_string(),
        MapKey::I32(key) => key.to_string(),
        MapKey::I64(key) => key.to_string(),
        MapKey::U32(key) => key.to_string(),
        MapKey::U64(key) => key.to_string(),
        MapKey::String(key) => key.clone(),
    }
}

fn single(kind: &Kind, value: &Value) -> Json {
    match (kind, value) {
        (_, Value::Bool(value)) => json!(value),
        (_, Value::I32(value)) => json!(value),
        (_, Value::U32(value)) => json!(value),
        (_, Value::I64(value)) => json!(value.to_string()),
        (_, Value::U64(value)) => json!(value.to_string()),
        (_, Value::F64(value)) => number(&value.to_string()),
        // Rounded to the digits of a float, the largest is larger than a float.
        (_, Value::F32(value)) if value.is_finite() && value.abs() >= f32::MAX => json!(f64::from(*value)),
        // Between two shortest texts the standard library takes the other one.
        (_, Value::F32(value)) if value.is_finite() => number(&serde_json::to_string(value).expect("a number")),
        (_, Value::F32(value)) => number(&value.to_string()),
        (_, Value::String(value)) => json!(value),
        (_, Value::Bytes(value)) => json!(STANDARD.encode(value)),
        (_, Value::Message(message)) => render(message),
        (Kind::Enum(kind), Value::EnumNumber(number)) => match (kind.name(), number) {
            ("NullValue" | "MoodSwing", 0) => Json::Null,
            ("MoodSwing", 1) => json!("calm"),
            ("MoodSwing", 2) => json!("very_angry"),
            ("MoodSwing", -1) => json!("below"),
            ("MoodSwing", 1000) => json!("far"),
            ("Plain", 0) => json!("zero"),
            ("Plain", 1) => json!("one"),
            ("Plain", _) => json!(number),
            // The product's own enums all hold to one way of naming; their zero is no value.
            _ => match kind.get_value(*number) {
                Some(_) if *number == 0 => Json::Null,
                Some(value) => short_name(kind.name(), value.name()).into(),
                None => json!(number),
            },
        },
        other => panic!("{other:?} is no single value"),
    }
}

/// The shortest text that reads back as the same float is the number meant.
fn number(shortest: &str) -> Json {
    let number = shortest.parse().ok().and_then(Number::from_f64);
    number.map_or_else(|| json!(shortest.replace("inf", "Infinity")), Json::Number)
}

/// The path to the first place where two values differ.
///
/// 1 and 1.0 are the same number, and so are neighbours: `serde_json` reads floats to the last few bits.
pub(crate) fn difference(found: &Json, expected: &Json) -> Option<String> {
    match (found, expected) {
        (Json::Object(a), Json::Object(b)) if a.len() == b.len() => b.iter().find_map(|(key, b)| {
            let deeper = difference(a.get(key).unwrap_or(&Json::Null), b)?;
            Some(format!(".{key}{deeper}"))
        }),
        (Json::Array(a), Json::Array(b)) if a.len() == b.len() => {
            let mut pairs = a.iter().zip(b).enumerate();
            pairs.find_map(|(i, (a, b))| Some(format!("[{i}]{}", difference(a, b)?)))
        }
        (Json::Number(a), Json::Number(b)) => {
            let (a, b) = (a.as_f64().expect("a float"), b.as_f64().expect("a float"));
            let same = (a - b).abs() <= 8.0 * f64::EPSILON * b.abs();
            (!same).then(|| format!(": {a:e} should be {b:e}"))
        }
        _ if found == expected => None,
        _ => Some(format!(": {found} should be {expected}")),
    }
}
