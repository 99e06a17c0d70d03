//! Field masks: paths of fields, separated by commas.

use super::error::{Refusal, Written};
use super::text::write_string;
use super::wire::{Value, Wire, WireType, put_bytes, put_tag};

/// Appends the paths that `text` spells; camelCase becomes the name as in the proto.
pub(super) fn put(text: &str, out: &mut Vec<u8>) -> Result<(), Refusal> {
    if text.is_empty() {
        return Ok(());
    }
    for path in text.split(',') {
        if !path.split('.').all(is_name) {
            return Err("must be names of fields, separated by commas".into());
        }
        let mut snake_case = String::with_capacity(path.len());
        for letter in path.chars() {
            if letter.is_ascii_uppercase() {
                snake_case.push('_');
            }
            snake_case.push(letter.to_ascii_lowercase());
        }
        put_tag(out, 1, WireType::Bytes);
        put_bytes(out, snake_case.as_bytes());
    }
    Ok(())
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Writes the paths as one JSON string, the names as in the proto.
pub(super) fn write(mut wire: Wire<'_>, out: &mut Vec<u8>) -> Written<()> {
    let mut paths = Vec::new();
    while !wire.is_empty() {
        if let (1, Value::Bytes(path)) = wire.record()? {
            paths.push(path);
        }
    }
    write_string(out, &paths.join(&b','))
}
