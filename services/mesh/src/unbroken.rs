//! Streams of callers that break off.

use http::Request;
use http_body_util::BodyExt;
use tonic::{Status, body::Body};

use crate::Error;

/// A call whose stream, where its caller breaks it off, ends with an error. tonic takes one that was cancelled for one that
/// came to its end, and a service would keep half of it for all.
#[must_use]
pub fn unbroken(request: Request<Body>) -> Request<Body> {
    request.map(|body| Body::new(body.map_err(|_| Status::from(Error::Malformed("the stream ended before its end")))))
}
