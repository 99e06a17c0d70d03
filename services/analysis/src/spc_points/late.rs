//! Points that come late: they are put in their place, and what follows is judged again from there on.
//!
//! Where the rules look at so many points and no more, that many before a late point are read, and as many behind it. A chart that
//! accumulates, or gathers subgroups, is judged from the beginning of the stage to its end.

use spectra_mesh::{Error, OrgTx, Refusal};
use spectra_proto::types::Reason;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    append::outcome,
    episodes::Episodes,
    ledger::Open,
    reading::{Draft, END, Place},
    spans, store,
    store::{LAST, Outcome, Row},
    walk::Walk,
};
use crate::spc_alerts::Opening;

/// How many points are read at once where all have to be.
const ALL: usize = 5_000;
/// How many, where some are enough.
const SOME: usize = 500;
/// How many points one call judges again at most.
const MOST: usize = 1_000_000;

/// Points that are judged again, and what changes by it.
struct Again<'a> {
    drafts: &'a [Draft],
    sent: &'a [Uuid],
    /// How many of the drafts are judged.
    done: usize,
    outcomes: Vec<Outcome>,
    /// The points since the last verdict, with their values and what is stored of them.
    group: Vec<(Place, Option<f64>, Outcome)>,
    changed: Vec<(Place, Outcome)>,
    episodes: Episodes,
    /// The last place at which something changed: what accumulates is plotted anew far behind a late point.
    until: Option<Place>,
    /// How many points may still be read.
    left: usize,
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
    let mut left = usize::MAX;
    approach(tx, open, stage, place, &mut left).await
}

/// Judges a stage up to a place, as far as what comes there depends on it.
async fn approach(tx: &mut OrgTx, open: &Open, stage: usize, place: Place, left: &mut usize) -> Result<Option<Walk>, Error> {
    let Some(mut walk) = open.begin(stage) else { return Ok(None) };
    let begun = Place { ts: walk.stage().starts_at, id: Uuid::nil() };
    let mut from = match reach(&walk) {
        Some(points) => store::back(tx, open.ledger.series_id, place, begun.ts, points).await?,
        None => begun,
    };
    let most = if reach(&walk).is_some() { SOME } else { ALL };
    loop {
        let rows = chunk(tx, open, from, most, left).await?;
        let is_last = rows.len() < most || rows.last().is_some_and(|row| row.place >= place);
        for row in rows.into_iter().take_while(|row| row.place < place) {
            from = next(row.place);
            walk.step(row.place, &row.reading).map_err(|unfit| unfit.at(&[], row.place.id))?;
        }
        if is_last {
            return Ok(Some(walk));
        }
    }
}

/// How many points before one are read, and behind it, where not all have to be: as many as the rules look at, and once more, so that
/// the episodes around it are known. Missing ones end no episode, and are read besides.
fn reach(walk: &Walk) -> Option<i64> {
    let memory = walk.plan().memory().filter(|_| !walk.gathers())?;
    i64::try_from(2 * memory + 2).ok()
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
    let mut again = Again::of(drafts, sent);
    let mut openings = Vec::new();
    while let Some(first) = drafts.get(again.done) {
        let stage = open.stage_at(first.place.ts);
        let end = open.stages.get(stage + 1).map_or(LAST, |next| next.starts_at);
        match approach(tx, open, stage, first.place, &mut again.left).await? {
            Some(walk) => openings.extend(again.judge(tx, open, walk, first.place, end).await?),
            None => again.done += drafts[again.done..].partition_point(|draft| draft.place.ts < end),
        }
    }
    if let Some((first, last)) = drafts.first().zip(drafts.last()) {
        let until = again.until.map_or(last.place, |until| until.max(last.place));
        open.ledger.remembered.span = spans::rebuild(tx, series_id, first.place, until).await?;
    }
    Ok((again.outcomes, openings))
}

/// Judges anew all points from the beginning of the last stage on.
pub(crate) async fn rejudge(tx: &mut OrgTx, open: &mut Open) -> Result<Vec<Opening>, Error> {
    let stage = open.stages.len().saturating_sub(1);
    let Some(walk) = open.begin(stage) else { return Ok(Vec::new()) };
    let begun = Place { ts: walk.stage().starts_at, id: Uuid::nil() };
    let openings = Again::of(&[], &[]).judge(tx, open, walk, begun, LAST).await?;
    open.ledger.remembered.span = spans::rebuild(tx, open.ledger.series_id, begun, END).await?;
    Ok(openings)
}

impl<'a> Again<'a> {
    fn of(drafts: &'a [Draft], sent: &'a [Uuid]) -> Self {
        let outcomes = vec![Outcome::default(); drafts.len()];
        Self {
            drafts,
            sent,
            done: 0,
            outcomes,
            group: Vec::new(),
            changed: Vec::new(),
            episodes: Episodes::default(),
            until: None,
            left: MOST,
        }
    }

    /// Judges from a place on, until nothing can change any more or the stage ends. Gives the alerts that are to be opened.
    async fn judge(
        &mut self,
        tx: &mut OrgTx,
        open: &mut Open,
        mut walk: Walk,
        first: Place,
        end: OffsetDateTime,
    ) -> Result<Vec<Opening>, Error> {
        // Without late points, all are looked at.
        let reach = reach(&walk).filter(|_| !self.drafts.is_empty()).and_then(|reach| usize::try_from(reach).ok());
        let most = if reach.is_some() { SOME } else { ALL };
        let (mut from, mut since, mut last) = (first, 0, first);
        self.episodes = Episodes::before(&walk);
        'points: loop {
            let rows = chunk(tx, open, from, most, &mut self.left).await?;
            let is_last = rows.len() < most;
            if let Some((first, last)) = rows.first().zip(rows.last()) {
                self.episodes.read(tx, open.ledger.series_id, first.place, last.place).await?;
            }
            for row in rows {
                if row.place.ts >= end || reach.is_some_and(|reach| since > reach) {
                    break 'points;
                }
                (from, last) = (next(row.place), row.place);
                let is_draft = self.drafts.get(self.done).is_some_and(|draft| draft.place == row.place);
                let is_judged = self.step(&mut walk, row)?;
                if is_draft {
                    (self.done, since) = (self.done + 1, 0);
                } else {
                    since += usize::from(is_judged);
                }
            }
            store::rewrite(tx, open.ledger.series_id, &std::mem::take(&mut self.changed)).await?;
            if is_last {
                open.ledger.remembered.walk = Some(walk.kept());
                break;
            }
        }
        for (place, _, stored) in std::mem::take(&mut self.group) {
            self.note(place, &stored, Outcome::default());
        }
        store::rewrite(tx, open.ledger.series_id, &std::mem::take(&mut self.changed)).await?;
        let mut episodes = std::mem::take(&mut self.episodes);
        // Where people had points judged by other limits, they look after the alerts too.
        if !self.drafts.is_empty() {
            episodes.withdraw(tx, open.ledger.series_id, first, last).await?;
        }
        Ok(episodes.untold())
    }

    /// Judges a stored point; whether it, or the subgroup that it ends, is there to be judged.
    fn step(&mut self, walk: &mut Walk, row: Row) -> Result<bool, Error> {
        let verdict = walk.step(row.place, &row.reading).map_err(|unfit| unfit.at(self.sent, row.place.id))?;
        self.group.push((row.place, row.reading.value, row.outcome));
        let Some(verdict) = verdict else { return Ok(false) };
        self.episodes.follow(walk, &verdict);
        let (judged, open) = std::mem::take(&mut self.group).into_iter().partition(|(place, ..)| *place <= verdict.place);
        self.group = open;
        let judged: Vec<_> = judged;
        for (place, value, stored) in judged {
            let reading = super::reading::Reading { value, ..Default::default() };
            let found = if place == verdict.place { outcome(walk, &verdict, &reading) } else { Outcome::default() };
            self.note(place, &stored, found);
        }
        Ok(verdict.judged.statistic.is_some())
    }

    /// Writes down what was found out about a point, where it is not what is stored.
    fn note(&mut self, place: Place, stored: &Outcome, found: Outcome) {
        if *stored != found {
            self.until = self.until.max(Some(place));
            self.changed.push((place, found.clone()));
        }
        if let Ok(index) = self.drafts.binary_search_by_key(&place, |draft| draft.place) {
            self.outcomes[index] = found;
        }
    }
}

/// The next points from a place on.
async fn chunk(tx: &mut OrgTx, open: &Open, from: Place, most: usize, left: &mut usize) -> Result<Vec<Row>, Error> {
    let rows = store::forward(tx, open.ledger.series_id, from, i64::try_from(most).map_err(Error::broken)?).await?;
    let Some(rest) = left.checked_sub(rows.len()) else {
        let message = format!(
            "more than {MOST} points would have to be judged again; send points in the order of their times, or begin another series"
        );
        return Err(Refusal::new(Reason::SpcTooManyPoints, message).about("series_id", open.ledger.series_id).about("limit", MOST).into());
    };
    *left = rest;
    Ok(rows)
}

/// The place right behind another.
fn next(place: Place) -> Place {
    Place { id: Uuid::from_u128(place.id.as_u128().saturating_add(1)), ..place }
}
