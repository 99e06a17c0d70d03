//! The process's clock. Records take their times from the database; this one is for tokens,
//! deadlines and caches, which no record shows.

use std::time::{Duration, SystemTime};

use time::OffsetDateTime;

use crate::random;

/// The time now, in UTC.
#[must_use]
pub fn now() -> OffsetDateTime {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    OffsetDateTime::from(SystemTime::now())
}

/// Seconds since 1970.
#[must_use]
pub fn unix() -> i64 {
    now().unix_timestamp()
}

/// `period`, up to a tenth longer or shorter, so that many processes do not act at once.
#[must_use]
pub fn jitter(period: Duration) -> Duration {
    // A clock without jitter still keeps time.
    let [random] = random().unwrap_or([127]);
    period.mul_f64(0.9 + f64::from(random) / 255.0 * 0.2)
}
