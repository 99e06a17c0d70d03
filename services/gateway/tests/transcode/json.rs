//! The lexer, seen through a `google.protobuf.Value`, which takes any JSON.

use super::contract::{read, write};

/// What a text comes back as, or why it is refused.
fn through(text: &str) -> Result<String, String> {
    let mut wire = Vec::new();
    let value = super::contract::id(VALUE);
    let read = super::contract::PLANS.read_json(value, text.as_bytes(), &mut wire);
    read.map_err(|fault| fault.to_string())?;
    Ok(write(VALUE, &wire).expect("what was read can be written"))
}

const VALUE: &str = "google.protobuf.Value";

#[test]
fn json_comes_back_compact_and_with_the_same_meaning() {
    for (text, expected) in [
        (" {\t\"b\" : [ 1 , 2.50 , -0 ] ,\r\n \"a\" : null } ", r#"{"a":null,"b":[1,2.5,-0.0]}"#),
        (r#""\"\\\/\b\f\n\r\t\u0000\u00e9\u20AC\uD834\uDD1E""#, "\"\\\"\\\\/\\u0008\\u000c\\n\\r\\t\\u0000é€𝄞\""),
        (r#"{"\u0061":{"":""}}"#, r#"{"a":{"":""}}"#),
        ("[]", "[]"),
        ("{}", "{}"),
        ("true", "true"),
        ("null", "null"),
        ("1E400e", ""),
        ("123456789012345680000", "1.2345678901234568e+20"),
        ("1e-7", "1e-7"),
        ("4294967296", "4294967296"),
    ] {
        if expected.is_empty() {
            assert!(through(text).is_err(), "{text}");
        } else {
            assert_eq!(through(text).as_deref(), Ok(expected), "{text}");
        }
    }
}

#[test]
fn a_fault_of_the_text_names_its_place() {
    for (text, expected) in [
        ("", "the text ends where a value is expected at line 1, column 1 (byte 0)"),
        ("{\n \"é\": 1,\n \"a\": tru}", "expected a value at line 3, column 7 (byte 18)"),
        ("[1 2]", "expected `,` or `]` at line 1, column 4 (byte 3)"),
        ("[1,]", "nothing follows the `,` at line 1, column 4 (byte 3)"),
        ("{\"a\" 1}", "expected `:` after the key at line 1, column 6 (byte 5)"),
        ("{a:1}", "expected a key in double quotes at line 1, column 2 (byte 1)"),
        ("[1] 2", "more text follows the value at line 1, column 5 (byte 4)"),
        ("\"a", "the string is not closed at line 1, column 3 (byte 2)"),
        ("\"\u{1}\"", "a control character must be escaped at line 1, column 2 (byte 1)"),
        (r#""\x""#, "the escape is unknown at line 1, column 2 (byte 1)"),
        (r#""\u12g4""#, "expected four hexadecimal digits at line 1, column 2 (byte 1)"),
        (r#""\u12"#, "expected `\\u` and four hexadecimal digits at line 1, column 2 (byte 1)"),
        (r#""\ud800a""#, "half of a surrogate pair is missing at line 1, column 8 (byte 7)"),
        (r#""\udc00""#, "half of a surrogate pair is missing at line 1, column 8 (byte 7)"),
        (r#""\ud800\ud800""#, "half of a surrogate pair is missing at line 1, column 14 (byte 13)"),
        ("[-]", "the number is incomplete at line 1, column 2 (byte 1)"),
        ("\u{feff}1", "expected a value at line 1, column 1 (byte 0)"),
    ] {
        let fault = read(VALUE, text).expect_err(text);
        assert_eq!(fault.message(), expected, "{text}");
    }
    let fault = read(VALUE, b"[\"a\xff\"]").expect_err("not UTF-8");
    assert_eq!(fault.to_string(), "the text is not UTF-8 at line 1, column 4 (byte 3)");
}

#[test]
fn a_repeated_key_is_refused_at_any_depth() {
    for (text, expected) in [
        (r#"{"a":1,"b":2,"a":1}"#, "a: the key \"a\" is repeated at line 1, column 14 (byte 13)"),
        (r#"{"x":{"a":1,"\u0061":1}}"#, "x.a: the key \"a\" is repeated at line 1, column 13 (byte 12)"),
        (r#"[0,{"a":[{"":1,"":1}]}]"#, "[1].a[0]: the key \"\" is repeated at line 1, column 16 (byte 15)"),
    ] {
        assert_eq!(through(text).expect_err(text), expected);
    }
    let many: Vec<String> = (0..5000).map(|i| format!("\"k{i}\":{i}")).collect();
    assert!(through(&format!("{{{}}}", many.join(","))).is_ok());
    assert!(through(&format!("{{{},\"k77\":0}}", many.join(","))).is_err());
}

#[test]
fn containers_may_be_32_deep() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let nested = |depth| format!("{}1{}", open.repeat(depth), close.repeat(depth));
        assert_eq!(through(&nested(32)).as_ref(), Ok(&nested(32)));
        let fault = through(&nested(33)).expect_err("too deep");
        assert!(fault.contains("containers are more than 32 deep at line 1"), "{fault}");
        // Far deeper text must not exhaust the stack.
        assert!(through(&open.repeat(1_000_000)).is_err());
    }
    assert!(through(&format!("[{}]", vec!["[[]]"; 1000].join(","))).is_ok(), "breadth is not depth");
}

#[test]
fn a_number_that_would_change_is_refused() {
    for text in ["1e400", "-1e400", "1e-400", "9007199254740993", "123456789012345678901234567890"] {
        let fault = read(VALUE, format!("{{\"n\":[{text}]}}")).expect_err(text);
        assert_eq!(fault.field(), "n[0]", "{text}");
    }
}
