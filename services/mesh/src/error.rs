//! What can go wrong, and the one place that says it in gRPC.
//!
//! Which to use: a rule of the lab that says no is [`Error::Refused`]; a field that breaks a rule is
//! [`Error::Invalid`]; whatever the caller cannot see, for whatever cause, is [`Error::NotFound`].

use std::{borrow::Cow, collections::HashMap, time::Duration};

use spectra_proto::types::Reason;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

use crate::validate::Violation;

/// The domain of every ErrorInfo of this mesh.
const DOMAIN: &str = "spectra";

/// What is told of a fault of ours, here and by the gateway: nothing of the inside.
pub const INTERNAL: &str = "an internal fault; the request id finds it in the logs";

/// When a call that came at a bad moment may be made again.
const AFTER: Duration = Duration::from_secs(1);

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is none, or none that this organization owns: both read the same.
    #[error("no such {0}")]
    NotFound(Cow<'static, str>),
    /// The resource changed since the caller read it.
    #[error("the {0} was changed since it was read; read it again")]
    Stale(&'static str),
    /// Another resource has the value already.
    #[error("another {kind} has this {field} already")]
    Taken {
        /// The resource.
        kind: String,
        /// The field that must be unique.
        field: String,
    },
    /// Fields that break rules.
    #[error("{}", sentence(.0))]
    Invalid(Vec<Violation>),
    /// The request does not read at all.
    #[error("{0}")]
    Malformed(&'static str),
    /// A rule of the lab says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Nobody known asks.
    #[error("{1}")]
    Unauthenticated(Reason, &'static str),
    /// The caller may never do this.
    #[error("{message}")]
    Denied {
        /// The word for programs.
        reason: Reason,
        /// What is lacking: the metadata's key and value.
        lacking: (&'static str, String),
        /// The sentence for people.
        message: String,
    },
    /// A peer's answer that is passed on as it came.
    #[error("{}", .0.message())]
    Peer(Box<Status>),
    /// The answer of a call that was made before under the same key.
    #[error("{}", .0.message())]
    Replayed(Box<Status>),
    /// Not now; the same call may be made again.
    #[error("{0}")]
    Unavailable(&'static str),
    /// Too much at once; the same call may be made again after this while.
    #[error("{0}")]
    Exhausted(&'static str, Duration),
    /// There is no room to keep what the caller sends.
    #[error("{0}")]
    Full(&'static str),
    /// The contract has no such method.
    #[error("there is no such method")]
    Unimplemented,
    /// The time given ran out.
    #[error("the time given to the call ran out")]
    Deadline,
    /// A fault of ours: logged, never told.
    #[error("{INTERNAL}")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A rule's no: the word for programs, the sentence for people, and what both speak of.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    reason: Reason,
    message: String,
    metadata: HashMap<String, String>,
    kept: bool,
}

impl Refusal {
    /// A refusal for `reason`, in a sentence that says what to do.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), metadata: HashMap::new(), kept: false }
    }

    /// Names something the refusal speaks of.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "ids and words alike are named without a borrow")]
    pub fn about(mut self, key: &str, value: impl ToString) -> Self {
        self.metadata.insert(key.to_owned(), value.to_string());
        self
    }

    /// Says that the attempt left a record: the transaction is committed although the call fails.
    #[must_use]
    pub fn kept(mut self) -> Self {
        self.kept = true;
        self
    }

    /// The word for programs.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.reason
    }
}

impl Error {
    /// There is no such thing for this caller.
    #[must_use]
    pub fn not_found(kind: &'static str) -> Self {
        Self::NotFound(Cow::Borrowed(kind))
    }

    /// Too much at once; the same call may be made again in a moment.
    #[must_use]
    pub const fn exhausted(told: &'static str) -> Self {
        Self::Exhausted(told, AFTER)
    }

    /// A fault of ours with its cause.
    pub fn broken(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Broken(cause.into())
    }

    /// One field that breaks a rule.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid(vec![Violation { field: field.into(), message: message.into() }])
    }

    /// Whether the failed call's transaction is to be committed.
    pub(crate) fn is_kept(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.kept)
    }

    fn code_and_reason(&self) -> (Code, Reason) {
        match self {
            Self::NotFound(_) => (Code::NotFound, Reason::NotFound),
            Self::Stale(_) => (Code::Aborted, Reason::Stale),
            Self::Taken { .. } => (Code::AlreadyExists, Reason::AlreadyExists),
            Self::Invalid(_) => (Code::InvalidArgument, Reason::Invalid),
            Self::Refused(refusal) => (Code::FailedPrecondition, refusal.reason),
            Self::Unauthenticated(reason, _) => (Code::Unauthenticated, *reason),
            Self::Denied { reason, .. } => (Code::PermissionDenied, *reason),
            Self::Peer(status) | Self::Replayed(status) => (status.code(), Reason::Unspecified),
            Self::Unavailable(_) => (Code::Unavailable, Reason::Unavailable),
            Self::Malformed(_) => (Code::InvalidArgument, Reason::Malformed),
            Self::Exhausted(..) => (Code::ResourceExhausted, Reason::Exhausted),
            Self::Full(_) => (Code::ResourceExhausted, Reason::StorageFull),
            Self::Unimplemented => (Code::Unimplemented, Reason::Unimplemented),
            Self::Deadline => (Code::DeadlineExceeded, Reason::Deadline),
            Self::Broken(_) => (Code::Internal, Reason::Internal),
        }
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let (code, reason) = error.code_and_reason();
        let message = error.to_string();
        let mut details = ErrorDetails::new();
        let mut metadata = HashMap::new();
        match error {
            Error::Peer(status) | Error::Replayed(status) => return *status,
            Error::Broken(cause) => tracing::error!(cause = &*cause, "a call failed by a fault of ours"),
            Error::Refused(refusal) => metadata = refusal.metadata,
            Error::Denied { lacking: (key, value), .. } => {
                metadata.insert(key.to_owned(), value);
            }
            Error::Taken { field, .. } => {
                metadata.insert("field".to_owned(), field);
            }
            Error::Invalid(violations) => {
                let violation = |Violation { field, message }| FieldViolation { field, description: message, ..FieldViolation::default() };
                details.set_bad_request(violations.into_iter().map(violation).collect::<Vec<_>>());
            }
            Error::Unavailable(_) => {
                details.set_retry_info(Some(AFTER));
            }
            Error::Exhausted(_, after) => {
                details.set_retry_info(Some(after));
            }
            Error::NotFound(_)
            | Error::Malformed(_)
            | Error::Stale(_)
            | Error::Unauthenticated(..)
            | Error::Full(_)
            | Error::Unimplemented
            | Error::Deadline => {}
        }
        details.set_error_info(reason.as_str_name().trim_start_matches("REASON_"), DOMAIN, metadata);
        Status::with_error_details(code, message, details)
    }
}

impl From<Violation> for Error {
    fn from(violation: Violation) -> Self {
        Self::Invalid(vec![violation])
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::PoolTimedOut => Self::Unavailable("the service is busy; try again in a moment"),
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
                tracing::warn!(%error, "the database does not answer");
                Self::Unavailable("the database does not answer; try again in a moment")
            }
            sqlx::Error::Database(told) => match told.code().as_deref() {
                Some("23503") => Self::NotFound(referred(told.table(), told.constraint())),
                Some("23505") => Self::taken(told.table(), told.constraint()),
                Some("57014") => Self::Deadline,
                Some("55P03" | "40001" | "40P01" | "25P02" | "25P03" | "25P04") => {
                    Self::Unavailable("another change is in the way; try again in a moment")
                }
                Some(code) if code.starts_with("08") => Self::Unavailable("the database does not answer; try again in a moment"),
                // The server is starting, stopping, failing over, or out of connections.
                Some("57P01" | "57P02" | "57P03" | "57P05" | "25006" | "53300") => {
                    Self::Unavailable("the database does not answer; try again in a moment")
                }
                Some("53100" | "53200") => Self::exhausted("the database is out of room; nothing was changed"),
                _ => Self::broken(error),
            },
            _ => Self::broken(error),
        }
    }
}

impl Error {
    /// Unique indexes are called `<table>_<field>`, so that this can say which field it was.
    fn taken(table: Option<&str>, constraint: Option<&str>) -> Self {
        let table = table.unwrap_or_default();
        let field = constraint.unwrap_or_default().strip_prefix(table).unwrap_or_default().trim_start_matches('_');
        Self::Taken {
            kind: table.strip_suffix('s').unwrap_or("record").to_owned(),
            field: if field.is_empty() || field == "pkey" { "id".to_owned() } else { field.to_owned() },
        }
    }
}

/// Foreign keys are called `<table>_<what they refer to>_fk`.
fn referred(table: Option<&str>, constraint: Option<&str>) -> Cow<'static, str> {
    let named = constraint.and_then(|name| name.strip_prefix(table?)?.strip_suffix("_fk"));
    named.map_or(Cow::Borrowed("record"), |named| Cow::Owned(named.trim_start_matches('_').to_owned()))
}

fn sentence(violations: &[Violation]) -> String {
    match violations {
        [] => "the request is not valid".to_owned(),
        [Violation { field, message }] if field.is_empty() => message.clone(),
        [Violation { field, message }] => format!("{field} {message}"),
        [Violation { field, message }, rest @ ..] => format!("{field} {message}, and {} more", rest.len()),
    }
}
