//! The Connect protocol, unary and in protobuf: a method called by its name over plain HTTP, without frames or trailers.
//!
//! JSON has the paths of the contract. That of Connect names enums in full, and would be a second JSON of the same messages.

use std::time::Duration;

use base64::{
    Engine,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD_NO_PAD},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header::CONTENT_TYPE};
use prost_reflect::prost::Message;
use serde::Serialize;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::{
    answer::{Answer, whole},
    body::{self, Incoming},
    call::{self, Failure},
    deadline,
    front::Asked,
    guard::{Excess, Guard},
    media,
    problem::{Answered, Problem},
    query,
    routes::rpc::Rpc,
};

/// The only version there is.
const VERSION: (&str, &str) = ("connect-protocol-version", "1");

/// How long the client waits.
const TIMEOUT: &str = "connect-timeout-ms";

/// Clients may pad what they put into a query.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&URL_SAFE, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));

/// Answers a call of a method that takes one message and gives one.
pub(crate) async fn answer(rpc: &Rpc, guard: &Guard, asked: Asked<'_>, body: &mut impl Incoming) -> Answer {
    match call(rpc, guard, asked, body).await {
        Ok(wire) => {
            let mut answer = Response::new(whole(wire));
            answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/proto"));
            answer
        }
        Err(refusal) => refusal.answer(asked),
    }
}

async fn call(rpc: &Rpc, guard: &Guard, asked: Asked<'_>, body: &mut impl Incoming) -> Result<Bytes, Refusal> {
    let Asked { parts, trace, client, .. } = asked;
    let headers = &parts.headers;
    if call::is_nameless(rpc.public, headers) {
        return Err(Problem::unauthenticated().into());
    }
    guard.has_room().map_err(Excess::problem)?;
    if headers.get_all(VERSION.0).iter().any(|version| version != VERSION.1) {
        return Err(Problem::malformed("the version of the Connect protocol is 1").into());
    }
    let message = if parts.method == Method::POST {
        media::is_proto(headers)?;
        body::read(body).await?
    } else {
        asked_for(parts.uri.query().unwrap_or_default())?
    };
    // Only now, so that nobody holds a place by sending slowly.
    let _place = guard.admit().map_err(Excess::problem)?;
    Ok(call::unary(rpc, message, call::metadata(headers, trace, client), time(headers)).await?)
}

/// The message in the query of a GET.
fn asked_for(query: &str) -> Answered<Bytes> {
    let pairs = query::pairs(query).ok_or_else(|| Problem::malformed("the query is not percent-encoded UTF-8"))?;
    let value = |name: &str| pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_ref());
    if value("connect").is_some_and(|version| version != "v1") {
        return Err(Problem::malformed("the version of the Connect protocol is v1"));
    }
    if value("encoding") != Some("proto") || value("compression").is_some_and(|compression| compression != "identity") {
        return Err(media::refused("the message must be in encoding=proto, and not be compressed"));
    }
    let message = value("message").ok_or_else(|| Problem::malformed("the query has no message"))?;
    if value("base64") != Some("1") {
        return Ok(Bytes::copy_from_slice(message.as_bytes()));
    }
    BASE64.decode(message).map(Bytes::from).map_err(|_| Problem::malformed("the message must be base64"))
}

/// The time that the client gives the call. What does not read counts as not said.
fn time(headers: &HeaderMap) -> Duration {
    let stated = headers.get(TIMEOUT).and_then(|value| value.to_str().ok()?.parse().ok());
    deadline::of(headers).min(stated.map_or(Duration::MAX, Duration::from_millis))
}

/// Why a call has no answer.
struct Refusal {
    code: Code,
    status: StatusCode,
    problem: Box<Problem>,
    details: Vec<Detail>,
}

/// The body of a refusal.
#[derive(Serialize)]
struct Document<'a> {
    code: &'a str,
    message: String,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    details: &'a [Detail],
}

/// A message that says more of it.
#[derive(Serialize)]
struct Detail {
    r#type: String,
    value: String,
}

impl From<Box<Problem>> for Refusal {
    /// A refusal of the gateway's own keeps its status: it says what no code does.
    fn from(problem: Box<Problem>) -> Self {
        let status = problem.status();
        let code = match status {
            StatusCode::UNAUTHORIZED => Code::Unauthenticated,
            StatusCode::REQUEST_TIMEOUT => Code::DeadlineExceeded,
            StatusCode::PAYLOAD_TOO_LARGE => Code::ResourceExhausted,
            StatusCode::SERVICE_UNAVAILABLE => Code::Unavailable,
            _ => Code::InvalidArgument,
        };
        Self { code, status, problem, details: Vec::new() }
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        let (code, problem, details) = match failure {
            Failure::Refused(status) => (status.code(), Problem::refused(&status, None, false), details(&status)),
            Failure::Deadline => (Code::DeadlineExceeded, Problem::deadline(), Vec::new()),
            Failure::Unanswered => (Code::Unavailable, Problem::unavailable(), Vec::new()),
        };
        Self { code, status: meaning(code).0, problem, details }
    }
}

impl Refusal {
    fn answer(&self, Asked { parts, trace, .. }: Asked<'_>) -> Answer {
        let document = Document { code: meaning(self.code).1, message: self.problem.to_string(), details: &self.details };
        // What a problem says in headers holds here too.
        let mut answer = self.problem.answer(parts.uri.path(), &trace.ids);
        *answer.status_mut() = self.status;
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        // Strings always are JSON.
        *answer.body_mut() = whole(serde_json::to_vec(&document).unwrap_or_default());
        answer
    }
}

/// What a service says of a refusal besides its sentence. Whoever gives no reason speaks of the inside.
fn details(status: &Status) -> Vec<Detail> {
    if status.get_details_error_info().is_none_or(|info| info.reason.is_empty()) {
        return Vec::new();
    }
    let said = tonic_types::Status::decode(status.details()).unwrap_or_default().details;
    let details = said.into_iter().map(|any| Detail {
        r#type: any.type_url.rsplit('/').next().unwrap_or_default().to_owned(),
        value: STANDARD_NO_PAD.encode(&any.value),
    });
    details.collect()
}

/// What each gRPC code is in Connect: the status, and the word.
fn meaning(code: Code) -> (StatusCode, &'static str) {
    let (status, word) = match code {
        Code::Cancelled => (499, "canceled"),
        Code::InvalidArgument => (400, "invalid_argument"),
        Code::DeadlineExceeded => (504, "deadline_exceeded"),
        Code::NotFound => (404, "not_found"),
        Code::AlreadyExists => (409, "already_exists"),
        Code::PermissionDenied => (403, "permission_denied"),
        Code::ResourceExhausted => (429, "resource_exhausted"),
        Code::FailedPrecondition => (400, "failed_precondition"),
        Code::Aborted => (409, "aborted"),
        Code::OutOfRange => (400, "out_of_range"),
        Code::Unimplemented => (501, "unimplemented"),
        Code::Internal => (500, "internal"),
        Code::Unavailable => (503, "unavailable"),
        Code::DataLoss => (500, "data_loss"),
        Code::Unauthenticated => (401, "unauthenticated"),
        // An error that says OK is none that we understand.
        Code::Ok | Code::Unknown => (500, "unknown"),
    };
    (StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), word)
}
