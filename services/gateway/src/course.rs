//! What tells one request from others: its id, and the trace that it is part of.

use http::{HeaderMap, HeaderValue, Method};
use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState},
};
use spectra_mesh::{gate, new_id, telemetry};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use uuid::Uuid;

/// The ids of one request.
#[derive(Debug)]
pub(crate) struct Course {
    /// The request's id: its own when that is a UUID, else a new one.
    pub(crate) request_id: Uuid,
    /// The trace, in hexadecimal.
    pub(crate) trace_id: String,
    /// The `traceparent` of the calls that come of it.
    pub(crate) traceparent: HeaderValue,
    /// The span of the request.
    pub(crate) span: Span,
}

impl Course {
    /// Continues the trace that the request is part of, or begins one.
    pub(crate) fn of(method: &Method, headers: &HeaderMap) -> Self {
        let request_id = gate::request_id(headers);
        let span = tracing::info_span!("http", %method, %request_id, route = tracing::field::Empty);
        let parent = headers.get("traceparent").and_then(|trace| trace.to_str().ok()).and_then(telemetry::parent);
        if let Some(parent) = &parent {
            // Without a collector there is nothing to set a parent on.
            _ = span.set_parent(Context::new().with_remote_span_context(parent.clone()));
        }
        // Where traces are collected, calls belong to the span; else the caller's trace is passed on.
        let collected = span.in_scope(telemetry::current_trace);
        let collected = collected.and_then(|trace| telemetry::parent(trace.to_str().ok()?));
        let context = collected.or(parent).unwrap_or_else(begin);
        let trace_id = context.trace_id().to_string();
        let text = format!("00-{trace_id}-{}-{:02x}", context.span_id(), context.trace_flags());
        // Hexadecimal digits and hyphens are always a header's value.
        let traceparent = HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""));
        Self { request_id, trace_id, traceparent, span }
    }
}

/// A trace of our own, which nobody collects.
fn begin() -> SpanContext {
    let trace = TraceId::from_bytes(new_id().into_bytes());
    let span = SpanId::from_bytes(new_id().as_u64_pair().1.to_be_bytes());
    SpanContext::new(trace, span, TraceFlags::default(), false, TraceState::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(name: &'static str, value: &'static str) -> Course {
        Course::of(&Method::GET, &[(http::HeaderName::from_static(name), HeaderValue::from_static(value))].into_iter().collect())
    }

    #[test]
    fn a_trace_is_continued() {
        let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let continued = course("traceparent", trace);
        assert_eq!(continued.trace_id, "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(continued.traceparent, trace);
    }

    #[test]
    fn without_a_trace_one_begins() {
        let (one, other) = (course("traceparent", "00-odd"), course("accept", "*/*"));
        assert_ne!(one.trace_id, other.trace_id);
        for begun in [one, other] {
            let parent = telemetry::parent(begun.traceparent.to_str().expect("text")).expect("a valid traceparent");
            assert_eq!(parent.trace_id().to_string(), begun.trace_id);
        }
    }

    #[test]
    fn a_request_keeps_its_id_when_that_is_a_uuid() {
        let id = "0198f2a4-0000-7000-8000-000000000001";
        assert_eq!(course("x-request-id", id).request_id.to_string(), id);
        assert_ne!(course("x-request-id", "mine").request_id, course("x-request-id", "mine").request_id);
    }
}
