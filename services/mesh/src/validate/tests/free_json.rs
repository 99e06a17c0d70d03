//! Free JSON: objects, lists and values of any kind.

use super::{broken, fine, record, told_of};

fn object(entries: &str) -> String {
    format!("object {{ {entries} }}")
}

#[test]
fn all_kinds_of_values_are_taken() {
    fine("Free", &object(""));
    fine(
        "Free",
        &object(
            r#"fields { key: "a" value { null_value: NULL_VALUE } } fields { key: "b" value { number_value: -1e300 } }
               fields { key: "" value { string_value: "two\nlines" } } fields { key: "d" value { bool_value: false } }
               fields { key: "e" value { list_value { values { struct_value {} } values { list_value {} } } } }"#,
        ),
    );
    fine("Free", r#"value { string_value: "" } list { values { number_value: 0 } }"#);
}

#[test]
fn numbers_are_finite() {
    for number in ["inf", "-inf", "nan"] {
        let entry = format!(r#"fields {{ key: "a" value {{ list_value {{ values {{ number_value: {number} }} }} }} }}"#);
        broken("Free", &object(&entry), "object must hold finite numbers only");
    }
}

#[test]
fn names_and_texts_hold_no_control_characters() {
    let violation = "object holds a control character";
    broken("Free", &object(r#"fields { key: "a\000" value { bool_value: true } }"#), violation);
    broken("Free", &object(r#"fields { key: "a" value { string_value: "\033" } }"#), violation);
    broken("Free", r#"list { values { string_value: "\177" } }"#, "list holds a control character");
}

#[test]
fn a_value_is_something() {
    let violation = "object must hold a value for each name and item, null at least";
    broken("Free", &object(r#"fields { key: "a" }"#), violation);
    broken("Free", &object(r#"fields { key: "a" value {} }"#), violation);
    broken("Free", &object(r#"fields { key: "a" value { list_value { values {} } } }"#), violation);
    broken("Free", "value {}", "value must hold a value for each name and item, null at least");
}

#[test]
fn depth_is_32_at_most() {
    let objects = |count: usize| {
        let outer = |inner: Vec<u8>| record(1, &[record(1, b"a"), record(2, &record(5, &inner))].concat());
        told_of("Free", &record(1, &(1..count).fold(Vec::new(), |inner, _| outer(inner))))
    };
    assert_eq!(objects(32), Vec::<String>::new());
    assert_eq!(objects(33), ["object must be at most 32 levels deep"]);

    let lists = |count: usize| {
        let outer = |inner: Vec<u8>| record(1, &record(6, &inner));
        told_of("Free", &record(2, &(1..count).fold(Vec::new(), |inner, _| outer(inner))))
    };
    assert_eq!(lists(32), Vec::<String>::new());
    assert_eq!(lists(33), ["list must be at most 32 levels deep"]);
}

#[test]
fn size_is_256_kibibytes_at_most() {
    let told_of_size = |size: usize| {
        // The tags and lengths around the text take 15 bytes.
        let text = record(3, &vec![b'x'; size - 15]);
        let object = record(1, &[record(1, b"a"), record(2, &text)].concat());
        assert_eq!(object.len(), size);
        told_of("Free", &record(1, &object))
    };
    assert_eq!(told_of_size(256 * 1024), Vec::<String>::new());
    assert_eq!(told_of_size(256 * 1024 + 1), ["object must take at most 256 KiB"]);
}
