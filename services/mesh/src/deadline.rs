//! How long a call may take.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};

/// The time of a call that does not ask for less.
pub const LONGEST: Duration = Duration::from_secs(10);

/// What a hop takes off the caller's deadline, so that the nearer answer comes first.
pub const HOP: Duration = Duration::from_millis(100);

/// The time that `grpc-timeout` gives a call. What does not read counts as not said.
#[must_use]
pub fn asked(headers: &HeaderMap) -> Duration {
    told(headers).map_or(LONGEST, |asked| asked.min(LONGEST))
}

/// The time that `grpc-timeout` says, however long.
#[must_use]
pub fn told(headers: &HeaderMap) -> Option<Duration> {
    headers.get("grpc-timeout").and_then(read)
}

/// Gives a call this time, of which it never has more than the longest.
pub fn tell(headers: &mut HeaderMap, time: Duration) {
    // At most eight digits and a unit always are a header's value.
    if let Ok(value) = HeaderValue::try_from(format!("{}u", time.min(LONGEST).as_micros())) {
        headers.insert("grpc-timeout", value);
    }
}

/// At most eight digits and a unit.
fn read(value: &HeaderValue) -> Option<Duration> {
    let (digits, unit) = value.to_str().ok()?.split_at_checked(value.len().checked_sub(1)?)?;
    if digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(count * 3600)),
        "M" => Some(Duration::from_secs(count * 60)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_may_only_shorten() {
        for (value, expected) in [
            ("250m", Duration::from_millis(250)),
            ("0n", Duration::ZERO),
            ("99999999H", LONGEST),
            ("100000000S", LONGEST),
            ("", LONGEST),
            ("1", LONGEST),
            ("-1S", LONGEST),
            ("1 S", LONGEST),
            ("S", LONGEST),
            ("1x", LONGEST),
        ] {
            let headers = [(http::header::HeaderName::from_static("grpc-timeout"), HeaderValue::from_static(value))].into_iter().collect();
            assert_eq!(asked(&headers), expected, "{value:?}");
        }
    }
}
