//! Wire that no encoder would write, but that the format allows; and wire that it does not allow.

use std::cell::Cell;
use std::time::Duration;

use arbtest::arbtest;
use prost_reflect::DynamicMessage;
use prost_reflect::prost::Message as _;
use prost_reflect::prost::encoding::{DecodeContext, WireType, decode_key, skip_field};
use serde_json::Value as Json;

use super::contract::{PLANS, descriptor, id, message, write};
use super::rendering::{difference, render};

/// The message as the oracle decodes it is what the JSON must say.
fn agree(name: &str, wire: &[u8]) {
    let decoded = DynamicMessage::decode(descriptor(name), wire).expect("the wire is sound");
    let ours = write(name, wire).expect("the wire is sound");
    let ours: Json = serde_json::from_str(&ours).expect("the output is JSON");
    assert_eq!(difference(&ours, &render(&decoded)), None, "{wire:x?}");
}

#[test]
fn every_field_stands_in_the_order_of_declaration() {
    assert_eq!(
        write("Every", b"").as_deref(),
        Ok(concat!(
            r#"{"child":null,"scalars":null,"lists":null,"optionals":null,"maps":null,"known":null,"choices":null,"#,
            r#""children":[],"by_name":{},"odd_json_name":""}"#
        ))
    );
    let scalars = concat!(
        r#"{"double_field":0,"float_field":0,"int32_field":0,"int64_field":"0","uint32_field":0,"uint64_field":"0","#,
        r#""sint32_field":0,"sint64_field":"0","fixed32_field":0,"fixed64_field":"0","sfixed32_field":0,"#,
        r#""sfixed64_field":"0","bool_field":false,"string_field":"","bytes_field":"","mood":null,"plain":"zero","#,
        r#""nothing":null}"#
    );
    assert_eq!(write("Scalars", b"").as_deref(), Ok(scalars));
    // The numbers of these run against the order of declaration.
    let optionals = write("Optionals", &[0x78, 1, 0xc0, 1, 4, 0x90, 1, 1, 0xe0, 1, 0]).expect("sound");
    let set = optionals.replace("null", "");
    assert!(set.contains(r#""uint32_field":,"uint64_field":,"sint32_field":2"#), "{optionals}");
    assert!(set.contains(r#""float_field":,"int32_field":"#) && set.contains(r#""bool_field":true"#), "{optionals}");
}

#[test]
fn equal_maps_have_equal_text() {
    let entry = |key: u8| [0x62, 6, 0x0a, 1, key, 0x12, 1, b'v'];
    let one = [entry(b'b'), entry(b'a'), entry(b'c')].concat();
    let other = [entry(b'c'), entry(b'b'), entry(b'a')].concat();
    let text = write("Maps", &one).expect("sound");
    assert!(text.contains(r#""string_string":{"a":"v","b":"v","c":"v"}"#), "{text}");
    assert_eq!(write("Maps", &other), Ok(text));
}

#[test]
fn oddities_are_read_as_the_format_says() {
    for (name, wire) in [
        // A single field given twice: the last counts.
        ("Scalars", &b"\x18\x01\x72\x01a\x18\x02\x72\x01b"[..]),
        // A message in parts merges, also where other fields stand between.
        ("Every", b"\x0a\x02\x18\x01\x42\x01x\x0a\x02\x20\x02\x0a\x00"),
        // Unknown fields of every wire type.
        ("Scalars", b"\xf8\x07\x01\xfa\x07\x01a\xf9\x07\0\0\0\0\0\0\0\0\xfd\x07\0\0\0\0\x18\x05"),
        // A oneof: the last member counts, and what one had before does not come back.
        ("Choices", b"\x0a\x02\x18\x01\x10\x05\x0a\x02\x20\x02\x0a\x02\x28\x07"),
        ("Choices", b"\x1a\x01a\x10\x05\x40\x01\x10\x00"),
        // Packed, not packed, and both.
        ("Lists", b"\x18\x01\x1a\x02\x02\x03\x18\x04\x1a\x00"),
        ("Lists", b"\x0d\0\0\x80\x3f\x12\x08\0\0\x80\x3f\0\0\0\x40\xa2\x01\x02\x05\x06\xa0\x01\x07".split_at(5).1),
        // A list whose elements stand apart.
        ("Lists", b"\x72\x01a\x18\x01\x72\x01b\x18\x02\x72\x00"),
        // Entries of a map without a key, a value or either, turned about, and twice for one key.
        ("Maps", b"\x62\x00\x62\x03\x0a\x01k\x62\x03\x12\x01v\x62\x06\x12\x01w\x0a\x01z"),
        ("Maps", b"\x62\x06\x0a\x01k\x12\x01v\x62\x06\x0a\x01a\x12\x01v\x62\x06\x0a\x01k\x12\x01w"),
        ("Maps", b"\x6a\x03\x0a\x01k\x72\x03\x0a\x01k\x7a\x03\x0a\x01k\x5a\x00\x4a\x00\x52\x00"),
        // A key in two spellings is one key.
        ("Maps", b"\x5a\x0b\x08\x80\x80\x80\x80\xf8\xff\xff\xff\xff\x01\x5a\x04\x08\x01\x10\x01"),
        // The value of an entry in parts.
        ("Maps", b"\x6a\x0b\x0a\x01k\x12\x02\x18\x01\x12\x02\x20\x02"),
        // 32-bit numbers in 64 bits, cut as every reader cuts them.
        ("Scalars", b"\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x28\x81\x80\x80\x80\x80\x01"),
        ("Scalars", b"\x80\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x68\x05"),
        // A value in which no member is set, one with two, and a struct in parts.
        ("Known", b"\x2a\x00\x2a\x02\x20\x01\x2a\x03\x1a\x01a"),
        ("Known", b"\x2a\x09\x2a\x07\x0a\x05\x0a\x01a\x12\x00\x2a\x09\x2a\x07\x0a\x05\x0a\x01b\x12\x00"),
        // Wrappers and times in parts.
        ("Known", b"\x5a\x02\x08\x07\x5a\x00\x0a\x02\x08\x01\x0a\x02\x10\x05"),
    ] {
        agree(name, wire);
    }
}

#[test]
fn what_the_format_forbids_is_corrupt() {
    for (wire, says) in [
        (&b"\x18"[..], "the message is cut short"),
        (b"\x72\x05a", "the message is cut short"),
        (b"\x09\0\0\0", "the message is cut short"),
        (b"\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "a varint is longer than 64 bits"),
        (b"\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", "a varint is longer than 64 bits"),
        (b"\x00\x00", "a field's number is zero"),
        (b"\xff\xff\xff\xff\xff\x01", "a tag is too large"),
        (b"\x1b\x1c", "groups are not supported"),
        (b"\x1c", "groups are not supported"),
        (b"\x1e", "the wire type is unknown"),
        (b"\x1f", "the wire type is unknown"),
        (b"\x72\x01\xff", "string_field: a string is not UTF-8"),
        (b"\x70\x01", "string_field: the wire type is not the field's"),
        (b"\x1a\x01\x01", "int32_field: the wire type is not the field's"),
    ] {
        let mut out = b"before".to_vec();
        let fault = PLANS.write_json(id("Scalars"), wire, &mut out).expect_err(says);
        assert_eq!((fault.to_string().as_str(), out.as_slice()), (says, &b"before"[..]), "{wire:x?}");
    }
    for wire in [
        // Times and spans that no text can say.
        &b"\x0a\x06\x10\x80\x94\xeb\xdc\x03"[..],
        b"\x0a\x0b\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x0a\x07\x08\x80\x80\x80\x80\x80\x40",
        b"\x0a\x0b\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
        b"\x12\x07\x08\x80\x80\x80\x80\x80\x40",
        // Too many nanoseconds, beside seconds of the other sign.
        b"\x12\x11\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x10\x80\xec\x90\xc5\x06",
        // An `Any` of no known type.
        b"\x42\x03\x0a\x01x",
        b"\x42\x02\x12\x00\x42\x03\x12\x01x",
    ] {
        assert!(write("Known", wire).is_err(), "{wire:x?}");
    }
}

#[test]
fn nesting_ends_somewhere() {
    let mut wire = Vec::new();
    let mut deepest = 0;
    for depth in 1.. {
        let mut outer = vec![0x3a];
        prost_reflect::prost::encoding::encode_varint(wire.len() as u64, &mut outer);
        outer.append(&mut wire);
        wire = outer;
        if write("Every", &wire).is_err() {
            break;
        }
        deepest = depth;
    }
    assert_eq!(deepest, 99, "a hundred objects, the innermost of which is empty");
    // Far deeper than any stack.
    let mut wire = Vec::new();
    for _ in 0..20_000 {
        let mut outer = vec![0x3a];
        prost_reflect::prost::encoding::encode_varint(wire.len() as u64, &mut outer);
        wire.splice(0..0, outer);
    }
    assert!(write("Every", &wire).is_err());
}

#[test]
fn what_is_not_finite_in_a_value_is_a_word() {
    let nan = [&b"\x2a\x09\x11"[..], &f64::NAN.to_le_bytes()].concat();
    let text = write("Known", &nan).expect("sound");
    assert!(text.contains(r#""value":"NaN""#), "{text}");
}

#[test]
fn messages_in_pieces_and_in_disorder_agree_with_prost_reflect() {
    let ran = Cell::new(0);
    arbtest(|u| {
        let names = ["Scalars", "Optionals", "Lists", "Maps", "Known", "Choices", "Every"];
        let name = *u.choose(&names)?;
        let mut pieces = Vec::new();
        for _ in 0..u.int_in_range(1..=3)? {
            pieces.extend(records(&message(u, &descriptor(name), 2)?.encode_to_vec()));
        }
        for last in (1..pieces.len()).rev() {
            pieces.swap(last, u.int_in_range(0..=last)?);
        }
        agree(name, &pieces.concat());
        ran.set(ran.get() + 1);
        Ok(())
    })
    .size_min(1 << 8)
    .budget(Duration::from_secs(2))
    .run();
    println!("{} messages agreed", ran.get());
    assert!(ran.get() > 10);
}

/// The records of a message, apart.
fn records(mut wire: &[u8]) -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    while !wire.is_empty() {
        let start = wire;
        let (number, wire_type): (u32, WireType) = decode_key(&mut wire).expect("sound");
        skip_field(wire_type, number, &mut wire, DecodeContext::default()).expect("sound");
        records.push(start[..start.len() - wire.len()].to_vec());
    }
    records
}
