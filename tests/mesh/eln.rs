//! The notebook, through the gateway.

use serde_json::{Value, json};
use spectra_tests::{Caller, Mesh, TEST};

mod export;
mod files;
mod search;

pub(crate) const ELN: &str = "/api/lims/eln";

/// An example request of each method, in proto3 JSON.
pub(crate) fn example(method: &str, id: impl Fn(&str) -> Value) -> Option<Value> {
    let links = |id: &dyn Fn(&str) -> Value| json!({"samples": [id("sample")], "runs": [id("run")], "recipes": [id("recipe")]});
    Some(match method {
        "ListElnEntries" => json!({
            "q": "leakage", "tag": "iv", "authorId": id("user"), "sampleId": id("sample"), "runId": id("run"), "recipeId": id("recipe"),
            "versionOf": id("eln_entry"),
        }),
        "CreateElnEntry" => json!({"entry": {"title": "t", "bodyMarkdown": "b", "linkedEntities": links(&id)}}),
        "UpdateElnEntry" => {
            json!({"id": id("eln_entry"), "entry": {"title": "t", "linkedEntities": links(&id)}, "updateMask": "title,linkedEntities"})
        }
        "SignElnEntry" => {
            json!({"id": id("eln_entry"), "method": "password", "password": passwords("admin"), "meaning": "SIGNATURE_MEANING_APPROVE"})
        }
        "GetElnEntry" | "ListSignatures" | "ExportElnEntry" => json!({"id": id("eln_entry")}),
        _ => return None,
    })
}

/// The password of the person of this role.
pub(crate) fn passwords(role: &str) -> &'static str {
    match role {
        "admin" => "admin123",
        "pi" => "pi123",
        "engineer" => "eng123",
        _ => panic!("{role} signs nothing here"),
    }
}

/// Has an entry of the engineer's signed by three.
pub(crate) async fn sign_by_all(mesh: &Mesh, organization: &str, entry: &str) {
    for (role, meaning) in [("engineer", "author"), ("pi", "witness"), ("admin", "review")] {
        let asked = json!({"method": "password", "password": passwords(role), "meaning": meaning});
        mesh.caller(role, organization).await.post(&format!("{ELN}/{entry}/sign"), asked).await.expect(200);
    }
}

/// An entry of this title.
pub(crate) async fn written(author: &Caller, title: &str) -> Value {
    author.post(ELN, json!({"title": title, "body_markdown": format!("About {title}.")})).await.expect(201)
}

#[tokio::test]
async fn an_entry_is_written_read_and_changed() {
    let mesh = Mesh::start().await;
    let (technician, engineer) = (mesh.demo("technician").await, mesh.demo("engineer").await);
    // Whatever looks like markup or a command is text, to the byte.
    let body =
        "# A\r\n<script>alert('x')</script>\n[a](javascript:alert(1)) \u{202e}\u{0}".replace('\0', "") + "\t\u{1f600} ' \" \\ `</textarea>";
    let made = technician.post(ELN, json!({"title": "<b>T</b>", "body_markdown": body, "tags": ["iv", "IV"]})).await;
    let path = made.header("location").to_owned();
    let entry = made.expect(201);
    assert_eq!((&entry["body_markdown"], &entry["title"], &entry["tags"]), (&json!(body), &json!("<b>T</b>"), &json!(["iv", "IV"])));
    assert_eq!((&entry["entry_no"], &entry["entry_version"], &entry["signed"]), (&json!(1), &json!(1), &json!(false)));
    assert_eq!(technician.get(&path).await.expect(200), entry);
    engineer.put(&path, json!({"title": "Mine"})).await.refused(403, "role_required");
    let changed = technician.put(&path, json!({"title": "U"})).await.expect(200);
    assert_eq!((&changed["id"], &changed["revision"], &changed["body_markdown"]), (&entry["id"], &json!(2), &json!(body)));
    assert_ne!(changed["content_hash"], entry["content_hash"]);
    let back = technician.patch(&path, json!({"title": "<b>T</b>"})).await.expect(200);
    assert_eq!(back["content_hash"], entry["content_hash"]);
    assert_eq!(technician.put(&path, json!({"title": "<b>T</b>"})).await.expect(200)["revision"], 3, "which changes nothing");
    technician.with("if-match", "\"1\"").put(&path, json!({"title": "V"})).await.refused(412, "stale");
    mesh.caller("admin", TEST).await.get(&path).await.refused(404, "not_found");
    mesh.demo("viewer").await.post(ELN, json!({"title": "t", "body_markdown": ""})).await.refused(403, "role_required");
}

#[tokio::test]
async fn what_breaks_a_rule_is_refused() {
    let mesh = Mesh::start().await;
    let technician = mesh.demo("technician").await;
    for (bad, field) in [
        (json!({"body_markdown": "b"}), "title"),
        (json!({"title": " ", "body_markdown": "b"}), "title"),
        (json!({"title": "x".repeat(301), "body_markdown": "b"}), "title"),
        (json!({"title": "t", "body_markdown": "x".repeat(200_001)}), "body_markdown"),
        (json!({"title": "t", "body_markdown": "b", "tags": [""]}), "tags"),
        (json!({"title": "t", "body_markdown": "b", "tags": ["a", "a"]}), "tags"),
        (json!({"title": "t", "body_markdown": "b", "tags": vec!["x".repeat(51)]}), "tags"),
        (json!({"title": "t", "body_markdown": "b", "linked_entities": {"samples": ["x"]}}), "linked_entities"),
        (json!({"title": "t", "body_markdown": "b", "signed": true}), "signed"),
        (json!({"title": "t", "body_markdown": "b", "entry_no": 7}), "entry_no"),
    ] {
        let told = technician.post(ELN, bad).await.refused(422, "invalid");
        assert!(told.to_string().contains(field), "{told} should name {field}");
    }
    technician.post_raw(ELN, "{\"title\": \"t\", \"body\": \"b\"}").await.refused(400, "malformed");
}

#[tokio::test]
async fn links_are_checked_with_their_owners() {
    let mesh = Mesh::start().await;
    let records = crate::records::Records::make(&mesh, spectra_tests::DEMO).await;
    let foreign = crate::records::Records::make(&mesh, TEST).await;
    let technician = mesh.demo("technician").await;
    let links = json!({"samples": [records.id("sample")], "runs": [records.id("run")], "recipes": [records.id("recipe")]});
    let made = technician.post(ELN, json!({"title": "t", "body_markdown": "b", "linked_entities": links})).await.expect(201);
    assert_eq!(made["linked_entities"], links);
    for kind in ["sample", "run", "recipe"] {
        for bad in [foreign.id(kind), crate::records::nobodys()] {
            let links = json!({format!("{kind}s"): [records.id(kind), bad]});
            let told =
                technician.post(ELN, json!({"title": "t", "body_markdown": "b", "linked_entities": links})).await.refused(404, "not_found");
            assert!(told["detail"].as_str().unwrap().contains(kind), "{told}");
        }
        let found = technician.get(&format!("{ELN}?{kind}_id={}", records.id(kind).as_str().unwrap())).await.expect(200);
        assert_eq!(found["items"].as_array().unwrap().len(), 2, "that of the records, and this one");
    }
    // What is gone later stays named, and can be named no more.
    let path = format!("{ELN}/{}", made["id"].as_str().unwrap());
    mesh.demo("engineer").await.delete(&format!("/api/lims/samples/{}", records.id("sample").as_str().unwrap())).await;
    technician.put(&path, json!({"title": "u", "linked_entities": links})).await.expect(200);
    technician.post(ELN, json!({"title": "t", "body_markdown": "b", "linked_entities": links})).await.refused(404, "not_found");
    let many: Vec<_> = (0..101).map(|_| crate::records::nobodys()).collect();
    technician.put(&path, json!({"linked_entities": {"runs": many}})).await.refused(422, "invalid");
    technician.put(&path, json!({"linked_entities": {"runs": many[..100]}})).await.refused(404, "not_found");
}

#[tokio::test]
async fn numbers_count_in_each_organization() {
    let mesh = Mesh::start().await;
    let technician = mesh.demo("technician").await;
    let writes = (0..20).map(|nth| {
        let technician = technician.clone();
        tokio::spawn(async move { written(&technician, &format!("Entry {nth}")).await["entry_no"].as_i64().unwrap() })
    });
    let mut numbers = Vec::new();
    for write in writes.collect::<Vec<_>>() {
        numbers.push(write.await.unwrap());
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=20).collect::<Vec<_>>());
    assert_eq!(written(&mesh.caller("technician", TEST).await, "first").await["entry_no"], 1);
}

#[tokio::test]
async fn two_edits_of_what_is_signed_are_one_new_version() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let entry = written(&engineer, "signed").await;
    let id = entry["id"].as_str().unwrap();
    sign_by_all(&mesh, spectra_tests::DEMO, id).await;
    let edits = (0..8).map(|nth| {
        let (engineer, path) = (engineer.clone(), format!("{ELN}/{id}"));
        tokio::spawn(async move { engineer.put(&path, json!({"title": format!("edit {nth}")})).await.status.as_u16() })
    });
    let mut told = Vec::new();
    for edit in edits.collect::<Vec<_>>() {
        told.push(edit.await.unwrap());
    }
    told.sort_unstable();
    assert_eq!(told, [200, 409, 409, 409, 409, 409, 409, 409]);
}
