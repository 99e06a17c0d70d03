//! Media types: what a client sends, and what it takes.

use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE},
};

use crate::problem::{Answered, Problem};

/// How the messages of a stream are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// As server-sent events, which browsers read and resume.
    ServerSent,
    /// As JSON, a line each.
    Lines,
}

impl Framing {
    /// What it is called.
    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Self::ServerSent => "text/event-stream",
            Self::Lines => "application/x-ndjson",
        }
    }
}

/// Refuses a client that does not take JSON.
pub(crate) fn accepts_json(headers: &HeaderMap) -> Answered<()> {
    if weight(headers, "application/json") > 0.0 {
        return Ok(());
    }
    Err(Problem::new(StatusCode::NOT_ACCEPTABLE, "not_acceptable", "answers are application/json; let Accept allow that"))
}

/// The form of a stream that a client likes best.
pub(crate) fn accepts_events(headers: &HeaderMap) -> Answered<Framing> {
    let [sent, lines] = [Framing::ServerSent, Framing::Lines].map(|form| weight(headers, form.media_type()));
    match () {
        () if sent <= 0.0 && lines <= 0.0 => {
            let detail = "this is a stream: let Accept allow text/event-stream or application/x-ndjson";
            Err(Problem::new(StatusCode::NOT_ACCEPTABLE, "not_acceptable", detail))
        }
        () if lines > sent => Ok(Framing::Lines),
        () => Ok(Framing::ServerSent),
    }
}

/// How welcome a media type is, from 0 to 1. The most exact range decides; without any, all is welcome.
fn weight(headers: &HeaderMap, media_type: &str) -> f32 {
    let ranges: Vec<_> = headers.get_all(ACCEPT).iter().flat_map(ranges).collect();
    let family = media_type.split('/').next().unwrap_or_default();
    let of = |wanted: &str| ranges.iter().find(|(range, _)| range.eq_ignore_ascii_case(wanted)).map(|(_, weight)| *weight);
    let weight = of(media_type).or_else(|| of(&format!("{family}/*"))).or_else(|| of("*/*"));
    weight.unwrap_or(if ranges.is_empty() { 1.0 } else { 0.0 })
}

/// The ranges of an `Accept` header, or the like, each with its weight.
fn ranges(value: &HeaderValue) -> impl Iterator<Item = (&str, f32)> {
    let ranges = value.to_str().unwrap_or_default().split(',').filter(|range| !range.trim().is_empty());
    ranges.map(|range| {
        let (name, parameters) = range.split_once(';').unwrap_or((range, ""));
        (name.trim(), parameters.split(';').find_map(stated).unwrap_or(1.0))
    })
}

/// The weight that a parameter states, if it is one.
fn stated(parameter: &str) -> Option<f32> {
    let (name, weight) = parameter.split_once('=')?;
    name.trim().eq_ignore_ascii_case("q").then(|| weight.trim().parse().ok())?
}

/// Refuses a body that does not say it is JSON. One that says nothing is taken for JSON.
pub(crate) fn is_json(headers: &HeaderMap) -> Answered<()> {
    let is_json = |subtype: &str| subtype == "json" || subtype.ends_with("+json");
    is_text(headers, is_json, "the body must be application/json in UTF-8")
}

/// Refuses a body that does not say it is lines of JSON. One that says nothing is taken for that.
pub(crate) fn is_lines(headers: &HeaderMap) -> Answered<()> {
    let is_lines = |subtype: &str| matches!(subtype, "x-ndjson" | "ndjson" | "jsonl" | "x-jsonlines");
    is_text(headers, is_lines, "the body must be application/x-ndjson in UTF-8: a message of JSON a line")
}

/// Refuses a body that does not say it is protobuf. One that says nothing is taken for that.
pub(crate) fn is_proto(headers: &HeaderMap) -> Answered<()> {
    is_text(headers, |subtype| subtype == "proto", "the body must be application/proto here; JSON has paths of its own, which /docs tells")
}

fn is_text(headers: &HeaderMap, is_known: impl Fn(&str) -> bool, otherwise: &'static str) -> Answered<()> {
    let Some(stated) = stated_type(headers)? else { return Ok(()) };
    let stated = stated.to_ascii_lowercase();
    let mut parts = stated.split(';');
    let is_known = parts.next().unwrap_or_default().trim().strip_prefix("application/").is_some_and(is_known);
    let charset = parts.find_map(|part| part.trim().strip_prefix("charset="));
    let is_utf8 = charset.is_none_or(|charset| matches!(charset.trim_matches('"'), "utf-8" | "utf8" | "us-ascii"));
    if is_known && is_utf8 { Ok(()) } else { Err(refused(otherwise)) }
}

/// What stands between the parts of a form; none when the body is no form, but a file as it is.
pub(crate) fn form_boundary(headers: &HeaderMap) -> Answered<Option<String>> {
    let Some(stated) = stated_type(headers)? else { return Ok(None) };
    match multer::parse_boundary(stated) {
        Ok(boundary) => Ok(Some(boundary)),
        Err(multer::Error::NoBoundary) => Err(Problem::malformed("a form says its boundary in Content-Type")),
        Err(_) => Ok(None),
    }
}

/// The type that a body says it has. Refused when it is still compressed: in a way that is not understood here.
fn stated_type(headers: &HeaderMap) -> Answered<Option<&str>> {
    if headers.get_all(CONTENT_ENCODING).iter().any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(refused("a body may be compressed by gzip, br or zstd"));
    }
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let stated = types.next();
    if types.next().is_some() {
        return Err(refused("the body has one type"));
    }
    Ok(stated.map(|stated| stated.to_str().unwrap_or_default()))
}

pub(crate) fn refused(detail: &'static str) -> Box<Problem> {
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail)
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
    fn a_stream_comes_in_the_form_that_is_liked_best() {
        assert_eq!(accepts_events(&HeaderMap::new()).expect("anything"), Framing::ServerSent);
        for (accept, form) in [
            ("text/event-stream", Framing::ServerSent),
            ("*/*", Framing::ServerSent),
            ("application/x-ndjson", Framing::Lines),
            ("application/*", Framing::Lines),
            ("text/event-stream;q=0.5, application/x-ndjson", Framing::Lines),
            ("application/x-ndjson;q=0.2, */*;q=0.3", Framing::ServerSent),
        ] {
            assert_eq!(accepts_events(&headers(ACCEPT, accept)).expect(accept), form, "{accept}");
        }
        for unwelcome in ["application/json", "text/html", "text/event-stream;q=0"] {
            assert_eq!(accepts_events(&headers(ACCEPT, unwelcome)).expect_err(unwelcome).status(), 406);
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
