//! The record of each request: one line of log, one measure. Neither holds tokens, queries or bodies.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use http::{Method, StatusCode};
use opentelemetry::{KeyValue, global, metrics::Histogram};
use spectra_mesh::telemetry::SECONDS;

use crate::trace::Trace;

static DURATION: LazyLock<Histogram<f64>> = LazyLock::new(|| {
    global::meter("spectra")
        .f64_histogram("http.server.duration")
        .with_unit("s")
        .with_description("How long requests took, by method, route and status.")
        .with_boundaries(SECONDS.to_vec())
        .build()
});

/// Records a request that was answered. A request without a route led nowhere.
pub(crate) fn record(method: &Method, route: Option<Arc<str>>, path: &str, status: StatusCode, trace: &Trace, took: Duration) {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    let (route, status) = (route.unwrap_or_else(|| "none".into()), status.as_u16());
    tracing::info!(target: "access", %method, %route, path, status, micros, request_id = %trace.ids.request, "{method} {path} {status}");
    let tags = [KeyValue::new("method", known(method)), KeyValue::new("route", route), KeyValue::new("status", i64::from(status))];
    DURATION.record(took.as_secs_f64(), &tags);
}

/// A client may make methods up; a measure has room for those that exist.
fn known(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}
