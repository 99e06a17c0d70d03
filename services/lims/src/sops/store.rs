//! The statements over procedures.

use spectra_mesh::{Error, Labelled, List, OrgTx, Page, clock, id, new_id, page, patch};
use spectra_proto::lims as pb;
use time::Duration;

use super::{
    Sop, days,
    rules::{Publishable, has_one_body},
};

/// How far the clocks of the east are ahead of UTC: a day is today as soon as it is so somewhere.
const AHEAD: Duration = Duration::hours(14);

impl Sop {
    /// The version asked for.
    pub(super) async fn find(tx: &mut OrgTx, asked: &str) -> Result<Self, Error> {
        let found = sqlx::query_as!(Self, "SELECT * FROM sops WHERE organization_id = $1 AND id = $2", tx.org(), id(asked)?)
            .fetch_optional(tx.conn())
            .await?;
        found.ok_or_else(|| Error::not_found("sop"))
    }

    /// The version of a procedure that is in force.
    pub(super) async fn in_force(tx: &mut OrgTx, number: &str) -> Result<Option<Self>, Error> {
        let found = sqlx::query_as!(
            Self,
            "SELECT * FROM sops WHERE organization_id = $1 AND number = $2 AND status = 'effective'",
            tx.org(),
            number,
        );
        Ok(found.fetch_optional(tx.conn()).await?)
    }

    /// A page of the versions that match the filters.
    pub(super) async fn page(tx: &mut OrgTx, asked: &pb::ListSopsRequest, page: &Page) -> Result<pb::ListSopsResponse, Error> {
        let (items, pagination) = page!(
            tx,
            page,
            Self,
            "SELECT * FROM sops
              WHERE organization_id = $1
                AND ($6::text IS NULL OR number = $6)
                AND ($7::sop_status IS NULL OR status = $7)
                AND ($8::text IS NULL OR method = $8)
                AND ($9::text IS NULL OR strpos(lower(concat_ws(' ', number, title, method)), lower($9)) > 0)",
            asked.number,
            asked.status.and_then(Labelled::of) as Option<Labelled<pb::SopStatus>>,
            asked.method,
            asked.q,
        )?;
        Ok(pb::ListSopsResponse { items, pagination })
    }

    /// Writes a version, as a draft of the caller's.
    pub(super) async fn create(tx: &mut OrgTx, sop: &pb::Sop) -> Result<Self, Error> {
        has_one_body(sop)?;
        Ok(sqlx::query_as!(
            Self,
            "INSERT INTO sops (organization_id, id, number, title, version, body_markdown, body_md_uri, method, hazard_level, checklist,
                               author_id, effective_date, review_date)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) RETURNING *",
            tx.org(),
            new_id(),
            sop.number,
            sop.title,
            sop.version,
            sop.body_markdown,
            sop.body_md_uri,
            sop.method,
            sop.hazard_level,
            List(sop.checklist.clone()) as _,
            tx.caller().user,
            days::read("effective_date", sop.effective_date.as_deref())?,
            days::read("review_date", sop.review_date.as_deref())?,
        )
        .fetch_one(tx.conn())
        .await?)
    }

    /// Changes what the mask names of a draft.
    pub(super) async fn update(tx: &mut OrgTx, asked: pb::UpdateSopRequest) -> Result<Self, Error> {
        let current = Self::lock(tx, &asked.id).await?.editable()?.0;
        let id = current.id;
        let sop = patch::apply(&current.into(), &asked.sop.unwrap_or_default(), asked.update_mask.as_ref())?;
        has_one_body(&sop)?;
        Ok(sqlx::query_as!(
            Self,
            "UPDATE sops SET number = $3, title = $4, version = $5, body_markdown = $6, body_md_uri = $7, method = $8, hazard_level = $9,
                    checklist = $10, effective_date = $11, review_date = $12
              WHERE organization_id = $1 AND id = $2 RETURNING *",
            tx.org(),
            id,
            sop.number,
            sop.title,
            sop.version,
            sop.body_markdown,
            sop.body_md_uri,
            sop.method,
            sop.hazard_level,
            List(sop.checklist) as _,
            days::read("effective_date", sop.effective_date.as_deref())?,
            days::read("review_date", sop.review_date.as_deref())?,
        )
        .fetch_one(tx.conn())
        .await?)
    }

    /// Puts a draft into force, and retires the version that was.
    pub(super) async fn publish(tx: &mut OrgTx, asked: &pb::PublishSopRequest) -> Result<Self, Error> {
        let now = clock::now();
        let Publishable { sop, from } = Self::lock(tx, &asked.id).await?.publishable(now.date(), (now + AHEAD).date())?;
        tx.because(asked.comment.as_deref()).await?;
        Self::make_way(tx, &sop.number).await?;
        Ok(sqlx::query_as!(
            Self,
            "UPDATE sops SET status = 'effective', effective_date = $3 WHERE organization_id = $1 AND id = $2 RETURNING *",
            tx.org(),
            sop.id,
            from,
        )
        .fetch_one(tx.conn())
        .await?)
    }

    /// Takes a version out of force.
    pub(super) async fn retire(tx: &mut OrgTx, asked: &pb::RetireSopRequest) -> Result<Self, Error> {
        let effective = Self::lock(tx, &asked.id).await?.effective("retired")?;
        tx.because(asked.comment.as_deref()).await?;
        Ok(sqlx::query_as!(
            Self,
            "UPDATE sops SET status = 'retired', retired_at = now() WHERE organization_id = $1 AND id = $2 RETURNING *",
            tx.org(),
            effective.0.id,
        )
        .fetch_one(tx.conn())
        .await?)
    }

    /// A version that nobody else changes meanwhile, at the revision that the caller meant.
    pub(super) async fn lock(tx: &mut OrgTx, asked: &str) -> Result<Self, Error> {
        let found =
            sqlx::query_as!(Self, "SELECT * FROM sops WHERE organization_id = $1 AND id = $2 FOR NO KEY UPDATE", tx.org(), id(asked)?)
                .fetch_optional(tx.conn())
                .await?;
        let sop = found.ok_or_else(|| Error::not_found("sop"))?;
        tx.expect("sop", sop.revision)?;
        Ok(sop)
    }

    /// Retires the version of a procedure that is in force, if there is one.
    ///
    /// One procedure is published by one call at a time, or two that see nothing in force would both go on.
    async fn make_way(tx: &mut OrgTx, number: &str) -> Result<(), Error> {
        sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended(concat_ws(' ', 'sop', $1::uuid, $2::text), 0))", tx.org(), number)
            .execute(tx.conn())
            .await?;
        // Who retires it at the same time is waited for, and has done it.
        sqlx::query!(
            "UPDATE sops SET status = 'retired', retired_at = now() WHERE organization_id = $1 AND number = $2 AND status = 'effective'",
            tx.org(),
            number,
        )
        .execute(tx.conn())
        .await?;
        Ok(())
    }
}
