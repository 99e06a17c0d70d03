//! What a certificate that is found bad calls into question.
//!
//! A calibration tells how an instrument measured on the day, and may have adjusted it: from the issue of a bad certificate until the next
//! good one nothing vouches for what the instrument measured, whichever certificate a run has pinned. Before its issue the certificate before
//! it vouches, which stands. What was pinned under the bad one belongs to it whenever it was measured.

use spectra_mesh::{Error, OrgTx, announce, new_id};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Calibration,
    rules::{Certificate, Term},
};

/// The time between good calibrations that a certificate lies in.
#[derive(Debug)]
pub(crate) struct Span {
    pub(crate) instrument_id: Uuid,
    /// The certificate.
    pub(crate) certificate: Certificate,
    /// The newest one before it that stands.
    pub(crate) last_good: Option<Certificate>,
    /// The issue of the next one that stands, the revocation, or now.
    pub(crate) until: OffsetDateTime,
    /// When it was read.
    pub(crate) at: OffsetDateTime,
}

/// A run of the instrument since its last good calibration, the newest first.
#[derive(Debug)]
pub(crate) struct Touched {
    pub(crate) run_id: Uuid,
    /// Whether it relies on the certificate.
    pub(crate) relying: bool,
}

impl Span {
    /// The span of the certificate asked for.
    pub(crate) async fn find(tx: &mut OrgTx, asked: &str) -> Result<Self, Error> {
        let calibration = Calibration::find(tx, asked).await?;
        Self::of(tx, &calibration).await
    }

    async fn of(tx: &mut OrgTx, calibration: &Calibration) -> Result<Self, Error> {
        let until = sqlx::query_scalar!(
            r#"SELECT greatest($4, least(min(issued_at), $5)) AS "until!" FROM calibrations
                WHERE organization_id = $1 AND instrument_id = $2 AND id <> $3 AND issued_at > $4 AND revoked_at IS NULL"#,
            tx.org(),
            calibration.instrument_id,
            calibration.id,
            calibration.issued_at,
            calibration.revoked_at.unwrap_or(calibration.read_at),
        );
        let until = until.fetch_one(tx.conn()).await?;
        let last_good = sqlx::query!(
            "SELECT id, certificate_id, content_hash, issued_at, expires_at FROM calibrations
              WHERE organization_id = $1 AND instrument_id = $2 AND issued_at < $3 AND revoked_at IS NULL
              ORDER BY issued_at DESC, id DESC LIMIT 1",
            tx.org(),
            calibration.instrument_id,
            calibration.issued_at,
        );
        let last_good = last_good.fetch_optional(tx.conn()).await?.map(|row| Certificate {
            id: row.id,
            number: row.certificate_id,
            content_hash: row.content_hash,
            term: Term { issued: row.issued_at, expires: row.expires_at, revoked: None },
        });
        let certificate = Certificate {
            id: calibration.id,
            number: calibration.certificate_id.clone(),
            content_hash: calibration.content_hash.clone(),
            term: calibration.term(),
        };
        Ok(Self { instrument_id: calibration.instrument_id, certificate, last_good, until, at: calibration.read_at })
    }

    /// The runs that the instrument measured in since its last good calibration.
    pub(crate) async fn touched(&self, tx: &mut OrgTx) -> Result<Vec<Touched>, Error> {
        let since = self.last_good.as_ref().map(|good| good.term.issued);
        let touched = sqlx::query_as!(
            Touched,
            r#"SELECT id AS "run_id!", relying AS "relying!" FROM (
                   SELECT r.id, r.started_at, r.calibration_id IS NOT DISTINCT FROM $3 OR r.started_at >= $5 AS relying FROM runs r
                    WHERE r.organization_id = $1 AND r.instrument_id = $2 AND r.started_at IS NOT NULL
                      AND (r.calibration_id = $3 OR r.started_at >= coalesce($4::timestamptz, '-infinity') AND r.started_at < $6)
                   UNION
                   SELECT r.id, r.started_at, f.calibration_id IS NOT DISTINCT FROM $3 OR r.started_at >= $5
                     FROM run_instruments f JOIN runs r ON r.organization_id = f.organization_id AND r.id = f.run_id
                    WHERE f.organization_id = $1 AND f.instrument_id = $2 AND r.started_at IS NOT NULL
                      AND (f.calibration_id = $3 OR r.started_at >= coalesce($4::timestamptz, '-infinity') AND r.started_at < $6)
               ) AS touched ORDER BY started_at DESC, id DESC"#,
            tx.org(),
            self.instrument_id,
            self.certificate.id,
            since,
            self.certificate.term.issued,
            self.until,
        );
        Ok(touched.fetch_all(tx.conn()).await?)
    }
}

impl Calibration {
    /// Writes down what the revocation calls into question, and gives the runs that rely on the certificate. It is one row, however much
    /// was measured: runs and their results tell from it that they are in question, and are not touched; who watches
    /// runs is told of each.
    pub(super) async fn recall(&self, tx: &mut OrgTx) -> Result<Vec<Uuid>, Error> {
        let span = Span::of(tx, self).await?;
        let runs: Vec<_> = span.touched(tx).await?.into_iter().filter(|run| run.relying).map(|run| run.run_id).collect();
        sqlx::query!(
            "INSERT INTO recalls (organization_id, id, calibration_id, instrument_id, since, until, runs, results)
             SELECT $1, $2, $3, $4, $5, $6, $7, count(*) FROM results o WHERE o.organization_id = $1 AND o.run_id = ANY($8)",
            tx.org(),
            new_id(),
            self.id,
            self.instrument_id,
            self.issued_at,
            span.until,
            i64::try_from(runs.len()).map_err(Error::broken)?,
            &runs,
        )
        .execute(tx.conn())
        .await?;
        announce(tx, "runs", &runs).await?;
        Ok(runs)
    }
}
