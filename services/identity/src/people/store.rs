//! The statements that tell who is there.

use spectra_mesh::{Error, OrgTx, id};
use spectra_proto::identity as pb;

use super::Person;

/// How many people are found when the caller names no limit.
const SOME: i32 = 20;

impl Person {
    /// The person asked for.
    pub(super) async fn find(tx: &mut OrgTx, asked: &str) -> Result<Self, Error> {
        let found = sqlx::query_as!(
            Self,
            "SELECT id, name, email, is_active FROM users WHERE organization_id = $1 AND id = $2",
            tx.org(),
            id(asked)?,
        )
        .fetch_optional(tx.conn())
        .await?;
        found.ok_or_else(|| Error::not_found("user"))
    }

    /// People who may sign in and whose name or address holds a text, by name.
    pub(super) async fn search(tx: &mut OrgTx, asked: &pb::FindPeopleRequest) -> Result<pb::FindPeopleResponse, Error> {
        let found = sqlx::query_as!(
            Self,
            "SELECT id, name, email, is_active FROM users
              WHERE organization_id = $1 AND is_active
                AND ($2::text IS NULL OR strpos(lower(concat_ws(' ', name, email)), lower($2)) > 0)
              ORDER BY lower(name), id LIMIT $3",
            tx.org(),
            asked.q,
            i64::from(asked.limit.unwrap_or(SOME)),
        )
        .fetch_all(tx.conn())
        .await?;
        Ok(pb::FindPeopleResponse { items: found.into_iter().map(Into::into).collect() })
    }
}
