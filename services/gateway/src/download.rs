//! Files that go down: what they are as headers, and their bytes as they come.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode,
    header::{
        ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_RANGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
        IF_RANGE, RANGE,
    },
    request::Parts,
};
use http_body::{Frame, SizeHint};
use prost::Message as _;
use spectra_mesh::Error;
use spectra_proto::types::{ByteRange, FileHead};
use tokio_stream::Stream as _;
use tonic::{Status, Streaming};

use crate::{
    answer::{Answer, stream, whole},
    percent,
    problem::{Answered, Problem},
    respond::{caching, names},
    routes::binding::Binding,
    transcode::{FieldId, Plans},
};

/// What a file may do in a browser that shows it all the same: nothing.
const SANDBOX: &str = "default-src 'none'; sandbox";

/// The part of a file that a request asks for. What does not read as one part counts as not said.
pub(crate) fn asked(method: &Method, headers: &HeaderMap) -> Option<ByteRange> {
    let stated = headers.get(RANGE).filter(|_| *method == Method::GET)?.to_str().ok()?;
    let (unit, range) = stated.split_once('=')?;
    let (first, last) = range.trim().split_once('-').filter(|_| unit.trim().eq_ignore_ascii_case("bytes"))?;
    let (first, length) = match (first, last) {
        ("", last) => (None, Some(number(last)?)),
        (first, "") => (Some(number(first)?), None),
        (first, last) => {
            let first = number(first)?;
            let more = number(last)?.checked_sub(first).filter(|more| *more >= 0)?;
            (Some(first), Some(more.saturating_add(1)))
        }
    };
    // A date or a weak tag does not say for certain which file is meant.
    let etag = match headers.get(IF_RANGE) {
        Some(tag) => Some(tag.to_str().ok()?.trim().strip_prefix('"')?.strip_suffix('"')?.to_owned()),
        None => None,
    };
    Some(ByteRange { first, length, etag })
}

fn number(text: &str) -> Option<i64> {
    text.bytes().all(|digit| digit.is_ascii_digit()).then(|| text.parse().ok())?
}

/// A file on its way down.
pub(crate) struct Download<'d> {
    pub(crate) plans: &'d Arc<Plans>,
    pub(crate) binding: &'d Binding,
    pub(crate) parts: &'d Parts,
    /// Whether a part of it is asked for.
    pub(crate) ranged: bool,
    pub(crate) head: FieldId,
    pub(crate) content: FieldId,
}

impl Download<'_> {
    /// The file that one message holds.
    pub(crate) fn whole(&self, wire: &Bytes) -> Answered<Answer> {
        let (mut answer, length) = self.answer(wire)?;
        let content = content(self.plans, self.content, wire);
        if length.is_some_and(|length| length != content.len() as u64) {
            return Err(self.broken("another length than it says"));
        }
        *answer.body_mut() = whole(length.map(|_| content).unwrap_or_default());
        Ok(answer)
    }

    /// The file that `first` begins and `rest` goes on with.
    pub(crate) fn piecewise(&self, first: Bytes, rest: Streaming<Bytes>) -> Answered<Answer> {
        let (mut answer, length) = self.answer(&first)?;
        if let Some(left) = length {
            let contents = Contents { first: Some(first), rest, plans: Arc::clone(self.plans), field: self.content, left };
            *answer.body_mut() = stream(contents);
        }
        if self.binding.range.is_some() {
            answer.headers_mut().insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        }
        Ok(answer)
    }

    /// The answer but for its body, and how many bytes that is to have: none when the client has the file already.
    fn answer(&self, wire: &[u8]) -> Answered<(Answer, Option<u64>)> {
        let head = self.plans.bytes_field(self.head, wire).and_then(|head| FileHead::decode(head).ok());
        let head = head.ok_or_else(|| self.broken("a file without its head"))?;
        let (first, length) = head.part.map_or((0, head.size), |part| (part.first, part.length));
        let end = first.checked_add(length).filter(|end| first >= 0 && length >= 0 && *end <= head.size);
        let is_part = head.part.is_some();
        let end = end.filter(|_| !is_part || (length > 0 && self.ranged));
        let (Some(end), Ok(left)) = (end, u64::try_from(length)) else {
            return Err(self.broken("a part that nobody asked for, or that is not within the file"));
        };

        let mut answer = Response::new(whole(""));
        let reads = matches!(self.parts.method, Method::GET | Method::HEAD);
        let headers = answer.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(caching(self.binding, reads)));
        let tag = (!head.etag.is_empty()).then(|| format!("\"{}\"", head.etag));
        let known = tag.as_ref().is_some_and(|tag| self.parts.headers.get_all(IF_NONE_MATCH).iter().any(|tags| names(tags, tag)));
        headers.extend(tag.and_then(|tag| Some((ETAG, HeaderValue::try_from(tag).ok()?))));
        if known && reads {
            *answer.status_mut() = StatusCode::NOT_MODIFIED;
            return Ok((answer, None));
        }
        let kind = HeaderValue::try_from(head.content_type).ok().filter(|kind| !kind.is_empty());
        headers.insert(CONTENT_TYPE, kind.unwrap_or(HeaderValue::from_static("application/octet-stream")));
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(SANDBOX));
        headers.extend(HeaderValue::try_from(disposition(&head.filename, head.inline)).ok().map(|value| (CONTENT_DISPOSITION, value)));
        if !head.sha256.is_empty() {
            let digest = HeaderValue::try_from(format!("sha-256=:{}:", STANDARD.encode(&head.sha256))).ok();
            headers.extend(digest.map(|digest| (HeaderName::from_static("repr-digest"), digest)));
        }
        if is_part {
            let range = format!("bytes {first}-{}/{}", end - 1, head.size);
            headers.extend(HeaderValue::try_from(range).ok().map(|range| (CONTENT_RANGE, range)));
            *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
        }
        Ok((answer, Some(left)))
    }

    fn broken(&self, what: &str) -> Box<Problem> {
        tracing::error!(method = self.binding.rpc.name, what, "a service gives a file that is none");
        Problem::internal()
    }
}

/// To be shown, or kept, under this name (RFC 6266): in ASCII for old browsers, in full for all others.
fn disposition(filename: &str, inline: bool) -> String {
    let how = if inline { "inline" } else { "attachment" };
    let name: String = filename.chars().map(|letter| if letter.is_control() || "/\\".contains(letter) { '_' } else { letter }).collect();
    if name.is_empty() {
        return how.to_owned();
    }
    let plain: String = name.chars().map(|letter| if letter.is_ascii() && letter != '"' { letter } else { '_' }).collect();
    if plain == name {
        return format!("{how}; filename=\"{name}\"");
    }
    format!("{how}; filename=\"{plain}\"; filename*=UTF-8''{}", percent::encode(&name))
}

fn content(plans: &Plans, field: FieldId, wire: &Bytes) -> Bytes {
    plans.bytes_field(field, wire).map(|content| wire.slice_ref(content)).unwrap_or_default()
}

/// The bytes of a file, as they come. One that ends too early breaks off, so that nobody takes it for whole.
struct Contents {
    first: Option<Bytes>,
    rest: Streaming<Bytes>,
    plans: Arc<Plans>,
    field: FieldId,
    left: u64,
}

impl http_body::Body for Contents {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        loop {
            let message = match self.first.take() {
                Some(first) => Some(Ok(first)),
                None => ready!(Pin::new(&mut self.rest).poll_next(context)),
            };
            let piece = match message {
                Some(Ok(message)) => content(&self.plans, self.field, &message),
                Some(Err(status)) => return Poll::Ready(Some(Err(status))),
                None if self.left == 0 => return Poll::Ready(None),
                None => return Poll::Ready(Some(Err(Error::broken("a file ended before its end").into()))),
            };
            let Some(left) = self.left.checked_sub(piece.len() as u64) else {
                return Poll::Ready(Some(Err(Error::broken("a file is longer than it says").into())));
            };
            self.left = left;
            if !piece.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(range: &str, others: &[(HeaderName, &str)]) -> Option<ByteRange> {
        let stated = [&[(RANGE, range)], others].concat();
        let headers = stated.into_iter().map(|(name, value)| (name, HeaderValue::from_str(value).expect("a value"))).collect();
        asked(&Method::GET, &headers)
    }

    #[test]
    fn one_range_is_understood_and_all_else_is_not_said() {
        let range = |first, length| Some(ByteRange { first, length, etag: None });
        for (stated, expected) in [
            ("bytes=0-499", range(Some(0), Some(500))),
            ("bytes=500-500", range(Some(500), Some(1))),
            ("Bytes = 9-", range(Some(9), None)),
            ("bytes=-500", range(None, Some(500))),
            ("bytes=-0", range(None, Some(0))),
            ("bytes=0-9223372036854775807", range(Some(0), Some(i64::MAX))),
            ("bytes=5-4", None),
            ("bytes=-", None),
            ("bytes=0-1,4-5", None),
            ("bytes=+1-2", None),
            ("bytes=1-99999999999999999999", None),
            ("lines=0-1", None),
            ("bytes 0-1", None),
            ("", None),
        ] {
            assert_eq!(of(stated, &[]), expected, "{stated}");
        }
        assert_eq!(of("bytes=1-", &[(IF_RANGE, "\"a b\"")]).and_then(|range| range.etag).as_deref(), Some("a b"));
        assert_eq!(of("bytes=1-", &[(IF_RANGE, "W/\"a\"")]), None, "what is weak is not certain");
        assert_eq!(of("bytes=1-", &[(IF_RANGE, "Fri, 27 Nov 2026 06:00:00 GMT")]), None);
        assert_eq!(asked(&Method::HEAD, &HeaderMap::from_iter([(RANGE, HeaderValue::from_static("bytes=0-1"))])), None);
    }

    #[test]
    fn a_name_cannot_leave_its_header() {
        for (name, told) in [
            ("run 1.csv", "attachment; filename=\"run 1.csv\""),
            ("", "attachment"),
            ("../../etc/passwd", "attachment; filename=\".._.._etc_passwd\""),
            ("a\"; x=\"b", "attachment; filename=\"a_; x=_b\"; filename*=UTF-8''a%22%3B%20x%3D%22b"),
            ("a\r\nset-cookie: b", "attachment; filename=\"a__set-cookie: b\""),
            ("Prüfung.csv", "attachment; filename=\"Pr_fung.csv\"; filename*=UTF-8''Pr%C3%BCfung.csv"),
        ] {
            assert_eq!(disposition(name, false), told);
            assert_eq!(disposition(name, true), told.replacen("attachment", "inline", 1));
        }
    }
}
