//! What a certificate that is found bad calls into question.
//!
//! A calibration tells how an instrument measured on the day, and may have adjusted it: from the issue of a bad certificate until the next
//! good one nothing vouches for what the instrument measured, whichever certificate a run has pinned. Before its issue the certificate before
//! it vouches, which stands. What was pinned under the bad one belongs to it whenever it was measured.

use spectra_mesh::{Error, OrgTx, new_id};
use time::OffsetDateTime;

use super::Calibration;

impl Calibration {
    /// When the span ends whose measurements rely on the certificate: with the issue of the next one that stands, with the revocation,
    /// or now. It begins with the issue.
    pub(super) async fn until(&self, tx: &mut OrgTx) -> Result<OffsetDateTime, Error> {
        let until = sqlx::query_scalar!(
            r#"SELECT greatest($4, least(min(issued_at), $5)) AS "until!" FROM calibrations
                WHERE organization_id = $1 AND instrument_id = $2 AND id <> $3 AND issued_at > $4 AND revoked_at IS NULL"#,
            tx.org(),
            self.instrument_id,
            self.id,
            self.issued_at,
            self.revoked_at.unwrap_or(self.read_at),
        );
        Ok(until.fetch_one(tx.conn()).await?)
    }

    /// Writes down what the revocation calls into question. It is one row, however much was measured: the records themselves are not
    /// touched, so that a revocation is done in a moment, and waits for nobody.
    pub(super) async fn recall(&self, tx: &mut OrgTx) -> Result<(), Error> {
        let until = self.until(tx).await?;
        sqlx::query!(
            "WITH touched AS (
                 SELECT r.id FROM runs r
                  WHERE r.organization_id = $1 AND r.instrument_id = $4 AND r.started_at IS NOT NULL
                    AND (r.calibration_id = $3 OR r.started_at >= $5 AND r.started_at < $6)
                 UNION
                 SELECT r.id FROM run_instruments f JOIN runs r ON r.organization_id = f.organization_id AND r.id = f.run_id
                  WHERE f.organization_id = $1 AND f.instrument_id = $4 AND r.started_at IS NOT NULL
                    AND (f.calibration_id = $3 OR r.started_at >= $5 AND r.started_at < $6)
             )
             INSERT INTO recalls (organization_id, id, calibration_id, instrument_id, since, until, runs, results)
             SELECT $1, $2, $3, $4, $5, $6, (SELECT count(*) FROM touched),
                    (SELECT count(*) FROM touched JOIN results o ON o.organization_id = $1 AND o.run_id = touched.id)",
            tx.org(),
            new_id(),
            self.id,
            self.instrument_id,
            self.issued_at,
            until,
        )
        .execute(tx.conn())
        .await?;
        Ok(())
    }
}
