//! The Connect protocol through the port of HTTP.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use bytes::Bytes;
use http::Method;
use prost::Message;
use serde_json::Value;
use spectra_proto::lims::{CreateMaterialRequest, GetMaterialRequest, ListMaterialsRequest, Material};

use crate::{
    client::{Answer, Front},
    service::{Double, ID},
};

const SERVICE: &str = "/spectra.lims.v1.MaterialService";

async fn call(front: &Front, method: &str, message: &impl Message, headers: &[(&str, &str)]) -> Answer {
    let all = [&[("content-type", "application/proto"), ("connect-protocol-version", "1")], headers].concat();
    front.send(Method::POST, &format!("{SERVICE}/{method}"), &all, Bytes::from(message.encode_to_vec())).await
}

fn asked(id: &str) -> GetMaterialRequest {
    GetMaterialRequest { id: id.to_owned() }
}

/// The refusal, which must be of this status and code.
#[track_caller]
fn refused(answer: &Answer, status: u16, code: &str) -> Value {
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (status, "application/json"), "{:?}", answer.body);
    let document = answer.json();
    assert_eq!(document["code"], code, "{document}");
    assert!(document["message"].as_str().is_some_and(|message| !message.is_empty()), "{document}");
    document
}

fn details(document: &Value) -> Vec<&str> {
    document["details"].as_array().into_iter().flatten().filter_map(|detail| detail["type"].as_str()).collect()
}

#[tokio::test]
async fn a_method_is_called_by_its_name() {
    let double = Double::start().await;
    let front = Front::before(double.address).await;
    let answer = call(&front, "GetMaterial", &asked(ID), &[("x-user-role", "admin")]).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/proto"));
    assert_eq!(Material::decode(&*answer.body).expect("a material").name, "Silicon");
    let heard = double.heard();
    assert_eq!(
        (&heard["authorization"], &heard["x-forwarded-for"]),
        (&"Bearer a.b.c".parse().expect("one"), &"127.0.0.1".parse().expect("one"))
    );
    assert!(!heard.contains_key("x-user-role"));
    assert!(!answer.header("x-request-id").is_empty());
}

#[tokio::test]
async fn what_reads_is_a_get_too() {
    let double = Double::start().await;
    let front = Front::before(double.address).await;
    let wire = asked(ID).encode_to_vec();
    let (message, padded) = (URL_SAFE_NO_PAD.encode(&wire), URL_SAFE.encode(&wire));
    for path in [
        format!("GetMaterial?connect=v1&encoding=proto&base64=1&message={message}"),
        format!("GetMaterial?message={padded}&base64=1&encoding=proto&compression=identity"),
        format!("GetMaterial?encoding=proto&message=%0A%24{ID}"),
    ] {
        let answer = front.get(&format!("{SERVICE}/{path}")).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/proto"), "{path} {:?}", answer.body);
        assert_eq!(Material::decode(&*answer.body).expect("a material").name, "Silicon");
    }
    for (path, status) in [
        ("encoding=json&message=%7B%7D", 415),
        ("encoding=proto&compression=gzip&base64=1&message=", 415),
        ("encoding=proto&base64=1&message=*", 400),
        ("encoding=proto", 400),
        ("connect=v2&encoding=proto&message=", 400),
        ("encoding=proto&message=%ff", 400),
    ] {
        refused(&front.get(&format!("{SERVICE}/GetMaterial?{path}")).await, status, "invalid_argument");
    }
    let writes = front.get(&format!("{SERVICE}/CreateMaterial?encoding=proto&message=")).await;
    assert_eq!((writes.status.as_u16(), writes.header("allow")), (405, "OPTIONS, POST"));
}

#[tokio::test]
async fn a_refusal_is_told_in_words_and_details() {
    let double = Double::start().await;
    let front = Front::before(double.address).await;
    let missing = refused(&call(&front, "GetMaterial", &asked("nobody"), &[]).await, 404, "not_found");
    assert_eq!((&missing["message"], details(&missing)), (&"said by the service".into(), vec!["google.rpc.ErrorInfo"]));
    let value = STANDARD_NO_PAD.decode(missing["details"][0]["value"].as_str().expect("a value")).expect("base64 without padding");
    assert!(value.windows(9).any(|window| window == b"NOT_FOUND"), "{value:x?}");

    let invalid = refused(&call(&front, "CreateMaterial", &CreateMaterialRequest::default(), &[]).await, 400, "invalid_argument");
    assert_eq!(invalid["message"], "material.name must not be empty");
    assert_eq!(details(&invalid), ["google.rpc.ErrorInfo", "google.rpc.BadRequest"]);

    let unknown = call(&front, "GetMaterial", &asked("me"), &[]).await;
    refused(&unknown, 401, "unauthenticated");
    assert_eq!(unknown.header("www-authenticate"), "Bearer");
    let inside = ListMaterialsRequest { q: Some("inside".to_owned()), ..ListMaterialsRequest::default() };
    let inside = refused(&call(&front, "ListMaterials", &inside, &[]).await, 500, "unknown");
    assert!(!inside.to_string().contains("relation") && inside.get("details").is_none(), "{inside}");
    let elsewhere = call(&front, "NoSuchMethod", &asked(ID), &[]).await;
    elsewhere.refused(404, "not_found");
}

#[tokio::test]
async fn a_call_keeps_the_limits_of_all() {
    let double = Double::start().await;
    let front = Front::before(double.address).await;
    let path = format!("{SERVICE}/GetMaterial");
    let post = async |headers: &[(&str, &str)], body: Bytes| front.send(Method::POST, &path, headers, body).await;
    let large = post(&[("content-type", "application/proto")], Bytes::from(vec![0; 5 << 20])).await;
    refused(&large, 413, "resource_exhausted");
    for kind in ["application/json", "application/connect+proto", "text/plain"] {
        refused(
            &post(&[("content-type", kind), ("connect-protocol-version", "1")], Bytes::from_static(b"{}")).await,
            415,
            "invalid_argument",
        );
    }
    let packed = [("content-type", "application/proto"), ("content-encoding", "lzma")];
    refused(&post(&packed, Bytes::from_static(b"x")).await, 415, "invalid_argument");
    refused(&call(&front, "GetMaterial", &asked(ID), &[("connect-protocol-version", "2")]).await, 400, "invalid_argument");
    let slow = ListMaterialsRequest { q: Some("slow".to_owned()), ..ListMaterialsRequest::default() };
    refused(&call(&front, "ListMaterials", &slow, &[("connect-timeout-ms", "300")]).await, 504, "deadline_exceeded");
    let anonymous = front.raw(format!("POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")).await;
    let anonymous = anonymous.expect("an answer");
    assert!(anonymous.starts_with("HTTP/1.1 401") && anonymous.contains(r#"{"code":"unauthenticated""#), "{anonymous}");
}

#[tokio::test]
async fn who_is_down_is_unavailable() {
    let down = call(&Front::alone().await, "GetMaterial", &asked(ID), &[]).await;
    let document = refused(&down, 503, "unavailable");
    assert!(!document.to_string().contains("127.0.0.1"), "{document}");
    assert_eq!(down.header("retry-after"), "1");
}
