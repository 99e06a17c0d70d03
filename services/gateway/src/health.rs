//! Whether this process lives, whether the mesh answers, and what is served here.

use std::collections::BTreeMap;

use http::{HeaderValue, Response, StatusCode, header};
use serde::Serialize;
use serde_json::json;
use spectra_mesh::Peer;
use tokio::task::JoinSet;

use crate::answer::{Answer, whole};

const READY: &str = "ready";
const UNAVAILABLE: &str = "unavailable";

/// This process lives.
pub(crate) fn alive() -> Answer {
    told(StatusCode::OK, &json!({"status": "ok"}))
}

/// Whether every service answers that it is well; names those that do not. `stopping` is never ready.
pub(crate) async fn ready(peers: &[Peer], stopping: bool) -> Answer {
    let mut asked: JoinSet<_> = peers.iter().cloned().map(|peer| async move { (peer.name(), peer.well().await) }).collect();
    // Whoever breaks while being asked is not well.
    let mut services: BTreeMap<_, _> = peers.iter().map(|peer| (peer.name(), UNAVAILABLE)).collect();
    while let Some(answered) = asked.join_next().await {
        if let Ok((name, true)) = answered {
            services.insert(name, READY);
        }
    }
    let well = services.values().all(|state| *state == READY);
    let (status, state) = match (stopping, well) {
        (true, _) => (StatusCode::SERVICE_UNAVAILABLE, "stopping"),
        (false, false) => (StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE),
        (false, true) => (StatusCode::OK, READY),
    };
    let mut answer = told(status, &json!({"status": state, "services": services}));
    if status != StatusCode::OK {
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    answer
}

/// What this is, and where to go on.
pub(crate) fn index(prefixes: &[String]) -> Answer {
    told(
        StatusCode::OK,
        &json!({"name": "SPECTRA-Lab", "api": prefixes, "docs": "/docs", "openapi": "/openapi.json", "health": "/health", "ready": "/health/ready"}),
    )
}

fn told(status: StatusCode, what: &impl Serialize) -> Answer {
    // Strings always are JSON.
    let mut answer = Response::new(whole(serde_json::to_vec(what).unwrap_or_default()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
