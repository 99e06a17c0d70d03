//! Recipes and their approval, through the gateway.

use serde_json::{Value, json};
use spectra_tests::{Caller, Mesh, TEST};

use crate::attachments::attach;

const RECIPES: &str = "/api/lims/recipes";

/// An example request of each method, in proto3 JSON.
pub(crate) fn example(method: &str, id: impl Fn(&str) -> Value) -> Option<Value> {
    Some(match method {
        "ListRecipes" => json!({}),
        "CreateRecipe" => json!({"recipe": {"name": "n", "version": "1", "sopId": id("sop")}}),
        "UpdateRecipe" => json!({"id": id("draft recipe"), "recipe": {"sopId": id("sop")}, "updateMask": "sopId"}),
        "GetRecipeDiff" => json!({"id": id("recipe"), "against": id("draft recipe")}),
        "GetRecipe"
        | "DeleteRecipe"
        | "RequestRecipeApproval"
        | "ApproveRecipe"
        | "RejectRecipe"
        | "RetireRecipe"
        | "ListRecipeApprovals" => json!({"id": id("recipe")}),
        _ => return None,
    })
}

/// Has a draft approved by the pi of an organization, who rejects it at first.
pub(crate) async fn approve_at_last(mesh: &Mesh, organization: &str, id: &str) {
    let (engineer, pi) = (mesh.caller("engineer", organization).await, mesh.caller("pi", organization).await);
    for (caller, step) in [(&engineer, "request-approval"), (&pi, "reject"), (&engineer, "request-approval"), (&pi, "approve")] {
        caller.act(&format!("{RECIPES}/{id}/{step}")).await.expect(200);
    }
}

/// Writes a recipe; its path.
pub(crate) async fn written(author: &Caller, recipe: Value) -> String {
    let answer = author.post(RECIPES, recipe).await;
    let path = answer.header("location").to_owned();
    assert_eq!(answer.expect(201)["status"], "draft");
    path
}

async fn draft(author: &Caller) -> String {
    written(author, json!({"name": "IV", "version": "1.0", "method": "iv_sweep", "params": {"vds": 0.1}})).await
}

#[tokio::test]
async fn a_recipe_goes_from_draft_to_approved_to_retired() {
    let mesh = Mesh::start().await;
    let (engineer, pi) = (mesh.demo("engineer").await, mesh.demo("pi").await);
    let path = draft(&engineer).await;
    let asked = engineer.post(&format!("{path}/request-approval"), json!({"comment": "ready"})).await.expect(200);
    assert_eq!(asked["status"], "pending_approval");
    engineer.act(&format!("{path}/approve")).await.refused(403, "role_required");
    let approved = pi.post(&format!("{path}/approve"), json!({"comment": "good"})).await.expect(200);
    assert_eq!(approved["status"], "approved");

    engineer.put(&path, json!({"params": {"vds": 9}})).await.refused(409, "recipe_frozen");
    engineer.put(&path, json!({"description": "d"})).await.refused(409, "recipe_frozen");
    let kept = pi.delete(&path).await;
    assert_eq!(kept.header("allow"), "GET, HEAD, OPTIONS, PATCH, PUT");
    kept.refused(405, "not_deletable");
    pi.act(&format!("{path}/approve")).await.refused(409, "recipe_state");
    let approvals = engineer.get(&format!("{path}/approvals")).await.expect(200);
    let told: Vec<_> = approvals["items"].as_array().unwrap().iter().map(|row| (row["state"].clone(), row["comment"].clone())).collect();
    assert_eq!(told, [(json!("approved"), json!("good")), (json!("pending"), json!("ready"))]);
    assert_eq!(approvals["items"][0]["params_hash"], approved["params_hash"]);
    assert_eq!(approvals["items"][0]["approver_role"], "pi");
    assert_eq!(approvals["items"][0]["self_approved"], false);

    assert_eq!(pi.act(&format!("{path}/retire")).await.expect(200)["status"], "retired");
    pi.act(&format!("{path}/retire")).await.refused(409, "recipe_state");
    pi.act(&format!("{path}/approve")).await.refused(409, "recipe_state");
}

#[tokio::test]
async fn the_author_does_not_approve_their_own() {
    let mesh = Mesh::start().await;
    let (pi, admin) = (mesh.demo("pi").await, mesh.demo("admin").await);
    let own = draft(&pi).await;
    pi.act(&format!("{own}/approve")).await.refused(409, "self_approval");
    assert_eq!(admin.act(&format!("{own}/approve")).await.expect(200)["status"], "approved");
    let engineers = draft(&mesh.demo("engineer").await).await;
    pi.put(&engineers, json!({"params": {"vds": 0.3}})).await.expect(200);
    pi.act(&format!("{engineers}/approve")).await.refused(409, "self_approval");
    let admins = admin.post(RECIPES, json!({"name": "Own", "version": "1"})).await;
    let path = admins.header("location").to_owned();
    admins.expect(201);
    admin.act(&format!("{path}/approve")).await.expect(200);
    let approvals = admin.get(&format!("{path}/approvals")).await.expect(200);
    assert_eq!(approvals["items"][0]["self_approved"], true);
}

#[tokio::test]
async fn one_version_is_approved_at_a_time() {
    let mesh = Mesh::start().await;
    let (engineer, pi) = (mesh.demo("engineer").await, mesh.demo("pi").await);
    let mut twins = Vec::new();
    for _ in 0..6 {
        twins.push(draft(&engineer).await);
    }
    pi.act(&format!("{}/approve", twins[0])).await.expect(200);
    let approvals = twins[1..].iter().map(|path| {
        let (pi, path) = (pi.clone(), format!("{path}/approve"));
        tokio::spawn(async move { pi.act(&path).await.status.as_u16() })
    });
    for approval in approvals.collect::<Vec<_>>() {
        assert_eq!(approval.await.unwrap(), 200);
    }
    let listed = pi.get(&format!("{RECIPES}?status=approved")).await.expect(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert_eq!(pi.get(&format!("{RECIPES}?status=retired")).await.expect(200)["items"].as_array().unwrap().len(), 5);
    pi.get(&format!("{RECIPES}?status=nonsense")).await.refused(400, "malformed");
}

#[tokio::test]
async fn drafts_are_edited_rejected_and_deleted() {
    let mesh = Mesh::start().await;
    let (engineer, pi) = (mesh.demo("engineer").await, mesh.demo("pi").await);
    let path = draft(&engineer).await;
    let before = engineer.get(&path).await.expect(200);
    let edited = engineer.put(&path, json!({"params": {"vds": 0.2}})).await.expect(200);
    assert_ne!(edited["params_hash"], before["params_hash"]);
    assert_eq!(engineer.put(&path, json!({"params": {"vds": 0.1}})).await.expect(200)["params_hash"], before["params_hash"]);
    engineer.delete(&path).await.refused(403, "role_required");
    assert_eq!(pi.delete(&path).await.status, 204);
    engineer.get(&path).await.refused(404, "not_found");

    let path = draft(&engineer).await;
    attach(&engineer, "recipe", path.rsplit('/').next().unwrap(), "text/csv", b"0,1").await.expect(201);
    pi.delete(&path).await.refused(409, "recipe_state");
    engineer.get(&path).await.expect(200);

    let path = draft(&engineer).await;
    pi.act(&format!("{path}/reject")).await.refused(409, "recipe_state");
    engineer.act(&format!("{path}/request-approval")).await.expect(200);
    let rejected = pi.post(&format!("{path}/reject"), json!({"comment": "no"})).await.expect(200);
    assert_eq!(rejected["status"], "draft");
    assert_eq!(engineer.get(&format!("{path}/approvals")).await.expect(200)["items"][0]["state"], "rejected");
    let pending = engineer.act(&format!("{path}/request-approval")).await.expect(200);
    assert_eq!(pending["status"], "pending_approval");
    assert_eq!(engineer.put(&path, json!({"method": "cv"})).await.expect(200)["status"], "draft");
    engineer.put(&path, json!({"status": "approved"})).await.refused(422, "invalid");
    mesh.caller("pi", TEST).await.act(&format!("{path}/approve")).await.refused(404, "not_found");
    assert_eq!(Value::Null, engineer.get(&path).await.expect(200)["description"]);
}

#[tokio::test]
async fn recipes_are_listed_by_name_status_and_words() {
    let mesh = Mesh::start().await;
    let (engineer, pi) = (mesh.demo("engineer").await, mesh.demo("pi").await);
    let mut paths = Vec::new();
    for recipe in [
        json!({"name": "IV", "version": "1", "method": "iv_sweep"}),
        json!({"name": "IV", "version": "2", "description": "Slow, in the dark"}),
        json!({"name": "CV", "version": "3"}),
    ] {
        let made = engineer.post(RECIPES, recipe).await;
        paths.push(made.header("location").to_owned());
        made.expect(201);
    }
    pi.act(&format!("{}/approve", paths[0])).await.expect(200);
    engineer.act(&format!("{}/request-approval", paths[2])).await.expect(200);
    let by = async |query: &str| {
        let listed = engineer.get(&format!("{RECIPES}?{query}")).await.expect(200);
        listed["items"].as_array().unwrap().iter().map(|item| item["version"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(by("").await, ["3", "2", "1"]);
    assert_eq!((by("name=IV").await, by("name=CV").await), (vec!["2".to_owned(), "1".to_owned()], vec!["3".to_owned()]));
    assert!(by("name=I").await.is_empty() && by("name=iv").await.is_empty(), "a name is the whole name");
    for (status, version) in [("approved", "1"), ("draft", "2"), ("pending_approval", "3")] {
        assert_eq!(by(&format!("status={status}")).await, [version]);
    }
    assert!(by("status=retired").await.is_empty());
    for (words, version) in [("DARK", "2"), ("sweep", "1"), ("cv", "3")] {
        assert_eq!(by(&format!("q={words}")).await, [version], "{words}");
    }
    assert!(by("q=bright").await.is_empty());
    assert_eq!(by("name=IV&status=draft").await, ["2"]);
}

#[tokio::test]
async fn what_is_new_in_a_version_is_told() {
    let mesh = Mesh::start().await;
    let (engineer, viewer) = (mesh.demo("engineer").await, mesh.demo("viewer").await);
    let first = draft(&engineer).await;
    let second =
        written(&engineer, json!({"name": "IV", "version": "1.1", "description": "slower", "params": {"vds": 0.2, "vgs": [0, 1]}})).await;
    let against = first.rsplit('/').next().unwrap();
    let diff = viewer.get(&format!("{second}/diff?against={against}")).await.expect(200);
    assert_eq!(diff["against_id"], against);
    assert_eq!(
        diff["changes"],
        json!([
            {"path": "/description", "kind": "added", "before": null, "after": "slower"},
            {"path": "/method", "kind": "removed", "before": "iv_sweep", "after": null},
            {"path": "/params/vds", "kind": "changed", "before": 0.1, "after": 0.2},
            {"path": "/params/vgs", "kind": "added", "before": null, "after": [0, 1]},
            {"path": "/version", "kind": "changed", "before": "1.0", "after": "1.1"},
        ])
    );
    assert_eq!(
        viewer.get(&format!("{second}/diff?against={}", second.rsplit('/').next().unwrap())).await.expect(200)["changes"],
        json!([])
    );
    viewer.get(&format!("{second}/diff")).await.refused(422, "invalid");
    mesh.caller("viewer", TEST).await.get(&format!("{second}/diff?against={against}")).await.refused(404, "not_found");
}

#[tokio::test]
async fn the_procedure_is_approved_with_the_rest() {
    let mesh = Mesh::start().await;
    let (engineer, pi) = (mesh.demo("engineer").await, mesh.demo("pi").await);
    let sop = crate::sops::in_force(&mesh, spectra_tests::DEMO).await;
    let path = written(&engineer, json!({"name": "IV", "version": "1", "sop_id": sop})).await;
    assert_eq!(engineer.get(&path).await.expect(200)["sop_id"], json!(sop));
    let foreign = crate::sops::in_force(&mesh, TEST).await;
    engineer.patch(&path, json!({"sop_id": foreign})).await.refused(404, "not_found");
    assert_eq!(engineer.patch(&path, json!({"sop_id": null})).await.expect(200)["sop_id"], Value::Null);
    engineer.patch(&path, json!({"sop_id": sop})).await.expect(200);
    let approved = pi.act(&format!("{path}/approve")).await.expect(200);
    assert_eq!(approved["sop_id"], json!(sop));
    engineer.patch(&path, json!({"sop_id": null})).await.refused(409, "recipe_frozen");
}
