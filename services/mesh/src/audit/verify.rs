//! Reading a chain to check it, for whoever runs the installation.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use sqlx::{Connection, PgConnection};
use tokio_stream::StreamExt;
use uuid::Uuid;

use super::chain::{Fault, Link, Walk};
use crate::hex;

/// The last link of a chain at some time. Kept outside of the database, it shows when the end is cut off or all is rewritten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The schema that the trail is in.
    pub schema: String,
    /// Whose it is.
    pub organization: Uuid,
    /// The number of the link.
    pub link: i64,
    /// Its hash, in hexadecimal.
    pub hash: String,
}

/// What a check found.
#[derive(Debug)]
pub struct Verdict {
    /// How many links were read.
    pub links: i64,
    /// Where the chain ends; none when there is no chain.
    pub head: Option<Head>,
    /// The first fault.
    pub fault: Option<Fault>,
}

/// Whose trails there are in a schema, linked or not.
pub async fn organizations(conn: &mut PgConnection, schema: &str) -> Result<Vec<Uuid>, sqlx::Error> {
    look_into(conn, schema).await?;
    // From one to the next by the index, however much each has.
    sqlx::query_scalar!(
        r#"WITH RECURSIVE owners AS (
               (SELECT organization_id FROM audit_events ORDER BY organization_id LIMIT 1)
               UNION ALL
               SELECT (SELECT e.organization_id FROM audit_events e WHERE e.organization_id > owners.organization_id
                        ORDER BY e.organization_id LIMIT 1)
                 FROM owners WHERE owners.organization_id IS NOT NULL)
           SELECT organization_id AS "organization_id!" FROM owners WHERE organization_id IS NOT NULL"#
    )
    .fetch_all(conn)
    .await
}

/// Whether row security shows this connection one organization at a time, so that it cannot know all of them.
pub async fn sees_one_organization(conn: &mut PgConnection, schema: &str) -> Result<bool, sqlx::Error> {
    look_into(conn, schema).await?;
    sqlx::query_scalar!(r#"SELECT row_security_active('audit_events') AS "active!""#).fetch_one(conn).await
}

/// Where the chain of an organization ends.
pub async fn head(conn: &mut PgConnection, schema: &str, organization: Uuid) -> Result<Option<Head>, sqlx::Error> {
    look_into(conn, schema).await?;
    let end = sqlx::query!("SELECT link, hash FROM audit_links WHERE organization_id = $1 ORDER BY link DESC LIMIT 1", organization);
    let end = end.fetch_optional(conn).await?;
    Ok(end.map(|end| Head { schema: schema.to_owned(), organization, link: end.link, hash: hex(&end.hash) }))
}

/// Checks the chain of an organization from the link `from` on, also against the heads of it that were kept.
pub async fn verify(conn: &mut PgConnection, schema: &str, organization: Uuid, from: i64, kept: &[Head]) -> Result<Verdict, sqlx::Error> {
    look_into(conn, schema).await?;
    // One moment for all that is read: a writer goes on meanwhile.
    let mut tx = conn.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    sqlx::query_scalar!("SELECT set_config('app.org', $1, true)", organization.to_string()).fetch_one(&mut *tx).await?;
    let walk = walk(&mut tx, organization, from).await?;
    let fault = match walk.fault() {
        None => outside(&mut tx, organization).await?,
        fault => fault,
    };
    let fault = match fault {
        None => against(&mut tx, schema, organization, &walk, kept).await?,
        fault => fault,
    };
    let links = walk.next() - from;
    let head = (links > 0).then(|| Head { schema: schema.to_owned(), organization, link: walk.next() - 1, hash: hex(walk.hash()) });
    Ok(Verdict { links, head, fault })
}

async fn look_into(conn: &mut PgConnection, schema: &str) -> Result<(), sqlx::Error> {
    sqlx::query_scalar!("SELECT set_config('search_path', $1, false)", schema).fetch_one(conn).await?;
    Ok(())
}

async fn walk(conn: &mut PgConnection, organization: Uuid, from: i64) -> Result<Walk, sqlx::Error> {
    let mut walk = Walk::from(from, hash_of(conn, organization, from - 1).await?);
    // The columns as the database's function has them; what it says is not asked.
    let mut links = sqlx::query!(
        r#"SELECT l.link, l.hash, e.seq IS NOT NULL AS "there!",
                  ARRAY[e.organization_id::text, e.seq::text, (extract(epoch FROM e.at) * 1000000)::bigint::text, e.actor_id::text,
                        e.session_id::text, e.request_id::text, e.method, e.action, e.kind, e.record_id::text, e.before::text,
                        e.after::text, e.reason] AS "event!: Vec<Option<String>>"
             FROM audit_links l LEFT JOIN audit_events e ON e.organization_id = l.organization_id AND e.seq = l.event
            WHERE l.organization_id = $1 AND l.link >= $2
            ORDER BY l.link"#,
        organization,
        from,
    )
    .fetch(conn);
    while let Some(read) = links.next().await.transpose()? {
        walk.step(Link { number: read.link, hash: read.hash, event: read.there.then_some(read.event) });
    }
    Ok(walk)
}

/// An event that no link knows.
async fn outside(conn: &mut PgConnection, organization: Uuid) -> Result<Option<Fault>, sqlx::Error> {
    let stray = sqlx::query_scalar!(
        "SELECT e.seq FROM audit_events e LEFT JOIN audit_links l ON l.organization_id = e.organization_id AND l.event = e.seq
          WHERE e.organization_id = $1 AND l.link IS NULL ORDER BY e.seq LIMIT 1",
        organization,
    );
    Ok(stray.fetch_optional(conn).await?.map(Fault::Inserted))
}

/// Whether every head that was kept is still a link of the chain.
async fn against(
    conn: &mut PgConnection,
    schema: &str,
    organization: Uuid,
    walk: &Walk,
    kept: &[Head],
) -> Result<Option<Fault>, sqlx::Error> {
    let last = walk.next() - 1;
    let mut own: Vec<_> = kept.iter().filter(|head| head.schema == schema && head.organization == organization).collect();
    own.sort_by_key(|head| head.link);
    if let Some(gone) = own.iter().find(|head| head.link > last) {
        return Ok(Some(Fault::Truncated { last, head: gone.link }));
    }
    let numbers: Vec<_> = own.iter().map(|head| head.link).collect();
    let hashes = sqlx::query!("SELECT link, hash FROM audit_links WHERE organization_id = $1 AND link = ANY($2)", organization, &numbers);
    let hashes: HashMap<_, _> = hashes.fetch_all(conn).await?.into_iter().map(|link| (link.link, hex(&link.hash))).collect();
    let replaced = own.into_iter().find(|head| hashes.get(&head.link) != Some(&head.hash));
    Ok(replaced.map(|head| Fault::Replaced(head.link)))
}

async fn hash_of(conn: &mut PgConnection, organization: Uuid, link: i64) -> Result<Option<Vec<u8>>, sqlx::Error> {
    sqlx::query_scalar!("SELECT hash FROM audit_links WHERE organization_id = $1 AND link = $2", organization, link)
        .fetch_optional(conn)
        .await
}
