use http_body_util::BodyExt;
use prost::Message;
use prost_reflect::{DynamicMessage, Value};
use serde_json::json;

use super::*;
use crate::{
    contract::{self, Target},
    fixture::{method, peers, pool},
};

/// What a route shows of a thing with this id and revision.
async fn shown(
    method: Method,
    path: &str,
    headers: &[(http::HeaderName, &'static str)],
    wire: Option<&[u8]>,
) -> Answered<(http::response::Parts, serde_json::Value)> {
    let policy = |words: &str| format!("option (spectra.policy.v1.policy) = {{{words}}};");
    let rpc = |name: &str, output: &str, rule: &str, words: &str| {
        let rule = format!("option (google.api.http) = {{{rule}}};");
        format!("rpc {name}(CheckThingRequest) returns ({output}) {{ {rule} {} }}\n", policy(words))
    };
    let methods = rpc("Show", "Thing", "get: \"/things/{reason}\"", "access: ACCESS_ORG")
        + &rpc("Name", "Thing", "get: \"/names/{id}\" response_body: \"name\"", "access: ACCESS_ORG")
        + &rpc("Keys", "Thing", "get: \"/keys\"", "access: ACCESS_PUBLIC")
        + &rpc("Me", "Thing", "get: \"/auth/me\"", "access: ACCESS_PUBLIC")
        + &rpc("Make", "Thing", "post: \"/things\" body: \"*\"", "access: ACCESS_ORG created: true")
        + &rpc("Drop", "google.protobuf.Empty", "delete: \"/things/{id}\"", "access: ACCESS_ORG")
        + &self::method("Act", "CheckThingRequest", "Thing", "post: \"/things/{id}:act\" body: \"*\"");
    let pool = pool(&methods);
    let plans = Plans::new(&pool);
    let routes = contract::routes(&pool, &plans, &peers(), Box::new(Vec::new)).expect("a contract that fits");
    let found = routes.find(&method, path).unwrap_or_else(|miss| panic!("{method} {path}: {miss:?}"));
    let Target::Rpc(binding) = &found.route.target else { panic!("{path} is no method's") };
    let mut thing = DynamicMessage::new(pool.get_message_by_name("test.v1.Thing").expect("a message"));
    thing.set_field_by_name("id", Value::String("a/1".to_owned()));
    thing.set_field_by_name("name", Value::String("n".to_owned()));
    thing.set_field_by_name("revision", Value::I32(3));
    let thing = thing.encode_to_vec();
    let headers = headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
    let uri = path.parse().expect("a path");
    let (parts, body) = success(&plans, binding, &method, &uri, &headers, wire.unwrap_or(&thing))?.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    Ok((parts, if body.is_empty() { serde_json::Value::Null } else { serde_json::from_slice(&body).expect("JSON") }))
}

/// The revision that an entity tag tells.
fn revision(tag: &str) -> Option<&str> {
    Some(tag.strip_prefix('"')?.split_once('-')?.0)
}

fn header<'p>(parts: &'p http::response::Parts, name: &http::HeaderName) -> Option<&'p str> {
    parts.headers.get(name).and_then(|value| value.to_str().ok())
}

#[tokio::test]
async fn a_new_resource_is_where_it_was_made_unless_it_has_a_home() {
    let (parts, body) = shown(Method::POST, "/things/", &[], None).await.expect("an answer");
    assert_eq!(
        (parts.status.as_u16(), header(&parts, &LOCATION), header(&parts, &ETAG).and_then(revision)),
        (201, Some("/things/a%2F1"), Some("3"))
    );
    assert_eq!(body["id"], "a/1");
}

#[tokio::test]
async fn an_empty_answer_has_no_content() {
    let (parts, body) = shown(Method::DELETE, "/things/1", &[], Some(&[])).await.expect("an answer");
    assert_eq!((parts.status.as_u16(), body, header(&parts, &CONTENT_TYPE)), (204, serde_json::Value::Null, None));
}

#[tokio::test]
async fn a_route_may_show_one_field() {
    let (parts, body) = shown(Method::GET, "/names/1", &[], None).await.expect("an answer");
    assert_eq!((body, header(&parts, &ETAG).and_then(revision)), (json!("n"), Some("3")));
}

#[tokio::test]
async fn who_may_keep_an_answer_is_told() {
    for (method, path, expected) in [
        (Method::GET, "/things/1", "private, no-cache"),
        (Method::GET, "/keys", "public, max-age=300"),
        (Method::GET, "/auth/me", "no-store"),
        (Method::POST, "/things", "private, no-cache"),
    ] {
        let (parts, _) = shown(method, path, &[], None).await.expect("an answer");
        assert_eq!(header(&parts, &CACHE_CONTROL), Some(expected), "{path}");
    }
}

#[tokio::test]
async fn only_reads_are_answered_by_a_known_tag() {
    let (parts, _) = shown(Method::GET, "/things/1", &[], None).await.expect("an answer");
    let tag: &'static str = header(&parts, &ETAG).expect("a tag").to_owned().leak();
    let (parts, body) = shown(Method::GET, "/things/1", &[(IF_NONE_MATCH, tag)], None).await.expect("an answer");
    assert_eq!((parts.status.as_u16(), body, header(&parts, &CONTENT_TYPE)), (304, serde_json::Value::Null, None));
    let (parts, _) = shown(Method::POST, "/things/1:act", &[(IF_NONE_MATCH, tag)], None).await.expect("an answer");
    assert_eq!((parts.status.as_u16(), header(&parts, &LOCATION)), (200, None));
}

/// What a resource looks like may change without a change of it: its revision alone does not tell that it is known.
#[tokio::test]
async fn a_tag_is_of_what_is_shown() {
    let (parts, _) = shown(Method::GET, "/things/1", &[], None).await.expect("an answer");
    let tag: &'static str = header(&parts, &ETAG).expect("a tag").to_owned().leak();
    // The revision, 3, and another name.
    let other = [0x12, 1, b'm', 0x30, 3];
    let (parts, _) = shown(Method::GET, "/things/1", &[(IF_NONE_MATCH, tag)], Some(&other)).await.expect("an answer");
    assert_eq!((parts.status.as_u16(), header(&parts, &ETAG).and_then(revision)), (200, Some("3")));
    let (parts, _) = shown(Method::GET, "/things/1", &[(IF_NONE_MATCH, "\"3\"")], None).await.expect("an answer");
    assert_eq!(parts.status, 200);
}

#[tokio::test]
async fn bytes_that_are_no_message_are_a_fault_of_ours() {
    let problem = shown(Method::GET, "/things/1", &[], Some(&[0x0a, 0xff])).await.expect_err("a fault");
    assert_eq!(problem.status(), 500);
}

#[test]
fn entity_tags_are_compared_weakly() {
    for (tags, expected) in
        [("\"3\"", true), ("W/\"3\"", true), ("\"1\", \"3\"", true), ("*", true), ("3", false), ("\"33\"", false), ("", false)]
    {
        assert_eq!(names(&HeaderValue::from_static(tags), "\"3\""), expected, "{tags}");
    }
}
