//! Compression of answers, in what their client takes.

use std::{convert::Infallible, future::ready};

use http::{
    Extensions, HeaderMap, Request,
    header::{ACCEPT_ENCODING, CONTENT_DISPOSITION},
};
use http_body_util::BodyExt;
use spectra_mesh::Error;
use tonic::Status;
use tower::{ServiceExt, service_fn};
use tower_http::compression::{
    Compression,
    predicate::{DefaultPredicate, NotForContentType, Predicate, SizeAbove},
};

use crate::{
    answer::{Answer, stream},
    media::{self, Framing},
};

/// What fits into one packet is not compressed, in bytes.
const SMALL: u64 = 1024;

/// What is worth compressing: not what is small, not what is to arrive at once, and no file, of which a part may be asked for.
fn worthwhile() -> impl Predicate {
    let no_file = |_, _, headers: &HeaderMap, _: &Extensions| !headers.contains_key(CONTENT_DISPOSITION);
    DefaultPredicate::new().and(SizeAbove::new(SMALL)).and(NotForContentType::const_new(Framing::Lines.media_type())).and(no_file)
}

/// The encodings that a client takes. Who takes none, neither as it is nor in any compression that there is, would be refused only after
/// the call was made, and gets it as it is.
pub(crate) fn taken(headers: &HeaderMap) -> HeaderMap {
    if media::forbids_all_encodings(headers) {
        return HeaderMap::new();
    }
    headers.get_all(ACCEPT_ENCODING).iter().map(|taken| (ACCEPT_ENCODING, taken.clone())).collect()
}

/// The answer in an encoding that is `taken`, if that is worth the while. What is not goes by: to hold a compressor takes six
/// kilobytes, which every layer above would move.
pub(crate) async fn compress(answer: Answer, taken: HeaderMap) -> Answer {
    if !worthwhile().should_compress(&answer) {
        return answer;
    }
    // Who is asked has the answer already.
    let mut asked = Request::new(answer);
    *asked.headers_mut() = taken;
    let answers = service_fn(|asked: Request<Answer>| ready(Ok::<_, Infallible>(asked.into_body())));
    let Ok(compressed) = Compression::new(answers).compress_when(|_, _, _: &HeaderMap, _: &Extensions| true).oneshot(asked).await;
    compressed.map(|body| stream(body.map_err(|fault| Status::from(Error::broken(fault)))))
}
