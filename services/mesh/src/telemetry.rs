//! Logs, traces and metrics: set up once, and recorded where every call passes.

use std::{
    io::IsTerminal,
    sync::LazyLock,
    time::{Duration, Instant},
};

use http::{HeaderMap, HeaderValue};
use http_body_util::Full;
use hyper::{body::Bytes, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use opentelemetry::{
    Context, KeyValue, global,
    metrics::Histogram,
    trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, TracerProvider},
};
use opentelemetry_otlp::{MetricExporter, SpanExporter, WithExportConfig};
use opentelemetry_sdk::{Resource, metrics::SdkMeterProvider, trace::SdkTracerProvider};
use prometheus::{Encoder, Registry, TextEncoder};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{EnvFilter, Layer, layer::SubscriberExt, util::SubscriberInitExt};

/// What to record and where to send it.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// What is logged, as directives such as `info,spectra=debug`.
    #[arg(long, env = "SPECTRA_LOG", default_value = "warn", global = true, value_parser = directives)]
    pub log: String,
    /// How logs are written.
    #[arg(long, env = "SPECTRA_LOG_FORMAT", value_enum, default_value = "text", global = true)]
    pub log_format: LogFormat,
    /// Where traces and metrics are sent by OTLP over gRPC, such as `http://collector:4317`.
    #[arg(long, env = "SPECTRA_OTLP_ENDPOINT", global = true, value_parser = endpoint)]
    pub otlp_endpoint: Option<String>,
}

fn directives(text: &str) -> Result<String, String> {
    EnvFilter::try_new(text).map(|_| text.to_owned()).map_err(|fault| fault.to_string())
}

fn endpoint(text: &str) -> Result<String, String> {
    let known = text.parse::<http::Uri>().is_ok_and(|uri| uri.scheme_str() == Some("http") && uri.host().is_some());
    if known { Ok(text.to_owned()) } else { Err("not a URL such as http://collector:4317".to_owned()) }
}

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs: one JSON object a line.
    Json,
}

/// What records; ask it to [flush](Telemetry::flush) before the process ends.
pub struct Telemetry {
    registry: Registry,
    meters: SdkMeterProvider,
    tracers: Option<SdkTracerProvider>,
}

impl Telemetry {
    /// Starts to record for the whole process, as the service `name`. Once a process.
    pub fn start(name: &'static str, options: &Options) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let filter = EnvFilter::try_new(&options.log)?;
        let resource = Resource::builder().with_service_name(name).build();

        let registry = Registry::new();
        let exporter = opentelemetry_prometheus::exporter().with_registry(registry.clone()).build()?;
        let mut meters = SdkMeterProvider::builder().with_resource(resource.clone()).with_reader(exporter);
        let mut tracers = None;
        if let Some(endpoint) = &options.otlp_endpoint {
            let metrics = MetricExporter::builder().with_tonic().with_endpoint(endpoint).build()?;
            meters = meters.with_periodic_exporter(metrics);
            let spans = SpanExporter::builder().with_tonic().with_endpoint(endpoint).build()?;
            tracers = Some(SdkTracerProvider::builder().with_resource(resource).with_batch_exporter(spans).build());
        }
        let meters = meters.build();
        global::set_meter_provider(meters.clone());

        let export = tracers.as_ref().map(|provider| tracing_opentelemetry::layer().with_tracer(provider.tracer("spectra")));
        let text = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
        let logs = match options.log_format {
            LogFormat::Text => text.compact().boxed(),
            LogFormat::Json => text.json().flatten_event(true).with_current_span(true).with_span_list(false).boxed(),
        };
        tracing_subscriber::registry().with(filter).with(export).with(logs).try_init()?;
        Ok(Self { registry, meters, tracers })
    }

    /// Serves `GET /metrics` in Prometheus' text form until `stop`.
    pub async fn serve(&self, listener: TcpListener, stop: CancellationToken) {
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let Ok((stream, _)) = accepted else {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let registry = self.registry.clone();
            let answer = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                let answer = scrape(&registry, request.uri().path());
                async move { answer }
            });
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(Duration::from_secs(5))
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), answer);
            tokio::spawn(tokio::time::timeout(Duration::from_secs(10), connection));
        }
    }

    /// Sends what is not sent yet.
    pub fn flush(&self) {
        let spans = self.tracers.as_ref().map_or(Ok(()), SdkTracerProvider::shutdown);
        for outcome in [spans, self.meters.shutdown()] {
            if let Err(error) = outcome {
                tracing::debug!(%error, "telemetry was not sent to the end");
            }
        }
    }
}

fn scrape(registry: &Registry, path: &str) -> http::Result<http::Response<Full<Bytes>>> {
    let mut text = Vec::new();
    let encoder = TextEncoder::new();
    if path != "/metrics" || encoder.encode(&registry.gather(), &mut text).is_err() {
        return http::Response::builder().status(404).body(Full::default());
    }
    http::Response::builder().header("content-type", encoder.format_type()).body(Full::from(text))
}

/// The span of one call, a child of the caller's.
pub(crate) fn span(method: &'static str, headers: &HeaderMap) -> Span {
    // Its level is the threshold at which it is left out: it must be there for the error that names the request.
    let span = tracing::error_span!(
        "rpc",
        otel.name = method,
        otel.kind = "server",
        org = tracing::field::Empty,
        request_id = headers.get("x-request-id").and_then(|id| id.to_str().ok())
    );
    if let Some(parent) = headers.get("traceparent").and_then(|trace| trace.to_str().ok()).and_then(parent) {
        // Without a collector there is nothing to set a parent on.
        _ = span.set_parent(Context::new().with_remote_span_context(parent));
    }
    span
}

/// Reads W3C's `traceparent`.
#[must_use]
pub fn parent(header: &str) -> Option<SpanContext> {
    let lower_hex = |part: &str, length: usize| part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let mut parts = header.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let known = version == "00" && parts.next().is_none() || version != "00" && version != "ff";
    if !known || !lower_hex(version, 2) || !lower_hex(trace, 32) || !lower_hex(span, 16) || !lower_hex(flags, 2) {
        return None;
    }
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()? & 1);
    let context = SpanContext::new(TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?, flags, true, TraceState::default());
    context.is_valid().then_some(context)
}

/// The `traceparent` for a call made within the current span; none while no traces are collected.
#[must_use]
pub fn current_trace() -> Option<HeaderValue> {
    traceparent(&collected(&Span::current())?)
}

/// What collectors know a span by; none while no traces are collected.
#[must_use]
pub fn collected(span: &Span) -> Option<SpanContext> {
    let context = span.context();
    Some(context.span().span_context().clone()).filter(SpanContext::is_valid)
}

/// W3C's `traceparent` of a span.
#[must_use]
pub fn traceparent(span: &SpanContext) -> Option<HeaderValue> {
    HeaderValue::try_from(format!("00-{}-{}-{:02x}", span.trace_id(), span.span_id(), span.trace_flags())).ok()
}

/// The bounds of every histogram of durations.
pub const SECONDS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

static DURATION: LazyLock<Histogram<f64>> = LazyLock::new(|| {
    global::meter("spectra")
        .f64_histogram("rpc.server.duration")
        .with_unit("s")
        .with_description("How long calls took, by method and gRPC status.")
        .with_boundaries(SECONDS.to_vec())
        .build()
});

/// Measures a call by method and status.
pub(crate) async fn measured<B, E>(
    method: &'static str,
    call: impl Future<Output = Result<http::Response<B>, E>>,
) -> Result<http::Response<B>, E> {
    let begun = Instant::now();
    let answer = call.await;
    // tonic puts the status of a failed unary call in the headers; what has none there began well.
    let status =
        answer.as_ref().ok().and_then(|answer| answer.headers().get("grpc-status")).and_then(|status| status.to_str().ok()?.parse().ok());
    let status: i64 = status.unwrap_or(0);
    DURATION.record(begun.elapsed().as_secs_f64(), &[KeyValue::new("method", method), KeyValue::new("status", status)]);
    tracing::debug!(status, micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX), "call answered");
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_there_whatever_is_logged() {
        for log in ["error", "warn", "info"] {
            let subscriber = tracing_subscriber::registry().with(EnvFilter::new(log));
            tracing::subscriber::with_default(subscriber, || {
                assert!(!span("/spectra.Any/Method", &HeaderMap::new()).is_disabled(), "{log}");
            });
        }
    }

    #[test]
    fn odd_trace_parents_are_ignored() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert!(parent(good).is_some());
        assert!(parent(&good.replacen("00", "cc", 1)).is_some(), "a version to come");
        for odd in [
            "",
            "00-00000000000000000000000000000000-0000000000000000-00",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-extra",
            &"x".repeat(5000),
        ] {
            assert!(parent(odd).is_none(), "{odd}");
        }
    }
}
