//! Bytes that no encoder wrote: told of in one line, and never a panic.

use prost_reflect::DynamicMessage;

use super::{POOL, RULES, encoded, fine, record, told, told_of};
use crate::validate::Violation;

#[test]
fn malformed_bytes_are_told_of_alone() {
    let whole = encoded("CreateThingRequest", r#"thing { id: "7" name: "wafer" steps: 1 }"#);
    for cut in 1..whole.len() {
        assert_eq!(told_of("CreateThingRequest", &whole[..cut]), [" is not a valid message"], "{cut}");
    }
    for wrong in [
        &[0x10, 1][..],                     // a number where a text is
        &[0x12, 1, 0xff],                   // a text that is not UTF-8
        &[0x38, 1],                         // a number where a message is
        &[0x5a, 1, 1],                      // bytes where an enum is
        &[0x3a, 2, 0x0a, 0],                // a text where a timestamp has its seconds
        &[0x42, 4, 0x0a, 2, 0x0a, 9],       // an entry of free JSON cut short
        &[0x42, 5, 0x0a, 3, 0x0a, 1, 0xff], // a name in free JSON that is not UTF-8
        &[0x13, 0x14],                      // a group
    ] {
        assert_eq!(told_of("Thing", wrong), [" is not a valid message"], "{wrong:?}");
    }
}

#[test]
fn unknown_fields_are_passed_over() {
    let thing = [&encoded("Thing", r#"name: "w" steps: 1"#)[..], &[0xfa, 0x3f, 1, 0], &[0xf8, 0x3f, 9]].concat();
    assert_eq!(told_of("Thing", &thing), Vec::<String>::new());
}

#[test]
fn unknown_messages_are_refused() {
    let violations = RULES.check("test.v1.Nothing", &[]);
    assert_eq!(violations.len(), 1);
    assert_eq!(violations[0].message, "is no message of the contract");
}

#[test]
fn the_first_64_violations_are_told() {
    let text = format!(r#"name: "w" steps: 1 {}"#, "points { value: inf } ".repeat(100));
    let told = told("Thing", &text);
    assert_eq!(told.len(), 64);
    assert_eq!(told[63], "points[63].value must be a finite number");
}

#[test]
fn nesting_ends_somewhere() {
    let chain = |depth: usize| {
        let wire = (0..depth).fold(encoded("Point", "value: inf"), |inner, _| record(2, &inner));
        told_of("Point", &wire)
    };
    assert_eq!(chain(99), [format!("{}value must be a finite number", "next.".repeat(99))]);
    assert_eq!(chain(100), [format!("{} is nested too deeply", ["next"; 100].join("."))]);
    assert_eq!(chain(5_000).len(), 1);
    fine("Thing", &format!(r#"name: "w" steps: 1 {}"#, "points {} ".repeat(200)));
}

/// Random bytes, and a real request with some bits turned, from a fixed seed.
#[test]
fn no_bytes_make_it_panic_and_what_it_lets_pass_can_be_decoded() {
    let mut random = random_numbers();
    let messages = ["UpdateThingRequest", "Thing", "Values", "Needed", "Free", "Sized"]
        .map(|name| POOL.get_message_by_name(&format!("test.v1.{name}")).expect("a message of the contract"));
    let request = encoded(
        "UpdateThingRequest",
        r#"id: "01890a5d-ac96-774b-bcce-b302099a8057" update_mask { paths: ["name", "data"] }
           thing { name: "wafer" tags: ["a", "b"] level: 3 due { seconds: 1 } color: COLOR_RED steps: [1, 2]
             data { fields { key: "a" value { list_value { values { number_value: 1 } } } } }
             points { value: 1 around { key: "k" value {} } } }"#,
    );
    let (mut unreadable, mut refused, mut passed) = (0, 0, 0);
    for case in 0..100_000 {
        let (message, bytes) = if case % 2 == 0 {
            let byte = |_| u8::try_from(random(256)).expect("a byte");
            let bytes: Vec<_> = (0..case % 24).map(byte).collect();
            (&messages[random(messages.len())], bytes)
        } else {
            let mut bytes = request.clone();
            for _ in 0..=random(3) {
                let at = random(bytes.len());
                bytes[at] ^= 1 << random(8);
            }
            (&messages[0], bytes)
        };
        let violations = RULES.check(message.full_name(), &bytes);
        match &*violations {
            [] => {
                assert!(DynamicMessage::decode(message.clone(), &*bytes).is_ok(), "{} {bytes:?}", message.name());
                passed += 1;
            }
            [only] if *only == Violation::unreadable() => unreadable += 1,
            _ => refused += 1,
        }
    }
    for (count, what) in [(unreadable, "unreadable"), (refused, "refused"), (passed, "passed")] {
        assert!(count > 5_000, "{count} were {what}");
    }
}

/// A source of numbers below a bound, the same ones in each run.
fn random_numbers() -> impl FnMut(usize) -> usize {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).expect("31 bits") % below
    }
}

#[test]
fn every_message_can_be_checked() {
    for message in POOL.all_messages().filter(|message| !message.is_map_entry()) {
        for violation in RULES.check(message.full_name(), &[]) {
            assert_eq!(violation.message, "is required", "{}", message.full_name());
        }
    }
}
