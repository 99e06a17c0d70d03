//! What a message refuses, and the place that the client is told; and what it takes beside its own spelling.

use super::contract::{PLANS, id, read, write};

#[test]
fn a_refusal_names_the_field() {
    for (message, text, field, says) in [
        ("Sample", r#"{"nam":""}"#, "nam", "unknown field \"nam\""),
        ("Sample", r#"{"name":7}"#, "name", "must be a string, not a number"),
        ("Sample", "[]", "", "must be an object, not a list"),
        ("Sample", r#"{"metadata":[]}"#, "metadata", "must be an object, not a list"),
        ("Sample", r#"{"metadata":{"x":{"y":[1,1e999]}}}"#, "metadata.x.y[1]", "is out of range"),
        ("Sample", r#"{"status":"furious"}"#, "status", "must be one of below, calm, very_angry, far"),
        ("Sample", r#"{"status":"CALM"}"#, "status", "must be one of"),
        ("Sample", r#"{"status":1.5}"#, "status", "must be a whole number"),
        ("Sample", r#"{"status":"1"}"#, "status", "must be one of"),
        ("Sample", r#"{"is_deleted":"true"}"#, "is_deleted", "must be true or false, not a string"),
        ("Sample", r#"{"revision":2147483648}"#, "revision", "between -2147483648 and 2147483647"),
        ("Sample", r#"{"revision":0.5}"#, "revision", "must be a whole number"),
        ("Sample", r#"{"revision":"01"}"#, "revision", "must be a whole number"),
        ("Sample", r#"{"revision":" 1"}"#, "revision", "must be a whole number"),
        ("Sample", r#"{"revision":true}"#, "revision", "must be a number, not a boolean"),
        ("Sample", r#"{"size":"9223372036854775808"}"#, "size", "64 bits"),
        ("Sample", r#"{"thickness":"wide"}"#, "thickness", "must be a number"),
        ("Sample", r#"{"thickness":1e400}"#, "thickness", "is out of range"),
        ("Sample", r#"{"thickness":"inf"}"#, "thickness", "must be a number"),
        ("SampleList", r#"{"items":[{"id":""},{"id":0}]}"#, "items[1].id", "must be a string"),
        ("SampleList", r#"{"items":[null]}"#, "items[0]", "must be an object, not null"),
        ("SampleList", r#"{"items":{}}"#, "items", "must be a list, not an object"),
        ("Scalars", r#"{"float_field":3.5e38}"#, "float_field", "is out of range"),
        ("Scalars", r#"{"uint32_field":-1}"#, "uint32_field", "between 0 and 4294967295"),
        ("Scalars", r#"{"fixed64_field":"-1"}"#, "fixed64_field", "not negative"),
        ("Scalars", r#"{"bytes_field":"a"}"#, "bytes_field", "must be base64"),
        ("Scalars", r#"{"bytes_field":"+_"}"#, "bytes_field", "must be base64"),
        ("Scalars", r#"{"bytes_field":"QUI= "}"#, "bytes_field", "must be base64"),
        ("Lists", r#"{"int32s":[1,null]}"#, "int32s[1]", "must be a number, not null"),
        ("Lists", r#"{"strings":["",null]}"#, "strings[1]", "must be a string, not null"),
        ("Maps", r#"{"int32_double":{"01":1}}"#, "int32_double.01", "must be a whole number"),
        ("Maps", r#"{"int32_double":{"1.0":1}}"#, "int32_double.1.0", "must be a whole number"),
        ("Maps", r#"{"uint32_int32":{"-1":1}}"#, "uint32_int32.-1", "between 0"),
        ("Maps", r#"{"bool_plain":{"True":1}}"#, "bool_plain.True", "must be true or false"),
        ("Maps", r#"{"string_string":{"a":null}}"#, "string_string.a", "must be a string, not null"),
        ("Maps", r#"{"string_string":[]}"#, "string_string", "must be an object, not a list"),
        ("Known", r#"{"field_mask":"a,,b"}"#, "field_mask", "names of fields"),
        ("Known", r#"{"field_mask":"a b"}"#, "field_mask", "names of fields"),
        ("Known", r#"{"field_mask":"a..b"}"#, "field_mask", "names of fields"),
        ("Known", r#"{"empty":{"a":1}}"#, "empty.a", "unknown field"),
        ("Known", r#"{"any":{"a":1}}"#, "any.@type", "is missing"),
        ("Known", r#"{"any":{"@type":"x/every.v1.Nothing"}}"#, "any.@type", "is not the URL of a known type"),
        ("Known", r#"{"any":{"@type":"every.v1.Scalars"}}"#, "any.@type", "is not the URL of a known type"),
        ("Known", r#"{"any":{"@type":"x/every.v1.Scalars","a":1}}"#, "any.a", "unknown field"),
        ("Known", r#"{"any":{"@type":"x/google.protobuf.Duration","value":"1"}}"#, "any.value", "must be a duration"),
        ("Known", r#"{"any":{"@type":"x/google.protobuf.Duration","vale":"1s"}}"#, "any.vale", "unknown field"),
        ("Known", r#"{"int64_value":{}}"#, "int64_value", "must be a number, not an object"),
    ] {
        let fault = read(message, text).expect_err(text);
        assert_eq!(fault.field(), field, "{text}: {fault}");
        assert!(fault.message().contains(says), "{text}: {fault}");
    }
}

#[test]
fn a_field_may_be_given_once() {
    for (message, text, field, says) in [
        ("Sample", r#"{"name":"","name":""}"#, "name", "the key \"name\" is repeated at line 1, column 12"),
        ("Sample", r#"{"lot_code":"","lotCode":null}"#, "lot_code", "the key \"lot_code\" is repeated"),
        ("Choices", r#"{"text":"","truth":false}"#, "truth", "only one may be set of text, number, message"),
        ("Maps", r#"{"int32_double":{"1":1,"1":1}}"#, "int32_double.1", "the key \"1\" is repeated"),
        ("Known", r#"{"any":{"@type":"x/every.v1.Scalars","@type":"x/every.v1.Scalars"}}"#, "any", "is repeated"),
        ("Known", r#"{"any":{"@type":"x/google.protobuf.Empty","value":{},"value":{}}}"#, "any", "is repeated"),
    ] {
        let fault = read(message, text).expect_err(text);
        assert_eq!(fault.field(), field, "{text}: {fault}");
        assert!(fault.message().contains(says), "{text}: {fault}");
    }
    assert!(read("Choices", r#"{"text":null,"truth":false,"value":null,"left_hand":""}"#).is_ok());
}

#[test]
fn times_are_checked() {
    let refused = [
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:60Z",
        "2026-02-30T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-01-01T00:00:00+99:99",
        "2026-01-01T00:00:00+24:00",
        "1970-01-01T00:00:00.9999999999Z",
        "1970-01-01T00:00:00.Z",
        "1970-01-01T24:00:00Z",
        "1970-01-01t00:00:00Z",
        "1970-01-01T00:00:00z",
        "1970-01-01T00:00:00",
        "1970-01-01 00:00:00Z",
        "1970-1-1T00:00:00Z",
        "1970-01-01T00:00:00+0100",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "1970-01-01T00:00:00ZZ",
        "١970-01-01T00:00:00Z",
        "",
    ];
    for text in refused {
        let fault = read("Known", format!(r#"{{"timestamp":"{text}"}}"#)).expect_err(text);
        assert_eq!(fault.field(), "timestamp", "{text}");
    }
    for text in ["1", "s", "-s", "1.s", ".5s", "+1s", "1.0000000001s", "315576000001s", "1 s", "1e3s", "--1s", "1.5.5s"] {
        assert!(read("Known", format!(r#"{{"duration":"{text}"}}"#)).is_err(), "{text}");
    }
}

#[test]
fn other_spellings_are_understood() {
    let unset = write("Scalars", b"").expect("an empty message");
    for (message, text, expected) in [
        ("Sample", r#"{"lotCode":"x"}"#, r#""lot_code":"x""#),
        ("Sample", r#"{"lot\u0043ode":"x"}"#, r#""lot_code":"x""#),
        ("Sample", r#"{"status":"MOOD_SWING_VERY_ANGRY"}"#, r#""status":"very_angry""#),
        ("Sample", r#"{"status":2}"#, r#""status":"very_angry""#),
        ("Sample", r#"{"status":2e0}"#, r#""status":"very_angry""#),
        ("Sample", r#"{"status":77}"#, r#""status":77"#),
        ("Sample", r#"{"status":"unspecified"}"#, r#""status":null"#),
        ("Sample", r#"{"name":null,"metadata":null,"revision":null}"#, r#""name":"""#),
        ("Sample", r#"{"revision":"12"}"#, r#""revision":12"#),
        ("Sample", r#"{"revision":1.50e1}"#, r#""revision":15"#),
        ("Sample", r#"{"revision":-0}"#, r#""revision":0"#),
        ("Sample", r#"{"size":9223372036854775807}"#, r#""size":"9223372036854775807""#),
        ("Sample", r#"{"thickness":"-Infinity"}"#, r#""thickness":"-Infinity""#),
        ("Sample", r#"{"thickness":"NaN"}"#, r#""thickness":"NaN""#),
        ("Sample", r#"{"thickness":"1.5"}"#, r#""thickness":1.5"#),
        ("Sample", r#"{"thickness":-0}"#, r#""thickness":-0.0"#),
        ("Every", r#"{"quite-odd":"x"}"#, r#""odd_json_name":"x""#),
        ("Every", r#"{"odd_json_name":"x"}"#, r#""odd_json_name":"x""#),
        ("Scalars", r#"{"bytes_field":"-_-_"}"#, r#""bytes_field":"+/+/""#),
        ("Scalars", r#"{"bytes_field":"QQ"}"#, r#""bytes_field":"QQ==""#),
        ("Scalars", r#"{"bytes_field":"\u0051Q=="}"#, r#""bytes_field":"QQ==""#),
        ("Scalars", r#"{"nothing":"NULL_VALUE","plain":"zero","mood":null}"#, unset.trim_matches(['{', '}'])),
        ("Lists", r#"{"moods":[null,"calm"],"strings":null}"#, r#""moods":[null,"calm"]"#),
        ("Maps", r#"{"sfixed64_mood":{"-7":null}}"#, r#""sfixed64_mood":{"-7":null}"#),
        ("Choices", r#"{"nothing":"NULL_VALUE"}"#, r#""nothing":null"#),
        ("Known", r#"{"field_mask":"lotCode,sample.metaData,a_b"}"#, r#""field_mask":"lot_code,sample.meta_data,a_b""#),
        ("Known", r#"{"field_mask":""}"#, r#""field_mask":"""#),
        ("Known", r#"{"timestamp":"2026-01-01T00:30:00.120+01:00"}"#, r#""timestamp":"2025-12-31T23:30:00.120Z""#),
        ("Known", r#"{"timestamp":"0001-01-01T00:00:00.000001Z"}"#, r#""timestamp":"0001-01-01T00:00:00.000001Z""#),
        ("Known", r#"{"timestamp":"2024-02-29T23:59:59.999999999Z"}"#, r#""timestamp":"2024-02-29T23:59:59.999999999Z""#),
        ("Known", r#"{"duration":"-0.5s"}"#, r#""duration":"-0.500s""#),
        ("Known", r#"{"duration":"315576000000.000000001s"}"#, r#""duration":"315576000000.000000001s""#),
        ("Known", r#"{"any":{}}"#, r#""any":{}"#),
        (
            "Known",
            r#"{"any":{"value":"1.5s","@type":"x/google.protobuf.Duration"}}"#,
            r#""any":{"@type":"x/google.protobuf.Duration","value":"1.500s"}"#,
        ),
    ] {
        let mut wire = Vec::new();
        let read = PLANS.read_json(id(message), text.as_bytes(), &mut wire);
        read.unwrap_or_else(|fault| panic!("{text}: {fault}"));
        let json = write(message, &wire).expect("what was read can be written");
        assert!(json.contains(expected), "{text} became {json}");
    }
}

#[test]
fn a_refused_text_leaves_no_trace() {
    let mut out = b"before".to_vec();
    let fault = PLANS.read_json(id("Sample"), br#"{"name":"x","nam":1}"#, &mut out);
    assert!(fault.is_err());
    assert_eq!(out, b"before");
}

#[test]
fn a_long_name_is_not_repeated_whole() {
    let long = "é".repeat(100_000);
    let fault = read("Sample", format!(r#"{{"{long}":1}}"#)).expect_err("unknown");
    assert!(fault.to_string().len() < 300, "{fault}");
}

#[test]
fn a_text_does_not_become_more_than_services_take() {
    for text in [format!("[{}1]", "1,".repeat(1 << 20)), format!("[[{}1]]", "1,".repeat(2 << 20))] {
        let mut wire = b"before".to_vec();
        let fault = PLANS.read_json(id("google.protobuf.ListValue"), text.as_bytes(), &mut wire).expect_err("too large");
        assert!(fault.is_too_large(), "{fault}");
        assert_eq!(wire, b"before");
        assert!(wire.capacity() <= 8 << 20, "reading went on to {} bytes", wire.capacity());
    }
    let fault = read("Sample", "[]").expect_err("a list");
    assert!(!fault.is_too_large(), "{fault}");
}
