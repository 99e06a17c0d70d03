//! Refusals: `application/problem+json` of RFC 9457, and the one table from gRPC's codes to HTTP's.

use std::{borrow::Cow, collections::BTreeMap, error::Error, fmt, time::Duration};

use http::{
    HeaderName, HeaderValue, Response, StatusCode,
    header::{ALLOW, CONNECTION, CONTENT_RANGE, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};
use serde::Serialize;
use spectra_mesh::INTERNAL;
use spectra_proto::{Label, types::Reason};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::{
    answer::{Answer, whole},
    body,
    trace::Ids,
    transcode::Malformed,
};

/// What an answer is when it is none.
pub(crate) type Answered<T> = Result<T, Box<Problem>>;

/// Why a request is refused.
#[derive(Debug)]
pub(crate) struct Problem {
    status: u16,
    /// The word for programs.
    code: Cow<'static, str>,
    /// The sentence for people.
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    /// What the refusal speaks of.
    about: BTreeMap<String, String>,
    retry_after: Option<Duration>,
    /// A header of this kind of refusal.
    header: Option<(HeaderName, String)>,
    /// Whether the connection cannot be used again.
    last: bool,
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.detail)
    }
}

// Readers of bodies hand it on as the error that it is.
impl Error for Problem {}

/// A field that is refused, by the name that it has in the client's own JSON.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct FieldError {
    field: String,
    message: String,
}

/// The members of a problem, in their order.
#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: String,
    status: u16,
    detail: &'a str,
    instance: &'a str,
    code: &'a str,
    request_id: String,
    trace_id: String,
    errors: &'a [FieldError],
    #[serde(flatten)]
    about: &'a BTreeMap<String, String>,
}

/// Members that metadata does not replace.
const MEMBERS: [&str; 9] = ["type", "title", "status", "detail", "instance", "code", "request_id", "trace_id", "errors"];

impl Problem {
    /// A refusal in the gateway's own words.
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<Cow<'static, str>>) -> Box<Self> {
        Box::new(Self {
            status: status.as_u16(),
            code: code.into(),
            detail: detail.into(),
            errors: Vec::new(),
            about: BTreeMap::new(),
            retry_after: None,
            header: None,
            last: false,
        })
    }

    /// The text of the request does not read.
    pub(crate) fn malformed(detail: impl Into<Cow<'static, str>>) -> Box<Self> {
        Self::new(StatusCode::BAD_REQUEST, Reason::Malformed.label(), detail)
    }

    /// The text of the request does not read at one place. `body` is the field of the request that the text fills.
    pub(crate) fn unreadable(fault: &Malformed, body: Option<&str>) -> Box<Self> {
        if fault.is_too_large() {
            return body::too_large(body::LIMIT as u64);
        }
        match outside(fault.field(), body) {
            "" => Self::malformed(fault.message().to_owned()),
            field => Self::malformed_field(field, fault.message()),
        }
    }

    /// The text of the request does not read at this field.
    pub(crate) fn malformed_field(field: &str, message: &str) -> Box<Self> {
        let error = FieldError { field: field.to_owned(), message: message.to_owned() };
        Box::new(Self { errors: vec![error], ..*Self::malformed(format!("{field}: {message}")) })
    }

    /// A field breaks a rule that only the text can show.
    pub(crate) fn invalid_field(field: &str, message: &str) -> Box<Self> {
        let error = FieldError { field: field.to_owned(), message: message.to_owned() };
        let problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, Reason::Invalid.label(), format!("{field} {message}"));
        Box::new(Self { errors: vec![error], ..*problem })
    }

    /// There is nothing at this path.
    pub(crate) fn no_path() -> Box<Self> {
        Self::new(StatusCode::NOT_FOUND, Reason::NotFound.label(), "there is nothing at this path")
    }

    /// The path takes other methods.
    pub(crate) fn method(allow: String) -> Box<Self> {
        let detail = format!("this path takes {allow}");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail).allowing(allow)
    }

    /// The same refusal, with what the path takes besides.
    pub(crate) fn allowing(mut self: Box<Self>, allow: String) -> Box<Self> {
        self.header = Some((ALLOW, allow));
        self
    }

    /// A fault of ours or of a service.
    pub(crate) fn internal() -> Box<Self> {
        Self::of(Code::Internal, false)
    }

    /// The caller shows no token.
    pub(crate) fn unauthenticated() -> Box<Self> {
        Self::of(Code::Unauthenticated, false)
    }

    /// The time that the call was given ran out.
    pub(crate) fn deadline() -> Box<Self> {
        Self::of(Code::DeadlineExceeded, false)
    }

    /// The service that owns the call does not answer.
    pub(crate) fn unavailable() -> Box<Self> {
        Self::of(Code::Unavailable, false)
    }

    /// What a service refused. `body` is the field of its request that the client's JSON fills; `conditional` says
    /// whether the client named the revision that it means.
    pub(crate) fn refused(status: &Status, body: Option<&str>, conditional: bool) -> Box<Self> {
        let mut problem = Self::of(status.code(), conditional);
        // Whoever gives no reason is not one of our handlers, but the transport or a proxy, and speaks of the inside.
        let details = status.get_error_details();
        let Some(info) = details.error_info().filter(|info| !info.reason.is_empty() && problem.status != 500) else {
            return problem;
        };
        problem.code = info.reason.to_ascii_lowercase().into();
        match status.code() {
            Code::InvalidArgument if problem.code == Reason::Malformed.label() => problem.status = 400,
            Code::FailedPrecondition if problem.code == Reason::NotDeletable.label() => problem.status = 405,
            Code::FailedPrecondition if problem.code == Reason::RangeNotSatisfiable.label() => {
                problem.status = 416;
                problem.header = info.metadata.get("size").map(|size| (CONTENT_RANGE, format!("bytes */{size}")));
            }
            Code::FailedPrecondition if problem.code == Reason::AnalysisRefused.label() => problem.status = 422,
            Code::FailedPrecondition if problem.code == Reason::MediaType.label() => problem.status = 415,
            Code::FailedPrecondition if problem.code == Reason::FileTooLarge.label() => problem.status = 413,
            Code::ResourceExhausted if problem.code == Reason::StorageFull.label() => (problem.status, problem.retry_after) = (507, None),
            _ => {}
        }
        let metadata = info.metadata.iter().filter(|(name, _)| !MEMBERS.contains(&name.as_str()));
        problem.about = metadata.map(|(name, value)| (name.clone(), value.clone())).collect();
        problem.errors = violations(&details, body);
        problem.detail = sentence(&problem.errors).unwrap_or_else(|| status.message().to_owned()).into();
        if let Some(delay) = details.retry_info().and_then(|retry| retry.retry_delay) {
            problem.retry_after = Some(delay);
        }
        problem
    }

    /// What a gRPC code says by itself.
    fn of(code: Code, conditional: bool) -> Box<Self> {
        let (status, word, detail) = meaning(code, conditional);
        let retry_after = matches!(status, 429 | 503).then_some(Duration::from_secs(1));
        Box::new(Self { status, retry_after, ..*Self::new(StatusCode::OK, word, detail) })
    }

    /// The same refusal, of one line among many.
    pub(crate) fn at_line(mut self: Box<Self>, line: u64) -> Box<Self> {
        self.detail = format!("line {line}: {}", self.detail).into();
        self.about.insert("line".to_owned(), line.to_string());
        self
    }

    /// Not now, though a second later it may be.
    pub(crate) fn later(status: StatusCode, code: &'static str, detail: &'static str) -> Box<Self> {
        Box::new(Self { retry_after: Some(Duration::from_secs(1)), ..*Self::new(status, code, detail) })
    }

    /// The same refusal, as the last answer on its connection.
    pub(crate) fn last(mut self: Box<Self>) -> Box<Self> {
        self.last = true;
        self
    }

    /// The status.
    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The fields that are refused.
    #[cfg(test)]
    pub(crate) fn fields(&self) -> impl Iterator<Item = &str> {
        self.errors.iter().map(|error| error.field.as_str())
    }

    /// The refusal, as the body of an answer to the request for `path`.
    pub(crate) fn document(&self, path: &str, ids: &Ids) -> Vec<u8> {
        let document = Document {
            r#type: format!("urn:spectra:problem:{}", self.code),
            title: title(&self.code),
            status: self.status,
            detail: &self.detail,
            instance: path,
            code: &self.code,
            request_id: ids.request.to_string(),
            trace_id: ids.trace.to_string(),
            errors: &self.errors,
            about: &self.about,
        };
        // Strings and numbers always are JSON.
        serde_json::to_vec(&document).unwrap_or_default()
    }

    /// The refusal of the request for `path`.
    pub(crate) fn answer(&self, path: &str, ids: &Ids) -> Answer {
        let mut answer = Response::new(whole(self.document(path, ids)));
        *answer.status_mut() = self.status();
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == 401 {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(delay) = self.retry_after {
            // In whole seconds, never too early.
            let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        let own = self.header.as_ref().and_then(|(name, value)| Some((name.clone(), HeaderValue::from_str(value).ok()?)));
        headers.extend(own);
        if self.last {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }
}

/// What each gRPC code is in HTTP: the status, the word for programs, and the sentence where no service says a better one.
fn meaning(code: Code, conditional: bool) -> (u16, &'static str, &'static str) {
    match code {
        Code::InvalidArgument | Code::OutOfRange => (422, Reason::Invalid.label(), "the request is not valid"),
        Code::Unauthenticated => (401, Reason::Unauthenticated.label(), "a bearer token is needed"),
        Code::PermissionDenied => (403, "permission_denied", "the caller may not do this"),
        Code::NotFound => (404, Reason::NotFound.label(), "there is no such resource"),
        Code::AlreadyExists => (409, Reason::AlreadyExists.label(), "another resource has this value already"),
        Code::FailedPrecondition => (409, "failed_precondition", "the resource is not in a state that allows this"),
        Code::Aborted if conditional => (412, Reason::Stale.label(), "the resource was changed since it was read; read it again"),
        Code::Aborted => (409, Reason::Stale.label(), "another change was in the way; try again"),
        Code::ResourceExhausted => (429, Reason::Exhausted.label(), "too many requests; try again in a moment"),
        Code::Cancelled => (499, "cancelled", "the call was cancelled"),
        Code::Unimplemented => (501, Reason::Unimplemented.label(), "the service does not offer this"),
        Code::Unavailable => (503, Reason::Unavailable.label(), "the service does not answer; try again in a moment"),
        Code::DeadlineExceeded => (504, Reason::Deadline.label(), "the time given to the call ran out"),
        // An error that says OK is none that we understand.
        Code::Ok | Code::Internal | Code::Unknown | Code::DataLoss => (500, Reason::Internal.label(), INTERNAL),
    }
}

fn violations(details: &ErrorDetails, body: Option<&str>) -> Vec<FieldError> {
    let violations = details.bad_request().map(|bad| bad.field_violations.as_slice()).unwrap_or_default();
    let error = |violation: &tonic_types::FieldViolation| FieldError {
        field: outside(&violation.field, body).to_owned(),
        message: violation.description.clone(),
    };
    violations.iter().map(error).collect()
}

/// The name of a field as the client's JSON has it: there, the fields of the body stand by themselves.
fn outside<'f>(field: &'f str, body: Option<&str>) -> &'f str {
    let Some(rest) = body.and_then(|body| field.strip_prefix(body)) else { return field };
    match rest.strip_prefix('.') {
        Some(inner) => inner,
        None if rest.is_empty() || rest.starts_with('[') => rest,
        None => field,
    }
}

/// What is wrong with the fields, in a sentence.
fn sentence(errors: &[FieldError]) -> Option<String> {
    let [FieldError { field, message }, others @ ..] = errors else { return None };
    let field = if field.is_empty() { "the body" } else { field };
    Some(match others.len() {
        0 => format!("{field} {message}"),
        more => format!("{field} {message}, and {more} more"),
    })
}

/// A word for programs, for people: `Calibration expired`.
fn title(code: &str) -> String {
    let words = code.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
