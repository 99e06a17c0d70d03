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
        share(tx, instrument_id).await?;
        // Other statements, whose snapshots are younger than the lock. The time is the clock's: by the transaction's own, which is
        // earlier, a certificate that was revoked during the wait would still hold.
        let held = sqlx::query!(
            r#"SELECT name, status AS "status: Labelled<InstrumentStatus>", clock_timestamp() AS "at!" FROM instruments
                WHERE organization_id = $1 AND id = $2"#,
            tx.org(),
            instrument_id,
        )
        .fetch_one(tx.conn())
        .await?;
        let certificates = certificates(tx, instrument_id, held.at).await?;
        Ok(Self { id: instrument_id, name: held.name, status: held.status.0, certificates, at: held.at })
    }

    /// The proof that the instrument may be used, or why not; at a time that is not before it was held.
    pub(crate) fn calibrated(&self, at: OffsetDateTime) -> Result<Calibrated<'_>, Lockout<'_>> {
        Standing::of(&self.certificates, at.max(self.at)).calibrated()
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

    /// When it was held.
    pub(crate) fn at(&self) -> OffsetDateTime {
        self.at
    }
}

/// Keeps the certificates of an instrument as they are until the transaction ends.
async fn share(tx: &mut OrgTx, instrument_id: Uuid) -> Result<(), Error> {
    let held = sqlx::query!(
        r#"SELECT pg_advisory_xact_lock_shared($3) AS "held!" FROM instruments WHERE organization_id = $1 AND id = $2"#,
        tx.org(),
        instrument_id,
        lock(instrument_id),
    )
    .fetch_optional(tx.conn())
    .await?;
    held.map(|_| ()).ok_or_else(|| Error::not_found("instrument"))
}

/// Keeps what these runs rest on as it is until the transaction ends: what is written of them either sees that a certificate was revoked
/// or has lapsed, or is seen by whoever finds that. Runs that are not there are nobody's.
///
/// Whatever a transaction holds it takes in one order: runs, instruments, series, and what an alert holds; several of one kind by their ids.
pub(crate) async fn settle(tx: &mut OrgTx, run_ids: &[Uuid]) -> Result<(), Error> {
    let runs =
        sqlx::query_scalar!("SELECT id FROM runs WHERE organization_id = $1 AND id = ANY($2) ORDER BY id FOR SHARE", tx.org(), run_ids);
    runs.fetch_all(tx.conn()).await?;
    let instruments = sqlx::query_scalar!(
        r#"SELECT instrument_id AS "instrument_id!" FROM runs WHERE organization_id = $1 AND id = ANY($2)
           UNION SELECT instrument_id FROM run_instruments WHERE organization_id = $1 AND run_id = ANY($2)
           ORDER BY 1"#,
        tx.org(),
        run_ids,
    );
    for instrument_id in instruments.fetch_all(tx.conn()).await? {
        share(tx, instrument_id).await?;
    }
    Ok(())
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
