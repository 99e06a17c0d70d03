//! The episodes of the rules among points that are judged again: in the end, each has one alert.

use std::collections::HashMap;

use spectra_mesh::{Error, OrgTx};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    again::next,
    append::begins,
    late::begun,
    reading::Place,
    store,
    store::Outcome,
    walk::{Verdict, Walk},
};
use crate::spc_alerts::{self, Opening, Told};

/// Why alerts are closed in nobody's name.
const ENDED: &str = "withdrawn: with the points that came late, its point does not signal the rule";
const JOINED: &str = "withdrawn: with the points that came late, another alert tells of the same episode";

/// A rule that signals at one point after another.
struct Episode {
    /// Nothing, if it began before the points that are judged again.
    opening: Option<Opening>,
    /// Whether the first of its alerts is open; none without one.
    told: Option<bool>,
}

/// The episodes so far, and what becomes of the alerts that there are.
#[derive(Default)]
pub(super) struct Episodes {
    all: Vec<Episode>,
    /// The place among all of the newest episode of each rule.
    newest: HashMap<String, usize>,
    /// The alerts of points that are not judged yet.
    ahead: HashMap<Uuid, Vec<Told>>,
    /// Those whose points do not signal any more.
    ended: Vec<Uuid>,
    /// Those of episodes that have another one.
    joined: Vec<Uuid>,
}

impl Episodes {
    /// Begins with the episodes that last before a place, of which some openings may be about. Where one has no alert before the place,
    /// gives where it began.
    pub(super) async fn last_before(
        &mut self,
        tx: &mut OrgTx,
        series_id: Uuid,
        walk: &Walk,
        place: Place,
        openings: &[Opening],
    ) -> Result<Option<Place>, Error> {
        *self = Self::default();
        let mut front: Option<Place> = None;
        for rule in walk.lasting() {
            let break_before = store::silent_before(tx, series_id, walk.gathers(), &rule.id, begun(walk), place).await?;
            let began = break_before.map_or_else(|| begun(walk), next);
            let is_within = |opening: &Opening| opening.rule == rule.id && (began..place).contains(&opening.place());
            let told = if openings.iter().any(is_within) {
                Some(true)
            } else {
                spc_alerts::first(tx, series_id, &rule.id, began, place).await?.map(|told| told.is_open)
            };
            if told.is_none() {
                front = Some(front.map_or(began, |front| front.min(began)));
            }
            self.begin(rule.id.clone(), Episode { opening: None, told });
        }
        Ok(front)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    fn begin(&mut self, rule: String, episode: Episode) {
        self.newest.insert(rule, self.all.len());
        self.all.push(episode);
    }

    /// Reads the alerts of the points that are judged next, from the first to the last.
    pub(super) async fn read(&mut self, tx: &mut OrgTx, series_id: Uuid, first: Place, last: Place) -> Result<(), Error> {
        for told in spc_alerts::told(tx, series_id, None, first, next(last), None).await? {
            self.ahead.entry(told.point_id).or_default().push(told);
        }
        Ok(())
    }

    /// Begins the episodes that begin with a point, or the subgroup that it ends.
    pub(super) fn follow(&mut self, walk: &Walk, verdict: &Verdict) {
        for opening in begins(walk, verdict) {
            self.begin(opening.rule.clone(), Episode { opening: Some(opening), told: None });
        }
    }

    /// Looks at the alerts of a point: what is found out now, and what was stored of it.
    pub(super) fn meet(&mut self, place: Place, stored: &Outcome, found: &Outcome) {
        for alert in self.ahead.remove(&place.id).unwrap_or_default() {
            if found.rules.contains(&alert.rule) {
                self.tell(&alert);
            } else if stored.rules.contains(&alert.rule) {
                self.ended.extend(alert.is_untouched.then_some(alert.id));
            }
        }
    }

    /// Takes an alert for one of the newest episode of its rule.
    fn tell(&mut self, alert: &Told) {
        let newest = self.newest.get(&alert.rule).copied();
        let Some(episode) = newest.and_then(|newest| self.all.get_mut(newest)) else { return };
        match episode.told {
            Some(is_open) => self.joined.extend((is_open && alert.is_untouched).then_some(alert.id)),
            None => episode.told = Some(alert.is_open),
        }
    }

    /// Looks at the alerts behind the last point that was judged, of episodes that go on there.
    pub(super) async fn look_behind(
        &mut self,
        tx: &mut OrgTx,
        series_id: Uuid,
        walk: &Walk,
        last: Place,
        end: OffsetDateTime,
    ) -> Result<(), Error> {
        for rule in walk.lasting() {
            let (mut from, end) = (next(last), Place { ts: end, id: Uuid::nil() });
            while let Some(alert) = spc_alerts::first(tx, series_id, &rule.id, from, end).await? {
                if store::silent_before(tx, series_id, walk.gathers(), &rule.id, from, alert.place()).await?.is_some() {
                    break;
                }
                from = next(alert.place());
                self.tell(&alert);
            }
        }
        Ok(())
    }

    /// Closes the alerts that the points do not speak for any more.
    pub(super) async fn withdraw(&self, tx: &mut OrgTx) -> Result<(), Error> {
        spc_alerts::withdraw(tx, &self.ended, ENDED).await?;
        spc_alerts::withdraw(tx, &self.joined, JOINED).await
    }

    /// The alerts of the episodes that have none.
    pub(super) fn untold(self) -> Vec<Opening> {
        self.all.into_iter().filter(|episode| episode.told.is_none()).filter_map(|episode| episode.opening).collect()
    }
}

impl Told {
    fn place(&self) -> Place {
        Place { ts: self.window_to, id: self.point_id }
    }
}

impl Opening {
    fn place(&self) -> Place {
        Place { ts: self.window_to, id: self.point_id }
    }
}
