//! The statements over custody events.

use spectra_mesh::{Error, OrgTx, Page, id, moment, new_id, optional_id, page};
use spectra_proto::lims as pb;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    CustodyEvent,
    rules::{Standing, Subject, Told},
};
use crate::{identity::Party, samples::Sample, scan::Scanned};

/// Who gives a sample, if it is said, and who receives it: whoever records it, where that is not said and nobody has it.
pub(super) struct Parties {
    pub(super) from: Option<Party>,
    pub(super) to: Party,
}

impl CustodyEvent {
    /// The event asked for.
    pub(super) async fn find(tx: &mut OrgTx, asked: &str) -> Result<Self, Error> {
        let found = sqlx::query_as!(Self, "SELECT * FROM custody_events WHERE organization_id = $1 AND id = $2", tx.org(), id(asked)?)
            .fetch_optional(tx.conn())
            .await?;
        found.ok_or_else(|| Error::not_found("custody event"))
    }

    /// A page of the events that match the filters; of one sample with who has it, and where.
    pub(super) async fn page(
        tx: &mut OrgTx,
        asked: &pb::ListCustodyEventsRequest,
        page: &Page,
    ) -> Result<pb::ListCustodyEventsResponse, Error> {
        let (mut current_holder, mut current_location) = (None, None);
        if let Some(id) = &asked.sample_id {
            let sample = Sample::find(tx, &pb::GetSampleRequest { id: id.clone(), include_deleted: asked.include_deleted }).await?;
            current_holder = Self::last(tx, sample.id, None).await?.map(Into::into);
            current_location = sample.location;
        }
        let (items, pagination) = page!(
            tx,
            page,
            Self,
            "SELECT * FROM custody_events
              WHERE organization_id = $1
                AND ($6::uuid IS NULL OR sample_id = $6)
                AND ($7::text IS NULL OR event_type = $7)
                AND ($8::uuid IS NULL OR to_user_id = $8)",
            optional_id(asked.sample_id.as_deref())?,
            asked.event_type,
            optional_id(asked.to_user_id.as_deref())?,
        )?;
        Ok(pb::ListCustodyEventsResponse { items, pagination, current_holder, current_location })
    }

    /// Puts on record that a live sample changed hands or places.
    pub(super) async fn create(
        tx: &mut OrgTx,
        asked: &pb::CreateCustodyEventRequest,
        parties: Result<Parties, Error>,
    ) -> Result<Self, Error> {
        let told = Told::of(asked)?;
        let sample = match told.subject {
            Subject::Id(id) => id.to_owned(),
            Subject::Code(code) => scanned(tx, code).await?,
        };
        let sample = Sample::lock(tx, &sample).await?;
        let occurred_at = past(tx, asked.occurred_at.and_then(moment)).await?;
        let Parties { from, to } = parties?;
        let before = Self::last(tx, sample.id, Some(occurred_at)).await?;
        let Standing { holder, place } = Standing::between(before, Self::next(tx, sample.id, occurred_at).await?, sample.location);
        let to = if told.to.is_some() { to } else { holder.clone().unwrap_or(to) };
        let (from_user_id, from_party) = from.or(holder).map(|from| (from.user_id, from.name)).unzip();
        let recorded_by = tx.caller().user;
        let event = sqlx::query_as!(
            Self,
            "INSERT INTO custody_events (organization_id, id, sample_id, event_type, from_user_id, from_party, to_user_id, to_party,
                                         from_location, to_location, note, occurred_at, recorded_by)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) RETURNING *",
            tx.org(),
            new_id(),
            sample.id,
            told.event_type,
            from_user_id.flatten(),
            from_party,
            to.user_id,
            to.name,
            asked.from_location.as_ref().or(place.as_ref()),
            told.place,
            asked.note,
            occurred_at,
            recorded_by,
        )
        .fetch_one(tx.conn())
        .await?;
        if let Some(place) = told.place {
            move_to(tx, &event, place).await?;
        }
        Ok(event)
    }

    /// The last event of a sample; or the last until a moment, with what happened at it.
    async fn last(tx: &mut OrgTx, sample_id: Uuid, until: Option<OffsetDateTime>) -> Result<Option<Self>, Error> {
        Ok(sqlx::query_as!(
            Self,
            "SELECT * FROM custody_events
              WHERE organization_id = $1 AND sample_id = $2 AND ($3::timestamptz IS NULL OR occurred_at <= $3)
              ORDER BY occurred_at DESC, created_at DESC, id DESC LIMIT 1",
            tx.org(),
            sample_id,
            until,
        )
        .fetch_optional(tx.conn())
        .await?)
    }

    /// The first event of a sample after a moment.
    async fn next(tx: &mut OrgTx, sample_id: Uuid, after: OffsetDateTime) -> Result<Option<Self>, Error> {
        Ok(sqlx::query_as!(
            Self,
            "SELECT * FROM custody_events WHERE organization_id = $1 AND sample_id = $2 AND occurred_at > $3
              ORDER BY occurred_at, created_at, id LIMIT 1",
            tx.org(),
            sample_id,
            after,
        )
        .fetch_optional(tx.conn())
        .await?)
    }
}

/// When an event happened, now if that is not said. Clocks differ a little: what is said to come within minutes happened now, so that
/// what is recorded next is not older. The clock, and not the transaction's beginning: the sample may have been waited for.
async fn past(tx: &mut OrgTx, said: Option<OffsetDateTime>) -> Result<OffsetDateTime, Error> {
    let read = sqlx::query!(
        r#"SELECT least($1::timestamptz, now) AS "occurred_at!", coalesce($1 > now + interval '5 minutes', false) AS "future!"
             FROM clock_timestamp() AS now"#,
        said,
    )
    .fetch_one(tx.conn())
    .await?;
    if read.future { Err(Error::invalid("occurred_at", "must not lie in the future")) } else { Ok(read.occurred_at) }
}

/// The id of the sample whose label was scanned.
async fn scanned(tx: &mut OrgTx, code: &str) -> Result<String, Error> {
    match Scanned::find(tx, code).await? {
        Scanned::Sample(sample) => Ok(sample.id.to_string()),
        Scanned::Wafer(_) | Scanned::Device(_) => Err(Error::invalid("code", "must be a sample's; wafers and devices go with theirs")),
    }
}

/// Says where a sample is, unless a later event on record says where it went since.
async fn move_to(tx: &mut OrgTx, event: &CustodyEvent, place: &str) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE samples SET location = $3 WHERE organization_id = $1 AND id = $2 AND NOT EXISTS (
           SELECT FROM custody_events
            WHERE organization_id = $1 AND sample_id = $2 AND to_location IS NOT NULL AND occurred_at > $4)",
        tx.org(),
        event.sample_id,
        place,
        event.occurred_at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
