//! The rules over a whole series, some hundred points at a time.
//!
//! What the points did is a bit each, as in [`History`], but the bits of all of them are read at once. A run is a word and'ed with
//! its own shifts, k of m a sum of shifts, and only where a rule signals is a point looked at by itself.
//!
//! [`History`]: super::History

use super::{
    Detector, Way, Window,
    word::{ALL, HALF, Half, LANES, Word},
};
use crate::{Sides, Signals};

/// The centre line and sigma of a series.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Course<'a> {
    /// The same at every point.
    Steady { centre: f64, sigma: f64 },
    /// As many as there are points, each with its own. A point whose centre is NaN is missing.
    Varying { centres: &'a [f64], sigmas: &'a [f64] },
}

/// A distance from the centre, and where it lies at each point: NaN, which nothing is beyond, where no sigma tells.
struct Lines {
    sigmas: f64,
    /// Whether a point on the line lies beyond.
    closed: bool,
    /// Whether single points are held against it, even where sigma is zero.
    single: bool,
    high: Half,
    low: Half,
}

/// Which points did one thing, and which its contrary.
#[derive(Clone, Copy, Default)]
struct Ways {
    above: Word,
    below: Word,
}

/// What the points did.
struct Words<'a> {
    detector: &'a Detector,
    /// The bands of the detector, then its outliers, and which points lay beyond them.
    lines: Vec<(Lines, Ways)>,
    /// Which points lay higher than the one before, and which lower.
    steps: Ways,
    /// Which points are there.
    present: Word,
    /// Which of them have a sigma.
    zoned: Word,
    /// Which points windows may hold: missing ones too where they are bridged.
    held: Word,
    /// Where sigma is above zero.
    spread: u64,
    /// The newest point.
    last: f64,
}

impl Detector {
    /// What [`Detector::judge`] and [`Detector::skip`] say of the points of a series, NaN being missing.
    pub(super) fn judge_all(&self, points: &[f64], course: Course<'_>) -> Vec<Signals> {
        let mut signals = vec![Signals::default(); points.len()];
        let mut words = Words::new(self);
        if let Course::Steady { centre, sigma } = course {
            words.draw(&Half::same(centre), &Half::same(sigma));
        }
        let blocks = points.chunks(HALF * LANES).zip(signals.chunks_mut(HALF * LANES));
        for (block, (points, signals)) in blocks.enumerate() {
            for (lane, points) in points.chunks(HALF).enumerate() {
                let mut points = Half::of(points);
                if let Course::Varying { centres, sigmas } = course {
                    let start = (block * LANES + lane) * HALF;
                    let part = |numbers: &[f64]| Half::of(&numbers[start..numbers.len().min(start + HALF)]);
                    words.draw(&part(centres), &part(sigmas));
                    points = points.with(&part(centres), |point, centre| if centre.is_nan() { f64::NAN } else { point });
                }
                words.take(lane, &points);
            }
            words.tell(|place, word| mark(signals, place, word));
        }
        signals
    }
}

impl<'a> Words<'a> {
    fn new(detector: &'a Detector) -> Self {
        let nowhere = Half::same(f64::NAN);
        let line = |sigmas, closed, single| (Lines { sigmas, closed, single, high: nowhere, low: nowhere }, Ways::default());
        let bands = detector.bands.iter().map(|band| line(band.sigmas, band.closed, false));
        let outliers = detector.outliers.iter().map(|outlier| line(outlier.sigmas, false, true));
        Self {
            detector,
            lines: bands.chain(outliers).collect(),
            steps: Ways::default(),
            present: Word::default(),
            zoned: Word::default(),
            held: Word::default(),
            spread: 0,
            last: f64::NAN,
        }
    }

    /// Draws the lines of the points that come next.
    fn draw(&mut self, centre: &Half, sigma: &Half) {
        self.spread = sigma.which(higher, &Half::same(0.0));
        for (lines, _) in &mut self.lines {
            let reach = sigma.with(sigma, |sigma, _| lines.reach(sigma));
            (lines.low, lines.high) =
                (centre.with(&reach, |centre, reach| centre - reach), centre.with(&reach, |centre, reach| centre + reach));
        }
    }

    /// Takes a lane of points in.
    fn take(&mut self, lane: usize, points: &Half) {
        let before = points.before(self.last);
        self.last = points.last();
        for (lines, beyond) in &mut self.lines {
            let (above, below) = lines.beyond(points);
            beyond.above.push(lane, above);
            beyond.below.push(lane, below);
        }
        self.steps.above.push(lane, points.which(higher, &before));
        self.steps.below.push(lane, points.which(lower, &before));
        let present = points.which(|point, same| point >= same, points);
        self.present.push(lane, present);
        self.zoned.push(lane, present & self.spread);
        self.held.push(lane, if self.detector.bridge { ALL } else { present });
    }

    /// Tells of each rule, by its place, at which points it signals.
    fn tell(&self, mut tell: impl FnMut(usize, Word)) {
        let detector = self.detector;
        for (outlier, (_, beyond)) in detector.outliers.iter().zip(&self.lines[detector.bands.len()..]) {
            tell(outlier.place, beyond.either());
        }
        for run in &detector.runs {
            tell(run.place, self.along(run.way).in_a_row(run.mask.count_ones()));
        }
        for window in &detector.windows {
            tell(window.place, self.full(window) & self.present);
        }
        for inside in &detector.insides {
            let within = self.zoned & !self.beyond(inside.band).either();
            tell(inside.place, within.in_a_row(u32::from(inside.points)));
        }
        for &(place, band) in &detector.opposites {
            tell(place, self.beyond(band).turns());
        }
    }

    fn beyond(&self, band: usize) -> Ways {
        self.lines[band].1
    }

    fn along(&self, way: Way) -> Ways {
        match way {
            Way::Side(band) => self.beyond(band),
            Way::Step => self.steps,
            Way::Turn => Ways { above: self.steps.turns(), below: Word::default() },
        }
    }

    /// Which points end a window that has enough beyond.
    fn full(&self, window: &Window) -> Word {
        let (beyond, size) = (self.beyond(window.band), window.mask.count_ones());
        if window.points == size {
            let all = beyond.either().in_a_row(size);
            // They are on both sides when they are not all on the same.
            return if window.sides == Sides::Both { all & !beyond.in_a_row(size) } else { all };
        }
        let seen = if window.full > 0 { self.held.in_a_row(size) } else { Word::same(true) };
        let some = |word: Word, points| word.at_least(points, size, self.held);
        let enough = |word| some(word, window.points) & if self.detector.newest_beyond { word } else { Word::same(true) };
        seen & match window.sides {
            Sides::Same => enough(beyond.above) | enough(beyond.below),
            Sides::Either => enough(beyond.either()),
            Sides::Both => enough(beyond.either()) & some(beyond.above, 1) & some(beyond.below, 1),
        }
    }
}

impl Lines {
    /// How far off the centre they are.
    fn reach(&self, sigma: f64) -> f64 {
        match self.sigmas {
            sigmas if self.single || sigma > 0.0 => sigmas * sigma,
            // Distance zero is the centre line itself, which needs no sigma.
            sigmas if sigmas <= 0.0 => 0.0,
            _ => f64::NAN,
        }
    }

    /// The bits of the points that lie above, and of those that lie below.
    fn beyond(&self, points: &Half) -> (u64, u64) {
        if self.closed {
            (points.which(|point, line| point >= line, &self.high), points.which(|point, line| point <= line, &self.low))
        } else {
            (points.which(higher, &self.high), points.which(lower, &self.low))
        }
    }
}

impl Ways {
    fn either(self) -> Word {
        self.above | self.below
    }

    /// Which points end so many in a row that did the same.
    fn in_a_row(self, points: u32) -> Word {
        self.above.in_a_row(points) | self.below.in_a_row(points)
    }

    /// Which points did the contrary of the one before.
    fn turns(self) -> Word {
        self.above & self.below << 1 | self.below & self.above << 1
    }
}

fn higher(point: f64, other: f64) -> bool {
    point > other
}

fn lower(point: f64, other: f64) -> bool {
    point < other
}

/// Adds the rule at `place` to the points where it signals.
fn mark(signals: &mut [Signals], place: usize, word: Word) {
    for (signals, mut bits) in signals.chunks_mut(HALF).zip(word.judged()) {
        while let Some(signal) = signals.get_mut(bits.trailing_zeros() as usize) {
            *signal = signal.with(place, true);
            bits &= bits - 1;
        }
    }
}
