//! Acknowledgements: who has read which version of a procedure. They are never changed.

use spectra_mesh::{Error, OrgTx, Page, new_id, page, stamp};
use spectra_proto::lims as pb;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Sop, rules::Effective};

/// That somebody has read a version.
#[derive(Debug)]
pub(super) struct Acknowledgement {
    id: Uuid,
    sop_id: Uuid,
    user_id: Uuid,
    created_at: OffsetDateTime,
}

impl From<Acknowledgement> for pb::SopAcknowledgement {
    fn from(acknowledgement: Acknowledgement) -> Self {
        Self {
            id: acknowledgement.id.to_string(),
            sop_id: acknowledgement.sop_id.to_string(),
            user_id: acknowledgement.user_id.to_string(),
            acknowledged_at: Some(stamp(acknowledgement.created_at)),
        }
    }
}

impl Acknowledgement {
    /// Keeps that the caller has read a version; the first time counts.
    pub(super) async fn record(tx: &mut OrgTx, sop: &Effective) -> Result<Self, Error> {
        let user = tx.caller().user;
        sqlx::query!(
            "INSERT INTO sop_acknowledgements (organization_id, id, sop_id, user_id) VALUES ($1, $2, $3, $4)
             ON CONFLICT (organization_id, sop_id, user_id) DO NOTHING",
            tx.org(),
            new_id(),
            sop.0.id,
            user,
        )
        .execute(tx.conn())
        .await?;
        Self::of(tx, sop.0.id).await?.ok_or_else(|| Error::not_found("acknowledgement"))
    }

    /// The caller's acknowledgement of a version.
    async fn of(tx: &mut OrgTx, sop: Uuid) -> Result<Option<Self>, Error> {
        let user = tx.caller().user;
        let found = sqlx::query_as!(
            Self,
            "SELECT id, sop_id, user_id, created_at FROM sop_acknowledgements WHERE organization_id = $1 AND sop_id = $2 AND user_id = $3",
            tx.org(),
            sop,
            user,
        );
        Ok(found.fetch_optional(tx.conn()).await?)
    }

    /// A page of the acknowledgements of a version.
    pub(super) async fn page(tx: &mut OrgTx, sop: &Sop, page: &Page) -> Result<pb::ListSopAcknowledgementsResponse, Error> {
        let (items, pagination) = page!(
            tx,
            page,
            Self,
            "SELECT id, sop_id, user_id, created_at FROM sop_acknowledgements WHERE organization_id = $1 AND sop_id = $6",
            sop.id,
        )?;
        Ok(pb::ListSopAcknowledgementsResponse { items, pagination })
    }
}

/// What is in force of a procedure, and whether the caller has acknowledged it.
pub(super) async fn standing(tx: &mut OrgTx, asked: &str) -> Result<pb::SopStanding, Error> {
    let sop = Sop::find(tx, asked).await?;
    let effective = Sop::in_force(tx, &sop.number).await?;
    let acknowledgement = match &effective {
        Some(effective) => Acknowledgement::of(tx, effective.id).await?,
        None => None,
    };
    Ok(pb::SopStanding {
        sop_id: sop.id.to_string(),
        number: sop.number,
        effective_id: effective.as_ref().map(|effective| effective.id.to_string()),
        effective_version: effective.map(|effective| effective.version),
        acknowledged_at: acknowledgement.map(|acknowledgement| stamp(acknowledgement.created_at)),
    })
}
