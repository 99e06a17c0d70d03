//! Where a series stands: held by whoever adds points to it, or changes how they are judged.

use spectra_mesh::{Error, Object, OrgTx};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{
    again::MOST,
    spans::Span,
    walk::{Kept, Walk},
};
use crate::spc_series::{Series, Stage};

/// The row of a series that nobody else changes until the transaction ends.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub(super) series_id: Uuid,
    pub(super) points: u64,
    pub(super) last_ts: Option<OffsetDateTime>,
    /// When it was granted.
    pub(super) now: OffsetDateTime,
    pub(super) remembered: Remembered,
}

/// What is remembered of a series between two calls. What does not read is made anew from its points.
#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub(super) struct Remembered {
    pub(super) walk: Option<Kept>,
    pub(super) span: Option<Span>,
}

/// A series whose ledger is held, with its stages.
#[derive(Debug)]
pub(crate) struct Open {
    pub(super) ledger: Ledger,
    pub(crate) series: Series,
    pub(super) stages: Vec<Stage>,
    /// How many points are judged again for late ones at most.
    pub(super) most: usize,
}

impl Ledger {
    /// Begins the ledger of a new series.
    pub(crate) async fn begin(tx: &mut OrgTx, series_id: Uuid) -> Result<(), Error> {
        sqlx::query!("INSERT INTO spc_states (organization_id, series_id) VALUES ($1, $2)", tx.org(), series_id).execute(tx.conn()).await?;
        Ok(())
    }

    /// Holds a series. Each statement after it sees what was committed before it was granted.
    pub(crate) async fn lock(tx: &mut OrgTx, series_id: Uuid) -> Result<Self, Error> {
        let row = sqlx::query!(
            r#"SELECT points, last_ts, walk, clock_timestamp() AS "now!" FROM spc_states
                WHERE organization_id = $1 AND series_id = $2 FOR UPDATE"#,
            tx.org(),
            series_id,
        )
        .fetch_optional(tx.conn())
        .await?
        .ok_or_else(|| Error::not_found("series"))?;
        let remembered = serde_json::from_str(&row.walk.canonical()).unwrap_or_else(|fault| {
            tracing::warn!(%fault, %series_id, "what was remembered of a series does not read; it is made anew");
            Remembered::default()
        });
        Ok(Self { series_id, points: u64::try_from(row.points).unwrap_or_default(), last_ts: row.last_ts, now: row.now, remembered })
    }
}

impl Open {
    /// Holds a series, and reads how it is judged.
    pub(crate) async fn lock(tx: &mut OrgTx, series_id: Uuid) -> Result<Self, Error> {
        let ledger = Ledger::lock(tx, series_id).await?;
        let series = Series::find(tx, series_id).await?;
        let stages = Stage::all(tx, &series).await?;
        Ok(Self { ledger, series, stages, most: MOST })
    }

    /// The first time behind all points and the beginning of the stage in force; now when there are no points.
    pub(crate) fn behind(&self) -> OffsetDateTime {
        let points = self.ledger.last_ts.map_or(self.ledger.now, |last| last.saturating_add(Duration::MICROSECOND));
        let stage = self.last_stage().map(|stage| stage.starts_at.saturating_add(Duration::MICROSECOND));
        stage.map_or(points, |stage| stage.max(points))
    }

    /// When the series was locked.
    pub(crate) fn now(&self) -> OffsetDateTime {
        self.ledger.now
    }

    /// Whether there are points of the stage in force.
    pub(crate) fn has_points_in_force(&self) -> bool {
        self.last_stage().is_some_and(|stage| self.has_points_from(stage.starts_at))
    }

    /// The stage in force.
    pub(crate) fn last_stage(&self) -> Option<&Stage> {
        self.stages.last()
    }

    /// Whether there are points of a time or later.
    pub(crate) fn has_points_from(&self, ts: OffsetDateTime) -> bool {
        self.ledger.last_ts.is_some_and(|last| last >= ts)
    }

    /// The place in the list of the stage in force at a time.
    pub(super) fn stage_at(&self, ts: OffsetDateTime) -> usize {
        self.stages.partition_point(|stage| stage.starts_at <= ts).saturating_sub(1)
    }

    /// The judging of a stage from its beginning on.
    pub(super) fn begin(&self, stage: usize) -> Option<Walk> {
        Walk::begin(self.stages.get(stage)?, self.series.chart_type.0, self.series.subgroup_size)
    }

    /// Writes down where the series stands.
    pub(crate) async fn close(self, tx: &mut OrgTx) -> Result<(), Error> {
        let text = serde_json::to_string(&self.ledger.remembered).map_err(Error::broken)?;
        let walk: Object = serde_json::from_str(&text).map_err(Error::broken)?;
        sqlx::query!(
            "UPDATE spc_states SET points = $3, last_ts = $4, walk = $5 WHERE organization_id = $1 AND series_id = $2",
            tx.org(),
            self.ledger.series_id,
            i64::try_from(self.ledger.points).map_err(Error::broken)?,
            self.ledger.last_ts,
            walk,
        )
        .execute(tx.conn())
        .await?;
        Ok(())
    }
}
