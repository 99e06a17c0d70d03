//! Which instruments are to be calibrated.

use spectra_mesh::{Error, OrgTx, stamp};
use spectra_proto::analysis::{self as pb, CalibrationState};

use super::summary;

/// How many days ahead is looked when nobody says it.
const WITHIN: i32 = 30;
/// How many instruments are told at most.
const MOST: usize = 1000;

/// The instruments whose newest standing certificate ends within so many days, or that have none.
pub(super) async fn due(tx: &mut OrgTx, asked: &pb::GetDueCalibrationsRequest) -> Result<pb::DueCalibrations, Error> {
    let at = sqlx::query_scalar!(r#"SELECT clock_timestamp() AS "at!""#).fetch_one(tx.conn()).await?;
    let rows = sqlx::query!(
        r#"SELECT i.id AS instrument_id, i.name, c.id AS "id?", c.certificate_id AS "certificate_id?", c.issued_at AS "issued_at?",
                  c.expires_at AS "expires_at?", o.earliest
             FROM instruments i
             LEFT JOIN LATERAL (
                  SELECT id, certificate_id, issued_at, expires_at FROM calibrations
                   WHERE calibrations.organization_id = i.organization_id AND instrument_id = i.id AND issued_at <= $2 AND revoked_at IS NULL
                   ORDER BY issued_at DESC, id DESC LIMIT 1) c ON true
             LEFT JOIN LATERAL (
                  SELECT min(issued_at) AS earliest FROM calibrations
                   WHERE calibrations.organization_id = i.organization_id AND instrument_id = i.id) o ON true
            WHERE i.organization_id = $1 AND (c.id IS NULL OR c.expires_at < $2 + make_interval(days => $3))
            ORDER BY c.expires_at NULLS FIRST, i.id LIMIT $4"#,
        tx.org(),
        at,
        asked.within_days.unwrap_or(WITHIN),
        i64::try_from(MOST + 1).map_err(Error::broken)?,
    );
    let rows = rows.fetch_all(tx.conn()).await?;
    let more = rows.len() > MOST;
    let items = rows.into_iter().take(MOST).map(|row| {
        // A certificate that was issued and does not stand is revoked; what begins later counts for nothing yet.
        let status = match (row.expires_at, row.earliest) {
            (Some(expires), _) if at < expires => CalibrationState::Valid,
            (Some(_), _) => CalibrationState::Expired,
            (None, Some(earliest)) if earliest <= at => CalibrationState::Revoked,
            (None, Some(_)) => CalibrationState::NotYetValid,
            (None, None) => CalibrationState::NoCalibration,
        };
        let latest_calibration = summary(row.id, row.certificate_id, row.issued_at, row.expires_at);
        pb::DueInstrument { instrument_id: row.instrument_id.to_string(), name: row.name, status: status.into(), latest_calibration }
    });
    Ok(pb::DueCalibrations { items: items.collect(), more, at: Some(stamp(at)) })
}
