//! What the catalogue of a migrated database says: every table keeps the rules of every table.

use std::collections::{BTreeMap, BTreeSet};

use prost_reflect::Kind;
use spectra_database::schema;
use spectra_proto::{POOL, validate::FieldRules};
use spectra_tests::{empty_database, grpc};
use sqlx::{Connection, PgConnection};

mod mutations;

/// Whatever breaks a rule, with the rule.
const FAULTS: &str = include_str!("catalogue/faults.sql");

/// Limits that text columns are checked for.
const LIMITS: &str = "SELECT format('%s.%s.%s', c.connamespace::regnamespace, r.relname, a.attname),
                             substring(pg_get_constraintdef(c.oid) FROM format('length\\(%I\\) <= ([0-9]+)', a.attname))::bigint
                        FROM pg_constraint c
                        JOIN pg_class r ON r.oid = c.conrelid
                        JOIN pg_attribute a ON a.attrelid = c.conrelid AND c.conkey = ARRAY[a.attnum]
                       WHERE c.contype = 'c' AND pg_get_constraintdef(c.oid) ~ format('length\\(%I\\) <= ', a.attname)";

#[tokio::test]
async fn every_table_keeps_the_rules() {
    let faults = faults(&mut migrated().await).await;
    assert!(faults.is_empty(), "{faults:#?}");
}

/// A check that cannot fail says nothing: each rule is broken once, and exactly that is told.
#[tokio::test]
async fn every_rule_tells_its_break() {
    let mut conn = migrated().await;
    let mut told = BTreeSet::new();
    for (statement, expected) in mutations::MUTATIONS {
        let mut tx = conn.begin().await.unwrap();
        sqlx::raw_sql(*statement).execute(&mut *tx).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
        let faults = faults(&mut tx).await;
        let faults: Vec<_> = faults.iter().map(|(rule, thing)| (rule.as_str(), thing.as_str())).collect();
        assert_eq!(faults, *expected, "{statement}");
        told.extend(expected.iter().map(|(rule, _)| *rule));
        tx.rollback().await.unwrap();
    }
    let unbroken: Vec<_> = rules().filter(|rule| !told.contains(rule)).collect();
    assert!(unbroken.is_empty(), "no mutation breaks these rules: {unbroken:#?}");
    println!("{} mutations break {} rules", mutations::MUTATIONS.len(), told.len());
}

/// What the contract lets through, the database keeps, and nothing longer.
#[tokio::test]
async fn text_is_as_long_as_the_contract_says() {
    let kept: Vec<(String, i64)> = sqlx::query_as(LIMITS).fetch_all(&mut migrated().await).await.unwrap();
    let kept: BTreeMap<_, _> = kept.into_iter().collect();
    let mut compared = 0;
    for message in POOL.all_messages().filter(|message| message.package_name().starts_with("spectra.")) {
        let (schema, resource) = (schema_of(message.package_name()), snake(message.name()));
        for field in message.fields().filter(|field| field.kind() == Kind::String) {
            let rules: Option<FieldRules> = spectra_proto::option(&field.options(), "buf.validate.field");
            let Some(allowed) = rules.and_then(longest) else { continue };
            let column = format!("{schema}.{resource}s.{}", field.name());
            let Some(kept) = kept.get(&column) else { continue };
            assert_eq!(i128::from(*kept), i128::from(allowed), "{column}: what is kept, and what the contract lets through");
            compared += 1;
        }
    }
    println!("{compared} limits");
    assert!(compared >= 20, "only {compared} columns were found in the contract");
}

/// A database with every table, and the admin's connection to it.
async fn migrated() -> PgConnection {
    let admin = empty_database().await;
    schema::migrate(&admin).await.unwrap();
    PgConnection::connect_with(&admin).await.unwrap()
}

async fn faults(conn: &mut PgConnection) -> Vec<(String, String)> {
    sqlx::query_as(FAULTS).bind(listed()).fetch_all(conn).await.unwrap()
}

/// The tables whose rows the contract lists page by page.
fn listed() -> Vec<String> {
    let lists = grpc::methods().filter(|method| method.input().get_field_by_name("page_token").is_some());
    let listed: Vec<_> = lists
        .map(|method| {
            let resources = method.name().strip_prefix("List").expect("pages are of lists");
            let table = snake(resources);
            // What a feature set selects are results.
            let table = if table == "feature_set_rows" { "results" } else { &table };
            format!("{}.{table}", schema_of(method.parent_service().package_name()))
        })
        .collect();
    assert!(listed.len() >= 9, "{listed:?}");
    listed
}

/// The rules that `faults.sql` knows: the sentence that each of its parts selects.
fn rules() -> impl Iterator<Item = &'static str> {
    FAULTS.lines().filter_map(|line| line.strip_prefix("SELECT '")?.split('\'').next())
}

fn longest(rules: FieldRules) -> Option<u64> {
    use spectra_proto::validate::field_rules::Type;
    match rules.r#type {
        Some(Type::String(text)) => text.max_len,
        _ => None,
    }
}

/// `spectra.lims.v1` is the package of the schema `lims`.
fn schema_of(package: &str) -> &str {
    package.split('.').nth(1).unwrap_or_default()
}

/// `RecipeApprovals` is `recipe_approvals`.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}
