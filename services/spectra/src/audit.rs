//! `spectra audit`: whether the audit trail is what it was.

use std::{
    collections::BTreeSet,
    fs::{self, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, Result};
use spectra_database::schema::Schema;
use spectra_mesh::audit::{self, Head};
use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use uuid::Uuid;

use crate::{
    cli::{Audit, AuditAction},
    database::Database,
};

/// What a shell is told when a chain is broken, and when it cannot be read.
const BROKEN: u8 = 1;
const UNREAD: u8 = 2;

/// How often `up` keeps the heads.
const EVERY: Duration = Duration::from_hours(1);

/// Does what is asked with the audit trail of an installation.
pub async fn run(options: Audit) -> ExitCode {
    match act(&options).await {
        Ok(whole) => {
            if whole {
                ExitCode::SUCCESS
            } else {
                ExitCode::from(BROKEN)
            }
        }
        Err(error) => {
            eprintln!("spectra: {error:#}");
            ExitCode::from(UNREAD)
        }
    }
}

async fn act(options: &Audit) -> Result<bool> {
    let database = Database::there(&options.database, &options.data).await?;
    let outcome = match &options.action {
        AuditAction::Heads => print_heads(database.admin()).await.map(|()| true),
        AuditAction::Verify { organization, from, head } => {
            let kept = kept(head.as_deref(), &options.data);
            match kept {
                Ok(kept) => verify(database.admin(), organization.as_deref(), *from, &kept).await,
                Err(error) => Err(error),
            }
        }
    };
    database.stop().await?;
    outcome
}

async fn print_heads(admin: &PgConnectOptions) -> Result<()> {
    let mut out = std::io::stdout();
    for head in heads(&mut PgConnection::connect_with(admin).await?).await? {
        writeln!(out, "{}", serde_json::to_string(&head)?)?;
    }
    Ok(())
}

/// Checks the chains of one organization, or of every one that is known or was; whether all are whole.
async fn verify(admin: &PgConnectOptions, asked: Option<&str>, from: i64, kept: &[Head]) -> Result<bool> {
    let conn = &mut PgConnection::connect_with(admin).await?;
    let organizations = match asked {
        Some(asked) => BTreeSet::from([named(conn, asked).await?]),
        None => heads(conn).await?.iter().chain(kept).map(|head| head.organization).collect(),
    };
    let mut whole = true;
    for organization in organizations {
        for schema in schemas(conn).await? {
            let verdict = audit::verify(conn, schema, organization, from, kept).await?;
            let told = match (&verdict.fault, &verdict.head) {
                (Some(fault), _) => fault.to_string(),
                (None, Some(head)) => format!("whole, {} links, up to {} {}", verdict.links, head.link, head.hash),
                (None, None) => "whole, no links".to_owned(),
            };
            println!("{organization} {schema}: {told}");
            whole &= verdict.fault.is_none();
        }
    }
    Ok(whole)
}

/// Where every chain of the database ends.
async fn heads(conn: &mut PgConnection) -> Result<Vec<Head>> {
    let mut all = Vec::new();
    for schema in schemas(conn).await? {
        all.extend(audit::heads(conn, schema).await?);
    }
    Ok(all)
}

/// The schemas that this database has: each service may have a database of its own.
async fn schemas(conn: &mut PgConnection) -> Result<Vec<&'static str>> {
    let mut there = Vec::new();
    for schema in Schema::ALL.map(Schema::name) {
        let found: bool =
            sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL").bind(format!("{schema}.audit_links")).fetch_one(&mut *conn).await?;
        there.extend(found.then_some(schema));
    }
    anyhow::ensure!(!there.is_empty(), "there is no audit trail in this database; `spectra migrate` makes it");
    Ok(there)
}

/// An organization by its slug or its id.
async fn named(conn: &mut PgConnection, asked: &str) -> Result<Uuid> {
    if let Ok(id) = Uuid::try_parse(asked) {
        return Ok(id);
    }
    let found = sqlx::query_scalar("SELECT id FROM identity.organizations WHERE slug = $1").bind(asked).fetch_optional(conn).await;
    found
        .context("this database has no directory of organizations; name it by its id")?
        .with_context(|| format!("there is no organization {asked}"))
}

/// The heads that were kept in a file; by `up` when none is named, which may not have come to it yet.
fn kept(named: Option<&Path>, data: &Path) -> Result<Vec<Head>> {
    let own = kept_by_up(data);
    let path = named.unwrap_or(&own);
    let text = match fs::read_to_string(path) {
        Err(_) if named.is_none() => return Ok(Vec::new()),
        text => text.with_context(|| format!("{} cannot be read", path.display()))?,
    };
    let heads = text.lines().filter(|line| !line.trim().is_empty()).map(serde_json::from_str);
    heads.collect::<Result<_, _>>().with_context(|| format!("{} does not hold heads as `spectra audit heads` prints them", path.display()))
}

/// Where `up` keeps the heads: in the data directory, and out of the database.
fn kept_by_up(data: &Path) -> PathBuf {
    data.join("audit-heads.jsonl")
}

/// Keeps the heads in the data directory, now and then, for ever.
pub(crate) async fn keep(admin: &PgConnectOptions, data: &Path) -> std::convert::Infallible {
    loop {
        if let Err(error) = keep_once(admin, data).await {
            tracing::warn!(error = format!("{error:#}"), "the heads of the audit trail could not be kept");
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Adds the heads that moved to those that are kept.
pub(crate) async fn keep_once(admin: &PgConnectOptions, data: &Path) -> Result<()> {
    let known = kept(None, data)?;
    let mut conn = PgConnection::connect_with(admin).await?;
    let mut file = OpenOptions::new().create(true).append(true).open(kept_by_up(data))?;
    for head in heads(&mut conn).await?.into_iter().filter(|head| !known.contains(head)) {
        writeln!(file, "{}", serde_json::to_string(&head)?)?;
    }
    file.sync_all()?;
    Ok(conn.close().await?)
}
