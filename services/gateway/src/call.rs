//! Calling the service that owns a method: bytes in, bytes out, no message in between.

use std::{
    error::Error,
    net::IpAddr,
    time::{Duration, Instant},
};

use bytes::{Buf, BufMut, Bytes};
use http::{
    Extensions, HeaderMap, HeaderName, HeaderValue,
    header::{AUTHORIZATION, IF_MATCH, USER_AGENT},
};
use spectra_mesh::{Channel, Error as Refusal, deadline::HOP};
use tonic::{
    Code, Request, Response, Status, Streaming,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    metadata::MetadataMap,
};

use crate::{
    again::IDEMPOTENCY_KEY,
    routes::rpc::Rpc,
    trace::Trace,
    upload::{Cut, Messages},
};

/// The largest answer of a service.
pub(crate) const LARGEST_ANSWER: usize = 64 << 20;

/// The headers of a client that reach a service; no other does.
const PASSED_ON: [HeaderName; 5] = [AUTHORIZATION, IF_MATCH, USER_AGENT, IDEMPOTENCY_KEY, HeaderName::from_static("x-change-reason")];

/// Why a call has no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The service says no.
    Refused(Box<Status>),
    /// The time ran out.
    Deadline,
    /// The service does not answer.
    Unanswered,
}

/// Makes a unary call within `time`; once more when nobody answered and it does no harm.
pub(crate) async fn unary(rpc: &Rpc, message: Bytes, metadata: HeaderMap, time: Duration) -> Result<Bytes, Failure> {
    let allowed = rpc.again.allows(&metadata);
    rpc.again.call(allowed, time, |time| once(rpc, message.clone(), metadata.clone(), time)).await
}

async fn once(rpc: &Rpc, message: Bytes, metadata: HeaderMap, time: Duration) -> Result<Bytes, Failure> {
    let given = time.saturating_sub(HOP);
    let mut request = Request::from_parts(MetadataMap::from_headers(metadata), Extensions::new(), Ok(message));
    request.set_timeout(given);
    within(rpc, time, given, async |client| client.unary(request, rpc.path.clone(), Raw).await).await
}

/// Opens a stream of a service within `time`; it may then last.
pub(crate) async fn stream(rpc: &Rpc, message: Bytes, metadata: HeaderMap, time: Duration) -> Result<Streaming<Bytes>, Failure> {
    let given = time.saturating_sub(HOP);
    let request = Request::from_parts(MetadataMap::from_headers(metadata), Extensions::new(), Ok(message));
    within(rpc, time, given, async |client| client.server_streaming(request, rpc.path.clone(), Raw).await).await
}

/// Sends a stream to a service, and waits for the one answer, however long the stream lasts.
pub(crate) async fn collect(rpc: &Rpc, messages: Messages, metadata: HeaderMap) -> Result<Bytes, Failure> {
    let request = Request::from_parts(MetadataMap::from_headers(metadata), Extensions::new(), messages);
    within(rpc, Duration::MAX, Duration::MAX, async |client| client.client_streaming(request, rpc.path.clone(), Raw).await).await
}

/// Opens a stream to and from a service.
pub(crate) async fn converse(rpc: &Rpc, messages: Messages, metadata: HeaderMap) -> Result<Streaming<Bytes>, Failure> {
    let request = Request::from_parts(MetadataMap::from_headers(metadata), Extensions::new(), messages);
    within(rpc, Duration::MAX, Duration::MAX, async |client| client.streaming(request, rpc.path.clone(), Raw).await).await
}

/// Makes a call within `time`, of which the service has `given`.
async fn within<T>(
    rpc: &Rpc,
    time: Duration,
    given: Duration,
    call: impl AsyncFnOnce(&mut Grpc<Channel>) -> Result<Response<T>, Status>,
) -> Result<T, Failure> {
    if given.is_zero() {
        return Err(Failure::Deadline);
    }
    let begun = Instant::now();
    let mut client = Grpc::new(rpc.peer.channel()).max_decoding_message_size(LARGEST_ANSWER);
    match tokio::time::timeout(time, call(&mut client)).await {
        Ok(Ok(answer)) => Ok(answer.into_inner()),
        Err(_) => Err(Failure::Deadline),
        // Whoever notices first that the time is up says it in one of these words.
        Ok(Err(status)) if begun.elapsed() >= given && matches!(status.code(), Code::Cancelled | Code::DeadlineExceeded) => {
            Err(Failure::Deadline)
        }
        // A status with a source was made here, of a connection that failed; those of services come without.
        Ok(Err(status)) if status.source().is_some() => {
            tracing::warn!(peer = rpc.peer.name(), %status, "a service does not answer");
            Err(Failure::Unanswered)
        }
        Ok(Err(status)) => Err(Failure::Refused(Box::new(status))),
    }
}

/// Whether someone who must shows no token: nothing of theirs is read.
pub(crate) fn is_nameless(public: bool, headers: &HeaderMap) -> bool {
    !public && !headers.contains_key(AUTHORIZATION)
}

/// What a service is told besides the message.
pub(crate) fn metadata(headers: &HeaderMap, trace: &Trace, client: IpAddr) -> HeaderMap {
    let mut metadata = HeaderMap::with_capacity(10);
    for name in PASSED_ON {
        // Two tokens stay two, for the service to refuse.
        for value in headers.get_all(&name) {
            metadata.append(name.clone(), value.clone());
        }
    }
    metadata.extend(trace.traceparent.clone().map(|parent| (HeaderName::from_static("traceparent"), parent)));
    metadata.insert(HeaderName::from_static("x-request-id"), trace.request_id.clone());
    metadata.extend(HeaderValue::try_from(client.to_string()).ok().map(|client| (HeaderName::from_static("x-forwarded-for"), client)));
    metadata
}

/// Messages as they are on the wire.
struct Raw;

impl Codec for Raw {
    type Encode = Result<Bytes, Cut>;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Result<Bytes, Cut>;
    type Error = Status;

    fn encode(&mut self, message: Result<Bytes, Cut>, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        // An error resets the stream, which a service cannot take for its end.
        out.put(message.map_err(|Cut| Status::from(Refusal::Malformed("the stream ended before its end")))?);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, message: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(message.copy_to_bytes(message.remaining())))
    }
}
