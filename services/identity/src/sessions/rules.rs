//! What is said of clients and of used refresh tokens. Pure.

/// How many characters of a client's name are kept.
const LONGEST: usize = 200;

/// The name of a client, from the `user-agent` that it sent: printable and short.
pub(super) fn client(user_agent: Option<&[u8]>) -> String {
    let text = String::from_utf8_lossy(user_agent.unwrap_or_default());
    // A gRPC hop puts its own name behind that of the client it speaks for.
    let text = text.split_once(" tonic/").map_or(&*text, |(client, _)| client);
    let printable: String = text.trim().chars().filter(|letter| !letter.is_control()).take(LONGEST).collect();
    if printable.is_empty() { "unknown".to_owned() } else { printable }
}

/// What is known of a refresh token that cannot be used.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is one fact of the record")]
pub(super) struct Spent {
    /// Whether its session goes on.
    pub(super) live: bool,
    /// Whether it was used; it has expired otherwise.
    pub(super) used: bool,
    /// Whether that was a moment ago, by the client that presents it now.
    pub(super) retried: bool,
    /// Whether its successor is the newest token of the session, and so not used yet.
    pub(super) latest: bool,
}

/// What a refresh token that cannot be used is presented for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The answer got lost; it is given again.
    Retry,
    /// Two hold the same token, and one of them has stolen it.
    Theft,
    /// Nothing: it is over.
    Over,
}

impl Spent {
    pub(super) fn verdict(self) -> Verdict {
        match self {
            Self { live: false, .. } | Self { used: false, .. } => Verdict::Over,
            Self { retried: true, latest: true, .. } => Verdict::Retry,
            _ => Verdict::Theft,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_have_printable_names() {
        assert_eq!(client(Some(b"Mozilla/5.0 (X11; Linux x86_64)")), "Mozilla/5.0 (X11; Linux x86_64)");
        assert_eq!(client(Some(b"curl/8.5.0 tonic/0.14.9")), "curl/8.5.0");
        assert_eq!(client(Some(b"tonic/0.14.9")), "tonic/0.14.9");
        assert_eq!(client(Some("  l\u{e9}ger\0\r\n\u{7f} ".as_bytes())), "l\u{e9}ger");
        for nothing in [None, Some(&b""[..]), Some(b" \t\n"), Some(b"\0\x01")] {
            assert_eq!(client(nothing), "unknown", "{nothing:?}");
        }
        let long = client(Some("\u{df}".repeat(5_000).as_bytes()));
        assert_eq!(long.chars().count(), LONGEST);
        assert!(!client(Some(b"\xff\xfe")).is_empty(), "whatever it sends");
    }

    #[test]
    fn a_retry_is_not_a_theft() {
        let retry = Spent { live: true, used: true, retried: true, latest: true };
        assert_eq!(retry.verdict(), Verdict::Retry);
        assert_eq!(Spent { retried: false, ..retry }.verdict(), Verdict::Theft, "too late, or another client");
        assert_eq!(Spent { latest: false, ..retry }.verdict(), Verdict::Theft, "an older generation");
        assert_eq!(Spent { used: false, retried: false, ..retry }.verdict(), Verdict::Over, "expired");
        for used in [true, false] {
            assert_eq!(Spent { live: false, used, ..retry }.verdict(), Verdict::Over, "the session has ended");
        }
    }
}
