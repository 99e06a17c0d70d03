use time::OffsetDateTime;

use super::*;

const AUTHOR: Uuid = Uuid::from_u128(1);
const OTHER: Uuid = Uuid::from_u128(2);

fn entry() -> Entry {
    let at = OffsetDateTime::UNIX_EPOCH;
    let mut entry = Entry {
        organization_id: Uuid::nil(),
        id: Uuid::from_u128(9),
        entry_no: 1,
        entry_version: 1,
        supersedes: None,
        superseded_by: None,
        author_id: AUTHOR,
        writers: vec![AUTHOR],
        title: "t".to_owned(),
        body_markdown: "b".to_owned(),
        tags: vec![],
        linked_samples: vec![],
        linked_runs: vec![],
        linked_recipes: vec![],
        content_hash: String::new(),
        signed: false,
        signed_at: None,
        revision: 1,
        created_at: at,
        updated_at: at,
    };
    entry.content_hash = entry.record(&[]).content_hash();
    entry
}

fn reason(error: &Error) -> Reason {
    match error {
        Error::Denied { reason, .. } => *reason,
        Error::Refused(refusal) => refusal.reason(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_signed_version_is_followed_and_an_unsigned_one_written_over() {
    let edited = |entry: Entry, user, role| entry.may_edit(user, role);
    assert!(matches!(edited(entry(), AUTHOR, UserRole::Technician), Ok(Edit::InPlace(_))));
    assert!(matches!(edited(entry(), OTHER, UserRole::Pi), Ok(Edit::InPlace(_))));
    assert!(matches!(edited(Entry { signed: true, ..entry() }, AUTHOR, UserRole::Technician), Ok(Edit::NewVersion(_))));
    let strangers = edited(entry(), OTHER, UserRole::Engineer).expect_err("somebody else's");
    assert_eq!(reason(&strangers), Reason::RoleRequired);
    let old = Entry { signed: true, superseded_by: Some(OTHER), ..entry() };
    assert_eq!(reason(&edited(old, AUTHOR, UserRole::Admin).expect_err("an old one")), Reason::EntrySuperseded);
}

#[test]
fn files_are_attached_by_who_may_edit_and_to_what_is_not_signed() {
    let told = |entry: Entry, user, role| entry.may_attach(user, role).map(drop).map_err(|error| reason(&error));
    assert_eq!(told(entry(), AUTHOR, UserRole::Technician), Ok(()));
    assert_eq!(told(entry(), OTHER, UserRole::Pi), Ok(()));
    assert_eq!(told(entry(), OTHER, UserRole::Engineer), Err(Reason::RoleRequired));
    assert_eq!(told(Entry { signed: true, ..entry() }, AUTHOR, UserRole::Technician), Err(Reason::EntrySigned));
    let old = Entry { signed: true, superseded_by: Some(OTHER), ..entry() };
    assert_eq!(told(old, AUTHOR, UserRole::Technician), Err(Reason::EntrySuperseded));
}

#[test]
fn authors_sign_their_own_and_others_what_they_did_not_write() {
    use SignatureMeaning::{Approve, Author, Review, Witness};
    let told = |entry: Entry, user, role, meaning| entry.may_sign(&[], user, role, meaning).map(drop).map_err(|error| reason(&error));
    assert_eq!(told(entry(), AUTHOR, UserRole::Technician, Author), Ok(()));
    assert_eq!(told(entry(), OTHER, UserRole::Admin, Author), Err(Reason::NotTheAuthor));
    let edited = || Entry { writers: vec![AUTHOR, OTHER], ..entry() };
    for meaning in [Witness, Review, Approve] {
        assert_eq!(told(entry(), OTHER, UserRole::Pi, meaning), Ok(()));
        assert_eq!(told(entry(), OTHER, UserRole::Engineer, meaning), Err(Reason::RoleRequired));
        assert_eq!(told(entry(), AUTHOR, UserRole::Admin, meaning), Err(Reason::OwnEntry));
        assert_eq!(told(edited(), OTHER, UserRole::Admin, meaning), Err(Reason::OwnEntry), "who wrote in it wrote it");
    }
    assert_eq!(told(edited(), AUTHOR, UserRole::Technician, Author), Ok(()));
}

#[test]
fn what_was_signed_is_what_stands_there() {
    let signable = |entry: Entry| entry.may_sign(&[], AUTHOR, UserRole::Technician, SignatureMeaning::Author).expect("their own");
    let hash = entry().content_hash;
    assert!(signable(entry()).signed_as(&hash, UserRole::Technician).is_ok());
    let changed = signable(Entry { title: "T".to_owned(), ..entry() }).signed_as(&hash, UserRole::Technician).expect_err("another title");
    assert_eq!(reason(&changed), Reason::EntryChanged);
    assert!(signable(entry()).seen_as(None).is_ok() && signable(entry()).seen_as(Some(&hash)).is_ok());
    assert_eq!(signable(entry()).seen_as(Some("0")).expect_err("another hash").reason(), Reason::EntryChanged);
    let file = File { filename: "iv.csv".to_owned(), id: OTHER, sha256: "0".repeat(64), size_bytes: 1 };
    let more = entry().may_sign(&[file], AUTHOR, UserRole::Technician, SignatureMeaning::Author).expect("their own");
    assert!(more.signed_as(&hash, UserRole::Technician).is_err(), "there is a file that was not signed");
    let untold = signable(Entry { content_hash: "0".repeat(64), ..entry() });
    assert!(untold.signed_as(&hash, UserRole::Technician).is_err(), "the row says another hash than its content has");
}
