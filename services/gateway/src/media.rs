//! Media types: what a client sends, and what it takes.

use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE},
};

use crate::problem::{Answered, Problem};

/// Refuses a client that does not take JSON.
pub(crate) fn accepts_json(headers: &HeaderMap) -> Answered<()> {
    let ranges: Vec<_> = headers.get_all(ACCEPT).iter().flat_map(ranges).collect();
    // The most exact range decides; without any, all is welcome.
    let quality = |wanted: &str| ranges.iter().find(|(range, _)| range.eq_ignore_ascii_case(wanted)).map(|(_, welcome)| *welcome);
    let welcome = quality("application/json").or_else(|| quality("application/*")).or_else(|| quality("*/*"));
    if welcome.unwrap_or(ranges.is_empty()) {
        return Ok(());
    }
    Err(Problem::new(StatusCode::NOT_ACCEPTABLE, "not_acceptable", "answers are application/json; let Accept allow that"))
}

/// The ranges of an `Accept` header, each with whether it is welcome at all.
fn ranges(value: &HeaderValue) -> impl Iterator<Item = (&str, bool)> {
    let ranges = value.to_str().unwrap_or_default().split(',').filter(|range| !range.trim().is_empty());
    ranges.map(|range| {
        let (name, parameters) = range.split_once(';').unwrap_or((range, ""));
        (name.trim(), !parameters.split(';').any(excludes))
    })
}

/// Whether a parameter is a weight of nothing.
fn excludes(parameter: &str) -> bool {
    let Some((name, weight)) = parameter.split_once('=') else { return false };
    name.trim().eq_ignore_ascii_case("q") && weight.trim().parse::<f32>().is_ok_and(|weight| weight <= 0.0)
}

/// Refuses a body that does not say it is JSON, or is compressed. One that says nothing is taken for JSON.
pub(crate) fn is_json(headers: &HeaderMap) -> Answered<()> {
    let refused = |detail| Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail);
    if headers.get_all(CONTENT_ENCODING).iter().any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(refused("the body must not be compressed"));
    }
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let Some(stated) = types.next() else { return Ok(()) };
    if types.next().is_some() {
        return Err(refused("the body has one type"));
    }
    let stated = stated.to_str().unwrap_or_default().to_ascii_lowercase();
    let mut parts = stated.split(';');
    let subtype = parts.next().unwrap_or_default().trim().strip_prefix("application/");
    let is_json = subtype.is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"));
    let charset = parts.find_map(|part| part.trim().strip_prefix("charset="));
    let is_utf8 = charset.is_none_or(|charset| matches!(charset.trim_matches('"'), "utf-8" | "utf8" | "us-ascii"));
    if is_json && is_utf8 { Ok(()) } else { Err(refused("the body must be application/json in UTF-8")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: http::HeaderName, value: &str) -> HeaderMap {
        [(name, HeaderValue::from_bytes(value.as_bytes()).expect("a header value"))].into_iter().collect()
    }

    #[test]
    fn json_is_taken_unless_it_is_excluded() {
        assert!(accepts_json(&HeaderMap::new()).is_ok());
        for welcome in [
            "*/*",
            "application/json",
            "Application/JSON; q=0.1",
            "text/html, application/*;q=0.5",
            "image/png, */*;q=0.1",
            "",
            "text/html;q=1,*/*",
        ] {
            assert!(accepts_json(&headers(ACCEPT, welcome)).is_ok(), "{welcome}");
        }
        for unwelcome in ["text/html", "application/json;q=0, */*", "image/*", "*/*;q=0.0", "application/jsonx"] {
            assert_eq!(accepts_json(&headers(ACCEPT, unwelcome)).expect_err(unwelcome).status(), 406);
        }
    }

    #[test]
    fn bodies_are_json_in_utf8() {
        assert!(is_json(&HeaderMap::new()).is_ok());
        for json in
            ["application/json", "application/json; charset=UTF-8", "Application/merge-patch+JSON", "application/json;charset=\"utf-8\""]
        {
            assert!(is_json(&headers(CONTENT_TYPE, json)).is_ok(), "{json}");
        }
        for other in ["text/plain", "application/json; charset=latin1", "application/xml", "", "json", "application/x-www-form-urlencoded"]
        {
            assert_eq!(is_json(&headers(CONTENT_TYPE, other)).expect_err(other).status(), 415);
        }
        let mut two = headers(CONTENT_TYPE, "application/json");
        two.append(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        assert_eq!(is_json(&two).expect_err("two types").status(), 415);
        assert!(is_json(&headers(CONTENT_ENCODING, "gzip")).is_err());
        assert!(is_json(&headers(CONTENT_ENCODING, "identity")).is_ok());
    }
}
