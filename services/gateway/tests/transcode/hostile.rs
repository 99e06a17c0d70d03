//! Damaged text and damaged wire: never a panic, and what is taken all the same must be sound.

use std::cell::Cell;
use std::time::Duration;

use arbtest::arbitrary::{Result, Unstructured};
use arbtest::arbtest;
use prost_reflect::DynamicMessage;
use prost_reflect::prost::Message as _;
use serde_json::Value as Json;

use super::contract::{PLANS, decode, descriptor, id, message, write};
use super::rendering::{difference, render};

const NAMES: [&str; 7] = ["Scalars", "Optionals", "Lists", "Maps", "Known", "Choices", "Every"];

/// A few bytes changed, taken out, put in, or the rest cut off.
fn damage(u: &mut Unstructured<'_>, bytes: &mut Vec<u8>, likely: &[u8]) -> Result<()> {
    for _ in 0..u.int_in_range(1..=2)? {
        let any = u.arbitrary()?;
        let byte = if u.ratio(1, 2)? { any } else { *u.choose(likely)? };
        let at = u.choose_index(bytes.len() + 1)?;
        match u.int_in_range(0..=9)? {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, byte),
            2 if at < bytes.len() => drop(bytes.remove(at)),
            _ if at < bytes.len() => bytes[at] = byte,
            _ => {}
        }
    }
    Ok(())
}

#[test]
fn damaged_wire_is_refused_or_read_as_prost_reflect_reads_it() {
    let (ran, taken) = (Cell::new(0), Cell::new(0));
    arbtest(|u| {
        let name = *u.choose(&NAMES)?;
        let mut wire = message(u, &descriptor(name), 1)?.encode_to_vec();
        damage(u, &mut wire, &[0, 1, 2, 8, 10, 0x7f, 0x80, 0xff])?;
        ran.set(ran.get() + 1);
        let Ok(text) = write(name, &wire) else {
            return Ok(());
        };
        taken.set(taken.get() + 1);
        let ours: Json = serde_json::from_str(&text).unwrap_or_else(|fault| panic!("{fault} in {text}"));
        if let Ok(theirs) = DynamicMessage::decode(descriptor(name), &*wire) {
            assert_eq!(difference(&ours, &render(&theirs)), None, "{wire:x?}");
        }
        Ok(())
    })
    .budget(Duration::from_secs(2))
    .run();
    println!("{} damaged messages, {} of them taken", ran.get(), taken.get());
    assert!(ran.get() > 10);
}

#[test]
fn damaged_text_is_refused_or_is_json_still() {
    let (ran, taken) = (Cell::new(0), Cell::new(0));
    arbtest(|u| {
        let name = *u.choose(&NAMES)?;
        let wire = message(u, &descriptor(name), 1)?.encode_to_vec();
        let mut text = write(name, &wire).expect("a message of the contract").into_bytes();
        damage(u, &mut text, b"{}[]\",:\\u0n-.e ")?;
        ran.set(ran.get() + 1);
        let mut wire = Vec::new();
        if PLANS.read_json(id(name), &text, &mut wire).is_err() {
            assert!(wire.is_empty());
            return Ok(());
        }
        taken.set(taken.get() + 1);
        let json: std::result::Result<Json, _> = serde_json::from_slice(&text);
        assert!(json.is_ok(), "{json:?} in {}", String::from_utf8_lossy(&text));
        assert!(write(name, &decode(name, &wire).encode_to_vec()).is_ok());
        Ok(())
    })
    .budget(Duration::from_secs(2))
    .run();
    println!("{} damaged texts, {} of them taken", ran.get(), taken.get());
    assert!(ran.get() > 10);
}

#[test]
fn any_bytes_at_all_do_no_harm() {
    arbtest(|u| {
        let name = *u.choose(&NAMES)?;
        let bytes = u.bytes(u.len())?;
        let (mut wire, mut text) = (Vec::new(), Vec::new());
        let read = PLANS.read_json(id(name), bytes, &mut wire);
        let written = PLANS.write_json(id(name), bytes, &mut text);
        assert!(read.is_ok() || wire.is_empty());
        assert!(written.is_ok() || text.is_empty());
        let _ = PLANS.parameters(id(name)).set(&String::from_utf8_lossy(bytes), "1", &mut wire);
        Ok(())
    })
    .budget(Duration::from_secs(1))
    .run();
}
