//! Bits of many points, and what is told of all of them at once.

use std::ops::{BitAnd, BitOr, BitXor, Not, Shl};

/// How many points a lane judges, and how many before them it sees. No rule looks farther back.
pub(super) const HALF: usize = crate::rule::LONGEST as usize;
/// How many lanes are judged side by side.
pub(super) const LANES: usize = 8;

/// A bit for each point, in lanes of 64 points: those of the upper half are judged, the oldest one lowest, and the lower half is the
/// upper half of the lane before. So shifted up by `n` a word shows each point what was `n` points before it, and nothing is
/// carried from lane to lane.
#[derive(Clone, Copy, Default)]
pub(super) struct Word([u64; LANES]);

/// A number for each point that a lane judges. Aligned, so that two can be compared from where they lie.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(super) struct Half([f64; HALF]);

/// The bit of each point that a lane judges.
#[repr(align(64))]
struct Bits([u64; HALF]);

const BITS: Bits = {
    let mut bits = [1 << HALF; HALF];
    let mut place = 1;
    while place < HALF {
        bits[place] = bits[place - 1] << 1;
        place += 1;
    }
    Bits(bits)
};

/// All points that a lane judges.
pub(super) const ALL: u64 = u64::MAX << HALF;

impl Half {
    /// One number for all.
    pub(super) fn same(number: f64) -> Self {
        Self([number; HALF])
    }

    /// At most 32 numbers, and NaN for those that are lacking.
    pub(super) fn of(numbers: &[f64]) -> Self {
        Self(
            <[f64; HALF]>::try_from(numbers)
                .unwrap_or_else(|_| std::array::from_fn(|place| numbers.get(place).copied().unwrap_or(f64::NAN))),
        )
    }

    /// The number before each, `first` being the one before the first.
    pub(super) fn before(&self, first: f64) -> Self {
        Self(std::array::from_fn(|place| if place == 0 { first } else { self.0[place - 1] }))
    }

    /// The newest number.
    pub(super) fn last(&self) -> f64 {
        self.0[HALF - 1]
    }

    /// What comes of each number and another.
    pub(super) fn with(&self, others: &Self, make: impl Fn(f64, f64) -> f64) -> Self {
        Self(std::array::from_fn(|place| make(self.0[place], others.0[place])))
    }

    /// The bits of the points at which a relation to other numbers holds.
    // Not inlined, as only by itself is it plain enough for compilers to compare several at a time.
    #[inline(never)]
    pub(super) fn which(&self, holds: impl Fn(f64, f64) -> bool, others: &Self) -> u64 {
        let mut bits = 0;
        for ((&bit, &number), &other) in BITS.0.iter().zip(&self.0).zip(&others.0) {
            bits |= if holds(number, other) { bit } else { 0 };
        }
        bits
    }
}

impl Word {
    /// The same of every point.
    pub(super) fn same(bit: bool) -> Self {
        Self([if bit { u64::MAX } else { 0 }; LANES])
    }

    /// Sets the next lane, which follows the one before; the first one follows the last.
    pub(super) fn push(&mut self, lane: usize, judged: u64) {
        self.0[lane] = judged | self.0[(lane + LANES - 1) % LANES] >> HALF;
    }

    /// The bits of the points that are judged, lane by lane, from the lowest bit on.
    pub(super) fn judged(self) -> impl Iterator<Item = u64> {
        self.0.into_iter().map(|lane| lane >> HALF)
    }

    /// The points that end so many in a row, at least one and at most 32.
    pub(super) fn in_a_row(mut self, points: u32) -> Self {
        let mut length = 1;
        while length < points {
            let more = length.min(points - length);
            self = self & self << more;
            length += more;
        }
        self
    }

    /// The points that end a window of `size` with so many at least, as far back as `held` reaches without a gap.
    pub(super) fn at_least(self, points: u32, size: u32, held: Self) -> Self {
        // A binary counter for each point, digit by digit. It starts so high that it overflows when there are enough.
        let digits = points.next_power_of_two().trailing_zeros();
        let start = (1 << digits) - points;
        let mut counter: Vec<Self> = (0..digits).map(|digit| Self::same(start >> digit & 1 == 1)).collect();
        let (mut enough, mut unbroken) = (Self::same(false), Self::same(true));
        for back in 0..size {
            unbroken = unbroken & held << back;
            let mut carry = self << back & unbroken;
            for digit in &mut counter {
                (*digit, carry) = (*digit ^ carry, *digit & carry);
            }
            enough = enough | carry;
        }
        enough
    }
}

impl BitAnd for Word {
    type Output = Self;

    #[inline]
    fn bitand(self, other: Self) -> Self {
        Self(std::array::from_fn(|lane| self.0[lane] & other.0[lane]))
    }
}

impl BitOr for Word {
    type Output = Self;

    #[inline]
    fn bitor(self, other: Self) -> Self {
        Self(std::array::from_fn(|lane| self.0[lane] | other.0[lane]))
    }
}

impl BitXor for Word {
    type Output = Self;

    #[inline]
    fn bitxor(self, other: Self) -> Self {
        Self(std::array::from_fn(|lane| self.0[lane] ^ other.0[lane]))
    }
}

impl Not for Word {
    type Output = Self;

    #[inline]
    fn not(self) -> Self {
        Self(self.0.map(|lane| !lane))
    }
}

impl Shl<u32> for Word {
    type Output = Self;

    #[inline]
    fn shl(self, points: u32) -> Self {
        Self(self.0.map(|lane| lane << points))
    }
}
