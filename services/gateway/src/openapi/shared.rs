//! What operations have in common: headers, the problem, how the caller is known.

use prost_reflect::DescriptorPool;

use super::{
    answers,
    json::{Json, Object, object},
    operation::Traits,
    schema::Schemas,
};

/// The headers that a request may have; `gets` says whether it only asks for what there is.
pub(super) fn headers(traits: &Traits, gets: bool) -> Vec<Object> {
    let all = [
        ("IdempotencyKey", traits.policy.idempotent),
        ("IfMatch", traits.conditional),
        ("IfNoneMatch", gets && (traits.has_revision || traits.is_file)),
        ("Range", gets && traits.is_file && traits.ranged),
        ("IfRange", gets && traits.is_file && traits.ranged),
        ("ReprDigest", traits.is_summed),
        ("ChangeReason", !traits.reads && !traits.public),
        ("RequestId", true),
    ];
    let applying = all.into_iter().filter(|(_, applies)| *applies);
    applying.map(|(name, _)| object! { "$ref": format!("#/components/parameters/{name}") }).collect()
}

/// The components: these schemas, and what is the same for every contract, as far as `paths` need it.
pub(super) fn components(pool: &DescriptorPool, mut schemas: Schemas<'_>, paths: &Object) -> Object {
    let code = pool.get_enum_by_name("spectra.type.v1.Reason").map(|reason| schemas.enumeration(&reason));
    let problem = schemas.add("Problem", problem(code));
    let responses = answers::shared(&problem).used_in("responses", &[paths]);
    object! {
        "schemas": schemas.finish(),
        "parameters": parameters().used_in("parameters", &[paths]),
        "headers": headers_told().used_in("headers", &[paths, &responses]),
        "responses": responses,
        "securitySchemes": object! {
            "bearer": object! {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": "The access token of a session.",
            },
        },
    }
}

/// The headers of answers.
fn headers_told() -> Object {
    object! {
            "ETag": header("The revision of the resource and a digest of what it looks like, in quotes.", text()),
            "Location": header("Where the new resource is read.", text().with("format", "uri-reference")),
            "ContentDisposition": header("Says that the file is to be kept, and under which name.", text()),
            "ContentRange": header("Which part of how large a file it is.", text()),
            "Allow": header("The methods that the path takes.", text()),
            "RetryAfter": header("After how many seconds to try again.", object! { "type": "integer", "minimum": 1 }),
        "RateLimitLimit": header("How many requests may be made at once.", count()),
        "RateLimitRemaining": header("How many are left.", count()),
        "RateLimitReset": header("After how many seconds all of them may be made again.", count()),
        "RateLimitPolicy": header("How many requests may be made in how many seconds: `20;w=1`.", text()),
            "WwwAuthenticate": header("How to show who is calling.", text()),
            "RequestId": header("The id of the call, which finds it in the logs.", text().with("format", "uuid")),
    }
}

fn parameters() -> Object {
    let parameter = |name: &str, description: &str, schema: Object| object! { "name": name, "in": "header", "description": description, "schema": schema };
    object! {
        "IdempotencyKey": parameter(
            "Idempotency-Key",
            "A key of the client's own: the same key with the same message replays the first answer, and makes no second change.",
            text(),
        ),
        "IfMatch": parameter("If-Match", "The `ETag` of the resource as it was read: a change by somebody else since then is not overwritten.", text()),
        "IfNoneMatch": parameter("If-None-Match", "The `ETag` of what the client has; 304 says that it is still so.", text()),
        "Range": parameter("Range", "The part of the file that is wanted, such as `bytes=0-499`.", text()),
        "IfRange": parameter("If-Range", "The `ETag` that the file must have for the part; another file comes whole.", text()),
        "ReprDigest": parameter("Repr-Digest", "The SHA-256 that the file must have, alone or in its form: `sha-256=:BASE64:`.", text()),
        "ChangeReason": parameter("X-Change-Reason", "Why the change is made; the audit trail keeps it.", text()),
        "RequestId": parameter("X-Request-Id", "The id of the call; one is made where there is none.", text().with("format", "uuid")),
    }
}

/// RFC 9457, with what a refusal of this product tells besides. `code` is the schema of the reasons of services.
fn problem(code: Option<Object>) -> Object {
    let known: Json = text().with("description", "A word of the gateway's own.").into();
    let code = code.map_or_else(text, |reasons| object! { "anyOf": [reasons.into(), known] });
    let error = object! {
        "type": "object",
        "required": ["field", "message"],
        "properties": object! {
            "field": told("The field, by the name that it has in the request; empty for all of it.", text()),
            "message": told("What is wrong with it.", text()),
        },
    };
    object! {
        "type": "object",
        "description": "Why a request is refused. What the refusal speaks of, such as `instrument_id`, stands beside these members.",
        "required": ["type", "title", "status", "detail", "instance", "code", "request_id", "trace_id", "errors"],
        "properties": object! {
            "type": told("The kind of problem.", text().with("format", "uri")),
            "title": told("The kind of problem, in words.", text()),
            "status": told("The status of the answer.", object! { "type": "integer", "format": "int32" }),
            "detail": told("A sentence that a person can act on.", text()),
            "instance": told("The path of the request.", text().with("format", "uri-reference")),
            "code": told("The reason, in a word that a program can read.", code),
            "request_id": told("The id of the call, which finds it in the logs.", text().with("format", "uuid")),
            "trace_id": told("The trace that the call belongs to.", text()),
            "errors": told("The fields that are refused.", object! { "type": "array", "items": error }),
        },
        "additionalProperties": text(),
    }
}

fn header(description: &str, schema: Object) -> Object {
    object! { "description": description, "schema": schema }
}

fn told(description: &str, schema: Object) -> Object {
    schema.with("description", description)
}

fn count() -> Object {
    object! { "type": "integer", "minimum": 0 }
}

fn text() -> Object {
    object! { "type": "string" }
}
