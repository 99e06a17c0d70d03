//! Adding points: stored, judged and, where they signal, told of, in one transaction.

use std::collections::BTreeSet;

use spectra_mesh::{Error, Object, OrgTx, optional_id};
use spectra_proto::analysis::{self as pb, AlertSeverity};
use spectra_spc::{Pattern, Rule, Severity, Sides};
use uuid::Uuid;

use super::{
    late,
    ledger::Open,
    reading::{Draft, Reading},
    spans, store,
    store::Outcome,
    walk::{Unfit, Verdict, Walk},
};
use crate::{
    calibrations::settle,
    spc_alerts::{self, Alert, Opening},
};

/// Points that were added, and what came of it.
#[derive(Debug)]
pub(super) struct Added {
    /// In the order in which they were sent.
    pub(super) points: Vec<pb::SpcPoint>,
    pub(super) alerts: Vec<Alert>,
}

/// Adds points to a series. The runs that they name are held before it is.
pub(super) async fn send(tx: &mut OrgTx, series_id: Uuid, points: Vec<pb::SpcPoint>) -> Result<Added, Error> {
    let named = points.iter().filter_map(|point| optional_id(point.run_id.as_deref()).transpose());
    let run_ids: BTreeSet<Uuid> = named.collect::<Result<_, _>>()?;
    if !run_ids.is_empty() {
        settle(tx, &run_ids.into_iter().collect::<Vec<_>>()).await?;
    }
    let open = Open::lock(tx, series_id).await?;
    add(tx, open, points).await
}

/// Adds points to a series that is held, as are the runs that they name.
pub(super) async fn add(tx: &mut OrgTx, mut open: Open, points: Vec<pb::SpcPoint>) -> Result<Added, Error> {
    let (series_id, arrived, now) = (open.ledger.series_id, open.ledger.points, open.ledger.now);
    let drafts = points.into_iter().zip(arrived..).enumerate();
    let drafts = drafts.map(|(index, (point, arrival))| Draft::of(point, index, series_id, arrival, now));
    let mut drafts = drafts.collect::<Result<Vec<_>, _>>()?;
    let suspects = store::suspect_runs(tx, &drafts).await?;
    for draft in &mut drafts {
        draft.is_suspect = draft.run_id.is_some_and(|run_id| suspects.contains(&run_id));
    }
    let sent: Vec<Uuid> = drafts.iter().map(|draft| draft.place.id).collect();
    drafts.sort_by_key(|draft| draft.place);
    let Some((first, last)) = drafts.first().map(|draft| draft.place).zip(drafts.last().map(|draft| draft.place)) else {
        return Ok(Added { points: Vec::new(), alerts: Vec::new() });
    };
    let is_late = open.ledger.last_ts.is_some_and(|newest| first.ts < newest);
    open.ledger.points += u64::try_from(drafts.len()).map_err(Error::broken)?;
    let (outcomes, openings) =
        if is_late { late::insert(tx, &mut open, &drafts, &sent).await? } else { behind(tx, &mut open, &drafts, &sent).await? };
    open.ledger.last_ts = open.ledger.last_ts.max(Some(last.ts));
    let alerts = tell(tx, &open, &openings).await?;
    open.close(tx).await?;
    Ok(Added { points: shown(series_id, drafts, outcomes, &sent), alerts })
}

/// Adds points behind all others.
async fn behind(tx: &mut OrgTx, open: &mut Open, drafts: &[Draft], sent: &[Uuid]) -> Result<(Vec<Outcome>, Vec<Opening>), Error> {
    let mut outcomes = vec![Outcome::default(); drafts.len()];
    let (mut openings, mut changed) = (Vec::new(), Vec::new());
    let mut stage = drafts.first().map_or(0, |draft| open.stage_at(draft.place.ts));
    let mut walk = match drafts.first() {
        Some(first) => late::resume(tx, open, stage, first.place).await?,
        None => None,
    };
    for (index, draft) in drafts.iter().enumerate() {
        let now = open.stage_at(draft.place.ts);
        if now != stage {
            (stage, walk) = (now, open.begin(now));
        }
        let Some(walk) = &mut walk else { continue };
        let verdict = walk.step(draft.place, &draft.reading).map_err(|unfit| unfit.at(sent, draft.place.id))?;
        let Some(verdict) = verdict else { continue };
        openings.extend(begins(walk, &verdict));
        let outcome = outcome(walk, &verdict, &draft.reading);
        if verdict.place == draft.place {
            outcomes[index] = outcome;
        } else {
            // The subgroup before was ended by this point.
            match drafts[..index].iter().rposition(|earlier| earlier.place == verdict.place) {
                Some(earlier) => outcomes[earlier] = outcome,
                None => changed.push((verdict.place, outcome)),
            }
        }
    }
    store::insert(tx, open.ledger.series_id, drafts, &outcomes).await?;
    store::rewrite(tx, open.ledger.series_id, &changed).await?;
    open.ledger.remembered.walk = walk.map(|walk| walk.kept());
    let plots = open.series.plots();
    let plotted = |index: usize| plots.plotted(outcomes[index].statistic, drafts[index].reading.value, drafts[index].reading.n);
    let span = open.ledger.remembered.span.take();
    let mut span = spans::extend(tx, open.ledger.series_id, span, drafts, plotted).await?;
    if !changed.is_empty() {
        let places: Vec<_> = changed.iter().map(|(place, _)| *place).collect();
        span = spans::mend(tx, open.ledger.series_id, plots, &places).await?;
    }
    open.ledger.remembered.span = span;
    Ok((outcomes, openings))
}

/// What is kept of a verdict.
pub(super) fn outcome(walk: &Walk, verdict: &Verdict, reading: &Reading) -> Outcome {
    let rules = walk.signalling(verdict.judged.signals).map(|rule| rule.id.clone()).collect();
    let statistic = verdict.judged.statistic.filter(|statistic| walk.gathers() || reading.value != Some(*statistic));
    Outcome { statistic, rules, lines: walk.lines(&verdict.judged).map(Vec::from), spread: walk.spread(verdict) }
}

/// The alerts of the episodes that begin with a verdict.
pub(super) fn begins(walk: &Walk, verdict: &Verdict) -> Vec<Opening> {
    if verdict.begins.is_empty() {
        return Vec::new();
    }
    walk.signalling(verdict.begins).map(|rule| opening(walk, verdict, rule)).collect()
}

fn opening(walk: &Walk, verdict: &Verdict, rule: &Rule) -> Opening {
    let judged = &verdict.judged;
    let spread = judged.spread.filter(|_| walk.plan().is_some_and(|plan| plan.is_of_spread(rule)));
    let (statistic, centre, sigma, lcl, ucl) = match spread {
        Some(spread) => (Some(spread.value), Some(spread.centre), None, Some(spread.lcl), Some(spread.ucl)),
        None => (judged.statistic, judged.centre, judged.sigma, judged.lcl, judged.ucl),
    };
    let numbers = [
        ("statistic", statistic),
        ("centre", centre),
        ("sigma", sigma),
        ("lcl", lcl),
        ("ucl", ucl),
        ("stage", Some(f64::from(walk.stage().number))),
    ];
    let mut details = Object::default();
    for (name, number) in numbers {
        let Some(number) = number else { continue };
        details.0.fields.insert(name.to_owned(), prost_types::Value::from(number));
    }
    let ruleset = walk.plan().map_or_else(String::new, |plan| plan.rules().name().to_owned());
    details.0.fields.insert("ruleset".to_owned(), prost_types::Value::from(ruleset));
    let statistic = statistic.unwrap_or(f64::NAN);
    let limits = match (lcl, ucl) {
        (Some(low), Some(high)) => format!("limits {low:?} to {high:?}"),
        (None, Some(high)) => format!("upper limit {high:?}"),
        (Some(low), None) => format!("lower limit {low:?}"),
        (None, None) => "no limits".to_owned(),
    };
    Opening {
        point_id: verdict.place.id,
        window_from: walk.window_from(rule.pattern.span(), verdict.place).min(verdict.place.ts),
        window_to: verdict.place.ts,
        severity: if rule.severity() == Severity::Critical { AlertSeverity::Critical } else { AlertSeverity::Warning },
        summary: format!("{}: {}, at {statistic:?} ({limits})", rule.id, spread.map_or_else(|| says(rule), |_| SPREAD.to_owned())),
        rule: rule.id.clone(),
        details,
    }
}

/// What the rule of the second chart looks for.
const SPREAD: &str = "the spread is beyond its limit";

/// What a rule looks for, in words.
fn says(rule: &Rule) -> String {
    if rule.id.starts_with("cusum") {
        return "the cumulative sum is beyond its limit".to_owned();
    }
    match rule.pattern {
        Pattern::Beyond { window: 1, .. } if rule.id == "beyond_limits" => "a point beyond its limit".to_owned(),
        Pattern::Beyond { window: 1, sigmas, .. } => format!("a point beyond {sigmas} sigma"),
        Pattern::Beyond { points, window, sigmas, sides } => {
            let many = if points == window { format!("{points} points in a row") } else { format!("{points} of {window} points") };
            let beyond = if sigmas > 0.0 { format!(" beyond {sigmas} sigma") } else { String::new() };
            let side = match sides {
                Sides::Same => " on one side",
                Sides::Both => " on both sides",
                Sides::Either => "",
            };
            format!("{many}{beyond}{side}")
        }
        Pattern::Inside { points, sigmas } => format!("{points} points in a row within {sigmas} sigma"),
        Pattern::Trend { points } => format!("{points} points in a row that rise or fall"),
        Pattern::Alternating { points } => format!("{points} points in a row that go up and down in turn"),
        Pattern::Opposite { sigmas } => format!("two points in a row beyond {sigmas} sigma on opposite sides"),
    }
}

/// Opens alerts. Of a series that holds, critical ones wait for the runs that are being written, and the next ones for them.
pub(crate) async fn tell(tx: &mut OrgTx, open: &Open, openings: &[Opening]) -> Result<Vec<Alert>, Error> {
    if open.series.hold && openings.iter().any(|opening| opening.severity == AlertSeverity::Critical) {
        spc_alerts::hold(tx).await?;
    }
    spc_alerts::open(tx, open.ledger.series_id, openings).await
}

/// The points as they are answered, in the order in which they were sent.
fn shown(series_id: Uuid, drafts: Vec<Draft>, outcomes: Vec<Outcome>, sent: &[Uuid]) -> Vec<pb::SpcPoint> {
    let arrived: std::collections::HashMap<Uuid, usize> = sent.iter().enumerate().map(|(index, id)| (*id, index)).collect();
    let mut shown: Vec<_> = drafts.into_iter().zip(outcomes).map(|(draft, outcome)| draft.shown(series_id, outcome)).collect();
    shown.sort_by_key(|(id, _)| arrived.get(id).copied());
    shown.into_iter().map(|(_, point)| point).collect()
}

impl Unfit {
    /// Names the point of the request, or that a stored one does not fit any more.
    pub(super) fn at(self, sent: &[Uuid], id: Uuid) -> Error {
        let index = sent.iter().position(|sent| *sent == id);
        Error::invalid(
            index.map_or_else(|| format!("points.{}", self.field), |index| format!("points[{index}].{}", self.field)),
            self.demand,
        )
    }
}
