//! How long a call may take.

use std::time::Duration;

use http::HeaderMap;
use spectra_mesh::deadline;

/// The time that the client gives a call: `Prefer: wait=N` or `grpc-timeout`, the shorter one. What does not read
/// counts as not said.
pub(crate) fn of(headers: &HeaderMap) -> Duration {
    let preferred = headers.get_all("prefer").iter().filter_map(|value| wait(value.to_str().ok()?));
    preferred.fold(deadline::asked(headers), Duration::min)
}

/// The seconds of `wait` among preferences (RFC 7240).
fn wait(preferences: &str) -> Option<Duration> {
    preferences.split(',').find_map(|preference| {
        let (name, value) = preference.split(';').next()?.split_once('=')?;
        let seconds = value.trim().parse().ok()?;
        name.trim().eq_ignore_ascii_case("wait").then_some(Duration::from_secs(seconds))
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use spectra_mesh::deadline::LONGEST;

    use super::*;

    #[test]
    fn the_client_may_only_shorten() {
        for (name, value, expected) in [
            ("prefer", "wait=3", Duration::from_secs(3)),
            ("prefer", "respond-async, wait=2; x=y", Duration::from_secs(2)),
            ("prefer", "Wait = 4", Duration::from_secs(4)),
            ("prefer", "wait=600", LONGEST),
            ("prefer", "wait=-1", LONGEST),
            ("prefer", "wait=99999999999999999999999", LONGEST),
            ("prefer", "handling=strict", LONGEST),
            ("grpc-timeout", "250m", Duration::from_millis(250)),
            ("grpc-timeout", "0n", Duration::ZERO),
            ("grpc-timeout", "99999999H", LONGEST),
            ("grpc-timeout", "100000000S", LONGEST),
            ("grpc-timeout", "1x", LONGEST),
            ("grpc-timeout", "", LONGEST),
            ("accept", "*/*", LONGEST),
        ] {
            let headers = [(http::HeaderName::from_static(name), HeaderValue::from_static(value))].into_iter().collect();
            assert_eq!(of(&headers), expected, "{name}: {value}");
        }
    }
}
