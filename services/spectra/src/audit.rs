//! `spectra audit`: whether the audit trail is what it was.

use std::{
    collections::{BTreeSet, HashMap},
    fmt::Write,
    fs::{self, OpenOptions},
    io::{self, ErrorKind},
    path::Path,
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
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

/// The file in which `up` keeps the heads, how often, and how long it may take.
const KEPT: &str = "audit-heads.jsonl";
const EVERY: Duration = Duration::from_hours(24);
const PATIENCE: Duration = Duration::from_secs(5);

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
    for head in heads(&mut PgConnection::connect_with(admin).await?).await? {
        println!("{}", serde_json::to_string(&head)?);
    }
    Ok(())
}

/// Checks the chains of one organization, or of every one that is known or was; whether all are whole.
async fn verify(admin: &PgConnectOptions, asked: Option<&str>, from: i64, kept: &[Head]) -> Result<bool> {
    let conn = &mut PgConnection::connect_with(admin).await?;
    let organizations = match asked {
        Some(asked) => BTreeSet::from([named(conn, asked).await?]),
        None => organizations(conn).await?.into_iter().chain(kept.iter().map(|head| head.organization)).collect(),
    };
    ensure!(!organizations.is_empty(), "there is nothing to check yet: no organization has changed anything");
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

/// Whoever has a trail in this database.
async fn organizations(conn: &mut PgConnection) -> Result<BTreeSet<Uuid>> {
    let mut all = BTreeSet::new();
    for schema in schemas(conn).await? {
        ensure!(
            !audit::sees_one_organization(conn, schema).await?,
            "row security shows this role one organization at a time; connect as a superuser, or name one with --org"
        );
        all.extend(audit::organizations(conn, schema).await?);
    }
    Ok(all)
}

/// Where every chain of the database ends.
async fn heads(conn: &mut PgConnection) -> Result<Vec<Head>> {
    let mut all = Vec::new();
    for organization in organizations(conn).await? {
        for schema in schemas(conn).await? {
            all.extend(audit::head(conn, schema, organization).await?);
        }
    }
    Ok(all)
}

/// The schemas with a trail that this role may read: each service may have a database of its own.
async fn schemas(conn: &mut PgConnection) -> Result<Vec<&'static str>> {
    let readable = "SELECT n.nspname::text FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = 'audit_links'
                     WHERE has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')";
    let readable: Vec<String> = sqlx::query_scalar(readable).fetch_all(conn).await?;
    let there: Vec<_> = Schema::ALL.map(Schema::name).into_iter().filter(|schema| readable.iter().any(|name| name == schema)).collect();
    ensure!(!there.is_empty(), "there is no audit trail in this database that this role may read; `spectra migrate` makes it");
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
    let Some(path) = named else { return kept_by_up(data) };
    let text = fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let heads = text.lines().filter(|line| !line.trim().is_empty()).map(serde_json::from_str);
    heads.collect::<Result<_, _>>().with_context(|| format!("{} does not hold heads as `spectra audit heads` prints them", path.display()))
}

/// What `up` kept in its data directory, out of the database. A line that was cut off when it was killed says nothing.
fn kept_by_up(data: &Path) -> Result<Vec<Head>> {
    match fs::read_to_string(data.join(KEPT)) {
        Ok(text) => Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).with_context(|| format!("{KEPT} in the data directory cannot be read")),
    }
}

/// Keeps the heads in the data directory, once a day, for ever.
pub(crate) async fn keep(admin: &PgConnectOptions, data: &Path) -> std::convert::Infallible {
    loop {
        keep_now(admin, data).await;
        tokio::time::sleep(EVERY).await;
    }
}

/// Adds the heads that moved to those that are kept, unless that takes long.
pub(crate) async fn keep_now(admin: &PgConnectOptions, data: &Path) {
    let kept = tokio::time::timeout(PATIENCE, add_heads(admin, data)).await.map_err(Into::into).flatten();
    if let Err(error) = kept {
        tracing::warn!(error = format!("{error:#}"), "the heads of the audit trail could not be kept");
    }
}

async fn add_heads(admin: &PgConnectOptions, data: &Path) -> Result<()> {
    let last: HashMap<_, _> = kept_by_up(data)?.into_iter().map(|head| ((head.schema, head.organization), head.link)).collect();
    let mut conn = PgConnection::connect_with(admin).await?;
    let mut moved = String::new();
    for head in heads(&mut conn).await? {
        if last.get(&(head.schema.clone(), head.organization)) != Some(&head.link) {
            // Behind a line that was cut off, a line of its own.
            writeln!(moved, "\n{}", serde_json::to_string(&head)?)?;
        }
    }
    let mut file = OpenOptions::new().create(true).append(true).open(data.join(KEPT))?;
    io::Write::write_all(&mut file, moved.as_bytes())?;
    file.sync_all()?;
    Ok(conn.close().await?)
}
