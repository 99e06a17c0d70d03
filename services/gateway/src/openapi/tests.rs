use serde_json::{Value, json};

use super::document;
use crate::fixture::{self, method};

const POLICY: &str = "option (spectra.policy.v1.policy) = {access: ACCESS_ORG role: USER_ROLE_PI scope: \"things\" idempotent: true};";

/// The document of a service with these methods.
fn of(methods: &str) -> Value {
    serde_json::from_slice(&document(&fixture::pool(methods))).expect("JSON")
}

/// The names of an operation's parameters, after where they stand.
fn parameters(operation: &Value) -> Vec<String> {
    let own = operation["parameters"].as_array().expect("parameters").iter().filter(|parameter| parameter["in"].is_string());
    own.map(|parameter| format!("{}:{}", parameter["in"].as_str().expect("a place"), parameter["name"].as_str().expect("a name"))).collect()
}

fn statuses(operation: &Value) -> Vec<&str> {
    operation["responses"].as_object().expect("answers").keys().map(String::as_str).collect()
}

#[test]
fn a_route_is_an_operation() {
    let document = of(&method("GetThing", "GetThingRequest", "Thing", r#"get: "/v1/things/{id}""#));
    assert_eq!(document["openapi"], "3.1.1");
    let get = &document["paths"]["/v1/things/{id}"]["get"];
    assert_eq!((&get["operationId"], &get["tags"]), (&json!("ThingService_GetThing"), &json!(["ThingService"])));
    assert_eq!(parameters(get), ["path:id", "query:part.name", "query:views", "query:limit"]);
    assert_eq!(get["parameters"][2]["explode"], true);
    assert_eq!(get["responses"]["200"]["content"]["application/json"]["schema"]["$ref"], "#/components/schemas/Thing");
    assert_eq!(get["responses"]["200"]["headers"]["ETag"]["$ref"], "#/components/headers/ETag");
    assert!(statuses(get).contains(&"304"));
}

#[test]
fn what_the_body_holds_no_parameter_does() {
    let document = of(&[
        method(
            "Change",
            "ChangeThingRequest",
            "Thing",
            r#"put: "/v1/{id}" body: "thing_part" additional_bindings { post: "/v1/{id}:x" body: "thing_part" }"#,
        ),
        method("Check", "CheckThingRequest", "google.protobuf.Empty", r#"post: "/v1/{id}/check" body: "*""#),
        method("Touch", "CheckThingRequest", "Thing", r#"post: "/v1/{id}/{reason}" body: "*""#),
    ]
    .concat());
    let body = |operation: &Value| operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].clone();
    let change = &document["paths"]["/v1/{id}"]["put"];
    assert_eq!(body(change), "#/components/schemas/ThingChange");
    assert_eq!(parameters(change), ["path:id", "query:update_mask", "query:dry_run"]);
    let second = &document["paths"]["/v1/{id}:x"]["post"];
    assert_eq!((body(second), &second["operationId"]), (json!("#/components/schemas/ThingInput"), &json!("ThingService_Change_2")));
    let check = &document["paths"]["/v1/{id}/check"]["post"];
    assert_eq!((parameters(check), body(check)), (vec!["path:id".to_owned()], json!("#/components/schemas/CheckThingRequest")));
    assert_eq!(check["requestBody"]["required"], false);
    assert!(document["components"]["schemas"]["CheckThingRequest"]["properties"]["id"].is_null(), "the path says it");
    assert!(statuses(check).contains(&"204"));
    assert_eq!(document["paths"]["/v1/{id}/{reason}"]["post"]["requestBody"], Value::Null, "nothing is left for it");
}

#[test]
fn templates_become_paths_of_single_segments() {
    let document = of(&[
        method("A", "GetThingRequest", "Thing", r#"get: "/v1/{id=shelves/*/things/*}/parts""#),
        method("B", "GetThingRequest", "Thing", r#"get: "/v1/*/{part.name=**}""#),
        method("C", "GetThingRequest", "Things", r#"custom: {kind: "*" path: "/v1/any"} response_body: "items""#),
    ]
    .concat());
    let paths: Vec<_> = document["paths"].as_object().expect("paths").keys().collect();
    assert_eq!(paths, ["/v1/any", "/v1/shelves/{id}/things/{id-2}/parts", "/v1/{segment}/{part.name}"]);
    assert_eq!(parameters(&document["paths"][paths[1]]["get"])[..2], ["path:id", "path:id-2"]);
    let any = document["paths"]["/v1/any"].as_object().expect("operations");
    assert_eq!(any.keys().collect::<Vec<_>>(), ["delete", "get", "patch", "post", "put"]);
    let mut ids: Vec<_> = any.values().map(|operation| operation["operationId"].to_string()).collect();
    ids.dedup();
    assert_eq!(ids.len(), 5);
    let shown = &any["get"]["responses"]["200"]["content"]["application/json"]["schema"];
    assert_eq!(*shown, json!({"type": "array", "items": {"$ref": "#/components/schemas/Thing"}}));
}

#[test]
fn the_policy_says_who_may_call() {
    let change = format!(
        "rpc Change(ChangeThingRequest) returns (Thing) {{ option (google.api.http) = {{put: \"/v1/{{id}}\" body: \"thing_part\"}}; {POLICY} }}"
    );
    let read = "rpc Read(GetThingRequest) returns (Thing) {
        option idempotency_level = NO_SIDE_EFFECTS;
        option (google.api.http) = {get: \"/v1/{id}\"};
        option (spectra.policy.v1.policy) = {access: ACCESS_PUBLIC};
    }";
    let document = of(&format!("\n// Changes a thing. Refused with STALE.\n{change}\n{read}"));
    let (change, read) = (&document["paths"]["/v1/{id}"]["put"], &document["paths"]["/v1/{id}"]["get"]);
    assert_eq!((&change["summary"], &change["x-refusals"]), (&json!("Changes a thing"), &json!(["stale"])));
    assert_eq!(
        (&change["x-required-role"], &change["x-required-scope"], &change["x-idempotent"]),
        (&json!("pi"), &json!("things"), &json!(true))
    );
    assert_eq!((&change["security"], &read["security"]), (&Value::Null, &json!([])));
    for (status, of_change, of_read) in [
        ("401", true, false),
        ("403", true, false),
        ("404", true, false),
        ("409", true, false),
        ("412", true, false),
        ("415", true, false),
        ("422", true, true),
    ] {
        assert_eq!(statuses(change).contains(&status), of_change, "{status}");
        assert_eq!(statuses(read).contains(&status), of_read, "{status}");
    }
    let headers = |operation: &Value| operation["parameters"].to_string().matches("#/components/parameters/").count();
    assert_eq!((headers(change), headers(read)), (4, 2));
}

#[test]
fn a_stream_is_events_or_lines() {
    let document = of(r#"rpc Watch(GetThingRequest) returns (stream Thing) { option (google.api.http) = {get: "/v1/watch"}; }"#);
    let answer = &document["paths"]["/v1/watch"]["get"]["responses"]["200"];
    assert_eq!(answer["headers"]["ETag"], Value::Null);
    for kind in ["text/event-stream", "application/x-ndjson"] {
        assert_eq!(answer["content"][kind]["schema"]["$ref"], "#/components/schemas/Thing");
    }
}

#[test]
fn streams_and_files_have_types_of_their_own() {
    let document: Value = serde_json::from_slice(&document(&fixture::contract(
        r#"
        message Number { string name = 1; int32 value = 2; }
        message Upload { string owner = 1; string filename = 2; repeated string tags = 3; bytes content = 4; }
        message Wanted { string id = 1; spectra.type.v1.ByteRange range = 2; }
        message Piece { spectra.type.v1.FileHead head = 1; bytes content = 2; }
        service FileService {
          rpc Sum(stream Number) returns (Number) { option (google.api.http) = {post: "/sums/{name}" body: "*"}; }
          rpc Talk(stream Number) returns (stream Number) { option (google.api.http) = {post: "/talks" body: "*"}; }
          rpc Upload(stream Upload) returns (Number) { option (google.api.http) = {post: "/files/{owner}" body: "content"}; }
          rpc Download(Wanted) returns (stream Piece) { option (google.api.http) = {get: "/files/{id}" response_body: "content"}; }
          rpc Label(Wanted) returns (Piece) { option (google.api.http) = {get: "/labels/{id}" response_body: "content"}; }
        }
        "#,
    )))
    .expect("JSON");
    let types = |content: &Value| content["content"].as_object().map(|types| types.keys().cloned().collect::<Vec<_>>());
    let of = |path: &str, verb: &str| document["paths"][path][verb].clone();
    let sum = of("/sums/{name}", "post");
    assert_eq!(types(&sum["requestBody"]).expect("a body"), ["application/x-ndjson"]);
    assert!(document["components"]["schemas"]["Number"]["properties"]["value"].is_object());
    let talk = of("/talks", "post");
    assert_eq!(types(&talk["responses"]["200"]).expect("a stream"), ["application/x-ndjson", "text/event-stream"]);

    let upload = of("/files/{owner}", "post");
    assert_eq!(types(&upload["requestBody"]).expect("a body"), ["application/octet-stream", "multipart/form-data"]);
    let form = &upload["requestBody"]["content"]["multipart/form-data"]["schema"];
    assert_eq!(form["properties"].as_object().expect("fields").keys().collect::<Vec<_>>(), ["file", "filename", "tags"]);
    assert_eq!(parameters(&upload), ["path:owner", "query:filename", "query:tags"]);

    let download = of("/files/{id}", "get");
    assert_eq!(parameters(&download), ["path:id"], "the range is a header");
    assert!(["206", "304", "416"].iter().all(|status| statuses(&download).contains(status)), "{download}");
    assert_eq!(types(&download["responses"]["200"]).expect("a file"), ["*/*"]);
}
