//! Points that come late: they are put in their place, and what follows is judged again from there on.
//!
//! Where the rules look at so many points and no more, that many before a late point are read, and as many behind it. A chart that
//! accumulates, or gathers subgroups, is judged from the beginning of the stage to its end.

use spectra_mesh::{Error, OrgTx};
use uuid::Uuid;

use super::{
    again::{Again, Group, next},
    ledger::Open,
    reading::{Draft, Place},
    spans, store,
    store::{LAST, Outcome},
    walk::Walk,
};
use crate::spc_alerts::Opening;

/// How many points are read at once where all have to be.
const ALL: usize = 5_000;
/// How many at least, where a few are enough.
const SOME: usize = 64;

/// The judging of a stage as it stands before a place.
pub(super) struct Start {
    pub(super) walk: Walk,
    /// The points before it that are not judged yet: of a subgroup that is not whole.
    pub(super) group: Group,
    /// The place.
    pub(super) at: Place,
}

/// Goes on with the judging of a stage before a place: from what is remembered, or else from the points before.
pub(super) async fn resume(tx: &mut OrgTx, open: &Open, stage: usize, place: Place) -> Result<Option<Walk>, Error> {
    let Some(current) = open.stages.get(stage) else { return Ok(None) };
    if let Some(kept) = open.ledger.remembered.walk.clone()
        && let Some(walk) = Walk::resume(current, open.series.chart_type.0, open.series.subgroup_size, kept)
    {
        return Ok(Some(walk));
    }
    if open.ledger.last_ts.is_none_or(|last| last < current.starts_at) {
        return Ok(open.begin(stage));
    }
    // Points in time are taken however long the stage is: it is read once, and remembered then.
    Ok(approach(tx, open, stage, place).await?.map(|(start, _)| start.walk))
}

/// Judges a stage up to a place, as far as what comes there depends on it. Gives how many points that took, too.
pub(super) async fn approach(tx: &mut OrgTx, open: &Open, stage: usize, at: Place) -> Result<Option<(Start, usize)>, Error> {
    let Some(mut walk) = open.begin(stage) else { return Ok(None) };
    let begun = begun(&walk);
    let mut from = match reach(&walk) {
        Some(points) => store::back(tx, open.ledger.series_id, at, begun.ts, points).await?,
        None => begun,
    };
    let (most, mut read, mut group) = (at_once(&walk), 0, Group::new());
    loop {
        let rows = store::forward(tx, open.ledger.series_id, from, at, most).await?;
        let is_last = rows.len() < most;
        read += rows.len();
        for row in rows {
            from = next(row.place);
            let verdict = walk.step(row.place, &row.reading).map_err(|unfit| unfit.at(&[], row.place.id))?;
            group.push((row.place, row.reading.value, row.outcome));
            if let Some(verdict) = verdict {
                group.retain(|(place, ..)| *place > verdict.place);
            }
        }
        if is_last {
            return Ok(Some((Start { walk, group, at }, read)));
        }
    }
}

/// How many points before one are read, and behind it, where not all have to be: as many as the rules look at, and once more, so that
/// the episodes around it are known. Missing ones end no episode, and are read besides.
pub(super) fn reach(walk: &Walk) -> Option<i64> {
    i64::try_from(2 * walk.memory()? + 2).ok()
}

/// How many points are read at once.
pub(super) fn at_once(walk: &Walk) -> usize {
    reach(walk).and_then(|reach| usize::try_from(2 * reach).ok()).map_or(ALL, |many| many.max(SOME))
}

/// Where the stage begins.
pub(super) fn begun(walk: &Walk) -> Place {
    Place { ts: walk.stage().starts_at, id: Uuid::nil() }
}

/// Stores points of which some come late.
pub(super) async fn insert(
    tx: &mut OrgTx,
    open: &mut Open,
    drafts: &[Draft],
    sent: &[Uuid],
) -> Result<(Vec<Outcome>, Vec<Opening>), Error> {
    let series_id = open.ledger.series_id;
    store::insert(tx, series_id, drafts, &vec![Outcome::default(); drafts.len()]).await?;
    let mut again = Again::of(drafts, sent, open.most);
    while let Some(first) = drafts.get(again.done()) {
        let stage = open.stage_at(first.place.ts);
        let end = open.stages.get(stage + 1).map_or(LAST, |next| next.starts_at);
        if again.begin(tx, open, stage, first.place).await?.is_none() {
            again.pass(end);
            continue;
        }
        again.judge(tx, open, end).await?;
    }
    open.ledger.remembered.span = spans::mend(tx, series_id, open.series.plots(), &again.touched()).await?;
    Ok(again.found())
}

/// Judges anew all points from the beginning of the last stage on.
pub(crate) async fn rejudge(tx: &mut OrgTx, open: &mut Open) -> Result<Vec<Opening>, Error> {
    let stage = open.stages.len().saturating_sub(1);
    let mut again = Again::of(&[], &[], open.most);
    let Some(walk) = open.begin(stage) else { return Ok(Vec::new()) };
    again.anew(walk);
    again.judge(tx, open, LAST).await?;
    open.ledger.remembered.span = spans::mend(tx, open.ledger.series_id, open.series.plots(), &again.touched()).await?;
    Ok(again.found().1)
}
