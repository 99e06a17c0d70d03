//! What tells one request from others: its id, and the trace that it is part of.

use http::{HeaderMap, HeaderValue};
use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState},
};
use spectra_mesh::{gate, new_id, telemetry};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use uuid::Uuid;

/// What a refusal names of its request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ids {
    /// The request's id: its own when that is a UUID, else a new one.
    pub(crate) request: Uuid,
    /// The id of the trace.
    pub(crate) trace: TraceId,
}

/// The course of one request.
#[derive(Debug)]
pub(crate) struct Trace {
    /// Its ids.
    pub(crate) ids: Ids,
    /// The request's id, as headers have it.
    pub(crate) request_id: HeaderValue,
    /// The `traceparent` of the calls that come of it.
    pub(crate) traceparent: Option<HeaderValue>,
    /// The span of the request.
    pub(crate) span: Span,
}

impl Trace {
    /// Continues the trace that a request for `called` is part of, or begins one.
    pub(crate) fn of(called: &str, headers: &HeaderMap) -> Self {
        let request = gate::request_id(headers);
        let span = tracing::error_span!("http", otel.name = called, otel.kind = "server", request_id = %request);
        let parent = headers.get("traceparent").and_then(|trace| trace.to_str().ok()).and_then(telemetry::parent);
        if let Some(parent) = &parent {
            // Without a collector there is nothing to set a parent on.
            _ = span.set_parent(Context::new().with_remote_span_context(parent.clone()));
        }
        // Where traces are collected, calls belong to the span; else the caller's trace is passed on.
        let context = telemetry::collected(&span).or(parent).unwrap_or_else(begin);
        let ids = Ids { request, trace: context.trace_id() };
        Self { ids, request_id: header(request), traceparent: telemetry::traceparent(&context), span }
    }
}

/// An id, which always is a header's value.
fn header(id: Uuid) -> HeaderValue {
    HeaderValue::from_str(id.hyphenated().encode_lower(&mut Uuid::encode_buffer())).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// A trace of our own, which nobody collects.
fn begin() -> SpanContext {
    let id = new_id();
    let (trace, span) = (TraceId::from_bytes(id.into_bytes()), SpanId::from_bytes(id.as_u64_pair().1.to_be_bytes()));
    SpanContext::new(trace, span, TraceFlags::default(), false, TraceState::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &'static str, value: &'static str) -> Trace {
        Trace::of("GET /", &[(http::HeaderName::from_static(name), HeaderValue::from_static(value))].into_iter().collect())
    }

    #[test]
    fn a_trace_is_continued() {
        let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let continued = read("traceparent", trace);
        assert_eq!(continued.ids.trace.to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(continued.traceparent.expect("a parent"), trace);
    }

    #[test]
    fn without_a_trace_one_begins() {
        let (one, other) = (read("traceparent", "00-odd"), read("accept", "*/*"));
        assert_ne!(one.ids.trace, other.ids.trace);
        for begun in [one, other] {
            let parent =
                begun.traceparent.as_ref().and_then(|parent| telemetry::parent(parent.to_str().ok()?)).expect("a valid traceparent");
            assert_eq!(parent.trace_id(), begun.ids.trace);
        }
    }

    #[test]
    fn a_request_keeps_its_id_when_that_is_a_uuid() {
        let id = "0198f2a4-0000-7000-8000-000000000001";
        assert_eq!(read("x-request-id", id).ids.request.to_string(), id);
        assert_ne!(read("x-request-id", "mine").ids.request, read("x-request-id", "mine").ids.request);
    }
}
