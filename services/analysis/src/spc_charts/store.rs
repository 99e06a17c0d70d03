//! What charts read.

use spectra_mesh::{Error, OrgTx, stamp};
use spectra_proto::analysis as pb;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::spc_series::Plots;

/// A span of time of a series: from a time on, and before another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) series_id: Uuid,
    pub(super) from: OffsetDateTime,
    pub(super) to: OffsetDateTime,
}

/// A point as it is drawn.
#[derive(Clone, Debug)]
pub(super) struct Drawn {
    id: Uuid,
    pub(super) ts: OffsetDateTime,
    pub(super) value: Option<f64>,
    pub(super) statistic: Option<f64>,
    triggered_rules: Vec<String>,
    pub(super) excluded: bool,
    calibration_suspect: bool,
    pub(super) n: Option<i32>,
    /// Centre line, sigma, lower and upper control limit, where they are not those of the stage.
    pub(super) lines: Option<Vec<f64>>,
    /// The range, standard deviation or moving range, with its own centre line and control limits where they are not those of the stage.
    pub(super) spread: Option<Vec<f64>>,
}

/// A sum of points one after another.
#[derive(Debug)]
pub(super) struct Sum {
    pub(super) from_ts: OffsetDateTime,
    pub(super) to_ts: OffsetDateTime,
    pub(super) points: i32,
    pub(super) lowest: Option<(f64, OffsetDateTime)>,
    pub(super) highest: Option<(f64, OffsetDateTime)>,
}

/// What tells some points from the others.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mark {
    Signals,
    Excluded,
    Suspect,
}

impl Drawn {
    /// What is plotted of it.
    pub(super) fn plotted(&self, plots: Plots) -> Option<f64> {
        plots.plotted(self.statistic, self.value, self.n)
    }
}

impl From<Drawn> for pb::SpcChartPoint {
    fn from(drawn: Drawn) -> Self {
        let line = |place: usize| drawn.lines.as_ref()?.get(place).copied().filter(|line| line.is_finite());
        let spread = |place: usize| drawn.spread.as_ref()?.get(place).copied().filter(|line| line.is_finite());
        Self {
            centre: line(0),
            ctrl_lcl: line(2),
            ctrl_ucl: line(3),
            spread: spread(0),
            spread_centre: spread(1),
            spread_lcl: spread(2),
            spread_ucl: spread(3),
            id: drawn.id.to_string(),
            ts: Some(stamp(drawn.ts)),
            value: drawn.value,
            statistic: drawn.statistic,
            triggered_rules: drawn.triggered_rules,
            excluded: drawn.excluded,
            calibration_suspect: drawn.calibration_suspect,
        }
    }
}

impl Window {
    /// The points in the order of time, so many at most.
    pub(super) async fn points(&self, tx: &mut OrgTx, limit: usize) -> Result<Vec<Drawn>, Error> {
        Ok(sqlx::query_as!(
            Drawn,
            "SELECT id, ts, value, statistic, triggered_rules, excluded, calibration_suspect, n, lines, spread
               FROM spc_points
              WHERE organization_id = $1 AND series_id = $2 AND ts >= $3 AND ts < $4 ORDER BY ts, id LIMIT $5",
            tx.org(),
            self.series_id,
            self.from,
            self.to,
            i64::try_from(limit).map_err(Error::broken)?,
        )
        .fetch_all(tx.conn())
        .await?)
    }

    /// The newest points with a mark, so many at most, in the order of time.
    pub(super) async fn marked(&self, tx: &mut OrgTx, mark: Mark, limit: i64) -> Result<Vec<Drawn>, Error> {
        // A statement for each mark, as one with a parameter could not use the index of marked points.
        macro_rules! newest {
            ($marked:literal) => {
                sqlx::query_as!(
                    Drawn,
                    "SELECT id, ts, value, statistic, triggered_rules, excluded, calibration_suspect, n, lines, spread
               FROM spc_points
                      WHERE organization_id = $1 AND series_id = $2 AND ts >= $3 AND ts < $4 AND "
                        + $marked
                        + "
                      ORDER BY ts DESC, id DESC LIMIT $5",
                    tx.org(),
                    self.series_id,
                    self.from,
                    self.to,
                    limit,
                )
                .fetch_all(tx.conn())
                .await?
            };
        }
        let points = match mark {
            Mark::Signals => newest!("triggered_rules <> '{}'"),
            Mark::Excluded => newest!("excluded"),
            Mark::Suspect => newest!("calibration_suspect"),
        };
        Ok(points.into_iter().rev().collect())
    }

    /// The sums that begin or end within the window, in the order of time.
    pub(super) async fn sums(&self, tx: &mut OrgTx) -> Result<Vec<Sum>, Error> {
        let rows = sqlx::query!(
            "SELECT from_ts, to_ts, points, lowest, lowest_ts, highest, highest_ts FROM spc_spans
              WHERE organization_id = $1 AND series_id = $2 AND from_ts < $4 AND to_ts >= $3 ORDER BY from_ts, from_id",
            tx.org(),
            self.series_id,
            self.from,
            self.to,
        );
        let rows = rows.fetch_all(tx.conn()).await?;
        let sum = rows.into_iter().map(|row| Sum {
            from_ts: row.from_ts,
            to_ts: row.to_ts,
            points: row.points,
            lowest: row.lowest.zip(row.lowest_ts),
            highest: row.highest.zip(row.highest_ts),
        });
        Ok(sum.collect())
    }
}

/// How many alerts of a series are open.
pub(super) async fn open_alerts(tx: &mut OrgTx, series_id: Uuid) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT count(*) AS "open!" FROM spc_alerts WHERE organization_id = $1 AND series_id = $2 AND closed_at IS NULL"#,
        tx.org(),
        series_id,
    )
    .fetch_one(tx.conn())
    .await?)
}
