//! The OpenAPI document says what the gateway does: every route stands in it, and every answer fits it.

use std::collections::BTreeSet;

use prost_reflect::{DynamicMessage, MethodDescriptor, SerializeOptions};
use serde_json::{Value, json};
use spectra_mesh::validate::RULES;
use spectra_proto::{
    POOL,
    api::{HttpRule, http_rule::Pattern},
};
use spectra_tests::{Answer, Caller, DEMO, Mesh, grpc};

use crate::records::{Records, answering};

mod clients;

/// The document, and what it says of a call.
struct Document(Value);

impl Document {
    fn read() -> Self {
        Self(serde_json::from_slice(&spectra_gateway::openapi()).unwrap())
    }

    /// The place that a reference names; anything else is itself.
    fn follow<'d>(&'d self, what: &'d Value) -> &'d Value {
        what["$ref"].as_str().map_or(what, |reference| self.0.pointer(reference.trim_start_matches('#')).unwrap())
    }

    /// What is wrong with `value` by a schema.
    fn faults(&self, schema: &Value, value: &Value) -> Vec<String> {
        let root = json!({"allOf": [schema], "components": self.0["components"]});
        let validator = jsonschema::draft202012::options().should_validate_formats(true).build(&root).unwrap();
        validator.iter_errors(value).map(|fault| format!("{}: {fault}", fault.instance_path())).collect()
    }

    /// Fails unless the answer is one that the document tells of this operation.
    fn judge(&self, (verb, path): (&str, &str), answer: &Answer) {
        let place = format!("{verb} {path}: {} {}", answer.status, answer.text());
        let told = &self.0["paths"][path][verb]["responses"][answer.status.as_str()];
        assert!(told.is_object(), "no such answer is told: {place}");
        let told = self.follow(told);
        for name in told["headers"].as_object().into_iter().flat_map(|headers| headers.keys()) {
            assert!(!answer.header(name).is_empty(), "no {name}: {place}");
        }
        match told["content"].as_object() {
            None => assert!(answer.body.is_empty(), "{place}"),
            Some(content) if content.contains_key("*/*") => assert!(!answer.body.is_empty(), "{place}"),
            Some(content) => {
                let schema =
                    &content.get(answer.header("content-type")).unwrap_or_else(|| panic!("its type is not told: {place}"))["schema"];
                assert_eq!(self.faults(schema, &answer.json()), Vec::<String>::new(), "{place}");
            }
        }
    }
}

/// One way to reach a method.
struct Route {
    verb: &'static str,
    path: String,
    body: String,
}

fn routes(method: &MethodDescriptor) -> Vec<Route> {
    let Some(mut first) = spectra_proto::option::<HttpRule>(&method.options(), "google.api.http") else { return Vec::new() };
    let others = std::mem::take(&mut first.additional_bindings);
    let route = |rule: HttpRule| {
        let (verb, path) = match rule.pattern.unwrap() {
            Pattern::Get(path) => ("get", path),
            Pattern::Put(path) => ("put", path),
            Pattern::Post(path) => ("post", path),
            Pattern::Delete(path) => ("delete", path),
            Pattern::Patch(path) => ("patch", path),
            Pattern::Custom(custom) => panic!("{custom:?} has no test here"),
        };
        Route { verb, path, body: rule.body }
    };
    std::iter::once(first).chain(others).map(route).collect()
}

impl Route {
    /// Sends a request of the method this way.
    async fn send(&self, caller: &Caller, asked: &DynamicMessage) -> Answer {
        let options = SerializeOptions::new().use_proto_field_name(true);
        let Value::Object(mut fields) = asked.serialize_with_options(serde_json::value::Serializer, &options).unwrap() else {
            panic!("{asked:?} is no object")
        };
        let mut path = self.path.clone();
        while let Some((before, (variable, after))) = path.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
        {
            path = format!("{before}{}{after}", fields.remove(variable).unwrap().as_str().unwrap());
        }
        let body = match self.body.as_str() {
            "" => None,
            "*" => Some(Value::Object(std::mem::take(&mut fields))),
            field => fields.remove(field),
        };
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let query: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={}", text(value))).collect();
        let path = if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) };
        caller.send(self.verb.to_ascii_uppercase().parse().unwrap(), &path, body.map(|body| body.to_string().into())).await
    }
}

#[test]
fn every_route_stands_in_the_document_and_no_other_does() {
    let document = Document::read();
    let served: BTreeSet<_> = grpc::methods().flat_map(|method| routes(&method)).map(|route| (route.path, route.verb.to_owned())).collect();
    let paths = document.0["paths"].as_object().unwrap().iter();
    let told: BTreeSet<_> =
        paths.flat_map(|(path, item)| item.as_object().unwrap().keys().map(move |verb| (path.clone(), verb.clone()))).collect();
    assert_eq!(told, served);
    assert!(told.len() > 40, "only {} routes", told.len());
}

/// The document and the checker of the services read the same rules.
#[test]
fn what_is_required_is_what_the_services_require() {
    let document = Document::read();
    let mut compared = 0;
    for (name, schema) in document.0["components"]["schemas"].as_object().unwrap() {
        let named = name.strip_suffix("Input").or(name.strip_suffix("Request").map(|_| name.as_str()));
        let ours = POOL.all_messages().filter(|message| message.package_name().starts_with("spectra."));
        let Some(message) = named.and_then(|named| ours.into_iter().find(|message| message.name() == named)) else { continue };
        let properties = &schema["properties"];
        let missed = RULES.check(message.full_name(), &[]).into_iter().map(|violation| violation.field);
        let missed: BTreeSet<_> = missed.filter(|field| !properties[field].is_null()).collect();
        let required: BTreeSet<_> =
            schema["required"].as_array().into_iter().flatten().map(|field| field.as_str().unwrap().to_owned()).collect();
        assert_eq!(required, missed, "{name}");
        compared += 1;
    }
    assert!(compared > 10, "only {compared} schemas");
}

#[tokio::test]
async fn every_answer_is_told() {
    let mesh = Mesh::start().await;
    let document = Document::read();
    let records = Records::make(&mesh, DEMO).await;
    let (admin, nobody) = (mesh.anew("admin", DEMO).await, mesh.nobody());
    // What ends or removes a record comes after those that need it.
    let mut methods = answering();
    let ends = |name: &str| !["Get", "List", "Create", "Update"].iter().any(|keeps| name.starts_with(keeps));
    methods.sort_by_key(|(method, _)| (method.name() == "SignOut", ends(method.name()), method.name().starts_with("Delete")));
    let mut judged = 0;
    for (method, _) in methods {
        let example = records.example(&method);
        for route in routes(&method) {
            for (caller, refused) in [(&nobody, true), (&admin, false)] {
                let answer = route.send(caller, &example).await;
                assert_eq!(answer.status == 401, refused, "{} {}: {}", route.verb, route.path, answer.text());
                document.judge((route.verb, &route.path), &answer);
                judged += 1;
            }
        }
    }
    println!("{judged} answers over every route");
}

#[tokio::test]
async fn every_kind_of_refusal_is_told() {
    let mesh = Mesh::start().await;
    let document = Document::read();
    let engineer = mesh.demo("engineer").await;
    let samples = "/api/lims/samples";
    let sample = engineer.post(samples, json!({"name": "n", "barcode": "B-1"})).await;
    let own = sample.header("location").to_owned();
    document.judge(("post", samples), &sample);
    let (all, one) = (("post", samples), "/api/lims/samples/{id}");
    let absent = format!("{samples}/{}", spectra_mesh::new_id());
    for (place, status, answer) in [
        (all, 400, engineer.post(samples, json!({"nmae": "n"})).await),
        (all, 403, mesh.demo("viewer").await.post(samples, json!({"name": "n"})).await),
        (all, 406, engineer.with("accept", "text/html").post(samples, json!({"name": "n"})).await),
        (all, 409, engineer.post(samples, json!({"name": "n", "barcode": "B-1"})).await),
        (all, 413, engineer.post(samples, json!({"name": "n".repeat(5 << 20)})).await),
        (all, 415, engineer.with("content-type", "text/plain").post(samples, json!({"name": "n"})).await),
        (all, 422, engineer.post(samples, json!({"name": " "})).await),
        (("get", one), 304, engineer.with("if-none-match", sample.header("etag")).get(&own).await),
        (("get", one), 404, engineer.get(&absent).await),
        (("put", one), 412, engineer.with("if-match", "\"7\"").put(&own, json!({"name": "m"})).await),
        (("post", "/auth/login"), 401, mesh.nobody().post("/auth/login", json!({"username": "nobody", "password": "x"})).await),
        (
            ("post", "/auth/login"),
            200,
            mesh.nobody().post("/auth/login", json!({"username": "engineer@demo.lab", "password": "eng123"})).await,
        ),
        (("get", "/.well-known/jwks.json"), 200, mesh.nobody().get("/.well-known/jwks.json").await),
    ] {
        assert_eq!(answer.status, status, "{place:?}: {}", answer.text());
        document.judge(place, &answer);
    }
}

#[tokio::test]
async fn the_document_and_its_reader_are_served_to_anyone() {
    let mesh = Mesh::start().await;
    let nobody = mesh.nobody();
    let document = nobody.get("/openapi.json").await;
    assert_eq!(document.header("content-type"), "application/json");
    assert_eq!(document.body, spectra_gateway::openapi());
    assert_eq!(nobody.with("if-none-match", document.header("etag")).get("/openapi.json").await.status, 304);
    let page = nobody.get("/docs").await;
    let text = page.text();
    for policy in page.headers.get_all("content-security-policy") {
        assert!(policy.to_str().unwrap().contains("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'"));
    }
    assert_eq!(page.headers.get_all("content-security-policy").iter().count(), 1);
    let files: Vec<_> = text.split('"').filter(|path| path.starts_with("/docs/")).chain(["/docs/schema.js"]).collect();
    assert_eq!(files.len(), 3, "{files:?}");
    for file in files {
        assert_eq!(nobody.get(file).await.status, 200, "{file}");
    }
}
