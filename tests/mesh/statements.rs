//! The statements of the services, as they were checked: each names the organization it works in.

use std::{collections::BTreeSet, fs, path::Path};

use spectra_database::schema::{self, Schema};
use spectra_tests::empty_database;
use sqlx::{Connection, PgConnection};

/// Statements that name a tenant's table and not its organization, each with why.
const EXCEPTIONS: [(&str, &str); 7] = [
    ("FROM users u JOIN organizations o ON o.id = u.organization_id WHERE lower(u.email)", "who signs in says no organization"),
    ("FROM refresh_tokens t JOIN sessions s", "who renews a session shows nothing but the token, and its hash is looked up"),
    ("SELECT seq, kind, subject, at, until FROM revocations", "every service hears of every organization's"),
    ("DELETE FROM revocations WHERE until < now()", "what no token outlives is removed for all together"),
    (
        "WITH RECURSIVE owners AS ( (SELECT organization_id FROM audit_events",
        "who runs the installation keeps the end of every organization's trail",
    ),
    ("SELECT organization_id, id FROM attachment_uploads WHERE given_up", "what uploads left behind is cleared away for all together"),
    ("DELETE FROM idempotency_keys WHERE ctid IN ( SELECT ctid", "the rows are those that the statement within finds, by organization"),
];

#[tokio::test]
async fn every_statement_names_the_organization() {
    let tables = tables().await;
    let mut excused = BTreeSet::new();
    let mut judged = 0;
    for statement in statements() {
        let statement = statement.split_whitespace().collect::<Vec<_>>().join(" ");
        let excuse = EXCEPTIONS.iter().find(|(part, _)| statement.contains(part));
        match (fault(&statement, &tables), excuse) {
            (Some(_), Some((part, _))) => _ = excused.insert(*part),
            (Some(fault), None) => panic!("{fault}: {statement}"),
            (None, _) => {}
        }
        judged += 1;
    }
    println!("{judged} statements, {} tables", tables.len());
    assert!(judged > 80, "only {judged} statements");
    let idle: Vec<_> = EXCEPTIONS.iter().filter(|(part, _)| !excused.contains(part)).collect();
    assert!(idle.is_empty(), "exceptions that no statement needs: {idle:#?}");
}

/// A check that cannot fail says nothing.
#[tokio::test]
async fn a_statement_that_names_no_organization_is_told() {
    let tables = tables().await;
    for offender in [
        "SELECT * FROM samples WHERE id = $1",
        "SELECT * FROM lims.samples WHERE id = $1",
        "SELECT * FROM samples WHERE organization_id <> $1",
        "SELECT * FROM samples WHERE organization_id >= $1",
        "SELECT organization_id FROM samples WHERE id = $1",
        "SELECT * FROM samples WHERE name = 'organization_id = $1' AND id = $2",
        "UPDATE samples SET name = $2 WHERE id = $1",
        "DELETE FROM recipes WHERE id = $1",
        "INSERT INTO samples (id, name) VALUES ($1, $2)",
        "INSERT INTO samples (organization_id, id) SELECT organization_id, id FROM samples",
        "INSERT INTO samples (id, results) VALUES ($1, $2)",
        "SELECT * FROM runs JOIN samples s ON s.id = runs.sample_id WHERE runs.organization_id = $1",
        "SELECT * FROM runs r, samples s WHERE r.organization_id = s.organization_id",
        "SELECT (SELECT max(id) FROM runs) FROM samples WHERE organization_id = $1",
    ] {
        assert!(fault(offender, &tables).is_some(), "{offender}");
    }
    for good in [
        "SELECT * FROM organizations WHERE slug = $1",
        "SELECT to_regclass('samples')",
        "SELECT * FROM samples WHERE organization_id=$1 AND id = $2",
        "INSERT INTO samples (id, organization_id) VALUES ($2, $1) RETURNING *",
        "INSERT INTO calibrations (id, organization_id, results) VALUES ($2, $1, $3)",
        "SELECT * FROM runs JOIN samples s ON s.organization_id = runs.organization_id WHERE runs.organization_id = $1",
    ] {
        assert_eq!(fault(good, &tables), None, "{good}");
    }
}

/// The tables whose rows belong to an organization.
async fn tables() -> BTreeSet<String> {
    let admin = empty_database().await;
    schema::migrate(&admin).await.unwrap();
    let mut conn = PgConnection::connect_with(&admin).await.unwrap();
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT c.relname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'organization_id'
          WHERE c.relkind IN ('r', 'p') AND c.relnamespace::regnamespace::text = ANY ($1)",
    )
    .bind(Schema::ALL.map(Schema::name))
    .fetch_all(&mut conn)
    .await
    .unwrap();
    assert!(tables.len() > 10, "{tables:?}");
    tables.into_iter().collect()
}

/// Every statement that the services make, from the metadata that it was checked against.
fn statements() -> impl Iterator<Item = String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.sqlx");
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    files.map(|file| {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        let metadata: serde_json::Value = serde_json::from_str(&text).unwrap();
        metadata["query"].as_str().expect("a statement").to_owned()
    })
}

/// What is wrong with a statement. Each place where it names a tenant's table needs a word on the
/// organization: the caller's, that of a table beside it, or a column to insert.
fn fault(statement: &str, tables: &BTreeSet<String>) -> Option<String> {
    let words = words(statement);
    let inserts: Vec<_> = words.iter().enumerate().filter(|(_, word)| word.eq_ignore_ascii_case("into")).map(|(place, _)| place).collect();
    // The columns that are inserted, from behind the table's name: one may be called as another table is.
    let columns = |into: usize| {
        let first = into + 2;
        let count = words[first..].iter().take_while(|word| !["VALUES", "SELECT"].contains(&word.as_str())).count();
        first..first + count
    };
    let is_column = |place: usize| inserts.iter().any(|into| columns(*into).contains(&place));
    let named: Vec<_> =
        words.iter().enumerate().filter(|(place, word)| tables.contains(table(word)) && !is_column(*place)).map(|(_, word)| word).collect();
    let organization = |word: &str| word == "organization_id" || word.ends_with(".organization_id");
    let compared = |to: fn(&str) -> bool| words.windows(3).filter(|part| organization(&part[0]) && part[1] == "=" && to(&part[2])).count();
    let given = compared(|to| to.starts_with('$'));
    let beside = compared(|to| to.ends_with(".organization_id"));
    let inserted = inserts.iter().filter(|into| words[columns(**into)].iter().any(|word| organization(word))).count();
    if named.len() > given + beside + inserted {
        return Some(format!("names {named:?} and {} times the organization", given + beside + inserted));
    }
    (!named.is_empty() && given + inserted == 0).then(|| format!("names {named:?} and no organization that is given"))
}

/// A table's name without its schema.
fn table(word: &str) -> &str {
    Schema::ALL.iter().find_map(|schema| word.strip_prefix(schema.name())?.strip_prefix('.')).unwrap_or(word)
}

/// The names, the parameters and the signs of equality of a statement; what is quoted is none of them.
fn words(statement: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for letter in statement.split('\'').step_by(2).flat_map(|part| part.chars().chain([' '])) {
        if letter.is_alphanumeric() || "_.$".contains(letter) {
            words.last_mut().unwrap().push(letter);
        } else {
            if letter == '=' && !"<>!".contains(before) {
                words.push("=".to_owned());
            }
            words.push(String::new());
        }
        before = letter;
    }
    words.retain(|word| !word.is_empty());
    words
}
