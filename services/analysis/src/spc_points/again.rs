//! Points that are judged again, and what changes by it.

use spectra_mesh::{Error, OrgTx, Refusal};
use spectra_proto::types::Reason;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    append::outcome,
    episodes::Episodes,
    late::{Start, approach, at_once, begun, reach},
    ledger::Open,
    reading::{Draft, END, Place, Reading},
    store,
    store::{Outcome, Row},
    walk::Walk,
};
use crate::spc_alerts::Opening;

/// How many points one call judges again at most.
pub(super) const MOST: usize = 1_000_000;
/// How many episodes one call finds at most.
const EPISODES: usize = 20_000;

/// Points that are not judged yet, with their values and what is stored of them.
pub(super) type Group = Vec<(Place, Option<f64>, Outcome)>;

/// Points that are judged again, and what changes by it.
pub(super) struct Again<'a> {
    drafts: &'a [Draft],
    sent: &'a [Uuid],
    /// How many of the drafts are judged.
    done: usize,
    outcomes: Vec<Outcome>,
    openings: Vec<Opening>,
    start: Option<Start>,
    group: Group,
    changed: Vec<(Place, Outcome)>,
    episodes: Episodes,
    /// Where something changed.
    touched: Vec<Place>,
    /// How many points may still be judged.
    left: usize,
}

impl<'a> Again<'a> {
    pub(super) fn of(drafts: &'a [Draft], sent: &'a [Uuid], left: usize) -> Self {
        Self {
            drafts,
            sent,
            done: 0,
            outcomes: vec![Outcome::default(); drafts.len()],
            openings: Vec::new(),
            start: None,
            group: Group::new(),
            changed: Vec::new(),
            episodes: Episodes::default(),
            touched: drafts.iter().map(|draft| draft.place).collect(),
            left,
        }
    }

    /// How many of the points that came late are judged.
    pub(super) fn done(&self) -> usize {
        self.done
    }

    /// Leaves the points before a time unjudged: there are no limits yet.
    pub(super) fn pass(&mut self, end: OffsetDateTime) {
        self.done += self.drafts[self.done..].partition_point(|draft| draft.place.ts < end);
    }

    /// Where something changed, in order.
    pub(super) fn touched(&mut self) -> Vec<Place> {
        let mut touched = std::mem::take(&mut self.touched);
        touched.sort_unstable();
        touched.dedup();
        touched
    }

    /// What was found out about the points that came late, and the alerts to open.
    pub(super) fn found(self) -> (Vec<Outcome>, Vec<Opening>) {
        (self.outcomes, self.openings)
    }

    /// Begins with a stage from its first point on.
    pub(super) fn anew(&mut self, walk: Walk) {
        let at = begun(&walk);
        self.start = Some(Start { walk, group: Group::new(), at });
    }

    /// Begins before a place; nothing without limits. An episode that lasts there and has no alert before it is judged from its first
    /// point on, as it may be that what tells of it is behind.
    pub(super) async fn begin(&mut self, tx: &mut OrgTx, open: &Open, stage: usize, place: Place) -> Result<Option<()>, Error> {
        let mut at = place;
        loop {
            let Some((start, read)) = approach(tx, open, stage, at).await? else { return Ok(None) };
            self.charge(open, read)?;
            let front = self.episodes.last_before(tx, open.ledger.series_id, &start.walk, at, &self.openings).await?;
            self.start = Some(start);
            match front.filter(|_| at == place) {
                Some(front) if front < at => at = front,
                _ => return Ok(Some(())),
            }
        }
    }

    /// Judges until nothing can change any more or the stage ends.
    pub(super) async fn judge(&mut self, tx: &mut OrgTx, open: &mut Open, end: OffsetDateTime) -> Result<(), Error> {
        let Some(Start { mut walk, group, at }) = self.start.take() else { return Ok(()) };
        let series_id = open.ledger.series_id;
        let first = group.first().map_or(at, |(place, ..)| *place);
        if let Some((last, ..)) = group.last() {
            self.episodes.read(tx, series_id, first, *last).await?;
        }
        self.group = group;
        // Without late points, all are looked at.
        let reach = reach(&walk).filter(|_| !self.drafts.is_empty()).and_then(|reach| usize::try_from(reach).ok());
        let most = at_once(&walk);
        let (mut from, mut since, mut last) = (at, 0, at);
        'points: loop {
            let rows = store::forward(tx, series_id, from, END, most).await?;
            let is_last = rows.len() < most;
            let Some(newest) = rows.last().map(|row| row.place) else {
                open.ledger.remembered.walk = Some(walk.kept());
                break;
            };
            self.episodes.read(tx, series_id, rows[0].place, newest).await?;
            for row in rows {
                let is_near = || self.drafts.get(self.done).is_some_and(|draft| draft.place <= newest);
                if row.place.ts >= end || reach.is_some_and(|reach| since > reach && !is_near()) {
                    break 'points;
                }
                self.charge(open, 1)?;
                (from, last) = (next(row.place), row.place);
                let is_draft = self.drafts.get(self.done).is_some_and(|draft| draft.place == row.place);
                let is_judged = self.step(&mut walk, row)?;
                if is_draft {
                    (self.done, since) = (self.done + 1, 0);
                } else {
                    since += usize::from(is_judged);
                }
            }
            store::rewrite(tx, series_id, &std::mem::take(&mut self.changed)).await?;
            if is_last {
                open.ledger.remembered.walk = Some(walk.kept());
                break;
            }
        }
        for (place, _, stored) in std::mem::take(&mut self.group) {
            self.note(place, &stored, Outcome::default());
        }
        store::rewrite(tx, series_id, &std::mem::take(&mut self.changed)).await?;
        let mut episodes = std::mem::take(&mut self.episodes);
        // Where people had points judged by other limits, they look after the alerts too.
        if !self.drafts.is_empty() {
            episodes.look_behind(tx, series_id, &walk, last, end).await?;
            episodes.withdraw(tx).await?;
        }
        self.openings.extend(episodes.untold());
        Ok(())
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
            let reading = Reading { value, ..Default::default() };
            let found = if place == verdict.place { outcome(walk, &verdict, &reading) } else { Outcome::default() };
            self.note(place, &stored, found);
        }
        Ok(verdict.judged.statistic.is_some())
    }

    /// Writes down what was found out about a point, where it is not what is stored.
    fn note(&mut self, place: Place, stored: &Outcome, found: Outcome) {
        self.episodes.meet(place, stored, &found);
        if *stored != found {
            self.touched.push(place);
            self.changed.push((place, found.clone()));
        }
        if let Ok(index) = self.drafts.binary_search_by_key(&place, |draft| draft.place) {
            self.outcomes[index] = found;
        }
    }

    /// Counts points that were judged, and refuses to go on for ever.
    fn charge(&mut self, open: &Open, points: usize) -> Result<(), Error> {
        let refused = |message: String, limit: usize| {
            Refusal::new(Reason::SpcTooManyPoints, message).about("series_id", open.ledger.series_id).about("limit", limit)
        };
        if self.openings.len() + self.episodes.len() > EPISODES {
            let message =
                format!("more than {EPISODES} alerts would have to be looked at; begin another series, or send fewer points at once");
            return Err(refused(message, EPISODES).into());
        }
        let Some(rest) = self.left.checked_sub(points) else {
            let most = open.most;
            let message = format!(
                "more than {most} points would have to be judged again; send points in the order of their times, or begin another series"
            );
            return Err(refused(message, most).into());
        };
        self.left = rest;
        Ok(())
    }
}

/// The place right behind another.
pub(super) fn next(place: Place) -> Place {
    Place { id: Uuid::from_u128(place.id.as_u128().saturating_add(1)), ..place }
}
