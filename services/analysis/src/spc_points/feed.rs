//! Results feed the series that watch them.

use std::collections::BTreeSet;

use prost_types::Struct;
use spectra_mesh::{Error, Labelled, OrgTx, stamp};
use spectra_proto::analysis::{self as pb, SpcChartType};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{append, ledger::Open, metrics};

/// How many points a series judges again at most for a result that comes late: whoever records it waits meanwhile.
const MOST: usize = 100_000;

/// What a result measured.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) metrics: Struct,
    /// The metrics that were measured, and charted, before.
    pub(crate) charted: Vec<String>,
}

/// A series that watches a run.
struct Watching {
    id: Uuid,
    name: String,
    metric: String,
    chart_type: Labelled<SpcChartType>,
    /// When the run ended, or now while it measures.
    ts: OffsetDateTime,
    /// What the run measured, where parts are told apart.
    part: String,
}

/// Adds what results of a run measured to the active series that watch it, in the transaction that stores the results. What a chart does not
/// take is left out of it, and told.
pub(crate) async fn feed(tx: &mut OrgTx, run_id: Uuid, results: &[Measured]) -> Result<Vec<pb::Warning>, Error> {
    let names: BTreeSet<String> = results.iter().flat_map(Measured::names).collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let watching = Watching::all(tx, run_id, &names.into_iter().collect::<Vec<_>>()).await?;
    // All are held before any opens an alert, in one order, so that no two wait for each other.
    let mut held = Vec::with_capacity(watching.len());
    for series in &watching {
        held.push(series.hold(tx).await?);
    }
    let mut warnings = Vec::new();
    for (open, series) in held.into_iter().zip(&watching) {
        for why in series.take(tx, open, run_id, results).await? {
            tracing::warn!(series_id = %series.id, %run_id, why, "a measurement is not charted");
            warnings.push(series.warning(&why));
        }
    }
    Ok(warnings)
}

impl Measured {
    /// The metrics that are numbers and were not charted before.
    fn names(&self) -> impl Iterator<Item = String> {
        let numbers = self.metrics.fields.keys().filter(|name| metrics::number(&self.metrics, name).is_some());
        numbers.filter(|name| !self.charted.contains(name)).cloned()
    }
}

impl Watching {
    /// The active series that watch a run and one of these metrics.
    async fn all(tx: &mut OrgTx, run_id: Uuid, names: &[String]) -> Result<Vec<Self>, Error> {
        let found = sqlx::query_as!(
            Self,
            r#"SELECT s.id, s.name, s.metric, s.chart_type, coalesce(r.finished_at, clock_timestamp()) AS "ts!",
                      coalesce(CASE WHEN jsonb_typeof(r.params -> 'part') = 'string' AND length(r.params ->> 'part') BETWEEN 1 AND 100
                                    THEN r.params ->> 'part' END, r.recipe_id::text, r.method) AS "part!"
                 FROM spc_series s JOIN runs r ON r.organization_id = s.organization_id AND r.id = $2
                WHERE s.organization_id = $1 AND s.is_active AND s.metric = ANY($3)
                  AND s.chart_type NOT IN ('t2', 'mewma')
                  AND watches(s, r.instrument_id || ARRAY(
                        SELECT i.instrument_id FROM run_instruments i WHERE i.organization_id = r.organization_id AND i.run_id = r.id),
                      r.method, r.recipe_id, r.sample_id, r.material_id)
                ORDER BY s.id"#,
            tx.org(),
            run_id,
            names,
        );
        Ok(found.fetch_all(tx.conn()).await?)
    }

    /// Holds the series.
    async fn hold(&self, tx: &mut OrgTx) -> Result<Open, Error> {
        Ok(Open { most: MOST, ..Open::lock(tx, self.id).await? })
    }

    /// What results measured, as points of the series, and why it is no point where it is none.
    fn read(&self, run_id: Uuid, results: &[Measured]) -> (Vec<pb::SpcPoint>, Vec<String>) {
        let (mut points, mut untaken) = (Vec::new(), Vec::new());
        for result in results.iter().filter(|result| !result.charted.contains(&self.metric)) {
            match metrics::point(self.chart_type.0, &self.metric, &self.part, &result.metrics) {
                Some(Ok(point)) => points.push(pb::SpcPoint { ts: Some(stamp(self.ts)), run_id: Some(run_id.to_string()), ..point }),
                Some(Err(why)) => untaken.push(why),
                None => {}
            }
        }
        (points, untaken)
    }

    /// Adds what results measured: all at once, or where the series does not take that, one by one. Gives why it does not take what it does not.
    async fn take(&self, tx: &mut OrgTx, open: Open, run_id: Uuid, results: &[Measured]) -> Result<Vec<String>, Error> {
        let (points, mut untaken) = self.read(run_id, results);
        if points.is_empty() {
            return Ok(untaken);
        }
        let all = points.clone();
        let Err(refused) = tx.attempt(async move |tx| append::add(tx, open, all).await).await? else { return Ok(untaken) };
        // Whatever is too much for one point is too much for each.
        if points.len() == 1 || matches!(refused, Error::Refused(_)) {
            untaken.extend(points.iter().map(|point| self.why(point, &refused)));
            return Ok(untaken);
        }
        for point in points {
            let (open, alone) = (self.hold(tx).await?, vec![point.clone()]);
            let added = tx.attempt(async move |tx| append::add(tx, open, alone).await).await?;
            untaken.extend(added.err().map(|refused| self.why(&point, &refused)));
        }
        Ok(untaken)
    }

    /// Why a point is not taken: the caller sent a metric, and knows of no point.
    fn why(&self, point: &pb::SpcPoint, refused: &Error) -> String {
        let told = match refused {
            Error::Invalid(violations) => {
                let field = |field: &str| field.rsplit('.').next().unwrap_or_default().to_owned();
                let told = violations.iter().map(|violation| format!("{} {}", field(&violation.field), violation.message));
                told.collect::<Vec<_>>().join(", and ")
            }
            other => other.to_string(),
        };
        format!("{} of {:?} is not taken: {told}", self.metric, point.value())
    }

    fn warning(&self, why: &str) -> pb::Warning {
        let message = format!("the result is stored, but not charted in {} ({}): {why}", self.name, self.id);
        pb::Warning { code: "not_charted".to_owned(), message }
    }
}
