//! Gauge studies, through the gateway.

use serde_json::{Value, json};
use spectra_tests::{Caller, Mesh, TEST};

use crate::calibrations::instrument;

const STUDIES: &str = "/api/analysis/gauge-studies";

/// An example request of each method, in proto3 JSON.
pub(crate) fn example(method: &str, id: impl Fn(&str) -> Value) -> Option<Value> {
    Some(match method {
        "ListGaugeStudies" => json!({"instrumentId": id("instrument")}),
        "GetGaugeStudy" => json!({"id": id("gauge study")}),
        "CreateGaugeStudy" => json!({"study": {"instrumentId": id("instrument"), "measurements": measurements()}}),
        _ => return None,
    })
}

/// Records a study of an instrument; its id.
pub(crate) async fn studied(engineer: &Caller, tool: &str) -> String {
    let study = json!({"instrument_id": tool, "metric": "vth", "measurements": measurements()});
    engineer.post(STUDIES, study).await.expect(201)["id"].as_str().unwrap().to_owned()
}

/// Two operators who measured three parts twice, with little between them.
fn measurements() -> Value {
    let read = |operator: &str, part: u8, trial: u8, value: f64| json!({"operator": operator, "part": part.to_string(), "trial": trial, "value": value});
    json!([
        read("A", 1, 1, 1.03),
        read("A", 1, 2, 1.01),
        read("A", 2, 1, 2.02),
        read("A", 2, 2, 2.04),
        read("A", 3, 1, 3.01),
        read("A", 3, 2, 3.03),
        read("B", 1, 1, 1.02),
        read("B", 1, 2, 1.03),
        read("B", 2, 1, 2.01),
        read("B", 2, 2, 2.03),
        read("B", 3, 1, 3.02),
        read("B", 3, 2, 3.01),
    ])
}

#[tokio::test]
async fn a_study_is_evaluated_kept_and_listed() {
    let mesh = Mesh::start().await;
    let (engineer, viewer) = (mesh.demo("engineer").await, mesh.demo("viewer").await);
    let (tool, other) = (instrument(&engineer, "tool").await, instrument(&engineer, "other").await);
    let asked =
        json!({"instrument_id": tool, "metric": "vth", "method": "anova_crossed", "measurements": measurements(), "tolerance": 1.5});
    let answer = engineer.post(STUDIES, asked.clone()).await;
    let location = answer.header("location").to_owned();
    let made = answer.expect(201);
    assert_eq!(location, format!("{STUDIES}/{}", made["id"].as_str().unwrap()));
    for name in ["instrument_id", "metric", "method", "measurements", "tolerance"] {
        assert_eq!(made[name], asked[name], "{name}");
    }
    assert_eq!((made["alpha_to_pool"].as_f64(), made["study_width"].as_f64()), (Some(0.25), Some(6.0)));
    let percent = made["grr_percent"].as_f64().unwrap();
    assert_eq!(made["table"]["pct_study_var"]["grr"].as_f64(), Some(percent));
    assert!((0.5..3.0).contains(&percent) && made["ndc"].as_i64().unwrap() > 40, "{made}");
    assert_eq!(made["table"]["df"], json!({"operator": 1, "part": 2, "interaction": 2, "repeatability": 6}));
    assert!(made["tolerance_percent"].as_f64().is_some_and(|percent| percent > 0.0));
    assert_eq!(viewer.get(&location).await.expect(200), made);

    let ranged = json!({"instrument_id": other, "method": "xbar_r", "measurements": measurements()});
    let ranged = engineer.post(STUDIES, ranged).await.expect(201);
    assert_eq!(ranged["table"]["pct_GRR"], ranged["grr_percent"]);
    assert!(ranged.get("tolerance_percent").is_none_or(Value::is_null), "{ranged}");
    let nested = json!({"instrument_id": other, "method": "anova_nested", "measurements": measurements()});
    assert!(engineer.post(STUDIES, nested).await.expect(201)["table"]["F"]["part"].is_number());

    let listed = async |query: &str| viewer.get(&format!("{STUDIES}{query}")).await.expect(200)["items"].as_array().unwrap().len();
    assert_eq!(listed("").await, 3);
    assert_eq!(listed(&format!("?instrument_id={tool}")).await, 1);
    assert_eq!(listed("?metric=vth").await, 1);
    engineer.delete(&location).await.expect(405);
}

#[tokio::test]
async fn a_study_must_be_balanced_and_of_an_instrument_of_ones_own() {
    let mesh = Mesh::start().await;
    let (engineer, viewer) = (mesh.demo("engineer").await, mesh.demo("viewer").await);
    let tool = instrument(&engineer, "tool").await;
    let with = |change: fn(&mut Value)| {
        let mut study = json!({"instrument_id": tool, "measurements": measurements()});
        change(&mut study);
        study
    };
    viewer.post(STUDIES, with(|_| ())).await.refused(403, "role_required");
    let foreign = instrument(&mesh.caller("engineer", TEST).await, "tool").await;
    let mut theirs = with(|_| ());
    theirs["instrument_id"] = json!(foreign);
    engineer.post(STUDIES, theirs).await.refused(404, "not_found");
    for wrong in [
        with(|study| drop(study["measurements"].as_array_mut().unwrap().pop())),
        with(|study| study["measurements"] = json!([])),
        with(|study| study["measurements"][1]["trial"] = json!(1)),
        with(|study| study["measurements"][1]["value"] = Value::Null),
        with(|study| study["measurements"][1]["value"] = json!("Infinity")),
        with(|study| study["measurements"][1]["value"] = json!(1e308)),
        with(|study| study["measurements"].as_array_mut().unwrap().iter_mut().for_each(|reading| reading["value"] = json!(1))),
        with(|study| study["measurements"].as_array_mut().unwrap().iter_mut().for_each(|reading| reading["operator"] = json!("A"))),
        with(|study| study["tolerance"] = json!(0)),
        with(|study| study["alpha_to_pool"] = json!(2)),
        with(|study| study["grr_percent"] = json!(1)),
    ] {
        engineer.post(STUDIES, wrong).await.refused(422, "invalid");
    }
    let read = viewer.get(STUDIES).await.expect(200);
    assert_eq!(read["items"], json!([]), "nothing of what was refused is there");
}
