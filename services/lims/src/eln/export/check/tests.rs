use std::ops::Range;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use spectra_mesh::signed::{self, Organization, Signer};
use uuid::Uuid;

use super::*;
use crate::eln::{
    content::{Content, LinkedEntities},
    export::{Context, File, Format, Key, Version},
};

const ORGANIZATION: Uuid = Uuid::from_u128(5);

fn pair(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("a key")
}

fn signature(pair: &Ed25519KeyPair, export: &Export, name: &str, meaning: &str, reason: Option<&str>) -> Signature {
    let Version { attachments, content, entry_no, entry_version, id, .. } = &export.entry;
    let record = content.record(attachments, *id, *entry_no, *entry_version);
    let manifest = Manifest {
        content_hash: record.content_hash(),
        meaning: meaning.to_owned(),
        method: "password".to_owned(),
        organization: Organization { id: ORGANIZATION, name: "Lab".to_owned() },
        reason: reason.map(str::to_owned),
        record,
        schema_version: signed::SCHEMA_VERSION,
        signed_at: "2026-11-27T10:00:00.000001Z".to_owned(),
        signer: Signer { id: Uuid::from_u128(7), name: name.to_owned(), role: "pi".to_owned() },
    };
    let text = manifest.text();
    let signature = STANDARD.encode(pair.sign(text.as_bytes()));
    Signature { key_id: key_id(pair.public_key().as_ref()), manifest: text, signature }
}

/// A version that was signed twice with the key of this seed.
fn export(seed: u8) -> Export {
    let content = Content {
        body_markdown: "# Leakage\n\n```\n2 pA\n```\n\"\u{20ac}\" <script>alert(1)</script>".to_owned(),
        linked_entities: LinkedEntities { samples: vec![Uuid::from_u128(8)], ..LinkedEntities::default() },
        tags: vec!["iv".to_owned(), "cold".to_owned()],
        title: "Leakage of *W1*".to_owned(),
    };
    let id = Uuid::from_u128(9);
    let file =
        |id, filename: &str| File { filename: filename.to_owned(), id: Uuid::from_u128(id), sha256: "5c".repeat(32), size_bytes: 34 };
    let attachments = vec![file(1, "iv *1*.csv"), file(2, "map.png")];
    let content_hash = content.record(&attachments, id, 3, 2).content_hash();
    let pair = pair(seed);
    let key_id = key_id(pair.public_key().as_ref());
    let mut export = Export {
        context: Context { author_id: Uuid::from_u128(1), created_at: "2026-11-27T09:00:00Z".to_owned(), supersedes: None },
        entry: Version { attachments, content, content_hash, entry_no: 3, entry_version: 2, id, organization_id: ORGANIZATION },
        format: FORMAT.to_owned(),
        keys: vec![Key { algorithm: ALGORITHM.to_owned(), key_id, public_key: URL_SAFE_NO_PAD.encode(pair.public_key()) }],
        schema_version: SCHEMA_VERSION,
        signatures: vec![],
    };
    let author = signature(&pair, &export, "Ada", "author", None);
    let witness = signature(&pair, &export, "Grace", "witness", Some("I was there"));
    export.signatures = vec![author, witness];
    export
}

fn text(export: &Export, format: Format) -> String {
    export.text(format).expect("a text")
}

/// Where what no signature is over stands in the file.
fn context(text: &str) -> Range<usize> {
    let begin = text.find(r#"{"context":{"#).expect("the context");
    begin..begin + text[begin..].find(r#""entry":"#).expect("the entry")
}

#[test]
fn what_was_signed_is_believed_in_both_forms() {
    let export = export(1);
    let (own, other) = (pair(1), pair(2));
    for format in [Format::Json, Format::Markdown] {
        let text = text(&export, format);
        let checked = Export::check(&text, None).expect("what was signed");
        assert_eq!((checked.entry_no, checked.entry_version, checked.keys.len()), (3, 2, 1));
        assert_eq!(checked.files, export.entry.attachments);
        let told: Vec<_> = checked.manifests.iter().map(|said| (said.signer.name.as_str(), said.meaning.as_str())).collect();
        assert_eq!(told, [("Ada", "author"), ("Grace", "witness")]);
        assert!(Export::check(&text, Some(own.public_key().as_ref())).is_ok());
        let stranger = Export::check(&text, Some(other.public_key().as_ref())).expect_err("another key");
        assert!(stranger.to_string().contains("another key"), "{stranger}");
    }
    let text = text(&export, Format::Markdown);
    for printed in
        ["Signed by Ada (pi)", "2026-11-27T10:00:00.000001Z", "Meaning: witness", "Reason: I was there", "````markdown\n# Leakage\n"]
    {
        assert!(text.contains(printed), "{printed} in {text}");
    }
    assert!(text.contains("Leakage of \\*W1\\*"));
    assert!(text.contains("- iv \\*1\\*.csv\n") && text.contains("  - Size: 34 bytes\n"), "{text}");
}

/// Each bit of each byte in turn, in both forms, but for what no signature is over.
#[test]
fn one_changed_bit_is_found() {
    let export = export(1);
    let mut tried = 0;
    for format in [Format::Json, Format::Markdown] {
        let text = text(&export, format);
        let free = context(&text);
        for at in (0..text.len()).filter(|at| !free.contains(at)) {
            for bit in 0..8 {
                let mut bytes = text.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                tried += 1;
                let Ok(changed) = String::from_utf8(bytes) else { continue };
                // A line feed at the end is not part of JSON.
                if changed.trim_end() == text.trim_end() {
                    continue;
                }
                assert!(
                    Export::check(&changed, None).is_err(),
                    "bit {bit} of byte {at} of {format:?}: {:?}",
                    &changed[at.saturating_sub(20)..at]
                );
            }
        }
        for cut in 0..text.len() - 1 {
            if let Some(part) = text.get(..cut) {
                assert!(Export::check(part, None).is_err(), "{cut} bytes of {format:?}");
            }
        }
    }
    println!("{tried} changes");
}

#[test]
fn what_is_wrong_is_said() {
    let told = |change: fn(&mut Export)| {
        let mut export = export(1);
        change(&mut export);
        Export::check(&text(&export, Format::Json), None).expect_err("it was changed").to_string()
    };
    for (change, part) in [
        ((|export| export.entry.content.title.push('!')) as fn(&mut Export), "title is not what was signed"),
        (|export| export.entry.content.body_markdown.push(' '), "body_markdown is not what was signed"),
        (|export| export.entry.content.tags[1].push('x'), "tags is not what was signed"),
        (|export| export.entry.content.linked_entities.samples.clear(), "linked_entities is not what was signed"),
        (|export| export.entry.attachments[0].filename.push('x'), "attachments is not what was signed"),
        (|export| export.entry.attachments[0].size_bytes += 1, "attachments is not what was signed"),
        (|export| export.entry.attachments[1].sha256 = "0".repeat(64), "attachments is not what was signed"),
        (|export| export.entry.attachments[1].id = Uuid::nil(), "attachments is not what was signed"),
        (|export| export.entry.attachments.swap(0, 1), "attachments is not what was signed"),
        (|export| _ = export.entry.attachments.pop(), "attachments is not what was signed"),
        (|export| export.entry.entry_version = 3, "another entry or version"),
        (|export| export.entry.organization_id = Uuid::nil(), "another organization"),
        (|export| export.entry.content_hash = "0".repeat(64), "the content hash"),
        (|export| export.signatures.clear(), "nobody has signed"),
        (|export| export.keys.clear(), "its key is not in the file"),
        (|export| export.signatures[1].manifest = export.signatures[1].manifest.replace("Grace", "Eve"), "signature 2 of 2: the manifest"),
        (|export| export.signatures[0].signature = export.signatures[1].signature.clone(), "signature 1 of 2: the manifest"),
        (|export| export.keys[0].public_key = URL_SAFE_NO_PAD.encode([1; 32]), "is not the one of its id"),
        (|export| export.format = "other".to_owned(), "a form that this program does not know"),
    ] {
        let told = told(change);
        assert!(told.contains(part), "{told} should say {part}");
    }
    for nothing in ["", "{", "{}", "# Notebook", "\n```\n", "null"] {
        assert!(matches!(Export::check(nothing, None), Err(Broken::Unreadable(_))), "{nothing}");
    }
}

/// Who signs anew with a key of their own is told from the lab by the key alone.
#[test]
fn a_forger_has_another_key() {
    let forged = text(&export(2), Format::Json);
    let checked = Export::check(&forged, None).expect("it is in itself whole");
    assert_eq!(checked.keys, [key_id(pair(2).public_key().as_ref())]);
    assert!(Export::check(&forged, Some(pair(1).public_key().as_ref())).is_err());
}
