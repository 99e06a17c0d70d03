//! Every form of an HTTP rule: which method is reached, and with what.

use http::Method;
use serde_json::{Value, json};
use spectra_mesh::Error;
use spectra_tests::Answer;
use tonic::{Request, Response, Status};

use crate::{
    generated::ground::v1::{FormRequest, Told, form_service_server::FormService},
    stage::Stage,
};

pub(crate) struct Forms;

/// The methods that tell what they are told.
macro_rules! telling {
    ($($name:ident => $method:literal),* $(,)?) => {
        #[tonic::async_trait]
        impl FormService for Forms {
            async fn delete(&self, request: Request<FormRequest>) -> Result<Response<()>, Status> {
                if request.get_ref().id.is_empty() { Err(Error::not_found("form").into()) } else { Ok(Response::new(())) }
            }
            $(async fn $name(&self, request: Request<FormRequest>) -> Result<Response<Told>, Status> {
                let form = request.into_inner();
                Ok(Response::new(Told { method: $method.to_owned(), words: form.tags.clone(), form: Some(form) }))
            })*
        }
    };
}

telling! {
    get => "Get", list => "List", create => "Create", update => "Update", check => "Check", shelf => "Shelf", tree => "Tree",
    weigh => "Weigh", wild => "Wild", part => "Part", words => "Words", replace => "Replace", any => "Any", purge => "Purge",
    hidden => "Hidden", closed => "Closed",
}

/// The method that was reached, and those of its request's fields that are named here.
#[track_caller]
fn told(answer: Answer, fields: &[&str]) -> Value {
    let told = answer.expect(200);
    let named = fields.iter().map(|name| told["form"].pointer(&format!("/{name}")).cloned().unwrap_or(json!("(none)")));
    json!([told["method"], named.collect::<Vec<_>>()])
}

#[tokio::test]
async fn paths_lead_to_methods_and_fill_their_requests() {
    let stage = Stage::start().await;
    let caller = stage.caller();
    for (path, fields, expected) in [
        ("/ground/forms/7?count=3&tags=a&tags=b&note=", vec!["id", "count", "tags", "note"], json!(["Get", ["7", 3, ["a", "b"], ""]])),
        ("/ground/forms/a%2Fb%20c/", vec!["id", "note"], json!(["Get", ["a/b c", null]])),
        ("/ground/forms/7:other", vec!["id"], json!(["Get", ["7:other"]])),
        (
            "/ground/forms?part.inner.name=x+y&part.count=-2&updateMask=a.b,c",
            vec!["part/inner/name", "part/count", "update_mask"],
            json!(["List", ["x y", -2, "a.b,c"]]),
        ),
        ("/ground/shelves/1/books/2", vec!["name"], json!(["Shelf", ["shelves/1/books/2"]])),
        ("/ground/trees/a/b%2Fc/d", vec!["name"], json!(["Tree", ["a/b%2Fc/d"]])),
        ("/ground/trees", vec!["name"], json!(["Tree", [""]])),
        ("/ground/trees/a/b:weigh", vec!["name"], json!(["Weigh", ["a/b"]])),
        ("/ground/wild/any/7/and/more", vec!["id"], json!(["Wild", ["7"]])),
        ("/ground/any/7", vec!["id"], json!(["Any", ["7"]])),
    ] {
        assert_eq!(told(caller.get(path).await, &fields), expected, "{path}");
    }
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::from_bytes(b"BREW").expect("a method")] {
        assert_eq!(told(caller.send(method.clone(), "/ground/any/7", None).await, &["id"]), json!(["Any", ["7"]]), "{method}");
    }
    let purge = Method::from_bytes(b"PURGE").expect("a method");
    assert_eq!(told(caller.send(purge, "/ground/forms/7?name=n", None).await, &["id", "name"]), json!(["Purge", ["7", "n"]]));
}

#[tokio::test]
async fn bodies_fill_what_the_rule_says() {
    let stage = Stage::start().await;
    let caller = stage.caller();
    let made = caller.post("/ground/forms", json!({ "name": "n", "part": { "inner": { "count": 1 } }, "labels": { "a": "b" } })).await;
    assert_eq!(made.status, 201);
    assert_eq!(made.json()["form"]["part"]["inner"]["count"], 1);

    for method in [Method::PUT, Method::PATCH] {
        let body = json!({ "name": "n", "note": null, "inner": { "count": 2 } }).to_string().into();
        let changed = caller.send(method, "/ground/forms/7", Some(body)).await;
        let expected = json!(["Update", ["7", "n", "name,note,inner"]]);
        assert_eq!(told(changed, &["id", "part/name", "update_mask"]), expected);
    }
    let own = caller.put("/ground/forms/7?update_mask=name", json!({ "name": "n", "count": 1 })).await;
    assert_eq!(told(own, &["update_mask"]), json!(["Update", ["name"]]), "the client's own mask outweighs");

    assert_eq!(told(caller.act("/ground/forms/7:check").await, &["id", "name"]), json!(["Check", ["7", ""]]));
    let checked = caller.post("/ground/forms/7:check", json!({ "name": "n" })).await;
    assert_eq!(told(checked, &["id", "name"]), json!(["Check", ["7", "n"]]));
    caller.post("/ground/forms/7:check", json!({ "id": "8" })).await.refused(400, "malformed");
    caller.post("/ground/forms/7:check?name=n", json!({})).await.refused(400, "malformed");

    for (field, value) in [("tags", json!(["a", "b"])), ("labels", json!({ "a": "b" })), ("count", json!(5)), ("note", json!("text"))] {
        let set = caller.put(&format!("/ground/forms/7/{field}"), value.clone()).await;
        assert_eq!(told(set, &["id", field]), json!(["Replace", ["7", value]]));
    }
    caller.put("/ground/forms/7/count", json!("five")).await.refused(400, "malformed");
    caller.act("/ground/forms/7/tags").await.refused(405, "method_not_allowed");
}

#[tokio::test]
async fn answers_show_what_the_rule_says() {
    let stage = Stage::start().await;
    let caller = stage.caller();
    let part = caller.get("/ground/forms/7/parts/left?part.count=2").await.expect(200);
    assert_eq!((&part["id"], &part["part"]["name"], &part["part"]["count"]), (&json!("7"), &json!("left"), &json!(2)));
    caller.get("/ground/forms/7/parts/left?part.name=right").await.refused(400, "malformed");
    assert_eq!(caller.get("/ground/forms/7/words?tags=a&tags=b").await.expect(200), json!(["a", "b"]));
    assert_eq!(caller.get("/ground/forms/7/words").await.expect(200), json!([]));
    let gone = caller.delete("/ground/forms/7").await;
    assert_eq!((gone.status.as_u16(), gone.body.len()), (204, 0));

    let head = caller.send(Method::HEAD, "/ground/forms/7", None).await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    let length = caller.get("/ground/forms/7").await.body.len();
    assert_eq!(head.header("content-length"), length.to_string());
    assert_eq!(caller.send(Method::HEAD, "/ground/heads/7", None).await.status, 200, "a HEAD of its own");
    caller.get("/ground/heads/7").await.refused(405, "method_not_allowed");
}

#[tokio::test]
async fn what_no_rule_names_is_not_there() {
    let stage = Stage::start().await;
    let caller = stage.caller();
    for path in
        ["/ground", "/ground/hidden", "/ground/shelves/1/books", "/ground/shelves/1/books/2/3", "/ground/forms/7/parts", "//ground/forms"]
    {
        caller.get(path).await.refused(404, "not_found");
    }
    let allowed = caller.send(Method::OPTIONS, "/ground/forms/7", None).await;
    assert_eq!((allowed.status.as_u16(), allowed.header("allow")), (204, "DELETE, GET, HEAD, OPTIONS, PATCH, PURGE, PUT"));
    assert_eq!(caller.post("/ground/forms/7", json!({})).await.header("allow"), "DELETE, GET, HEAD, OPTIONS, PATCH, PURGE, PUT");
    caller.get("/ground/forms/%ff").await.refused(400, "malformed");
    caller.get("/ground/forms?unknown=1").await.refused(400, "malformed");
    caller.get("/ground/forms?labels=1").await.refused(400, "malformed");
    caller.get("/ground/closed").await.refused(401, "unauthenticated");
    assert_eq!(caller.with_token("any").get("/ground/closed").await.status, 200, "whom a token is of, the service judges");
}
