use http::Method;
use prost_reflect::{DescriptorPool, DynamicMessage};
use serde_json::{Value, json};

use super::*;
use crate::{
    contract::{self, Target},
    fixture::{method, peers, pool},
    routes::Routes,
};

struct Contract {
    pool: DescriptorPool,
    plans: Plans,
    routes: Routes<Target>,
}

impl Contract {
    fn new() -> Self {
        let methods = method("Get", "GetThingRequest", "Thing", "get: \"/t/{id}\" additional_bindings {get: \"/parts/{part.name=a/*}\"}")
            + &method("List", "GetThingRequest", "Things", "get: \"/t\"")
            + &method(
                "Change",
                "ChangeThingRequest",
                "Thing",
                "put: \"/t/{id}\" body: \"thing_part\" additional_bindings {patch: \"/t/{id}\" body: \"thing_part\"}",
            )
            + &method("Make", "ChangeThingRequest", "Thing", "post: \"/t\" body: \"thing_part\"")
            + &method("Check", "CheckThingRequest", "google.protobuf.Empty", "post: \"/t/{id}:check\" body: \"*\"")
            + &method("Drop", "CheckThingRequest", "google.protobuf.Empty", "delete: \"/t/{id}\"")
            + &method("Watch", "WatchThingsRequest", "stream ThingEvent", "get: \"/t/watch\"");
        let pool = pool(&methods);
        let plans = Plans::new(&pool);
        let routes = contract::routes(&pool, &plans, &peers(), Box::new(Vec::new)).expect("a contract that fits");
        Self { pool, plans, routes }
    }

    /// The message that a request makes, as JSON of its fields that are set.
    fn asked(&self, method: &Method, target: &str, body: &str) -> Answered<Value> {
        self.resumed(method, target, body, None)
    }

    /// The same, by a client that comes back to a stream.
    fn resumed(&self, method: &Method, target: &str, body: &str, after: Option<&str>) -> Answered<Value> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let found = self.routes.find(method, path).unwrap_or_else(|miss| panic!("{method} {target}: {miss:?}"));
        let Target::Rpc(binding) = &found.route.target else { panic!("{target} is no method's") };
        let address = Address { template: &found.route.template, captures: &found.captures, query, resumed: after, range: None };
        let wire = message(&self.plans, binding, &address, body.as_bytes())?;
        let rpc =
            self.pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()).find(|rpc| rpc.full_name() == binding.rpc.name);
        let asked = DynamicMessage::decode(rpc.expect("the method").input(), &*wire).expect("a message");
        Ok(serde_json::to_value(&asked).expect("JSON"))
    }

    #[track_caller]
    fn makes(&self, method: &Method, target: &str, body: &str, expected: &Value) {
        let asked = self.asked(method, target, body);
        assert_eq!(asked.unwrap_or_else(|problem| panic!("{target} {body}: {problem:?}")), *expected, "{target} {body}");
    }
}

#[tokio::test]
async fn path_and_query_fill_the_message() {
    let contract = Contract::new();
    let get = |target: &str, expected: Value| contract.makes(&Method::GET, target, "", &expected);
    get("/t/7", json!({"id": "7"}));
    get("/t/a%2Fb%20c", json!({"id": "a/b c"}));
    get("/parts/a/b", json!({"part": {"name": "a/b"}}));
    get("/t", json!({}));
    get("/t?views=a&views=b+c&part.name=%26&limit=-3", json!({"views": ["a", "b c"], "part": {"name": "&"}, "limit": -3}));
    contract.makes(&Method::GET, "/t/7", "{}", &json!({"id": "7"}));
}

#[tokio::test]
async fn a_body_fills_all_or_a_field() {
    let contract = Contract::new();
    contract.makes(&Method::POST, "/t/7:check", "{\"reason\":\"r\"}", &json!({"id": "7", "reason": "r"}));
    contract.makes(&Method::POST, "/t/7:check", "", &json!({"id": "7"}));
    contract.makes(&Method::POST, "/t?dry_run=true", "{\"name\":\"n\"}", &json!({"thingPart": {"name": "n"}, "dryRun": true}));
    contract.makes(&Method::POST, "/t", "{}", &json!({"thingPart": {}}));
}

#[tokio::test]
async fn an_update_names_what_its_body_names() {
    let contract = Contract::new();
    for method in [Method::PUT, Method::PATCH] {
        let changes = |body: &str, expected: Value| contract.makes(&method, "/t/7", body, &expected);
        changes("{\"name\":\"n\"}", json!({"id": "7", "thingPart": {"name": "n"}, "updateMask": "name"}));
        // Null clears, an empty list empties, and a default is a value.
        changes("{\"note\":null,\"tags\":[]}", json!({"id": "7", "thingPart": {}, "updateMask": "note,tags"}));
        changes("{\"isActive\":false}", json!({"id": "7", "thingPart": {}, "updateMask": "isActive"}));
        changes("{\"part\":{\"name\":\"p\"}}", json!({"id": "7", "thingPart": {"part": {"name": "p"}}, "updateMask": "part"}));
        changes("{}", json!({"id": "7", "thingPart": {}, "updateMask": ""}));
    }
    let asked = json!({"id": "7", "thingPart": {"name": "n"}, "updateMask": "note"});
    contract.makes(&Method::PATCH, "/t/7?update_mask=note", "{\"name\":\"n\"}", &asked);
    contract.makes(&Method::PATCH, "/t/7?updateMask=note", "{\"name\":\"n\"}", &asked);
}

#[tokio::test]
async fn what_does_not_fit_is_a_bad_request() {
    let contract = Contract::new();
    for (method, target, body, field) in [
        (Method::GET, "/t?nothing=1", "", "nothing"),
        (Method::GET, "/t?part=1", "", "part"),
        (Method::GET, "/t?limit=1&limit=2", "", "limit"),
        (Method::GET, "/t?limit=x", "", "limit"),
        (Method::GET, "/t?limit=2147483648", "", "limit"),
        (Method::GET, "/t/7?id=8", "", "id"),
        (Method::GET, "/t?q=%ff", "", ""),
        (Method::GET, "/t/7", "{\"x\":1}", "x"),
        (Method::GET, "/t/7", "x", ""),
        (Method::DELETE, "/t/7", "{\"reason\":\"r\"}", "reason"),
        (Method::POST, "/t?thing_part.name=n", "{}", "thing_part.name"),
        (Method::POST, "/t?thingPart.name=n", "{}", "thingPart.name"),
        (Method::POST, "/t", "", ""),
        (Method::POST, "/t", "null", ""),
        (Method::POST, "/t", "[]", ""),
        (Method::POST, "/t", "{\"thing_part\":{}}", "thing_part"),
        (Method::POST, "/t", "{\"name\":1}", "name"),
        (Method::POST, "/t", "{\"part\":{\"nmae\":1}}", "part.nmae"),
        (Method::POST, "/t/7:check", "null", ""),
        (Method::POST, "/t/7:check?reason=r", "{}", "reason"),
        (Method::POST, "/t/7:check", "{\"id\":\"8\"}", "id"),
    ] {
        let problem = contract.asked(&method, target, body).expect_err(target);
        assert_eq!(problem.status(), 400, "{target} {body}");
        assert_eq!(problem.fields().next().unwrap_or_default(), field, "{target} {body}: {problem:?}");
    }
}

#[tokio::test]
async fn a_message_larger_than_services_take_is_too_large() {
    let contract = Contract::new();
    let body = format!("{{\"name\":\"{}\"}}", "x".repeat(LIMIT));
    assert_eq!(contract.asked(&Method::POST, "/t", &body).expect_err("too large").status(), 413);
}

#[tokio::test]
async fn a_stream_goes_on_after_the_last_event() {
    let contract = Contract::new();
    let asked = |query: &str, after| contract.resumed(&Method::GET, &format!("/t/watch{query}"), "", after).expect("a request");
    assert_eq!(asked("?name=n", None), json!({"name": "n"}));
    assert_eq!(asked("?cursor=a", None), json!({"cursor": "a"}));
    assert_eq!(asked("?cursor=a&name=n", Some("b")), json!({"cursor": "b", "name": "n"}), "the query is as it was at first");
    let elsewhere = contract.resumed(&Method::GET, "/t/7", "", Some("b")).expect("a request");
    assert_eq!(elsewhere, json!({"id": "7"}), "what is no stream does not go on");
}
