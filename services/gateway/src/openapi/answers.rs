//! What comes back of an operation: the answer itself, and the refusals that the gateway can give in its place.

use http::Method;

use super::{
    json::{Object, object},
    operation::{Route, Traits},
    schema::{Schemas, Way},
};

/// What a gateway that limits rates says in every answer, and where it is described.
const RATES: [(&str, &str); 4] = [
    ("RateLimit-Limit", "RateLimitLimit"),
    ("RateLimit-Remaining", "RateLimitRemaining"),
    ("RateLimit-Reset", "RateLimitReset"),
    ("RateLimit-Policy", "RateLimitPolicy"),
];

/// The answers of a route, by status.
pub(super) fn of(route: &Route<'_>, traits: &Traits, schemas: &mut Schemas<'_>) -> Object {
    let mut all = Object::default();
    let (status, answer) = success(route, traits, schemas);
    all.set(status, answer);
    if traits.ranged && traits.is_file {
        let headers = object! { "X-Request-Id": header("RequestId"), "ETag": header("ETag"), "Content-Range": header("ContentRange") };
        let content = object! { "*/*": object! { "schema": binary() } };
        all.set("206", object! { "description": "The part that `Range` names.", "headers": headers, "content": content });
    }
    if *route.verb == Method::GET && (traits.has_revision || traits.is_file) {
        all.set("304", object! { "description": "It is the one that `If-None-Match` names." });
    }
    for refusal in REFUSALS.iter().filter(|refusal| (refusal.applies)(traits)) {
        all.set(refusal.status, object! { "$ref": format!("#/components/responses/{}", refusal.name) });
    }
    all.with("default", object! { "$ref": "#/components/responses/Refused" })
}

fn success(route: &Route<'_>, traits: &Traits, schemas: &mut Schemas<'_>) -> (&'static str, Object) {
    let output = route.method.output();
    let headers = object! { "X-Request-Id": header("RequestId") };
    if output.full_name() == "google.protobuf.Empty" && !route.method.is_server_streaming() {
        return ("204", object! { "description": "It is done; there is nothing to tell.", "headers": headers });
    }
    if traits.is_file {
        let headers = headers.with("ETag", header("ETag")).with("Content-Disposition", header("ContentDisposition"));
        let content = object! { "*/*": object! { "schema": binary() } };
        return ("200", object! { "description": "The file.", "headers": headers, "content": content });
    }
    let shown = output.get_field_by_name(&route.rule.response_body);
    let schema = match shown {
        Some(field) => schemas.value(&field, Way::Answer),
        None => schemas.message(&output, Way::Answer),
    };
    let media = object! { "schema": schema };
    if route.method.is_server_streaming() {
        let content = object! { "text/event-stream": media.clone(), "application/x-ndjson": media };
        let description = "A stream; each event's data, or each line, is one message.";
        return ("200", object! { "description": description, "headers": headers, "content": content });
    }
    let headers = if traits.has_revision { headers.with("ETag", header("ETag")) } else { headers };
    let content = object! { "application/json": media };
    let comment = schemas.comments.of(&output).unwrap_or("The answer.").to_owned();
    if traits.policy.created {
        // What makes several at once tells the place of none.
        let one = output.get_field_by_name("id").is_some();
        let headers = if one { headers.with("Location", header("Location")) } else { headers };
        return ("201", object! { "description": comment, "headers": headers, "content": content });
    }
    ("200", object! { "description": comment, "headers": headers, "content": content })
}

/// Bytes as they are.
pub(super) fn binary() -> Object {
    object! { "type": "string", "format": "binary" }
}

fn header(name: &str) -> Object {
    object! { "$ref": format!("#/components/headers/{name}") }
}

/// A refusal that many operations have in common.
struct Refusal {
    status: &'static str,
    name: &'static str,
    description: &'static str,
    applies: fn(&Traits) -> bool,
}

const fn refusal(status: &'static str, name: &'static str, description: &'static str, applies: fn(&Traits) -> bool) -> Refusal {
    Refusal { status, name, description, applies }
}

/// What the gateway and the services refuse, and of which operations. A public one that writes is given credentials.
const REFUSALS: [Refusal; 16] = [
    refusal("400", "BadRequest", "The text of the request is malformed, or names what is not known.", |_| true),
    refusal("401", "Unauthorized", "The credentials are missing, malformed, expired or revoked.", |it| !it.public || !it.reads),
    refusal("403", "Forbidden", "The caller's role or the token's scope does not allow this.", |it| !it.public),
    refusal("404", "NotFound", "There is no such resource in the caller's organization.", |it| !it.public && it.names),
    refusal("405", "MethodNotAllowed", "The record is kept for good.", |it| it.deletes),
    refusal("406", "NotAcceptable", "The client takes none of the media types that there are.", |_| true),
    refusal("409", "Conflict", "The state of things does not allow this, or the idempotency key was used for another request.", |it| {
        !it.reads
    }),
    refusal("412", "PreconditionFailed", "The resource is not the one that `If-Match` names.", |it| it.conditional),
    refusal("413", "ContentTooLarge", "The request is too large.", |it| it.has_body),
    refusal("415", "UnsupportedMediaType", "The body is not said to be of a type that is taken here.", |it| it.has_body),
    refusal("416", "RangeNotSatisfiable", "The file does not have the part that `Range` names.", |it| it.is_file && it.ranged),
    refusal("422", "UnprocessableContent", "Fields break a rule; `errors` tells each.", |it| it.has_fields),
    refusal("429", "TooManyRequests", "Too many requests; try again after a while.", |_| true),
    refusal("500", "InternalServerError", "A fault of ours; the request id finds it in the logs.", |_| true),
    refusal("503", "ServiceUnavailable", "The service does not answer now; try again after a while.", |_| true),
    refusal("504", "GatewayTimeout", "The time given to the call ran out.", |_| true),
];

/// The refusals, for all operations to refer to.
pub(super) fn shared(problem: &Object) -> Object {
    let answer = |status: &str, description: &str| {
        let headers = object! { "X-Request-Id": header("RequestId") };
        let headers = match status {
            "401" => headers.with("WWW-Authenticate", header("WwwAuthenticate")),
            "405" => headers.with("Allow", header("Allow")),
            "416" => headers.with("Content-Range", header("ContentRange")),
            "429" => RATES
                .iter()
                .fold(headers, |headers, (name, shared)| headers.with(*name, header(shared)))
                .with("Retry-After", header("RetryAfter")),
            "503" => headers.with("Retry-After", header("RetryAfter")),
            _ => headers,
        };
        let content = object! { "application/problem+json": object! { "schema": problem.clone() } };
        object! { "description": description, "headers": headers, "content": content }
    };
    let known = REFUSALS.iter().map(|refusal| (refusal.name.to_owned(), answer(refusal.status, refusal.description)));
    known.chain([("Refused".to_owned(), answer("default", "Any other refusal."))]).collect()
}
