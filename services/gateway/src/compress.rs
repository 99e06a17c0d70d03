//! Compression of answers, in what their client takes.

use std::{convert::Infallible, future::ready};

use http::{
    Extensions, HeaderMap, HeaderValue, Request,
    header::{ACCEPT_ENCODING, CONTENT_DISPOSITION, VARY},
};
use http_body_util::BodyExt;
use spectra_mesh::Error;
use tonic::Status;
use tower::{BoxError, ServiceExt, service_fn};
use tower_http::compression::{
    Compression,
    predicate::{DefaultPredicate, NotForContentType, Predicate, SizeAbove},
};

use crate::{
    answer::{Answer, stream},
    media::Framing,
};

/// What fits into one packet is not compressed, in bytes.
const SMALL: u64 = 1024;

/// What is worth compressing: not what is small, not what is to arrive at once, and no file, of which a part may be asked for.
fn worthwhile() -> impl Predicate {
    let no_file = |_, _, headers: &HeaderMap, _: &Extensions| !headers.contains_key(CONTENT_DISPOSITION);
    DefaultPredicate::new().and(SizeAbove::new(SMALL)).and(NotForContentType::const_new(Framing::Lines.media_type())).and(no_file)
}

/// The encodings that a client accepts.
pub(crate) fn accepted(headers: &HeaderMap) -> HeaderMap {
    headers.get_all(ACCEPT_ENCODING).iter().map(|accepted| (ACCEPT_ENCODING, accepted.clone())).collect()
}

/// The answer in an encoding that is `accepted`, if that is worth the while. What is not compressed goes by: to hold a compressor takes
/// six kilobytes, which every layer above would move.
pub(crate) async fn compress(mut answer: Answer, accepted: HeaderMap) -> Answer {
    if !worthwhile().should_compress(&answer) {
        return answer;
    }
    if accepted.is_empty() {
        answer.headers_mut().append(VARY, HeaderValue::from_static("accept-encoding"));
        return answer;
    }
    let status = answer.status();
    // The layer wants a service to ask; this one gives back what it was sent.
    let mut asked = Request::new(answer);
    *asked.headers_mut() = accepted;
    let echo = service_fn(|asked: Request<Answer>| ready(Ok::<_, Infallible>(asked.into_body())));
    let Ok(mut compressed) = Compression::new(echo).compress_when(|_, _, _: &HeaderMap, _: &Extensions| true).oneshot(asked).await;
    // Who accepts nothing at all would be refused, after the call was made; it gets the answer as it is.
    *compressed.status_mut() = status;
    compressed.map(|body| stream(body.map_err(broken)))
}

/// Why a body that was being compressed broke off: mostly as the one within did.
fn broken(fault: BoxError) -> Status {
    fault.downcast::<Status>().map_or_else(|fault| Error::broken(fault).into(), |status| *status)
}
