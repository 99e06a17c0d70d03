//! The gate and the tenancy of every method, from the descriptors: a method that is declared is
//! covered, and one without an example request fails.

use std::collections::BTreeMap;

use prost_reflect::{DynamicMessage, MethodDescriptor};
use serde_json::{Value, json};
use spectra_proto::{
    Label,
    policy::{Access, MethodPolicy, POLICIES},
    types::UserRole,
};
use spectra_tests::{DEMO, Mesh, TEST, grpc};
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// One record of each resource of the demo organization, by kind.
struct Records(BTreeMap<&'static str, String>);

impl Records {
    async fn make(mesh: &Mesh) -> Self {
        let engineer = mesh.demo("engineer").await;
        let id = |value: Value| value["id"].as_str().expect("an id").to_owned();
        let mut records = BTreeMap::new();
        let material = engineer.post("/api/lims/materials", json!({"name": "Silicon", "type": "semiconductor"})).await.expect(201);
        records.insert("material", id(material));
        let sample = engineer.post("/api/lims/samples", json!({"name": "a sample"})).await.expect(201);
        records.insert("sample", id(sample));
        let recipe = engineer.post("/api/lims/recipes", json!({"name": "a recipe", "version": "1"})).await.expect(201);
        records.insert("recipe", id(recipe));
        let tool = json!({"name": "a tool", "vendor": "v", "model": "m", "interface": "tcp"});
        let instrument = id(engineer.post("/api/analysis/instruments", tool).await.expect(201));
        let certificate = json!({"instrument_id": instrument, "certificate_id": "C-1", "issued_at": "2020-01-01T00:00:00Z", "expires_at": "2099-01-01T00:00:00Z"});
        records.insert("calibration", id(engineer.post("/api/analysis/calibrations", certificate).await.expect(201)));
        let run = engineer.post("/api/analysis/runs", json!({"instrument_id": instrument, "method": "iv_sweep"})).await.expect(201);
        records.insert("run", id(run));
        records.insert("instrument", instrument);
        let me = engineer.get("/auth/me").await.expect(200);
        records.insert("user", id(me));
        let sessions = engineer.get("/auth/sessions").await.expect(200);
        records.insert("session", id(sessions["items"][0].clone()));
        Self(records)
    }

    /// The example request of a method, in proto3 JSON, with this organization's ids.
    fn example(&self, path: &str) -> Value {
        let id = |kind: &str| json!(self.0[kind]);
        let (service, method) = path.trim_start_matches("/spectra.").rsplit_once('/').expect("a gRPC path");
        match (service, method) {
            ("identity.v1.SessionService", "SignOut" | "GetMe" | "ListSessions")
            | ("identity.v1.OrganizationService", "GetOrganization")
            | ("identity.v1.UserService", "ListUsers")
            | ("lims.v1.MaterialService", "ListMaterials")
            | ("lims.v1.SampleService", "ListSamples")
            | ("lims.v1.RecipeService", "ListRecipes")
            | ("analysis.v1.InstrumentService", "ListInstruments") => json!({}),
            ("identity.v1.SessionService", "EndSession") => json!({"id": id("session")}),
            ("identity.v1.OrganizationService", "UpdateOrganization") => json!({"organization": {"name": "A new name"}}),
            ("identity.v1.UserService", "GetUser") => json!({"id": id("user")}),
            ("identity.v1.UserService", "UpdateUser") => json!({"id": id("user"), "user": {"name": "A new name"}, "updateMask": "name"}),
            ("lims.v1.MaterialService", "GetMaterial") => json!({"id": id("material")}),
            ("lims.v1.MaterialService", "CreateMaterial") => json!({"material": {"name": "Germanium", "type": "semiconductor"}}),
            ("lims.v1.MaterialService", "UpdateMaterial") => json!({"id": id("material"), "material": {"name": "n"}, "updateMask": "name"}),
            ("lims.v1.SampleService", "CreateSample") => json!({"sample": {"name": "n", "materialId": id("material")}}),
            ("lims.v1.SampleService", "UpdateSample") => json!({"id": id("sample"), "sample": {"name": "n"}, "updateMask": "name"}),
            ("lims.v1.SampleService", "GetSample" | "DeleteSample") => json!({"id": id("sample")}),
            ("lims.v1.RecipeService", "CreateRecipe") => json!({"recipe": {"name": "n", "version": "1"}}),
            ("lims.v1.RecipeService", "UpdateRecipe") => json!({"id": id("recipe"), "recipe": {"name": "n"}, "updateMask": "name"}),
            (
                "lims.v1.RecipeService",
                "GetRecipe"
                | "DeleteRecipe"
                | "RequestRecipeApproval"
                | "ApproveRecipe"
                | "RejectRecipe"
                | "RetireRecipe"
                | "ListRecipeApprovals",
            ) => json!({"id": id("recipe")}),
            ("analysis.v1.InstrumentService", "GetInstrument") => json!({"id": id("instrument")}),
            ("analysis.v1.InstrumentService", "CreateInstrument") => {
                json!({"instrument": {"name": "n", "vendor": "v", "model": "m", "interface": "tcp"}})
            }
            ("analysis.v1.InstrumentService", "UpdateInstrument") => {
                json!({"id": id("instrument"), "instrument": {"name": "n"}, "updateMask": "name"})
            }
            ("analysis.v1.CalibrationService", "ListCalibrations" | "GetCalibrationStatus") | ("analysis.v1.RunService", "ListRuns") => {
                json!({"instrumentId": id("instrument")})
            }
            ("analysis.v1.CalibrationService", "GetCalibration") => json!({"id": id("calibration")}),
            ("analysis.v1.CalibrationService", "RevokeCalibration") => json!({"id": id("calibration"), "reason": "found bad"}),
            ("analysis.v1.CalibrationService", "CreateCalibration") => json!({"calibration": {
                "instrumentId": id("instrument"), "certificateId": "C-2",
                "issuedAt": "2020-01-01T00:00:00Z", "expiresAt": "2099-01-01T00:00:00Z",
            }}),
            ("analysis.v1.RunService", "CreateRun") => json!({"run": {"instrumentId": id("instrument"), "method": "iv_sweep"}}),
            ("analysis.v1.RunService", "GetRun" | "StartRun" | "CompleteRun" | "FailRun" | "CancelRun" | "UnblockRun") => {
                json!({"id": id("run")})
            }
            _ => panic!("{path} has no example request: add one to the table in tests/mesh/contract.rs"),
        }
    }

    /// The same request with ids that nobody has; none when it holds no id.
    fn strange(&self, example: &Value) -> Option<Value> {
        let own = example.to_string();
        let mut text = own.clone();
        for id in self.0.values() {
            text = text.replace(id, &spectra_mesh::new_id().to_string());
        }
        (text != own).then(|| serde_json::from_str(&text).expect("still JSON"))
    }
}

/// The unary methods for members of an organization.
fn guarded() -> Vec<(MethodDescriptor, &'static MethodPolicy)> {
    let all = grpc::methods().map(|method| (POLICIES.get(&grpc::path(&method)).expect("a policy"), method));
    let mut guarded: Vec<_> = all
        .filter(|(policy, _)| policy.policy.access() == Access::Org && !policy.client_streaming && !policy.server_streaming)
        .map(|(policy, method)| (method, policy))
        .collect();
    guarded.sort_by_key(|(method, _)| grpc::path(method));
    guarded
}

async fn call(mesh: &Mesh, method: &MethodDescriptor, asked: &DynamicMessage, token: Option<&str>) -> Result<DynamicMessage, Status> {
    grpc::call(mesh.channel(method.parent_service().full_name()), method, asked, token).await
}

const ROLES: [UserRole; 5] = [UserRole::Viewer, UserRole::Technician, UserRole::Engineer, UserRole::Pi, UserRole::Admin];

#[tokio::test]
async fn every_method_asks_who_calls_and_in_which_role() {
    let mesh = Mesh::start().await;
    let records = Records::make(&mesh).await;
    let token = mesh.token("admin", DEMO).await;
    let broken = format!("{}x", &token[..token.len() - 2]);
    let mut calls = 0;
    for (method, policy) in guarded() {
        let path = grpc::path(&method);
        let asked = grpc::request(&method, records.example(&path));
        for token in [None, Some(""), Some("x.y.z"), Some(broken.as_str())] {
            let refused = call(&mesh, &method, &asked, token).await.expect_err(&path);
            assert_eq!(refused.code(), Code::Unauthenticated, "{path} with {token:?}");
            calls += 1;
        }
        for role in ROLES.into_iter().filter(|role| *role < policy.policy.role()) {
            let token = mesh.token(role.label(), DEMO).await;
            let refused = call(&mesh, &method, &asked, Some(&token)).await.expect_err(&path);
            assert_eq!(refused.code(), Code::PermissionDenied, "{path} as {role:?}: {refused:?}");
            let info = refused.get_details_error_info().expect("ErrorInfo");
            assert_eq!((info.reason.as_str(), info.domain.as_str()), ("ROLE_REQUIRED", "spectra"), "{path}");
            assert_eq!(info.metadata["required_role"], policy.policy.role().label(), "{path}");
            calls += 1;
        }
    }
    println!("{calls} refused calls over {} methods", guarded().len());
}

#[tokio::test]
async fn another_organizations_ids_are_nobodys_ids() {
    let mesh = Mesh::start().await;
    let records = Records::make(&mesh).await;
    let stranger = mesh.token("admin", TEST).await;
    let mut compared = 0;
    for (method, _) in guarded() {
        let path = grpc::path(&method);
        let example = records.example(&path);
        let Some(strange) = records.strange(&example) else { continue };
        let foreign = call(&mesh, &method, &grpc::request(&method, example), Some(&stranger)).await;
        let unknown = call(&mesh, &method, &grpc::request(&method, strange), Some(&stranger)).await;
        match (foreign, unknown) {
            (Err(foreign), Err(unknown)) => {
                assert_eq!(foreign.code(), Code::NotFound, "{path}: {foreign:?}");
                let told = |status: &Status| (status.code(), status.message().to_owned(), status.details().to_vec());
                assert_eq!(told(&foreign), told(&unknown), "{path}");
            }
            // A list filtered by an id that nobody has is an empty list.
            (Ok(foreign), Ok(unknown)) if method.name().starts_with("List") => assert_eq!(foreign, unknown, "{path}"),
            (foreign, unknown) => panic!("{path}: {foreign:?} for another's id, {unknown:?} for nobody's"),
        }
        compared += 1;
    }
    assert!(compared > 20, "only {compared} methods were compared");
    println!("{compared} methods compared");
}

#[tokio::test]
async fn lists_hold_ones_own_organization_alone() {
    let mesh = Mesh::start().await;
    let records = Records::make(&mesh).await;
    let stranger = mesh.token("admin", TEST).await;
    let mut lists = 0;
    for (method, _) in guarded().into_iter().filter(|(method, _)| method.name().starts_with("List")) {
        let path = grpc::path(&method);
        let Ok(listed) = call(&mesh, &method, &grpc::request(&method, records.example(&path)), Some(&stranger)).await else { continue };
        let listed = serde_json::to_string(&listed).expect("JSON");
        for (kind, id) in &records.0 {
            assert!(!listed.contains(id), "{path} shows another organization's {kind}");
        }
        lists += 1;
    }
    assert!(lists >= 7, "only {lists} lists were read");
}
