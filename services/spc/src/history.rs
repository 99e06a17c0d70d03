//! What the newest points did, a bit each, and the rules read from it.

use serde::{Deserialize, Serialize};

use crate::{Code, Error, Limits, Missing, Pattern, Ruleset, Sides, Signals, limits::Lines};

mod word;
mod words;

pub(crate) use words::Course;

/// No ruleset has windows over more distances.
const BANDS: usize = 5;

/// What the last 32 points did. 64 bytes, whatever the rules.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct History {
    /// By distance, in the detector's order: which points lay beyond it. The newest point is the lowest bit.
    beyond: [Beyond; BANDS],
    /// Which points lay higher than the one before.
    rises: u32,
    /// Which points lay lower than the one before.
    falls: u32,
    /// At which points a rise became a fall, or a fall a rise.
    turns: u32,
    /// How many points there have been since the last gap, at most 255.
    seen: u8,
    /// How many of the newest in a row had a sigma, at most 255.
    zoned: u8,
    /// The newest point; NaN when it is missing.
    #[serde(with = "missing")]
    last: f64,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Beyond {
    above: u32,
    below: u32,
}

/// A distance that windows are over.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Band {
    sigmas: f64,
    /// Whether a point on the line lies beyond.
    closed: bool,
}

/// A ruleset made ready for reading bits: its rules by how they are read, each with its place in the ruleset. A loop over rules
/// of one kind costs less than a choice of kind for each rule.
#[derive(Clone, Debug, Default)]
pub(crate) struct Detector {
    bands: Vec<Band>,
    outliers: Vec<Outlier>,
    runs: Vec<Run>,
    windows: Vec<Window>,
    insides: Vec<Inside>,
    opposites: Vec<(usize, usize)>,
    newest_beyond: bool,
    bridge: bool,
}

/// The point itself is off by so much; `limit` when it is the chart's control limit that counts.
#[derive(Clone, Copy, Debug)]
struct Outlier {
    place: usize,
    sigmas: f64,
    limit: bool,
}

/// All points of the mask went one way.
#[derive(Clone, Copy, Debug)]
struct Run {
    place: usize,
    way: Way,
    mask: u32,
}

/// In which way the points of a run are alike.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// They lie beyond a band, on one side.
    Side(usize),
    /// Each rises, or each falls.
    Step,
    /// Each turns.
    Turn,
}

/// So many points of the mask are beyond a band.
#[derive(Clone, Copy, Debug)]
struct Window {
    place: usize,
    band: usize,
    mask: u32,
    points: u32,
    /// How many points there must have been.
    full: u8,
    sides: Sides,
}

/// None of the mask is beyond a band, and all of them had a sigma.
#[derive(Clone, Copy, Debug)]
struct Inside {
    place: usize,
    band: usize,
    mask: u32,
    points: u8,
}

const _: () = assert!(size_of::<History>() == 64, "the history fills a line of the cache");

impl Default for History {
    fn default() -> Self {
        Self { beyond: [Beyond::default(); BANDS], rises: 0, falls: 0, turns: 0, seen: 0, zoned: 0, last: f64::NAN }
    }
}

impl Detector {
    /// Refused when the rules' windows are over more than five distances.
    pub(crate) fn of(ruleset: &Ruleset) -> Result<Self, Error> {
        let options = ruleset.options();
        let (newest_beyond, bridge) = (options.newest_beyond, options.missing == Missing::Bridge);
        let mut detector = Self { newest_beyond, bridge, ..Self::default() };
        for (place, rule) in ruleset.rules().iter().enumerate() {
            match rule.pattern {
                Pattern::Beyond { window: 1, sigmas, .. } => {
                    detector.outliers.push(Outlier { place, sigmas, limit: (sigmas - 3.0).abs() < f64::EPSILON });
                }
                Pattern::Beyond { points, window, sigmas, sides: Sides::Same } if points == window => {
                    let way = Way::Side(detector.band(sigmas, false));
                    detector.runs.push(Run { place, way, mask: mask(points) });
                }
                Pattern::Beyond { points, window, sigmas, sides } => {
                    let full = if options.partial_windows { 0 } else { window };
                    let band = detector.band(sigmas, false);
                    detector.windows.push(Window { place, band, mask: mask(window), points: u32::from(points), full, sides });
                }
                Pattern::Inside { points, sigmas } => {
                    let band = detector.band(sigmas, !options.inside_inclusive);
                    detector.insides.push(Inside { place, band, mask: mask(points), points });
                }
                Pattern::Trend { points } => detector.runs.push(Run { place, way: Way::Step, mask: mask(points - 1) }),
                Pattern::Alternating { points } => detector.runs.push(Run { place, way: Way::Turn, mask: mask(points - 2) }),
                Pattern::Opposite { sigmas } => {
                    let band = detector.band(sigmas, false);
                    detector.opposites.push((place, band));
                }
            }
        }
        if detector.bands.len() > BANDS {
            return Err(Error::new(Code::InvalidRuleset, "rules", "must not have windows over more than 5 distances"));
        }
        Ok(detector)
    }

    /// The place of a distance among the bands, added where it is new.
    fn band(&mut self, sigmas: f64, closed: bool) -> usize {
        let band = Band { sigmas, closed };
        self.bands.iter().position(|&known| known == band).unwrap_or_else(|| {
            self.bands.push(band);
            self.bands.len() - 1
        })
    }

    /// Takes one point in, and tells which rules signal at it.
    #[inline]
    pub(crate) fn judge(&self, history: &mut History, point: f64, lines: &Lines) -> Signals {
        history.step(point);
        self.place(history, point, lines);
        let mut signals = Signals::default();
        for outlier in &self.outliers {
            signals = signals.with(outlier.place, lines.outlying(point, outlier.sigmas, outlier.limit));
        }
        for run in &self.runs {
            let Beyond { above, below } = history.along(run.way).within(run.mask);
            signals = signals.with(run.place, above == run.mask || below == run.mask);
        }
        for window in &self.windows {
            let bits = history.beyond[window.band].within(window.mask);
            signals = signals.with(window.place, history.seen >= window.full && self.holds(window, bits));
        }
        for inside in &self.insides {
            let Beyond { above, below } = history.beyond[inside.band].within(inside.mask);
            signals = signals.with(inside.place, above | below == 0 && history.zoned >= inside.points);
        }
        for &(place, band) in &self.opposites {
            let Beyond { above, below } = history.beyond[band];
            signals = signals.with(place, (above & below >> 1 | below & above >> 1) & 1 == 1);
        }
        signals
    }

    /// Takes a missing point in.
    pub(crate) fn skip(&self, history: &mut History) {
        if !self.bridge {
            *history = History::default();
            return;
        }
        for beyond in &mut history.beyond {
            beyond.shift(false, false);
        }
        *history = History { beyond: history.beyond, seen: history.seen.saturating_add(1), ..History::default() };
    }

    #[inline]
    fn place(&self, history: &mut History, point: f64, lines: &Lines) {
        let zoned = lines.sigma > 0.0;
        history.zoned = if zoned { history.zoned.saturating_add(1) } else { 0 };
        for (beyond, band) in history.beyond.iter_mut().zip(&self.bands) {
            let reach = band.sigmas * lines.sigma;
            // Distance zero is the centre line itself, which needs no sigma.
            let judged = zoned || band.sigmas <= 0.0;
            let (high, low) = if reach > 0.0 { (lines.centre + reach, lines.centre - reach) } else { (lines.centre, lines.centre) };
            let (above, below) = if band.closed { (point >= high, point <= low) } else { (point > high, point < low) };
            beyond.shift(judged & above, judged & below);
        }
    }

    #[inline]
    fn holds(&self, window: &Window, Beyond { above, below }: Beyond) -> bool {
        // Most points lie within, so the newest one is asked before the others are counted.
        let enough = |bits: u32| (bits & 1 == 1 || !self.newest_beyond) && bits.count_ones() >= window.points;
        match window.sides {
            Sides::Same => enough(above) || enough(below),
            Sides::Either => enough(above | below),
            Sides::Both => enough(above | below) && above != 0 && below != 0,
        }
    }
}

impl History {
    /// What the points did in a way that runs are made of.
    #[inline]
    fn along(&self, way: Way) -> Beyond {
        match way {
            Way::Side(band) => self.beyond[band],
            Way::Step => Beyond { above: self.rises, below: self.falls },
            Way::Turn => Beyond { above: self.turns, below: 0 },
        }
    }

    #[inline]
    fn step(&mut self, point: f64) {
        let (rise, fall) = (point > self.last, point < self.last);
        let turn = rise && self.falls & 1 == 1 || fall && self.rises & 1 == 1;
        self.rises = self.rises << 1 | u32::from(rise);
        self.falls = self.falls << 1 | u32::from(fall);
        self.turns = self.turns << 1 | u32::from(turn);
        self.seen = self.seen.saturating_add(1);
        self.last = point;
    }
}

impl Beyond {
    #[inline]
    fn shift(&mut self, above: bool, below: bool) {
        self.above = self.above << 1 | u32::from(above);
        self.below = self.below << 1 | u32::from(below);
    }

    #[inline]
    fn within(self, mask: u32) -> Self {
        Self { above: self.above & mask, below: self.below & mask }
    }
}

impl Ruleset {
    /// Where the rules signal over points of one centre line and sigma, of which NaN are missing: what a series fed point by
    /// point would say. Refused when centre or sigma is not finite, or sigma is below zero.
    pub fn judge(&self, points: &[f64], centre: f64, sigma: f64) -> Result<Vec<Signals>, Error> {
        Limits::process(centre, sigma).checked()?;
        self.judge_along(points, Course::Steady { centre, sigma })
    }

    /// The same of points with lines of their own.
    pub(crate) fn judge_along(&self, points: &[f64], course: Course<'_>) -> Result<Vec<Signals>, Error> {
        Ok(Detector::of(self)?.judge_all(points, course))
    }
}

/// The lowest `bits` bits, of at most 32.
fn mask(bits: u8) -> u32 {
    u32::MAX.checked_shr(32 - u32::from(bits)).unwrap_or_default()
}

/// A missing point is null, as formats of text have no NaN.
mod missing {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
    pub(super) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        (!value.is_nan()).then_some(*value).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
    }
}

#[cfg(test)]
mod tests;
