//! From the answer of a call to HTTP.

use std::hash::{DefaultHasher, Hasher};

use http::{
    HeaderMap, HeaderValue, Method, Response, StatusCode, Uri,
    header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LOCATION},
};

use crate::{
    answer::{Answer, whole},
    percent,
    problem::{Answered, Problem},
    routes::binding::{Binding, Shown},
    transcode::{Corrupt, Plans},
};

/// Shows the message that `wire` holds to whoever asked for it.
pub(crate) fn success(plans: &Plans, binding: &Binding, method: &Method, uri: &Uri, headers: &HeaderMap, wire: &[u8]) -> Answered<Answer> {
    let rpc = &binding.rpc;
    let reads = matches!(*method, Method::GET | Method::HEAD);
    let mut answer = Response::new(whole(""));
    let told = answer.headers_mut();
    told.insert(CACHE_CONTROL, HeaderValue::from_static(caching(binding, reads)));
    if rpc.silent {
        *answer.status_mut() = StatusCode::NO_CONTENT;
        return Ok(answer);
    }
    if let Some(revision) = rpc.revision.and_then(|field| plans.integer_field(field, wire)) {
        let tag = tag(revision, wire);
        let known = reads && headers.get_all(IF_NONE_MATCH).iter().any(|tags| names(tags, &tag));
        told.extend(HeaderValue::try_from(tag).ok().map(|tag| (ETAG, tag)));
        if known {
            *answer.status_mut() = StatusCode::NOT_MODIFIED;
            return Ok(answer);
        }
    }
    told.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if rpc.created {
        told.extend(location(plans, binding, uri, wire).map(|location| (LOCATION, location)));
        *answer.status_mut() = StatusCode::CREATED;
    }
    *answer.body_mut() = whole(json(plans, binding, wire)?);
    Ok(answer)
}

/// What of the message `wire` is shown, as JSON.
pub(crate) fn json(plans: &Plans, binding: &Binding, wire: &[u8]) -> Answered<Vec<u8>> {
    written(plans, binding, wire).map_err(|fault| {
        tracing::error!(method = binding.rpc.name, %fault, "a service answered with bytes that are not its message");
        Problem::internal()
    })
}

fn written(plans: &Plans, binding: &Binding, wire: &[u8]) -> Result<Vec<u8>, Corrupt> {
    // Names and quotes make JSON larger than the wire.
    let mut json = Vec::with_capacity(wire.len() * 3 + 256);
    match binding.shown {
        Shown::Field(field) => plans.write_json_field(field, wire, &mut json)?,
        Shown::Whole | Shown::File { .. } => plans.write_json(binding.rpc.output, wire, &mut json)?,
    }
    Ok(json)
}

/// Who may keep the answer: nobody, a browser that asks again, or, of what everyone sees, anyone for a while.
pub(crate) fn caching(binding: &Binding, reads: bool) -> &'static str {
    match () {
        () if binding.fleeting => "no-store",
        () if binding.rpc.public && reads => "public, max-age=300",
        () => "private, no-cache",
    }
}

/// The entity tag of a resource: its revision, which a change names in `If-Match`, and what it looks like. That may be something else at the
/// same revision: a certificate expires, and a revoked one puts runs in question that nobody changes.
fn tag(revision: i64, wire: &[u8]) -> String {
    let mut looks = DefaultHasher::new();
    looks.write(wire);
    format!("\"{revision}-{:016x}\"", looks.finish())
}

/// Whether a list of entity tags names this one; a GET does not mind weak ones.
pub(crate) fn names(tags: &HeaderValue, tag: &str) -> bool {
    let tags = tags.to_str().unwrap_or_default();
    tags.trim() == "*" || tags.split(',').any(|named| named.trim().trim_start_matches("W/") == tag)
}

/// Where the new resource is read: its home, else its id below the path that made it.
fn location(plans: &Plans, binding: &Binding, uri: &Uri, wire: &[u8]) -> Option<HeaderValue> {
    let id = plans.string_field(binding.rpc.id?, wire)?;
    let path = match &binding.rpc.home {
        Some(home) => home.expand(id),
        None => format!("{}/{}", uri.path().trim_end_matches('/'), percent::encode(id)),
    };
    HeaderValue::try_from(path).ok()
}

#[cfg(test)]
mod tests;
