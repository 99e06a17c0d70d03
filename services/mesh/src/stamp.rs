//! Times on the wire and times of the database.

use prost_types::Timestamp;
use time::OffsetDateTime;

/// A time of the database as it goes on the wire.
#[must_use]
pub fn stamp(at: OffsetDateTime) -> Timestamp {
    Timestamp { seconds: at.unix_timestamp(), nanos: i32::try_from(at.nanosecond()).unwrap_or_default() }
}

/// A time of the wire as the database keeps it, to the microsecond. `None` when it is out of
/// range, which the field rules refuse before.
#[must_use]
pub fn moment(stamp: Timestamp) -> Option<OffsetDateTime> {
    let micros = u32::try_from(stamp.nanos).ok()? / 1_000 * 1_000;
    OffsetDateTime::from_unix_timestamp(stamp.seconds).ok()?.replace_nanosecond(micros).ok()
}
