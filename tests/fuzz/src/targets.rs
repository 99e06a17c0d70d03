//! What must hold of the transcoder whatever bytes it is given. Each public function is a target of its own.
//!
//! The oracle and we disagree here and there. Each disagreement that is meant is named; any other is a finding.

use std::sync::LazyLock;

use arbtest::arbitrary::Unstructured;
use prost_reflect::{DeserializeOptions, DynamicMessage, SerializeOptions, Syntax, prost::Message as _};
use serde_json::Value as Json;

use crate::{
    contract::{PLANS, POOL, decode, descriptor, id, nested, read, write},
    oracle::{agree, settle},
    rendering::{difference, render},
};

/// How deep the messages nest that bytes make.
pub(crate) const DEPTH: u32 = 2;

/// The messages of both contracts, by their full names. What describes contracts, in proto2, no call holds.
pub(crate) static MESSAGES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let messages = POOL.all_messages().filter(|message| message.parent_file().syntax() == Syntax::Proto3 && !message.is_map_entry());
    let mut names: Vec<_> = messages.map(|message| message.full_name().to_owned()).collect();
    names.sort();
    names
});

/// The message that the first byte chooses, and the rest.
fn choose(data: &[u8]) -> Option<(&'static str, &[u8])> {
    let (first, rest) = data.split_first()?;
    Some((&MESSAGES[usize::from(*first) % MESSAGES.len()], rest))
}

/// Any bytes as JSON.
pub fn text(data: &[u8]) {
    let Some((name, text)) = choose(data) else { return };
    let theirs = their_reading(name, text);
    match (read(name, text), theirs) {
        (Ok(ours), theirs) => {
            let json = serde_json::from_slice::<Json>(text).unwrap_or_else(|fault| panic!("{fault} in {}, which we took", show(text)));
            let again = write(name, &ours.encode_to_vec()).expect("what was read can be written");
            let back = read(name, &again).unwrap_or_else(|fault| panic!("{fault} in our own {again}"));
            same(back, ours.clone(), "our own text", again.as_bytes());
            match theirs {
                Ok(_) if is_rounded(&json) => {}
                Ok(theirs) => same(ours, theirs, name, text),
                Err(why) => assert!(known(&LAXER, &why.to_string()), "we took {} for a {name}, but {why}", show(text)),
            }
        }
        (Err(fault), Ok(theirs)) => {
            if known(&REFUSED, fault.message()) {
                return;
            }
            assert!(known(&SPELLINGS, fault.message()), "we refused {} for a {name}: {fault}", show(text));
            let Some(canonical) = their_spelling(name, &theirs) else { return };
            match read(name, &canonical) {
                Ok(ours) => same(ours, theirs, name, &canonical),
                // Of two faults in a text only the first is told.
                Err(fault) => assert!(known(&REFUSED, fault.message()), "{fault} in {}", show(&canonical)),
            }
        }
        (Err(_), Err(_)) => {}
    }
}

/// Why the oracle refuses what we take.
const LAXER: [&str; 8] = [
    // The short names of enums; null for an unspecified one, where a list holds it; and -0, which is 0.
    "unrecognized enum value",
    "expected a string or integer",
    // The oracle takes null for a value of a `NullValue` that is one of several. We have null for each that is unset.
    "multiple fields provided for oneof",
    // Names as in the proto.
    "invalid field mask",
    // `"1e2"` is a whole number, as 1e2 is.
    "invalid digit found in string",
    // What is nearest to the largest float is the largest float, and is how most of the world spells it.
    "float value out of range",
    // What an Any does not say is empty: its type, or the value of a well-known one.
    "expected '@type' field",
    "expected 'value' field",
];

/// The spellings that we refuse and the oracle takes. What they mean can be said in another.
const SPELLINGS: [&str; 8] = [
    "is repeated",
    // A number that would change in silence.
    "has more digits",
    "is out of range",
    // What the standard library's parsers take beside the grammar of JSON: `+1`, `01`, `inf`; and what the oracle makes of a double.
    "must be a number",
    "must be a whole number",
    // Bits left over at the end.
    "must be base64",
    // More than nine digits of a second.
    "must be a duration",
    "must be a time",
];

/// What we refuse, and the oracle takes.
const REFUSED: [&str; 2] = ["containers are more than", "must be names of fields"];

/// Any bytes as wire.
pub fn wire(data: &[u8]) {
    let Some((name, wire)) = choose(data) else { return };
    let theirs = DynamicMessage::decode(descriptor(name), wire);
    // The oracle takes any bytes in an Any, and any numbers in a moment, until it is to write them.
    let theirs = theirs.ok().filter(|message| their_writing(message).is_ok());
    match (write(name, wire), theirs) {
        (Ok(text), theirs) => {
            let json: Json = serde_json::from_str(&text).unwrap_or_else(|fault| panic!("{fault} in {text}"));
            // What is not shown is not looked at: a value that a later one replaces, the inside of an unknown field.
            let Some(theirs) = theirs else { return };
            assert_eq!(difference(&json, &render(&theirs)), None, "{name} {wire:x?}");
            match read(name, &text) {
                Ok(back) => same(back, theirs, name, text.as_bytes()),
                Err(fault) => assert!(known(&REFUSED, fault.message()), "{fault} in our own {text}"),
            }
        }
        // It also reads the entry of a map whatever its type, and then finds sense in what has none.
        (Err(fault), Some(theirs)) if theirs.encode_to_vec() == wire => {
            assert!(known(&UNSPEAKABLE, &fault.to_string()), "{fault} in {name} {wire:x?}");
        }
        (Err(_), _) => {}
    }
}

/// Why we refuse what the oracle takes: it carries nanoseconds over into seconds, goes deeper, and steps over groups, which no
/// contract has.
const UNSPEAKABLE: [&str; 3] = ["is out of range", "is nested too deep", "groups are not supported"];

/// A message whose fields the bytes choose, there and back.
pub fn message(data: &[u8]) {
    let Some((name, entropy)) = choose(data) else { return };
    if let Ok(message) = nested(&mut Unstructured::new(entropy), &descriptor(name), DEPTH) {
        agree(name, &message);
    }
}

/// Any bytes as parameters.
pub fn parameters(data: &[u8]) {
    // Of the well-known types none is the request of a call.
    let Some((name, query)) = choose(data).filter(|(name, _)| !name.starts_with("google.")) else { return };
    let mut parameters = PLANS.parameters(id(name));
    let mut wire = Vec::new();
    for pair in query.split(|byte| *byte == b'&') {
        let pair = String::from_utf8_lossy(pair);
        let (path, value) = pair.split_once('=').unwrap_or((&pair, ""));
        let before = wire.len();
        if parameters.set(path, value, &mut wire).is_err() {
            assert_eq!(wire.len(), before, "what was refused left something behind");
        }
    }
    write(name, &decode(name, &wire).encode_to_vec()).expect("what was set can be written");
}

fn known(reasons: &[&str], reason: &str) -> bool {
    reasons.iter().any(|known| reason.contains(known))
}

fn their_reading(name: &str, text: &[u8]) -> Result<DynamicMessage, serde_json::Error> {
    let mut text = serde_json::Deserializer::from_slice(text);
    let message = DynamicMessage::deserialize_with_options(descriptor(name), &mut text, &DeserializeOptions::new())?;
    text.end()?;
    Ok(message)
}

fn their_writing(message: &DynamicMessage) -> Result<Vec<u8>, serde_json::Error> {
    let mut text = serde_json::Serializer::new(Vec::new());
    message.serialize_with_options(&mut text, &SerializeOptions::new())?;
    Ok(text.into_inner())
}

/// How the oracle spells a message; none where it does not understand itself: of what is not finite it makes null here and there.
fn their_spelling(name: &str, message: &DynamicMessage) -> Option<Vec<u8>> {
    let text = their_writing(message).ok()?;
    let back = their_reading(name, &text).ok()?;
    difference(&render(&back), &render(message)).is_none().then_some(text)
}

fn same(found: DynamicMessage, expected: DynamicMessage, what: &str, text: &[u8]) {
    let place = difference(&render(&settle(found)), &render(&settle(expected)));
    assert_eq!(place, None, "{what}: {}", show(text));
}

/// Whether it holds a number so large that the oracle, which makes a double of it if it has a fraction, may round it.
fn is_rounded(json: &Json) -> bool {
    match json {
        Json::Number(number) => number.is_f64() && number.as_f64().is_some_and(|number| number.abs() >= 9e15),
        Json::Array(items) => items.iter().any(is_rounded),
        Json::Object(members) => members.values().any(is_rounded),
        _ => false,
    }
}

fn show(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}
