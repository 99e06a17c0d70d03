//! `Repr-Digest` of RFC 9530: what a file must add up to. Of a form it is the digest of the file in it, as it would be without the form.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName};
use spectra_mesh::hex;

use crate::problem::{Answered, Problem};

/// The header.
pub(crate) const NAME: HeaderName = HeaderName::from_static("repr-digest");

/// The SHA-256 that a file must have, in hexadecimal; none where nothing is said. What would not be checked is refused.
pub(super) fn stated(headers: &HeaderMap) -> Answered<Option<String>> {
    let mut members = Vec::new();
    for value in headers.get_all(&NAME) {
        members.extend(value.to_str().unwrap_or_default().split(',').map(str::trim));
    }
    if members.is_empty() {
        return Ok(None);
    }
    let mut sums = members.iter().filter_map(|member| member.strip_prefix("sha-256="));
    let sum = sums.next().and_then(|sum| STANDARD.decode(sum.strip_prefix(':')?.strip_suffix(':')?).ok());
    match sum.filter(|sum| sum.len() == 32) {
        Some(sum) if sums.next().is_none() => Ok(Some(hex(&sum))),
        _ => Err(Problem::malformed("Repr-Digest tells the SHA-256 of the file, once: sha-256=:BASE64:")),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_digest_is_one_sha_256() {
        let of = |values: &[&str]| {
            let headers = values.iter().map(|value| (NAME, HeaderValue::from_str(value).expect("a value"))).collect();
            stated(&headers)
        };
        let sum = format!("sha-256=:{}:", STANDARD.encode([7; 32]));
        assert_eq!(of(&[]).expect("nothing"), None);
        assert_eq!(of(&[&sum]).expect("a sum"), Some("07".repeat(32)));
        assert_eq!(of(&[&format!("sha-512=:AAAA:, {sum}")]).expect("a sum"), Some("07".repeat(32)));
        assert_eq!(of(&["sha-512=:AAAA:", &sum]).expect("a sum"), Some("07".repeat(32)));
        for wrong in ["", "sha-256", "sha-256=AAAA", "sha-256=:AAAA:", "sha-256=:!:", "sha-512=:AAAA:", &format!("{sum}, {sum}")] {
            assert!(of(&[wrong]).is_err(), "{wrong}");
        }
    }
}
