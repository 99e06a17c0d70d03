//! The lock-out in the database: what is judged stays as it is until the run is written.

use spectra_mesh::{Error, Labelled, OrgTx};
use spectra_proto::analysis::InstrumentStatus;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    rules::{Calibrated, Certificate, Lockout, Standing},
    store::certificates,
};

/// An instrument whose certificates stay as they are until the transaction ends.
#[derive(Debug)]
pub(crate) struct Held {
    id: Uuid,
    name: String,
    status: InstrumentStatus,
    certificates: Vec<Certificate>,
    at: OffsetDateTime,
}

/// The instrument's lock. Runs share it; whoever adds or revokes a certificate has it alone.
///
/// It is an advisory lock because those queue. Of a row, run after run would share the lock while the revocation,
/// which matters most, starves behind them. Each statement after it sees what was committed before it was granted.
fn lock(instrument_id: Uuid) -> i64 {
    // The half of an id that is random: a lock that two instruments share by chance costs a wait, no more.
    instrument_id.as_u64_pair().1.cast_signed()
}

impl Held {
    /// Holds an instrument for a run that is to be written in this transaction.
    pub(crate) async fn shared(tx: &mut OrgTx, instrument_id: Uuid) -> Result<Self, Error> {
        // The time is taken once the lock is granted: by the transaction's own, which is earlier, a certificate
        // that was revoked during the wait would still hold.
        let held = sqlx::query!(
            r#"WITH held AS MATERIALIZED (
                   SELECT name, status, pg_advisory_xact_lock_shared($3) FROM instruments WHERE organization_id = $1 AND id = $2)
               SELECT name AS "name!", status AS "status!: Labelled<InstrumentStatus>", clock_timestamp() AS "at!" FROM held"#,
            tx.org(),
            instrument_id,
            lock(instrument_id),
        )
        .fetch_optional(tx.conn())
        .await?;
        let held = held.ok_or_else(|| Error::not_found("instrument"))?;
        // Another statement, whose snapshot is younger than the lock.
        let certificates = certificates(tx, instrument_id, held.at).await?;
        Ok(Self { id: instrument_id, name: held.name, status: held.status.0, certificates, at: held.at })
    }

    /// The proof that the instrument may be used, or why not.
    pub(crate) fn calibrated(&self) -> Result<Calibrated<'_>, Lockout<'_>> {
        Standing::of(&self.certificates, self.at).calibrated()
    }

    /// The instrument's id.
    pub(crate) fn id(&self) -> Uuid {
        self.id
    }

    /// What people call the instrument.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether the instrument is fit for use, apart from its calibration.
    pub(crate) fn status(&self) -> InstrumentStatus {
        self.status
    }

    /// The time that the certificates are judged for.
    pub(crate) fn at(&self) -> OffsetDateTime {
        self.at
    }
}

/// Keeps runs off an instrument while its certificates change in this transaction.
pub(super) async fn alone(tx: &mut OrgTx, instrument_id: Uuid) -> Result<(), Error> {
    let held = sqlx::query!(
        r#"SELECT pg_advisory_xact_lock($3) AS "held!" FROM instruments WHERE organization_id = $1 AND id = $2"#,
        tx.org(),
        instrument_id,
        lock(instrument_id),
    )
    .fetch_optional(tx.conn())
    .await?;
    held.map(|_| ()).ok_or_else(|| Error::not_found("instrument"))
}
