//! The run that brings a result out.

use spectra_mesh::{Error, Labelled, OrgTx};
use spectra_proto::analysis::RunStatus;
use uuid::Uuid;

use super::rules::{self, Open};
use crate::calibrations::settle;

/// A run that stays where it stands until the transaction ends, as do the certificates of its instruments: what it says of its results
/// holds when they are written.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) id: Uuid,
    pub(super) calibration_id: Option<Uuid>,
    pub(super) calibration_hash: Option<String>,
    status: Labelled<RunStatus>,
    started: bool,
}

impl Origin {
    /// The run of this id.
    pub(crate) async fn hold(tx: &mut OrgTx, run_id: Uuid) -> Result<Self, Error> {
        settle(tx, &[run_id]).await?;
        let found = sqlx::query_as!(
            Self,
            r#"SELECT id, calibration_id, calibration_hash, status, started_at IS NOT NULL AS "started!"
                 FROM runs WHERE organization_id = $1 AND id = $2"#,
            tx.org(),
            run_id,
        )
        .fetch_optional(tx.conn())
        .await?;
        found.ok_or_else(|| Error::not_found("run"))
    }

    /// The proof that the run brings results out.
    pub(crate) fn open(&self) -> Result<Open<'_>, Error> {
        Ok(rules::open(self, self.status.0)?)
    }

    /// The proof that something may be computed from what the run measured: it measured something.
    pub(crate) fn measured(&self) -> Result<Open<'_>, Error> {
        Ok(rules::measured(self, self.status.0, self.started)?)
    }
}
