//! Exclusions: points that limits and capability are estimated without.

use spectra_mesh::{Error, OrgTx, id, new_id};
use uuid::Uuid;

use super::{Ledger, Point};

/// What somebody says of a point.
#[derive(Debug)]
pub(super) struct Said<'a> {
    pub(super) series_id: &'a str,
    pub(super) point_id: &'a str,
    pub(super) excluded: bool,
    pub(super) reason: &'a str,
}

/// Writes down what somebody says of a point, and marks it so.
pub(super) async fn mark(tx: &mut OrgTx, said: Said<'_>) -> Result<Point, Error> {
    let (series_id, point_id): (Uuid, Uuid) = (id(said.series_id)?, id(said.point_id)?);
    Ledger::lock(tx, series_id).await?;
    let point = Point::find(tx, series_id, point_id).await?;
    let user = tx.caller().user;
    sqlx::query!(
        "INSERT INTO spc_exclusions (organization_id, id, series_id, point_id, ts, excluded, reason, created_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        tx.org(),
        new_id(),
        series_id,
        point_id,
        point.created_at,
        said.excluded,
        said.reason,
        user,
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!(
        "UPDATE spc_points SET excluded = $5, excluded_reason = CASE WHEN $5 THEN $6 END
          WHERE organization_id = $1 AND series_id = $2 AND ts = $3 AND id = $4",
        tx.org(),
        series_id,
        point.created_at,
        point_id,
        said.excluded,
        said.reason,
    )
    .execute(tx.conn())
    .await?;
    Point::find(tx, series_id, point_id).await
}
