//! Timestamps and durations as proto3 JSON spells them.

use time::{Date, Month};

use super::error::{Corrupt, Refusal, Written};

/// The Julian day of 1970-01-01.
const EPOCH: i32 = 2_440_588;
const DAY: i64 = 86_400;
/// From 0001-01-01T00:00:00Z to 9999-12-31T23:59:59Z.
const SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;
/// About ten thousand years.
const LONGEST: i64 = 315_576_000_000;
/// A second has so many nanoseconds.
const SECOND: i32 = 1_000_000_000;

/// Seconds and nanoseconds: of a moment since 1970, or of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Instant {
    pub(super) seconds: i64,
    pub(super) nanos: i32,
}

/// Reads `2026-01-31T12:00:00.5+01:00`.
pub(super) fn parse_timestamp(text: &str) -> Result<Instant, Refusal> {
    timestamp(text).ok_or_else(|| "must be a time between the years 1 and 9999, like 2026-01-31T12:00:00Z".into())
}

fn timestamp(text: &str) -> Option<Instant> {
    let (moment, rest) = text.as_bytes().split_first_chunk::<19>()?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', time @ ..] = moment else {
        return None;
    };
    let [h1, h2, b':', n1, n2, b':', s1, s2] = time else {
        return None;
    };
    let year = u16::from(pair(*y1, *y2)?) * 100 + u16::from(pair(*y3, *y4)?);
    let month = Month::try_from(pair(*m1, *m2)?).ok()?;
    let date = Date::from_calendar_date(i32::from(year), month, pair(*d1, *d2)?).ok()?;
    let second = i64::from(pair(*s1, *s2).filter(|second| *second < 60)?);
    let (nanos, rest) = fraction(rest)?;
    let offset = match rest {
        b"Z" => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let minutes = clock(*h1, *h2, *m1, *m2)?;
            if *sign == b'+' { minutes } else { -minutes }
        }
        _ => return None,
    };
    let minutes = clock(*h1, *h2, *n1, *n2)? - offset;
    let days = i64::from(date.to_julian_day() - EPOCH);
    let seconds = days * DAY + minutes * 60 + second;
    SECONDS.contains(&seconds).then_some(Instant { seconds, nanos })
}

/// Two digits.
fn pair(tens: u8, ones: u8) -> Option<u8> {
    (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| (tens - b'0') * 10 + ones - b'0')
}

/// Hours and minutes, in minutes.
fn clock(h1: u8, h2: u8, m1: u8, m2: u8) -> Option<i64> {
    let hours = pair(h1, h2).filter(|hours| *hours < 24)?;
    let minutes = pair(m1, m2).filter(|minutes| *minutes < 60)?;
    Some(i64::from(hours) * 60 + i64::from(minutes))
}

/// The nanoseconds of up to nine digits after a point, if there is one, and what follows.
fn fraction(text: &[u8]) -> Option<(i32, &[u8])> {
    let [b'.', rest @ ..] = text else {
        return Some((0, text));
    };
    let count = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    if !(1..=9).contains(&count) {
        return None;
    }
    let (digits, rest) = rest.split_at(count);
    let zeros = std::iter::repeat_n(&b'0', 9 - count);
    let nanos = digits.iter().chain(zeros);
    Some((nanos.fold(0, |nanos, d| nanos * 10 + i32::from(d - b'0')), rest))
}

/// Reads `-1.5s`.
pub(super) fn parse_duration(text: &str) -> Result<Instant, Refusal> {
    duration(text).ok_or_else(|| "must be a duration in seconds, like 1.5s".into())
}

fn duration(text: &str) -> Option<Instant> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let digits = digits.strip_suffix('s')?;
    let (whole, rest) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
    if whole.is_empty() || !whole.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let seconds: i64 = whole.parse().ok().filter(|seconds| *seconds <= LONGEST)?;
    let (nanos, []) = fraction(rest.as_bytes())? else {
        return None;
    };
    Some(Instant { seconds: sign * seconds, nanos: if sign < 0 { -nanos } else { nanos } })
}

/// Writes a timestamp as a JSON string, in UTC.
pub(super) fn write_timestamp(out: &mut Vec<u8>, at: Instant) -> Written<()> {
    let nanos = Some(at.nanos).filter(|nanos| (0..SECOND).contains(nanos));
    let day = i32::try_from(at.seconds.div_euclid(DAY)).ok();
    let day = day.and_then(|day| Date::from_julian_day(day.saturating_add(EPOCH)).ok());
    let (true, Some(nanos), Some(date)) = (SECONDS.contains(&at.seconds), nanos, day) else {
        return Err(Corrupt::new("a timestamp is out of range"));
    };
    let (year, month, day) = date.to_calendar_date();
    let year = year.unsigned_abs();
    let second = at.seconds.rem_euclid(DAY);
    let second = u32::try_from(second).unwrap_or_default();
    let mut text = *b"\"0000-00-00T00:00:00";
    put_pair(&mut text, 1, year / 100);
    put_pair(&mut text, 3, year % 100);
    put_pair(&mut text, 6, u8::from(month).into());
    put_pair(&mut text, 9, day.into());
    put_pair(&mut text, 12, second / 3600);
    put_pair(&mut text, 15, second / 60 % 60);
    put_pair(&mut text, 18, second % 60);
    out.extend_from_slice(&text);
    put_fraction(out, nanos.unsigned_abs());
    out.extend_from_slice(b"Z\"");
    Ok(())
}

/// Writes a duration as a JSON string. Its two parts should have one sign, but mean their sum in any case.
pub(super) fn write_duration(out: &mut Vec<u8>, span: Instant) -> Written<()> {
    let (seconds, nanos) = match (span.seconds.signum(), span.nanos.signum()) {
        (1, -1) => (span.seconds - 1, span.nanos + SECOND),
        (-1, 1) => (span.seconds + 1, span.nanos - SECOND),
        _ => (span.seconds, span.nanos),
    };
    if !(-LONGEST..=LONGEST).contains(&seconds) || !(-SECOND + 1..SECOND).contains(&span.nanos) {
        return Err(Corrupt::new("a duration is out of range"));
    }
    out.push(b'"');
    if seconds < 0 || nanos < 0 {
        out.push(b'-');
    }
    super::number::write_integer(out, seconds.unsigned_abs());
    put_fraction(out, nanos.unsigned_abs());
    out.extend_from_slice(b"s\"");
    Ok(())
}

/// Adds a number below 100 to the two zeros at a place.
#[expect(clippy::cast_possible_truncation, reason = "both are digits")]
fn put_pair(text: &mut [u8], place: usize, number: u32) {
    text[place] += (number / 10) as u8;
    text[place + 1] += (number % 10) as u8;
}

/// Three, six or nine digits after a point, as many as are needed.
fn put_fraction(out: &mut Vec<u8>, nanos: u32) {
    let (mut rest, count) = match nanos {
        0 => return,
        _ if nanos.is_multiple_of(1_000_000) => (nanos / 1_000_000, 3),
        _ if nanos.is_multiple_of(1_000) => (nanos / 1_000, 6),
        _ => (nanos, 9),
    };
    out.push(b'.');
    let start = out.len();
    out.resize(start + count, b'0');
    for digit in out[start..].iter_mut().rev() {
        *digit += (rest % 10) as u8;
        rest /= 10;
    }
}
