use spectra_proto::POOL;

use super::*;
use crate::fixture::{method, peers, pool};

/// Every package of the product, at one service that does not answer.
fn product() -> Vec<(&'static str, Peer)> {
    let peer = Peer::at("nobody", "http://127.0.0.1:1").expect("a peer");
    ["spectra.identity.v1", "spectra.lims.v1", "spectra.analysis.v1"].map(|package| (package, peer.clone())).into()
}

/// How many routes lead to methods.
fn of_methods(routes: &Routes<Target>) -> usize {
    routes.iter().filter(|route| matches!(route.target, Target::Rpc(_))).count()
}

#[tokio::test]
async fn every_rule_of_the_product_is_a_route() {
    let routes = routes(&POOL, &Plans::new(&POOL), &product(), Box::new(Vec::new)).expect("a contract that fits");
    let methods: Vec<_> = POOL.services().flat_map(|service| service.methods().collect::<Vec<_>>()).collect();
    let rules: usize = methods.iter().map(|method| rpc::rules(method).len()).sum();
    assert!(rules > 40, "{rules} rules");
    assert_eq!(of_methods(&routes), rules);
    for route in routes.iter() {
        let Target::Rpc(binding) = &route.target else { continue };
        let owner = &route.owner;
        // What makes several at once answers with them, and no one place is theirs.
        let has_a_place = binding.rpc.created && ![".CreateSpcPoints", ".SplitSample"].iter().any(|several| owner.ends_with(several));
        assert!(!has_a_place || binding.rpc.home.is_some(), "{owner} makes what cannot be read");
        assert_eq!(binding.masked, matches!(route.method, Some(Method::PUT | Method::PATCH)), "{owner}");
    }
}

#[tokio::test]
async fn prefixes_are_what_paths_begin_with() {
    let methods =
        [("A", "/api/x/things/{id}"), ("B", "/api/x/things"), ("C", "/api/x/things/state"), ("D", "/auth/login"), ("E", "/api/xy/z")];
    let methods: String =
        methods.iter().map(|(name, path)| method(name, "GetThingRequest", "Thing", &format!("get: \"{path}\""))).collect();
    let pool = pool(&methods);
    let routes = routes(&pool, &Plans::new(&pool), &peers(), Box::new(Vec::new)).expect("a contract that fits");
    assert_eq!(prefixes(&routes), ["/api/x", "/api/xy", "/auth"]);
}

#[tokio::test]
async fn what_does_not_fit_is_told_at_start() {
    let get = |rule: &str| method("Get", "GetThingRequest", "Thing", rule);
    for (methods, told) in [
        (
            get("get: \"/t/{ident}\""),
            "test.v1.ThingService.Get: `/t/{ident}`: the variable `ident` is no scalar field of test.v1.GetThingRequest",
        ),
        (get("get: \"/t/{views}\""), "the variable `views` is no scalar field"),
        (get("get: \"/t/{labels}\""), "the variable `labels` is no scalar field"),
        (get("get: \"/t/{part}\""), "the variable `part` is no scalar field"),
        (get("get: \"/t/{part.size}\""), "the variable `part.size` is no scalar field"),
        (get("get: \"/t/{id.x}\""), "the variable `id.x` is no scalar field"),
        (get("get: \"t\""), "does not begin with a slash"),
        (get("get: \"/t\" body: \"nothing\""), "test.v1.GetThingRequest has no field `nothing`"),
        (get("get: \"/t\" response_body: \"nothing\""), "test.v1.Thing has no field `nothing`"),
        (get("body: \"*\""), "an HTTP rule has no pattern"),
        (method("Send", "stream Thing", "Thing", "get: \"/t\""), "`/t`: a stream needs a body to come in"),
        (
            method("Send", "stream Piece", "stream Thing", "post: \"/t\" body: \"content\""),
            "`/t`: a file is answered once, not by a stream",
        ),
        (get("custom: {kind: \"A B\" path: \"/t\"}"), "`A B` is no HTTP method"),
        (get("get: \"/health\""), "`GET /health` of the gateway and `GET /health` of test.v1.ThingService.Get take the same requests"),
        (
            get("get: \"/t/{id}\"")
                + &method("Show", "CheckThingRequest", "Thing", "post: \"/t\" additional_bindings {get: \"/t/{reason}\"}"),
            "`GET /t/{id}` of test.v1.ThingService.Get and `GET /t/{reason}` of test.v1.ThingService.Show take the same requests",
        ),
    ] {
        let pool = pool(&methods);
        let fault = routes(&pool, &Plans::new(&pool), &peers(), Box::new(Vec::new)).expect_err(told);
        assert!(fault.to_string().contains(told), "{fault}");
    }
    let pool = pool(&get("get: \"/t/{part.name}\""));
    let fault = routes(&pool, &Plans::new(&pool), &[], Box::new(Vec::new)).expect_err("nobody serves it");
    assert!(fault.to_string().ends_with("test.v1.ThingService.Get: no service is named for test.v1"), "{fault}");
}

#[tokio::test]
async fn methods_without_a_rule_have_no_route() {
    let methods = "rpc Hidden(GetThingRequest) returns (Thing);
                   rpc Send(stream GetThingRequest) returns (Thing) { option (google.api.http) = {post: \"/send\" body: \"*\"}; }
                   rpc Watch(GetThingRequest) returns (stream Thing) { option (google.api.http) = {get: \"/watch\"}; }";
    let pool = pool(methods);
    let routes = routes(&pool, &Plans::new(&pool), &peers(), Box::new(Vec::new)).expect("a contract that fits");
    assert_eq!(of_methods(&routes), 2);
    assert!(routes.find(&Method::GET, "/watch").is_ok() && routes.find(&Method::POST, "/send").is_ok());
}

#[tokio::test]
async fn what_services_alone_call_is_not_offered() {
    let methods = "rpc Get(GetThingRequest) returns (Thing) { option (google.api.http) = {get: \"/things\"}; }
                   rpc Sign(GetThingRequest) returns (Thing) {
                     option (google.api.http) = {get: \"/sign/{id}\"};
                     option (spectra.policy.v1.policy) = {internal: true};
                   }";
    let pool = pool(methods);
    let routes = routes(&pool, &Plans::new(&pool), &peers(), Box::new(Vec::new)).expect("a contract that fits");
    assert_eq!(of_methods(&routes), 1);
    assert!(routes.find(&Method::POST, "/test.v1.ThingService/Get").is_ok());
    for (verb, path) in [(Method::GET, "/sign/1"), (Method::POST, "/test.v1.ThingService/Sign")] {
        assert!(routes.find(&verb, path).is_err(), "{path}");
    }
    let document = String::from_utf8(crate::openapi::document(&pool)).expect("text");
    assert!(document.contains("\"/things\"") && !document.contains("/sign") && !document.contains("_Sign"), "{document}");
}

#[tokio::test]
async fn a_resource_is_at_home_where_it_is_read_by_id() {
    let methods = method("Last", "GetThingRequest", "Thing", "get: \"/t/{id}/last\"")
        + &method("Find", "GetThingRequest", "Thing", "get: \"/names/{id}\" response_body: \"part\"")
        + &method("Get", "GetThingRequest", "Thing", "get: \"/t/{id}\" additional_bindings {get: \"/things/{id}\"}")
        + &method("Make", "ChangeThingRequest", "Thing", "post: \"/t/{id}/copies\" body: \"thing_part\"");
    let pool = pool(&methods);
    let routes = routes(&pool, &Plans::new(&pool), &peers(), Box::new(Vec::new)).expect("a contract that fits");
    let made = routes.find(&Method::POST, "/t/1/copies").expect("a route");
    let Target::Rpc(binding) = &made.route.target else { panic!("a method's route") };
    assert_eq!(binding.rpc.home.as_ref().map(|home| home.expand("a/b")), Some("/t/a%2Fb".to_owned()));
}
