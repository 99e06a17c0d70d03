//! Reading bodies, never more of them than the limit.

use std::{error::Error, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header::EXPECT};
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::problem::{Answered, Problem};

/// The largest body of a call, and the largest message that services take.
pub(crate) const LIMIT: usize = 4 << 20;

/// How long a body that was not waited for is still read.
const LINGER: Duration = Duration::from_secs(2);

/// What a request's body must be to be read.
pub(crate) trait Incoming: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + Unpin + 'static {}

impl<B> Incoming for B where B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + Unpin + 'static {}

/// Whether there is no body. What unpacks bodies does not say that one is at its end.
pub(crate) fn is_empty(body: &impl Incoming) -> bool {
    body.is_end_stream() || body.size_hint().exact() == Some(0)
}

/// The whole body.
pub(crate) async fn read(body: &mut impl Incoming) -> Answered<Bytes> {
    // What the sender announces, where it does, is known before the first byte.
    if usize::try_from(body.size_hint().lower()).map_or(true, |announced| announced > LIMIT) {
        return Err(too_large().last());
    }
    match tokio::time::timeout(spectra_mesh::deadline::LONGEST, Limited::new(body, LIMIT).collect()).await {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(fault)) if fault.is::<LengthLimitError>() => Err(too_large().last()),
        Ok(Err(_)) => Err(Problem::malformed("the body ended before its end").last()),
        Err(_) => Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", "the body took too long to arrive").last()),
    }
}

/// Reads on for a while what an answer did not wait for: a connection that is closed on a sender takes the answer with it.
pub(crate) fn linger(headers: &HeaderMap, mut body: impl Incoming) {
    // One that waits to be asked for its body sends none.
    if !is_empty(&body) && !headers.contains_key(EXPECT) {
        let discard = async move { while let Some(Ok(_)) = body.frame().await {} };
        tokio::spawn(tokio::time::timeout(LINGER, discard));
    }
}

/// The refusal of a request that is too large.
pub(crate) fn too_large() -> Box<Problem> {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "too_large",
        format!("a request holds at most {} MiB, and so does the message that it becomes", LIMIT >> 20),
    )
}
