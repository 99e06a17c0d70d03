//! Fields set by text, a body that is one field, an answer that is one field, and fields looked up.

use prost_reflect::prost::Message as _;
use prost_reflect::{DynamicMessage, Value};
use spectra_gateway::transcode::{FieldId, Malformed};

use super::contract::{PLANS, decode, id, write};

fn field(message: &str, name: &str) -> FieldId {
    PLANS.field(id(message), name).expect("a field of the message")
}

/// The message that the parameters make, as JSON.
fn set(message: &str, parameters: &[(&str, &str)]) -> Result<String, Malformed> {
    let (mut given, mut wire) = (PLANS.parameters(id(message)), Vec::new());
    for (path, text) in parameters {
        given.set(path, text, &mut wire)?;
    }
    Ok(write(message, &wire).expect("what was set can be written"))
}

#[test]
fn every_kind_of_field_takes_text() {
    for (message, path, text, expected) in [
        ("Scalars", "double_field", "-1.5e3", r#""double_field":-1500"#),
        ("Scalars", "float_field", "Infinity", r#""float_field":"Infinity""#),
        ("Scalars", "int32Field", "-7", r#""int32_field":-7"#),
        ("Scalars", "int64_field", "-9223372036854775808", r#""int64_field":"-9223372036854775808""#),
        ("Scalars", "uint32_field", "4294967295", r#""uint32_field":4294967295"#),
        ("Scalars", "uint64_field", "18446744073709551615", r#""uint64_field":"18446744073709551615""#),
        ("Scalars", "sint32_field", "-2147483648", r#""sint32_field":-2147483648"#),
        ("Scalars", "sint64_field", "-1", r#""sint64_field":"-1""#),
        ("Scalars", "fixed32_field", "1", r#""fixed32_field":1"#),
        ("Scalars", "sfixed64_field", "-1", r#""sfixed64_field":"-1""#),
        ("Scalars", "bool_field", "true", r#""bool_field":true"#),
        ("Scalars", "string_field", "a \"b\" é", r#""string_field":"a \"b\" é""#),
        ("Scalars", "bytes_field", "_w", r#""bytes_field":"/w==""#),
        ("Scalars", "mood", "very_angry", r#""mood":"very_angry""#),
        ("Scalars", "mood", "MOOD_SWING_FAR", r#""mood":"far""#),
        ("Scalars", "mood", "-1", r#""mood":"below""#),
        ("Optionals", "string_field", "", r#""string_field":"""#),
        ("Optionals", "int32_field", "0", r#""int32_field":0"#),
        ("Known", "timestamp", "2026-01-01T01:00:00+01:00", r#""timestamp":"2026-01-01T00:00:00Z""#),
        ("Known", "duration", "1.5s", r#""duration":"1.500s""#),
        ("Known", "field_mask", "name,lotCode", r#""field_mask":"name,lot_code""#),
        ("Known", "int64_value", "0", r#""int64_value":"0""#),
        ("Known", "string_value", "x", r#""string_value":"x""#),
        ("Every", "child.scalars.int32_field", "5", r#""scalars":{"double_field":0,"float_field":0,"int32_field":5"#),
        ("Choices", "message.bool_field", "true", r#""bool_field":true"#),
    ] {
        let json = set(message, &[(path, text)]).unwrap_or_else(|fault| panic!("{path}={text}: {fault}"));
        assert!(json.contains(expected), "{path}={text} made {json}");
    }
}

#[test]
fn repetition_and_nesting_add_up() {
    let lists = set("Lists", &[("int32s", "1"), ("strings", "a"), ("int32s", "2"), ("strings", "")]).expect("lists");
    assert!(lists.contains(r#""int32s":[1,2]"#) && lists.contains(r#""strings":["a",""]"#), "{lists}");
    let nested = [("scalars.int32_field", "1"), ("odd_json_name", "x"), ("scalars.string_field", "y")];
    let nested = set("Every", &nested).expect("a message in parts");
    assert!(nested.contains(r#""int32_field":1"#) && nested.contains(r#""string_field":"y""#), "{nested}");
    let one_member = [("message.int32_field", "1"), ("message.bool_field", "true")];
    assert!(set("Choices", &one_member).is_ok());
}

#[test]
fn a_wrong_parameter_is_refused_by_name() {
    for (message, parameters, says) in [
        ("Sample", &[("nam", "x")][..], "nam: unknown parameter \"nam\""),
        ("Sample", &[("", "x")], "unknown parameter \"\""),
        ("Every", &[("scalars.nam", "x")], "scalars.nam: unknown parameter \"scalars.nam\""),
        ("Every", &[("scalars.", "x")], "scalars.: unknown parameter \"scalars.\""),
        ("Sample", &[("name.x", "x")], "name.x: unknown parameter \"name.x\""),
        ("Sample", &[("metadata.x", "x")], "metadata.x: unknown parameter \"metadata.x\""),
        ("Every", &[("children.odd_json_name", "x")], "unknown parameter"),
        (
            "Every",
            &[("child.child.child.child.child.child.child.child.child.child.child.child.child.child.child.child.child.x", "")],
            "unknown",
        ),
        ("Sample", &[("metadata", "{}")], "metadata: must be an object"),
        ("Every", &[("scalars", "x")], "scalars: must be an object"),
        ("Maps", &[("string_string", "x")], "string_string: cannot be given as a parameter"),
        ("Sample", &[("name", "a"), ("name", "a")], "name: the parameter is repeated"),
        ("Sample", &[("lot_code", "a"), ("lotCode", "a")], "lotCode: the parameter is repeated"),
        ("Every", &[("scalars.mood", "calm"), ("scalars.mood", "calm")], "scalars.mood: the parameter is repeated"),
        ("Choices", &[("text", "a"), ("number", "1")], "number: excludes a parameter that is given already"),
        ("Choices", &[("message.mood", "calm"), ("truth", "true")], "truth: excludes a parameter"),
        ("Sample", &[("revision", "")], "revision: must be a whole number between"),
        ("Sample", &[("revision", "2147483648")], "revision: must be a whole number between"),
        ("Sample", &[("revision", "1 ")], "revision: must be a whole number between"),
        ("Sample", &[("size", "x")], "size: must be a whole number of 64 bits"),
        ("Sample", &[("thickness", "1e400")], "thickness: is out of range"),
        ("Sample", &[("is_deleted", "1")], "is_deleted: must be true or false"),
        ("Sample", &[("status", "angry")], "status: must be one of below, calm, very_angry, far"),
        ("Sample", &[("created_at", "yesterday")], "created_at: must be a time"),
        ("Lists", &[("int32s", "1"), ("int32s", "x")], "int32s: must be a whole number"),
        ("Known", &[("value", "1")], "value: must be an object"),
    ] {
        let fault = set(message, parameters).expect_err(says);
        assert!(fault.to_string().contains(says), "{fault} should say {says}");
    }
    let (mut given, mut wire) = (PLANS.parameters(id("Every")), b"before".to_vec());
    assert!(given.set("scalars.int32_field", "x", &mut wire).is_err());
    assert_eq!(wire, b"before");
}

#[test]
fn a_parameter_outweighs_a_body() {
    let mut wire = Vec::new();
    let body = br#"{"id":"theirs","revision":5,"name":"n"}"#;
    PLANS.read_json(id("Sample"), body, &mut wire).expect("a sample");
    let mut given = PLANS.parameters(id("Sample"));
    given.set("id", "ours", &mut wire).expect("an id");
    given.set("revision", "0", &mut wire).expect("a default counts, too");
    let sample = decode("Sample", &wire);
    let get = |name| sample.get_field_by_name(name).map(std::borrow::Cow::into_owned);
    assert_eq!(get("id"), Some(Value::String("ours".to_owned())));
    assert_eq!(get("revision"), Some(Value::I32(0)));
    assert_eq!(get("name"), Some(Value::String("n".to_owned())));
}

#[test]
fn a_body_tells_which_fields_it_names() {
    let mut wire = Vec::new();
    let text = br#"{"revision":0,"lotCode":null,"metadata":{"name":1},"id":"x"}"#;
    let named = PLANS.read_json(id("Sample"), text, &mut wire);
    assert_eq!(named, Ok(vec!["id", "lot_code", "metadata", "revision"]));
    assert_eq!(PLANS.read_json(id("Sample"), b"{}", &mut wire), Ok(vec![]));
    let nested = br#"{"items":[{"id":"x","name":"y"}]}"#;
    assert_eq!(PLANS.read_json(id("SampleList"), nested, &mut wire), Ok(vec!["items"]));
}

#[test]
fn a_body_can_be_one_field() {
    let mut wire = b"\x42\x01x".to_vec();
    let named = PLANS.read_json_field(field("Every", "scalars"), br#"{"mood":"calm","int32Field":null}"#, &mut wire);
    assert_eq!(named, Ok(vec!["int32_field", "mood"]));
    let every = decode("Every", &wire);
    assert!(every.has_field_by_name("scalars") && every.has_field_by_name("odd_json_name"));

    for (message, name, text, expected) in [
        ("Lists", "int32s", "[1,2]", r#""int32s":[1,2]"#),
        ("Lists", "int32s", "null", r#""int32s":[]"#),
        ("Maps", "string_string", r#"{"a":"b"}"#, r#""string_string":{"a":"b"}"#),
        ("Sample", "metadata", r#"{"id":"b"}"#, r#""metadata":{"id":"b"}"#),
        ("Sample", "name", r#""b""#, r#""name":"b""#),
        ("Every", "children", r#"[{"odd_json_name":"x"}]"#, r#""odd_json_name":"x"}]"#),
        ("Every", "child", "{}", r#"{"child":{"#),
        ("Every", "child", "null", r#"{"child":null"#),
        ("Known", "value", "null", r#""value":null"#),
    ] {
        let mut wire = Vec::new();
        let named = PLANS.read_json_field(field(message, name), text.as_bytes(), &mut wire);
        assert_eq!(named, Ok(vec![]), "{text} holds no fields");
        let json = write(message, &wire).expect("what was read can be written");
        assert!(json.contains(expected), "{text} became {json}");
    }

    for (name, text, says) in [
        ("scalars", r#"{"mood":"x"}"#, "scalars.mood: must be one of"),
        ("scalars", "[]", "scalars: must be an object, not a list"),
        ("scalars", "{} {}", "more text follows the value at line 1, column 4 (byte 3)"),
        ("children", r#"[{},{"x":1}]"#, "children[1].x: unknown field"),
    ] {
        let mut out = b"before".to_vec();
        let fault = PLANS.read_json_field(field("Every", name), text.as_bytes(), &mut out).expect_err(says);
        assert!(fault.to_string().contains(says), "{fault} should say {says}");
        assert_eq!(out, b"before");
    }
}

#[test]
fn an_answer_can_be_one_field() {
    let mut wire = Vec::new();
    let page = br#"{"items":[{"id":"a"},{"id":"b"}],"next_page_token":"t"}"#;
    PLANS.read_json(id("SampleList"), page, &mut wire).expect("a page");
    let answer = |name| {
        let mut text = Vec::new();
        PLANS.write_json_field(field("SampleList", name), &wire, &mut text).expect("a page");
        String::from_utf8(text).expect("JSON is UTF-8")
    };
    assert_eq!(answer("next_page_token"), r#""t""#);
    let items = answer("items");
    assert!(items.starts_with(r#"[{"id":"a","organization_id":"","#) && items.ends_with("}]"), "{items}");
    let mut text = Vec::new();
    PLANS.write_json_field(field("Every", "child"), b"", &mut text).expect("nothing");
    assert_eq!(text, b"null");
}

#[test]
fn a_field_can_be_looked_up_on_the_wire() {
    let mut wire = Vec::new();
    let text = br#"{"metadata":{"id":"inner"},"id":"a","revision":7,"size":-3,"lot_code":""}"#;
    PLANS.read_json(id("Sample"), text, &mut wire).expect("a sample");
    let text = |name, wire: &[u8]| PLANS.string_field(field("Sample", name), wire).map(str::to_owned);
    assert_eq!(text("id", &wire), Some("a".to_owned()));
    assert_eq!(text("lot_code", &wire), Some(String::new()));
    assert_eq!(text("name", &wire), None);
    assert_eq!(text("revision", &wire), None);
    assert_eq!(PLANS.integer_field(field("Sample", "revision"), &wire), Some(7));
    assert_eq!(PLANS.integer_field(field("Sample", "size"), &wire), Some(-3));
    assert_eq!(PLANS.integer_field(field("Sample", "id"), &wire), None);
    assert_eq!(text("id", &wire[..3]), None, "what is cut short has no fields");
    wire.extend(b"\x0a\x01b");
    assert_eq!(text("id", &wire), Some("b".to_owned()), "the last counts");
    assert_eq!(PLANS.field(id("Sample"), "nothing"), None);
    assert_eq!(PLANS.message("every.v1.Nothing"), None);
}

#[test]
fn length_prefixes_of_every_size_are_right() {
    for length in [0, 1, 100, 117, 118, 119, 120, 127, 128, 129, 16_300, 16_370, 16_383, 16_384, 2_097_152] {
        let text = format!(r#"{{"child":{{"child":{{"odd_json_name":"{}"}}}}}}"#, "x".repeat(length));
        let mut wire = Vec::new();
        PLANS.read_json(id("Every"), text.as_bytes(), &mut wire).expect("a name");
        let decoded: DynamicMessage = decode("Every", &wire);
        assert_eq!(decoded.encode_to_vec(), wire, "{length}");
    }
}
