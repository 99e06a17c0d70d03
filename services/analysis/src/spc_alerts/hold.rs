//! The hold: an open critical alert keeps new runs off what its series watches.

use spectra_mesh::{Error, OrgTx, Refusal};
use spectra_proto::types::Reason;
use uuid::Uuid;

/// What a run is about, as series watch it.
#[derive(Debug)]
pub(crate) struct Watched<'a> {
    pub(crate) instruments: &'a [Uuid],
    pub(crate) method: &'a str,
    pub(crate) recipe_id: Option<Uuid>,
    pub(crate) sample_id: Option<Uuid>,
    pub(crate) material_id: Option<Uuid>,
}

/// Proof that no alert holds a run that is to be written in this transaction.
#[derive(Debug)]
pub(crate) struct Unheld(());

/// The lock of an organization's holds. Runs share it; whoever opens an alert that may hold them has it alone.
///
/// Its key is the id turned round, so that it is not the lock of an instrument that happens to share the bits.
fn lock(organization_id: Uuid) -> i64 {
    organization_id.as_u64_pair().1.reverse_bits().cast_signed()
}

impl Watched<'_> {
    /// Looks whether an alert holds such a run, and keeps any from being opened until this transaction ends.
    pub(crate) async fn unheld(&self, tx: &mut OrgTx) -> Result<Unheld, Error> {
        let key = lock(tx.org());
        sqlx::query_scalar!(r#"SELECT pg_advisory_xact_lock_shared($1) AS "held!""#, key).fetch_one(tx.conn()).await?;
        // Another statement, whose snapshot is younger than the lock.
        let found = sqlx::query!(
            "SELECT a.id, a.summary, s.id AS series_id, s.name FROM spc_series s
               JOIN spc_alerts a ON a.organization_id = s.organization_id AND a.series_id = s.id
              WHERE s.organization_id = $1 AND s.hold AND a.closed_at IS NULL AND a.severity = 'critical'
                AND watches(s, $2, $3, $4, $5, $6)
              ORDER BY a.created_at, a.id LIMIT 1",
            tx.org(),
            self.instruments,
            self.method,
            self.recipe_id,
            self.sample_id,
            self.material_id,
        )
        .fetch_optional(tx.conn())
        .await?;
        let Some(alert) = found else { return Ok(Unheld(())) };
        let message =
            format!("{} is out of control and holds new runs: {}; a pi or an admin resolves the alert first", alert.name, alert.summary);
        Err(Refusal::new(Reason::SpcHold, message).about("alert_id", alert.id).about("series_id", alert.series_id).into())
    }
}

/// The oldest alert by which a series would hold runs.
pub(crate) async fn holding(tx: &mut OrgTx, series_id: Uuid) -> Result<Option<Uuid>, Error> {
    let alert = sqlx::query_scalar!(
        "SELECT id FROM spc_alerts
          WHERE organization_id = $1 AND series_id = $2 AND closed_at IS NULL AND severity = 'critical' ORDER BY created_at, id LIMIT 1",
        tx.org(),
        series_id,
    );
    Ok(alert.fetch_optional(tx.conn()).await?)
}

/// Keeps runs from being written until an alert that may hold them is.
pub(crate) async fn hold(tx: &mut OrgTx) -> Result<(), Error> {
    let key = lock(tx.org());
    sqlx::query_scalar!(r#"SELECT pg_advisory_xact_lock($1) AS "held!""#, key).fetch_one(tx.conn()).await?;
    Ok(())
}
