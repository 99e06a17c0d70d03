//! Rules of single values, lists and maps.

use super::{broken, fine, told, told_of};

/// The least that makes a thing whole.
const THING: &str = r#"name: "wafer" steps: 1"#;

#[test]
fn text_has_its_length_in_characters() {
    for name in ["w", "twelve chars", "μμμμμμμμμμμμ", "メメメメメメメメメメメメ"] {
        fine("Thing", &format!("steps: 1 name: {name:?}"));
    }
    for name in ["thirteen char", "μμμμμμμμμμμμμ"] {
        broken("Thing", &format!("steps: 1 name: {name:?}"), "name must have at most 12 characters");
    }
    fine("Thing", &format!(r#"{THING} note: "μm""#));
    broken("Thing", &format!(r#"{THING} note: "μ""#), "note must have at least 2 characters");
    broken("Thing", &format!(r#"{THING} note: """#), "note must have at least 2 characters");
}

#[test]
fn text_matches_its_pattern() {
    for blank in [" ", "\t", "\u{a0}\u{3000}"] {
        broken("Thing", &format!("steps: 1 name: '{blank}'"), "name must not be blank");
    }
    fine("Thing", r#"steps: 1 name: " w ""#);
    fine("Values", r#"code: "lot-7""#);
    broken("Values", r#"code: "Lot-7""#, r"code must match `^[a-z]+-\d+$`");
}

#[test]
fn text_has_its_well_known_form() {
    fine("Values", r#"email: "ada@lab.example""#);
    broken("Values", r#"email: "ada""#, "email must be an email address");
    broken("Values", r#"email: """#, "email must be an email address");
    fine("Thing", &format!(r#"{THING} owner_id: "01890a5d-ac96-774b-bcce-b302099a8057""#));
    broken("Thing", &format!(r#"{THING} owner_id: "7""#), "owner_id must be a UUID");
    broken("Thing", &format!(r#"{THING} owner_id: """#), "owner_id must be a UUID");
}

#[test]
fn no_text_holds_control_characters() {
    fine("Values", r#"free: "two\r\n\tlines""#);
    broken("Values", r#"free: "a\000b""#, "free holds a control character");
    broken("Values", r#"free: "\302\205""#, "free holds a control character");
    broken("Values", r#"email: "\033[2J""#, "email holds a control character");
    broken("Thing", &format!(r#"{THING} tags: "a" tags: "\177""#), "tags[1] holds a control character");
}

#[test]
fn bytes_have_their_length() {
    fine("Values", r#"bytes: "\000\377""#);
    broken("Values", r#"bytes: "1""#, "bytes must have at least 2 bytes");
    broken("Values", r#"bytes: "12345""#, "bytes must have at most 4 bytes");
}

#[test]
fn numbers_keep_their_bounds() {
    for kept in ["size: 1", "size: 999999999999", "below: -1", "below: -2147483648", "ratio: 0", "ratio: -0.0", "ratio: 1"] {
        fine("Values", kept);
    }
    for (text, violation) in [
        ("size: 0", "size must be greater than 0"),
        ("size: -1", "size must be greater than 0"),
        ("size: 1000000000000", "size must be less than 1000000000000"),
        ("below: 0", "below must be less than 0"),
        ("ratio: -0.1", "ratio must be at least 0"),
        ("ratio: 1.5", "ratio must be at most 1"),
        ("ratio: inf", "ratio must be at most 1"),
        ("ratio: nan", "ratio must be a finite number"),
        ("finite: nan", "finite must be a finite number"),
        ("finite: inf", "finite must be a finite number"),
        ("finite: -inf", "finite must be a finite number"),
    ] {
        broken("Values", text, violation);
    }
    for kept in ["finite: 1e308", "any: nan", "any: inf", "finite: -0.0"] {
        fine("Values", kept);
    }
    for (level, violation) in [(0, "level must be at least 1"), (11, "level must be at most 10"), (-1, "level must be at least 1")] {
        broken("Thing", &format!("{THING} level: {level}"), violation);
    }
    fine("Thing", &format!("{THING} level: 10 mass: 99.9"));
    broken("Thing", &format!("{THING} mass: 0"), "mass must be greater than 0");
}

#[test]
fn enums_hold_accepted_values() {
    for kept in ["defined: COLOR_GREY", "not_grey: COLOR_RED", "not_grey: 9", "colors: [COLOR_RED, COLOR_RED]"] {
        fine("Values", kept);
    }
    for (text, violation) in [
        ("defined: 3", "defined is not an accepted value"),
        ("defined: -1", "defined is not an accepted value"),
        ("defined: COLOR_UNSPECIFIED", "defined must not be unspecified"),
        ("not_grey: COLOR_GREY", "not_grey is not an accepted value"),
        ("not_grey: COLOR_UNSPECIFIED", "not_grey must not be unspecified"),
        ("colors: [COLOR_RED, COLOR_UNSPECIFIED]", "colors[1] must not be unspecified"),
        ("by_number { key: 4 }", "by_number[4] must not be unspecified"),
        ("by_number { key: -4 value: 0 }", "by_number[-4] must not be unspecified"),
    ] {
        broken("Values", text, violation);
    }
    fine("Values", "by_number { key: 4 value: COLOR_RED }");
}

#[test]
fn lists_have_their_length_and_their_items_obey() {
    for (some, violation) in
        [("", "some is required"), ("some: 1", "some must have at least 2 items"), ("some: [1, 2, 3, 4]", "some must have at most 3 items")]
    {
        broken("Sized", &format!(r#"pairs {{ key: "a" }} pairs {{ key: "b" }} {some}"#), violation);
    }
    fine("Values", "weights: [0, 1, 2]");
    broken("Values", "weights: [1, -2]", "weights[1] must be at least 0");
    fine("Thing", &format!(r#"{THING} tags: ["a", "b", "c"]"#));
    broken("Thing", &format!(r#"{THING} tags: ["a", "b", "c", "d"]"#), "tags must have at most 3 items");
    broken("Thing", &format!(r#"{THING} tags: ["a", "long tag"]"#), "tags[1] must have at most 5 characters");
}

#[test]
fn lists_that_want_each_item_once_refuse_the_second() {
    fine("Values", "numbers: [1, -1, 0]");
    broken("Values", "numbers: [1, -1, 1]", "numbers[2] is in the list already");
    fine("Thing", &format!(r#"{THING} tags: ["a", "A"]"#));
    broken("Thing", &format!(r#"{THING} tags: ["a", "b", "a"]"#), "tags[2] is in the list already");
}

#[test]
fn numbers_of_a_list_are_read_packed_or_one_by_one() {
    assert_eq!(told_of("Values", &[0x72, 2, 7, 30]), ["numbers[1] must be at most 9"]);
    assert_eq!(told_of("Values", &[0x70, 7, 0x70, 30]), ["numbers[1] must be at most 9"]);
    assert_eq!(told_of("Values", &[0x70, 7, 0x72, 1, 30]), ["numbers[1] must be at most 9"]);
    assert_eq!(told_of("Values", &[0x72, 2, 7, 0x80]), [" is not a valid message"]);
}

#[test]
fn maps_have_their_size_and_their_keys_and_values_obey() {
    fine("Values", r#"labels { key: "a" value: "b" } labels { key: "b" }"#);
    fine("Sized", r#"some: [0, 0] pairs { key: "a" } pairs { key: "b" }"#);
    broken("Sized", r#"some: [0, 0] pairs { key: "a" }"#, "pairs must have at least 2 entries");
    broken("Sized", "some: [0, 0]", "pairs is required");
    for (text, violation) in [
        (r#"labels { key: "a" } labels { key: "b" } labels { key: "c" }"#, "labels must have at most 2 entries"),
        (r#"labels { key: "a" value: "long" }"#, r#"labels["a"] must have at most 3 characters"#),
        (r#"labels { key: "a" value: "\000" }"#, r#"labels["a"] holds a control character"#),
        (r#"labels { key: "longer" }"#, r#"labels["longer"] has a key that must have at most 5 characters"#),
        (r#"labels { value: "a" }"#, r#"labels[""] has a key that must not be empty"#),
        (r#"labels { key: "\007\"" }"#, r#"labels["\u{7}\""] has a key that holds a control character"#),
    ] {
        broken("Values", text, violation);
    }
}

#[test]
fn points_in_time_lie_in_range() {
    let at = |text: &str| format!("at {{ {text} }}");
    for kept in ["", "seconds: -62135596800", "seconds: 253402300799 nanos: 999999999"] {
        fine("Values", &at(kept));
    }
    for (text, violation) in [
        ("seconds: -62135596801", "at must lie in the years 0001 to 9999"),
        ("seconds: 253402300800", "at must lie in the years 0001 to 9999"),
        ("nanos: -1", "at must have from 0 to 999999999 nanoseconds"),
        ("nanos: 1000000000", "at must have from 0 to 999999999 nanoseconds"),
    ] {
        broken("Values", &at(text), violation);
    }
}

#[test]
fn a_choice_is_judged_by_what_was_chosen() {
    fine("Values", r#"word: "ok""#);
    broken("Values", r#"word: """#, "word must have at least 2 characters");
    broken("Values", "count: 0", "count must be at least 1");
}

#[test]
fn what_is_needed_is_not_left_out() {
    let whole = r#"name: "a" id: "01890a5d-ac96-774b-bcce-b302099a8057" word: "" count: 1 color: COLOR_RED at {}
        items: "" sure: true hash: "x" pairs { key: "" } shade: COLOR_RED"#;
    fine("Needed", whole);
    let needed = ["name", "id", "word", "count", "color", "at", "items", "sure", "hash", "pairs", "shade"];
    assert_eq!(told("Needed", ""), needed.map(|field| format!("{field} is required")));
}

#[test]
fn messages_within_messages_obey_and_say_where() {
    let thing = |text: &str| format!("{THING} points {{ value: 1 }} points {{ {text} }}");
    fine("Thing", &thing("value: 2 next { value: 3 }"));
    broken("Thing", &thing("next { next { value: inf } }"), "points[1].next.next.value must be a finite number");
    broken("Thing", &thing(r#"around { key: "left" value { value: nan } }"#), r#"points[1].around["left"].value must be a finite number"#);
    broken("CreateThingRequest", "thing { steps: 1 }", "thing.name is required");
    broken("CreateThingRequest", "", "thing is required");
}

#[test]
fn what_the_server_sets_is_not_written() {
    fine("Thing", &format!(r#"{THING} lot: "7""#));
    broken("Thing", &format!(r#"{THING} id: "7""#), "id is set by the server and cannot be written");
    broken("Thing", &format!(r#"{THING} log: ["a", "b"]"#), "log is set by the server and cannot be written");
}
