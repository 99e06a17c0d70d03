//! Rules that cannot be enforced are found when they are compiled, with the field that has them.

use super::pool;
use crate::validate::{RULES, Rules};

fn fault(messages: &str) -> String {
    let pool = pool(messages).expect(messages);
    Rules::compile(&pool).expect_err(messages)
}

/// The fault of one field `f` with these options.
fn of_field(field: &str, rules: &str) -> String {
    fault(&format!("enum E {{ E_A = 0; }} message M {{ {field} f = 1 [(buf.validate.field) = {{ {rules} }}]; }}"))
}

#[test]
fn the_rules_of_the_product_are_enforceable() {
    assert!(RULES.check("google.protobuf.Empty", &[]).is_empty());
}

#[test]
fn rules_are_for_the_type_of_their_field() {
    for (field, rules, name) in [
        ("int32", "string { min_len: 1 }", "string"),
        ("string", "int32 { gte: 1 }", "int32"),
        ("int32", "int64 { gte: 1 }", "int64"),
        ("float", "double { gte: 1 }", "double"),
        ("bool", "int32 { gte: 1 }", "int32"),
        ("string", "bytes { min_len: 1 }", "bytes"),
        ("int32", "enum { defined_only: true }", "enum"),
        ("repeated string", "string { min_len: 1 }", "string"),
        ("string", "repeated { min_items: 1 }", "repeated"),
        ("map<string, string>", "repeated { min_items: 1 }", "repeated"),
        ("repeated string", "map { min_pairs: 1 }", "map"),
        ("repeated string", "repeated { items { int32 { gte: 1 } } }", "int32"),
        ("map<string, int32>", "map { keys { int32 { gte: 1 } } }", "int32"),
        ("map<string, int32>", "map { values { string { min_len: 1 } } }", "string"),
        ("google.protobuf.Timestamp", "string { min_len: 1 }", "string"),
    ] {
        assert_eq!(of_field(field, rules), format!("test.v1.M.f: has `{name}` rules, which are not for its type"));
    }
}

#[test]
fn patterns_are_expressions() {
    let fault = of_field("string", r#"string { pattern: "(" }"#);
    assert!(fault.starts_with("test.v1.M.f: regex parse error"), "{fault}");
}

#[test]
fn bounds_leave_something() {
    for (field, rules) in [
        ("string", "string { min_len: 2 max_len: 1 }"),
        ("bytes", "bytes { min_len: 2 max_len: 1 }"),
        ("repeated string", "repeated { min_items: 2 max_items: 1 }"),
        ("repeated string", "required: true repeated { max_items: 0 }"),
        ("map<string, string>", "map { min_pairs: 2 max_pairs: 1 }"),
    ] {
        assert_eq!(of_field(field, rules), "test.v1.M.f: has bounds that leave no size");
    }
    for rules in ["int32 { gte: 2 lte: 1 }", "int32 { gt: 1 lte: 1 }", "int32 { gte: 1 lt: 1 }", "int32 { gt: 1 lt: 1 }"] {
        assert_eq!(of_field("int32", rules), "test.v1.M.f: has bounds that leave no number");
    }
    assert_eq!(of_field("double", "double { gte: nan lte: 1 }"), "test.v1.M.f: has bounds that leave no number");
}

#[test]
fn rules_that_nobody_would_keep_are_refused() {
    assert_eq!(
        of_field("repeated string", "repeated { items { required: true } }"),
        "test.v1.M.f: has the rule `required`, which is not enforced here"
    );
    assert_eq!(
        of_field("repeated google.protobuf.Timestamp", "repeated { unique: true }"),
        "test.v1.M.f: has the rule `unique`, which is for numbers, texts and bytes"
    );
    assert_eq!(
        fault("message M { string f = 1 [(google.api.field_behavior) = FIELD_BEHAVIOR_UNSPECIFIED]; }"),
        "test.v1.M.f: has the field behavior 0, which is not enforced here"
    );
    assert_eq!(fault("message M { map<bool, string> f = 1; }"), "test.v1.M.f: has keys that are neither string, int32 nor int64");
}

#[test]
fn a_mask_stands_beside_one_message() {
    for fields in [
        "google.protobuf.FieldMask update_mask = 1;",
        "google.protobuf.FieldMask mask = 1; R r = 2;",
        "google.protobuf.FieldMask update_mask = 1; R r = 2; R s = 3;",
        "google.protobuf.FieldMask update_mask = 1; repeated R r = 2;",
        "repeated google.protobuf.FieldMask update_mask = 1; R r = 2;",
        "google.protobuf.FieldMask update_mask = 1; google.protobuf.FieldMask read_mask = 2; R r = 3;",
    ] {
        assert_eq!(
            fault(&format!("message R {{}} message M {{ {fields} }}")),
            "test.v1.M: has a field mask that is not an `update_mask` beside one message"
        );
    }
}

#[test]
fn messages_have_128_fields_at_most() {
    let message = |count: usize| {
        let fields: Vec<_> = (1..=count).map(|number| format!("string f{number} = {number};")).collect();
        format!("message M {{ {} }}", fields.concat())
    };
    assert!(Rules::compile(&pool(&message(128)).expect("a contract")).is_ok());
    assert_eq!(fault(&message(129)), "test.v1.M: has more than 128 fields");
}
