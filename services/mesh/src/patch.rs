//! The fields of an update, laid over the resource as it stands.

use std::collections::HashSet;

use prost::{Message, Name};
use prost_reflect::MessageDescriptor;
use prost_types::FieldMask;

use crate::validate::{
    Violation,
    wire::{Malformed, records},
};

/// Gives `current` with the fields of `patch` that `mask` names, or those that are set when it names none.
///
/// Top-level fields are replaced whole, lists and free JSON too; a named field without a value is cleared.
/// Whether the fields may be written at all is for the rules of the request to say.
pub fn apply<M>(current: &M, patch: &M, mask: Option<&FieldMask>) -> Result<M, Violation>
where
    M: Message + Name + Default,
{
    let paths = mask.map_or(&[][..], |mask| &mask.paths);
    let message = spectra_proto::POOL.get_message_by_name(&M::full_name()).ok_or_else(Violation::unreadable)?;
    let patched = lay_over(&message, &current.encode_to_vec(), &patch.encode_to_vec(), paths)?;
    M::decode(&*patched).map_err(|_| Violation::unreadable())
}

/// The same on encoded messages.
fn lay_over(message: &MessageDescriptor, current: &[u8], patch: &[u8], paths: &[String]) -> Result<Vec<u8>, Violation> {
    let mut changed = HashSet::new();
    for path in paths {
        let field = message.get_field_by_name(path).ok_or_else(|| Violation::unknown_path("update_mask", path))?;
        changed.insert(field.number());
    }
    replace(current, patch, changed).map_err(|Malformed| Violation::unreadable())
}

/// The records of `current`, those of the changed fields replaced by those of `patch`; no changed field means all of `patch`.
fn replace(current: &[u8], patch: &[u8], mut changed: HashSet<u32>) -> Result<Vec<u8>, Malformed> {
    if changed.is_empty() {
        changed = records(patch).map(|record| record.map(|it| it.number)).collect::<Result<_, _>>()?;
    }
    let mut patched = Vec::with_capacity(current.len() + patch.len());
    for (source, from_patch) in [(current, false), (patch, true)] {
        for record in records(source) {
            let record = record?;
            if changed.contains(&record.number) == from_patch {
                patched.extend_from_slice(record.raw);
            }
        }
    }
    Ok(patched)
}

#[cfg(test)]
mod tests {
    use prost_reflect::DynamicMessage;
    use prost_types::Timestamp;

    use super::*;
    use crate::validate::tests::POOL;

    fn message() -> MessageDescriptor {
        POOL.get_message_by_name("test.v1.Thing").expect("a message of the tests' contract")
    }

    fn thing(text: &str) -> DynamicMessage {
        DynamicMessage::parse_text_format(message(), text).expect(text)
    }

    #[track_caller]
    fn patched(current: &str, patch: &str, paths: &[&str], expected: &str) {
        let paths: Vec<_> = paths.iter().map(|&path| path.to_owned()).collect();
        let wire = lay_over(&message(), &thing(current).encode_to_vec(), &thing(patch).encode_to_vec(), &paths);
        let patched = DynamicMessage::decode(message(), &*wire.expect("known paths")).expect("a thing");
        assert_eq!(patched, thing(expected));
    }

    const CURRENT: &str = r#"name: "w" note: "cold" tags: ["a", "b"] level: 3"#;

    #[test]
    fn the_fields_of_the_mask_are_replaced() {
        let patch = r#"name: "v" note: "warm" level: 4"#;
        patched(CURRENT, patch, &["note"], r#"name: "w" note: "warm" tags: ["a", "b"] level: 3"#);
        patched(CURRENT, patch, &["level", "name", "level"], r#"name: "v" note: "cold" tags: ["a", "b"] level: 4"#);
    }

    #[test]
    fn without_a_mask_the_fields_that_are_set_are_replaced() {
        patched(CURRENT, r#"note: "" level: 4"#, &[], r#"name: "w" note: "" tags: ["a", "b"] level: 4"#);
        patched(CURRENT, "", &[], CURRENT);
    }

    #[test]
    fn a_named_field_without_a_value_is_cleared() {
        patched(CURRENT, r#"name: "v""#, &["name", "note", "tags", "level"], r#"name: "v""#);
        patched(CURRENT, "", &["name"], r#"note: "cold" tags: ["a", "b"] level: 3"#);
    }

    #[test]
    fn lists_messages_and_free_json_are_replaced_whole() {
        let json = |key: &str| format!(r#"data {{ fields {{ key: "{key}" value {{ bool_value: true }} }} }}"#);
        patched(&json("a"), &json("b"), &["data"], &json("b"));
        patched(&json("a"), &json("b"), &[], &json("b"));
        patched(r#"tags: ["a", "b"]"#, r#"tags: "c""#, &[], r#"tags: "c""#);
        patched("due { seconds: 1 nanos: 2 }", "due { seconds: 3 }", &["due"], "due { seconds: 3 }");
        patched("steps: [1, 2]", "steps: [3]", &["steps"], "steps: [3]");
    }

    #[test]
    fn a_path_names_a_field() {
        let refused = lay_over(&message(), &[], &[], &["note".to_owned(), "data.x".to_owned()]);
        assert_eq!(refused, Err(Violation::unknown_path("update_mask", "data.x")));
    }

    #[test]
    fn bytes_that_are_no_message_are_refused() {
        assert_eq!(lay_over(&message(), &[0x12, 9], &[], &[]), Err(Violation::unreadable()));
        assert_eq!(lay_over(&message(), &[], &[0x12, 9], &[]), Err(Violation::unreadable()));
    }

    #[test]
    fn generated_messages_are_patched() {
        let (current, patch) = (Timestamp { seconds: 1, nanos: 2 }, Timestamp { seconds: 3, nanos: 0 });
        let mask = |path: &str| FieldMask { paths: vec![path.to_owned()] };
        assert_eq!(apply(&current, &patch, None), Ok(Timestamp { seconds: 3, nanos: 2 }));
        assert_eq!(apply(&current, &patch, Some(&FieldMask::default())), Ok(Timestamp { seconds: 3, nanos: 2 }));
        assert_eq!(apply(&current, &patch, Some(&mask("nanos"))), Ok(Timestamp { seconds: 1, nanos: 0 }));
        assert_eq!(apply(&current, &patch, Some(&mask("year"))), Err(Violation::unknown_path("update_mask", "year")));
    }
}
