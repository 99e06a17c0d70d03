//! A record of each resource in an organization, and the example requests that name them. The
//! examples stand beside the tests of their resources.

use std::{cell::Cell, collections::BTreeMap};

use prost_reflect::{DynamicMessage, MethodDescriptor};
use serde_json::{Value, json};
use spectra_proto::policy::{Access, MethodPolicy, POLICIES};
use spectra_tests::{Caller, Mesh, grpc};
use tonic::Status;

use crate::{
    analyses, attachments, audit, calibrations, custody, devices, eln, feature_sets, gauge_studies, genealogy, impact, instruments, labels,
    materials, ml_models, organizations, people, proofs, recipes, results, runs, samples, scan, sessions, signatures, sops, spc_alerts,
    spc_charts, spc_evaluation, spc_points, spc_series, users, wafers,
};

/// The ids of one record of each resource, by kind.
pub(crate) struct Records(BTreeMap<&'static str, String>);

impl Records {
    /// Makes a record of each resource in an organization. They are in use: the recipe is approved,
    /// the instrument calibrated, the session an admin's.
    pub(crate) async fn make(mesh: &Mesh, organization: &str) -> Self {
        let engineer = mesh.caller("engineer", organization).await;
        let mut records = BTreeMap::new();
        let material = made(&engineer, "/api/lims/materials", json!({"name": "Silicon", "type": "semiconductor"})).await;
        let request = spectra_mesh::new_id().to_string();
        let sample =
            made(&engineer.with("x-request-id", &request), "/api/lims/samples", json!({"name": "a sample", "material_id": material})).await;
        scan::scanned(&engineer).await;
        wafers::wafer(&engineer, &sample, "of the sample").await;
        // What is deleted with its parent is not found any more, so these have parents of their own.
        let parent = made(&engineer, "/api/lims/samples", json!({"name": "a parent"})).await;
        let wafer = wafers::wafer(&engineer, &parent, "W1-1").await;
        let device = json!({"wafer_id": wafer, "device_label": "D1"});
        let device = made(&engineer, "/api/lims/devices", device).await;
        let sop = sops::in_force(mesh, organization).await;
        let recipe = made(&engineer, "/api/lims/recipes", json!({"name": "a recipe", "version": "1", "sop_id": sop})).await;
        let draft = made(&engineer, "/api/lims/recipes", json!({"name": "a draft", "version": "1"})).await;
        recipes::approve_at_last(mesh, organization, &recipe).await;
        let instrument = calibrations::instrument(&engineer, &format!("a tool {}", spectra_mesh::new_id())).await;
        let certificate = calibrations::certificate(&engineer, &instrument, "C-1", -10, 100).await;
        let further = runs::ready_tool(&engineer).await;
        let run = json!({"instrument_id": instrument, "method": "iv_sweep", "recipe_id": recipe, "sample_id": parent, "wafer_id": wafer,
                         "device_id": device, "further_instrument_ids": [further]});
        let run = made(&engineer, "/api/analysis/runs", run).await;
        let (result, derived) = results::measured(&engineer, &run).await;
        let links = json!({"samples": [sample], "runs": [run], "recipes": [recipe]});
        let entry = json!({"title": "a measurement", "body_markdown": "of leakage", "tags": ["iv"], "linked_entities": links});
        let entry = made(&engineer, "/api/lims/eln", entry).await;
        eln::sign_by_all(mesh, organization, &entry).await;
        records.insert("eln_entry", entry);
        let mut learnt = vec![run.clone()];
        for _ in 0..2 {
            learnt.push(feature_sets::measured(&engineer, &instrument, json!({"vth": 0.5})).await.0);
        }
        let set = feature_sets::feature_set(&engineer, json!({"metrics": ["vth"], "method": "iv_sweep"})).await;
        let model =
            ml_models::model(&engineer, &spectra_mesh::new_id().to_string(), json!({"feature_set_id": set, "run_ids": learnt})).await;
        records.insert("model", model.rsplit('/').next().unwrap_or_default().to_owned());
        records.insert("feature set", set);
        records.insert("run", run);
        records.insert("analysis", analyses::analysed(&engineer, &result).await);
        records.insert("result", result);
        records.insert("derived result", derived);
        records.insert("gauge study", gauge_studies::studied(&engineer, &instrument).await);
        records.insert("device", device);
        records.insert("wafer", wafer);
        records.insert("another sample", parent);
        records.insert("another instrument", further);
        let watch = json!({
            "entity_type": "sample", "entity_id": sample, "instrument_id": instrument, "metric": "vth", "ctrl_lcl": -3, "ctrl_ucl": 3,
            "spec_lcl": -6,
        });
        let series = spc_series::series(&engineer, watch).await;
        let days = [1, 2, 3].map(spc_points::day);
        let judged = spc_points::points(&engineer, &series, &[(&days[0], Some(4.0)), (&days[1], Some(0.0)), (&days[2], Some(5.0))]).await;
        let of_run = json!({"points": [{"value": 0.0, "run_id": records["run"]}]});
        engineer.post(&format!("{series}/points"), of_run).await.expect(201);
        records.insert("spc point", id(&judged["points"][0]));
        records.insert("spc alert", id(&judged["alerts"][0]));
        records.insert("spc series", series.rsplit('/').next().unwrap_or_default().to_owned());
        records.insert("attachment", attachments::attached(&engineer, &sample).await);
        let user = id(&engineer.get("/auth/me").await.expect(200));
        let handed = json!({"sample_id": sample, "to_user": user});
        records.insert("custody event", made(&engineer, "/api/lims/custody", handed).await);
        records.insert("material", material);
        records.insert("request", request);
        records.insert("sample", sample);
        records.insert("calibration", certificate.rsplit('/').next().unwrap_or_default().to_owned());
        records.insert("draft recipe", draft);
        records.insert("recipe", recipe);
        records.insert("sop", sop);
        records.insert("instrument", instrument);
        records.insert("user", user);
        let admin = mesh.anew("admin", organization).await;
        records.insert("session", id(&admin.get("/auth/sessions").await.expect(200)["items"][0]));
        Self(records)
    }

    /// The id of this kind of record.
    pub(crate) fn id(&self, kind: &str) -> Value {
        json!(self.0.get(kind).unwrap_or_else(|| panic!("tests/mesh/records.rs makes no {kind}")))
    }

    /// Every kind of record with its id.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(kind, id)| (*kind, id.as_str()))
    }

    /// A method's example request with these records.
    pub(crate) fn example(&self, method: &MethodDescriptor) -> DynamicMessage {
        example(method, |kind| self.id(kind))
    }

    /// A method's example request with these records but for its nth id, which is what `other` says.
    pub(crate) fn example_but(&self, nth: usize, method: &MethodDescriptor, other: impl Fn(&str) -> Value) -> DynamicMessage {
        let place = Cell::new(0);
        example(method, |kind| if place.replace(place.get() + 1) == nth { other(kind) } else { self.id(kind) })
    }
}

/// How many ids a method's example request holds.
pub(crate) fn ids(method: &MethodDescriptor) -> usize {
    let ids = Cell::new(0);
    example(method, |_| {
        ids.set(ids.get() + 1);
        nobodys()
    });
    ids.get()
}

/// An id that nobody has.
pub(crate) fn nobodys() -> Value {
    json!(spectra_mesh::new_id().to_string())
}

/// A method's example request, with an id of each kind that it names.
fn example(method: &MethodDescriptor, id: impl Fn(&str) -> Value) -> DynamicMessage {
    let (service, name) = (method.parent_service(), method.name());
    let (file, request) = match service.name() {
        "AnalysisService" => ("analyses.rs", analyses::example(name, id)),
        "AttachmentService" => ("attachments.rs", attachments::example(name, id)),
        "AuditService" => ("audit.rs", audit::example(name, id)),
        "CalibrationService" => ("calibrations.rs", calibrations::example(name, id)),
        "CustodyService" => ("custody.rs", custody::example(name, id)),
        "DeviceService" => ("devices.rs", devices::example(name, id)),
        "ElnService" => ("eln.rs", eln::example(name, id)),
        "FeatureSetService" => ("feature_sets.rs", feature_sets::example(name, id)),
        "GaugeStudyService" => ("gauge_studies.rs", gauge_studies::example(name, id)),
        "GenealogyService" => ("genealogy.rs", genealogy::example(name, id)),
        "ImpactService" => ("impact.rs", impact::example(name, id)),
        "InstrumentService" => ("instruments.rs", instruments::example(name, id)),
        "LabelService" => ("labels.rs", labels::example(name, id)),
        "MaterialService" => ("materials.rs", materials::example(name, id)),
        "MlModelService" => ("ml_models.rs", ml_models::example(name, id)),
        "OrganizationService" => ("organizations.rs", organizations::example(name, id)),
        "PeopleService" => ("people.rs", people::example(name, id)),
        "ProofService" => ("proofs.rs", proofs::example(name, id)),
        "RecipeService" => ("recipes.rs", recipes::example(name, id)),
        "ResultService" => ("results.rs", results::example(name, id)),
        "RunService" => ("runs.rs", runs::example(name, id)),
        "SampleService" => ("samples.rs", samples::example(name, id)),
        "ScanService" => ("scan.rs", scan::example(name)),
        "SessionService" => ("sessions.rs", sessions::example(name, id)),
        "SignatureService" => ("signatures.rs", signatures::example(name, id)),
        "SopService" => ("sops.rs", sops::example(name, id)),
        "SpcAlertService" => ("spc_alerts.rs", spc_alerts::example(name, id)),
        "SpcChartService" => ("spc_charts.rs", spc_charts::example(name, id)),
        "SpcEvaluationService" => ("spc_evaluation.rs", spc_evaluation::example(name)),
        "SpcPointService" => ("spc_points.rs", spc_points::example(name, id)),
        "SpcSeriesService" => ("spc_series.rs", spc_series::example(name, id)),
        "UserService" => ("users.rs", users::example(name, id)),
        "WaferService" => ("wafers.rs", wafers::example(name, id)),
        service => panic!("{service} has no examples: write `example` beside its tests and name it in tests/mesh/records.rs"),
    };
    let request = request.unwrap_or_else(|| panic!("{name} has no example request: add it to `example` in tests/mesh/{file}"));
    grpc::request(method, request)
}

/// The methods for members of an organization.
pub(crate) fn guarded() -> Vec<(MethodDescriptor, &'static MethodPolicy)> {
    let all = grpc::methods().map(|method| (POLICIES.get(&grpc::path(&method)).expect("a policy"), method));
    let mut guarded: Vec<_> = all
        .filter(|(policy, _)| policy.policy.access() == Access::Org && !policy.client_streaming)
        .map(|(policy, method)| (method, policy))
        .collect();
    guarded.sort_by_key(|(method, _)| grpc::path(method));
    guarded
}

/// Those of them that answer with one message.
pub(crate) fn answering() -> Vec<(MethodDescriptor, &'static MethodPolicy)> {
    guarded().into_iter().filter(|(_, policy)| !policy.server_streaming).collect()
}

/// Calls a method of the service that offers it.
pub(crate) async fn call(
    mesh: &Mesh,
    method: &MethodDescriptor,
    asked: &DynamicMessage,
    token: Option<&str>,
) -> Result<DynamicMessage, Status> {
    grpc::call(mesh.channel(method.parent_service().full_name()), method, asked, token).await
}

async fn made(caller: &Caller, path: &str, body: Value) -> String {
    id(&caller.post(path, body).await.expect(201))
}

fn id(record: &Value) -> String {
    record["id"].as_str().unwrap_or_else(|| panic!("no id in {record}")).to_owned()
}
