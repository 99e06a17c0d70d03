//! The record that a file is to belong to.

use spectra_mesh::{Error, OrgTx, id};
use spectra_proto::{
    Label,
    lims::{CreateAttachmentRequest, EntityType},
};
use uuid::Uuid;

use crate::eln::Attachable;

/// The record that a file is to belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entity {
    pub(super) kind: EntityType,
    pub(super) id: Uuid,
}

impl Entity {
    /// The record that an upload names.
    pub(super) fn of(said: &CreateAttachmentRequest) -> Result<Self, Error> {
        Ok(Self { kind: said.entity_type(), id: id(&said.entity_id)? })
    }

    /// Makes sure that the record takes the file, and stays until the transaction ends; it is an entry of the notebook that the file is to be
    /// [taken in](Attachable::take_in) by.
    pub(super) async fn hold(&self, tx: &mut OrgTx) -> Result<Option<Attachable>, Error> {
        if self.kind == EntityType::ElnEntry {
            return Ok(Some(Attachable::lock(tx, self.id).await?));
        }
        self.look(tx).await?;
        Ok(None)
    }

    /// Makes sure that a record of LIMS is there, and stays until the transaction ends. Whether an entry takes a file is not asked before its
    /// end: what an earlier call with the same key did is told although the entry was signed since.
    pub(super) async fn look(&self, tx: &mut OrgTx) -> Result<(), Error> {
        macro_rules! held {
            ($statement:literal) => {
                sqlx::query_scalar!($statement, tx.org(), self.id).fetch_optional(tx.conn()).await?.is_some()
            };
        }
        let there = match self.kind {
            EntityType::Device => held!("SELECT id FROM devices WHERE organization_id = $1 AND id = $2 AND NOT is_deleted FOR SHARE"),
            EntityType::ElnEntry => held!("SELECT id FROM eln_entries WHERE organization_id = $1 AND id = $2 FOR SHARE"),
            EntityType::Material => held!("SELECT id FROM materials WHERE organization_id = $1 AND id = $2 FOR SHARE"),
            EntityType::Recipe => held!("SELECT id FROM recipes WHERE organization_id = $1 AND id = $2 FOR SHARE"),
            EntityType::Sample => held!("SELECT id FROM samples WHERE organization_id = $1 AND id = $2 AND NOT is_deleted FOR SHARE"),
            EntityType::Sop => held!("SELECT id FROM sops WHERE organization_id = $1 AND id = $2 FOR SHARE"),
            EntityType::Wafer => held!("SELECT id FROM wafers WHERE organization_id = $1 AND id = $2 AND NOT is_deleted FOR SHARE"),
            // Of analysis, which was asked before the transaction began.
            EntityType::Instrument | EntityType::Calibration | EntityType::Run | EntityType::Result => true,
            EntityType::Unspecified => false,
        };
        if there { Ok(()) } else { Err(Error::not_found(self.kind.label())) }
    }
}
