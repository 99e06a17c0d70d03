//! The episodes of the rules among points that are judged again: in the end, each has one alert.

use std::collections::HashMap;

use spectra_mesh::{Error, OrgTx};
use uuid::Uuid;

use super::{
    append::begins,
    reading::Place,
    walk::{Verdict, Walk},
};
use crate::spc_alerts::{self, Opening, Told};

/// Why alerts are closed in nobody's name.
const ENDED: &str = "withdrawn: with the points that came late, its point does not signal the rule";
const JOINED: &str = "withdrawn: with the points that came late, an earlier alert tells of the same episode";

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
    /// The first ones, with their rules, of episodes that began before.
    continued: Vec<(String, Uuid)>,
}

impl Episodes {
    /// Those that last as the judging begins anew.
    pub(super) fn before(walk: &Walk) -> Self {
        let mut episodes = Self::default();
        for rule in walk.lasting() {
            episodes.begin(rule.id.clone(), None);
        }
        episodes
    }

    fn begin(&mut self, rule: String, opening: Option<Opening>) {
        self.newest.insert(rule, self.all.len());
        self.all.push(Episode { opening, told: None });
    }

    /// Reads the alerts of the points that are judged next, from the first to the last.
    pub(super) async fn read(&mut self, tx: &mut OrgTx, series_id: Uuid, first: Place, last: Place) -> Result<(), Error> {
        for told in spc_alerts::told(tx, series_id, first.ts, last.ts).await? {
            if (first..=last).contains(&told.place()) {
                self.ahead.entry(told.point_id).or_default().push(told);
            }
        }
        Ok(())
    }

    /// Takes a point that was judged into the episodes that it belongs to, with its alerts.
    pub(super) fn follow(&mut self, walk: &Walk, verdict: &Verdict) {
        for opening in begins(walk, verdict) {
            self.begin(opening.rule.clone(), Some(opening));
        }
        for alert in self.ahead.remove(&verdict.place.id).unwrap_or_default() {
            let signals = walk.plan().rules().signalling(verdict.judged.signals).any(|rule| rule.id == alert.rule);
            let episode = self.newest.get(&alert.rule).filter(|_| signals);
            let Some(episode) = episode.and_then(|newest| self.all.get_mut(*newest)) else {
                self.ended.extend(alert.is_untouched.then_some(alert.id));
                continue;
            };
            match episode.told {
                Some(is_open) => self.joined.extend((is_open && alert.is_untouched).then_some(alert.id)),
                None => {
                    episode.told = Some(alert.is_open);
                    if episode.opening.is_none() && alert.is_untouched {
                        self.continued.push((alert.rule, alert.id));
                    }
                }
            }
        }
    }

    /// Withdraws the alerts that the points from the first to the last do not speak for any more.
    pub(super) async fn withdraw(&mut self, tx: &mut OrgTx, series_id: Uuid, first: Place, last: Place) -> Result<(), Error> {
        let ahead = std::mem::take(&mut self.ahead).into_values().flatten();
        let passed = ahead.filter(|alert| alert.is_untouched && (first..=last).contains(&alert.place()));
        self.ended.extend(passed.map(|alert| alert.id));
        for (rule, alert) in std::mem::take(&mut self.continued) {
            if spc_alerts::is_open_before(tx, series_id, &rule, first.ts).await? {
                self.joined.push(alert);
            }
        }
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
