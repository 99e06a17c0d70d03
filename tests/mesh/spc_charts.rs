//! Charts of series, through the gateway.

use serde_json::{Value, json};
use spectra_tests::{Caller, Mesh, TEST};

use crate::{
    calibrations::instrument,
    spc_points::{day, points},
    spc_series::series,
};

mod capability;
mod counts;
mod kinds;
mod reduced;

/// An example request of each method, in proto3 JSON.
pub(crate) fn example(method: &str, id: impl Fn(&str) -> Value) -> Option<Value> {
    Some(match method {
        "GetSpcChart" | "GetSpcCapability" => json!({"id": id("spc series")}),
        _ => return None,
    })
}

/// The lines of a chart or of a stage.
struct Expected {
    centre: Option<f64>,
    limits: [Option<f64>; 2],
    /// The zones of one sigma.
    one_sigma: Option<[f64; 2]>,
    /// Centre line and limits of the second chart.
    spread: Option<[f64; 3]>,
}

/// Adds points, a day apart.
async fn send(caller: &Caller, path: &str, first: usize, mut points: Vec<Value>) {
    for (nth, point) in points.iter_mut().enumerate() {
        point["ts"] = json!(day(first + nth));
    }
    caller.post(&format!("{path}/points"), json!({"points": points})).await.expect(201);
}

async fn chart(caller: &Caller, path: &str) -> Value {
    caller.get(&format!("{path}/chart")).await.expect(200)
}

/// A number of each point of a chart.
fn column(chart: &Value, name: &str) -> Vec<Option<f64>> {
    chart["points"].as_array().unwrap().iter().map(|point| point[name].as_f64()).collect()
}

/// Numbers are the same, but for what is left out of those that are written here.
fn near(told: &[Option<f64>], expected: &[Option<f64>]) {
    let same = |(told, expected): (&Option<f64>, &Option<f64>)| match (told, expected) {
        (Some(told), Some(expected)) => (told - expected).abs() < 2e-6,
        (told, expected) => told == expected,
    };
    assert!(told.len() == expected.len() && told.iter().zip(expected).all(same), "{told:?} is not {expected:?}");
}

fn assert_lines(told: &Value, expected: &Expected) {
    let number = |name: &str| told[name].as_f64();
    near(&[number("centre"), number("ctrl_lcl"), number("ctrl_ucl")], &[expected.centre, expected.limits[0], expected.limits[1]]);
    let spread = expected.spread.map_or([None; 3], |spread| spread.map(Some));
    near(&[number("spread_centre"), number("spread_lcl"), number("spread_ucl")], &spread);
    let zones = told["zones"].as_array().unwrap();
    let [lower, upper] = expected.one_sigma.map_or([None; 2], |zone| zone.map(Some));
    let of_one = zones.first().map_or(&Value::Null, |zone| zone);
    near(&[of_one["lower"].as_f64(), of_one["upper"].as_f64()], &[lower, upper]);
    assert_eq!(zones.len(), if lower.is_some() { 3 } else { 0 });
}

#[tokio::test]
async fn a_chart_shows_points_limits_zones_and_what_signals() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let path = series(&engineer, json!({"ctrl_lcl": 0.4, "ctrl_ucl": 0.6, "spec_lcl": 0.3, "spec_ucl": 0.7})).await;
    let empty = engineer.get(&format!("{path}/chart")).await.expect(200);
    assert_eq!((&empty["points"], &empty["total"], &empty["ctrl_ucl"]), (&json!([]), &json!(0), &json!(0.6)));
    points(&engineer, &path, &[(&day(1), Some(0.5)), (&day(2), None), (&day(3), Some(0.7)), (&day(4), Some(0.5))]).await;
    let chart = mesh.demo("viewer").await.get(&format!("{path}/chart")).await.expect(200);
    let drawn: Vec<_> = chart["points"].as_array().unwrap().iter().map(|point| json!([point["ts"], point["value"]])).collect();
    assert_eq!(drawn, [json!([day(1), 0.5]), json!([day(2), null]), json!([day(3), 0.7]), json!([day(4), 0.5])]);
    assert_eq!(chart["violations"], json!([chart["points"][2]]));
    assert_eq!(chart["violations"][0]["triggered_rules"], json!(["we1"]));
    let upper: Vec<_> =
        chart["zones"].as_array().unwrap().iter().map(|zone| (zone["upper"].as_f64().unwrap() * 1e9).round() / 1e9).collect();
    assert_eq!(upper, [0.533_333_333, 0.566_666_667, 0.6]);
    assert_eq!((&chart["frozen"], &chart["open_alerts"], &chart["series"]["spec_ucl"]), (&json!(true), &json!(1), &json!(0.7)));
    assert_eq!((chart["stages"].as_array().unwrap().len(), &chart["stages"][0]["ruleset"]), (1, &json!("western_electric")));
    engineer.get(&format!("{path}/chart?max_points=1")).await.refused(422, "invalid");
    mesh.caller("viewer", TEST).await.get(&format!("{path}/chart")).await.refused(404, "not_found");
}

#[tokio::test]
async fn capability_is_of_the_points_that_count() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let bare = series(&engineer, json!({})).await;
    engineer.get(&format!("{bare}/capability")).await.refused(409, "spc_no_specification");
    let path = series(&engineer, json!({"spec_lcl": 0, "spec_ucl": 4, "target": 2})).await;
    engineer.get(&format!("{path}/capability")).await.refused(409, "spc_too_few_points");
    let days: Vec<_> = (0..31).map(day).collect();
    let mut sent: Vec<_> = days.iter().enumerate().map(|(nth, day)| (day.as_str(), Some([1.0, 2.0, 3.0][nth % 3]))).collect();
    sent[30].1 = Some(100.0);
    let stored = points(&engineer, &path, &sent).await;
    let outlier = stored["points"][30]["id"].as_str().unwrap();
    engineer.post(&format!("{path}/points/{outlier}/exclude"), json!({"reason": "another wafer"})).await.expect(200);
    let told = mesh.demo("viewer").await.get(&format!("{path}/capability")).await.expect(200);
    let number = |name: &str| told[name].as_f64().unwrap_or_else(|| panic!("{name} in {told}"));
    // Thirty values 1, 2 and 3 in turn; their moving ranges are 1, 1 and 2.
    let (within, overall) = ((20.0 + 9.0 * 2.0) / 29.0 / std::f64::consts::FRAC_2_SQRT_PI, (20.0_f64 / 29.0).sqrt());
    assert!((number("sigma_within") - within).abs() < 1e-9 && (number("sigma_overall") - overall).abs() < 1e-9, "{told}");
    assert!((number("cp") - 4.0 / (6.0 * within)).abs() < 1e-9 && (number("ppk") - 2.0 / (3.0 * overall)).abs() < 1e-9, "{told}");
    assert_eq!((&told["n"], number("mean"), number("cpm") > 0.0), (&json!(30), 2.0, true));
    let interval: Vec<_> = told["cpk_interval"].as_array().unwrap().iter().map(|end| end.as_f64().unwrap()).collect();
    assert!(interval.len() == 2 && interval[0] < number("cpk") && number("cpk") < interval[1], "{told}");
    engineer.get(&format!("{path}/capability?level=1")).await.refused(422, "invalid");
}

/// What no number holds is not drawn, and is no fault of whoever looks at it.
#[tokio::test]
async fn points_that_allow_no_estimate_are_drawn_without() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let path = series(&engineer, json!({"spec_lcl": 0, "spec_ucl": 4})).await;
    points(&engineer, &path, &[(&day(1), Some(f64::MAX)), (&day(2), Some(f64::MIN)), (&day(3), Some(f64::MAX))]).await;
    let chart = engineer.get(&format!("{path}/chart")).await.expect(200);
    assert_eq!((&chart["total"], &chart["centre"], &chart["ctrl_ucl"]), (&json!(3), &Value::Null, &Value::Null));
    engineer.get(&format!("{path}/capability")).await.refused(409, "spc_too_few_points");
}

#[tokio::test]
async fn capability_is_of_single_values() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    for chart in ["p", "np", "c", "u", "laney_p", "laney_u", "t2", "mewma"] {
        let path = series(&engineer, json!({"chart_type": chart, "spec_lcl": 0, "spec_ucl": 4})).await;
        let problem = engineer.get(&format!("{path}/capability")).await.refused(409, "spc_no_specification");
        assert!(problem["detail"].as_str().unwrap().contains(chart), "{problem}");
    }
}

#[tokio::test]
async fn capability_warns_of_an_unfit_gauge() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let tool = instrument(&engineer, "tool").await;
    let limits = json!({"instrument_id": tool, "ctrl_lcl": 0, "ctrl_ucl": 4, "spec_lcl": 0, "spec_ucl": 4});
    let path = series(&engineer, limits).await;
    let days: Vec<_> = (0..9).map(day).collect();
    let sent: Vec<_> = days.iter().enumerate().map(|(nth, day)| (day.as_str(), Some([1.0, 2.0, 3.0][nth % 3]))).collect();
    points(&engineer, &path, &sent).await;
    let warnings = async || engineer.get(&format!("{path}/capability")).await.expect(200)["warnings"].clone();
    assert_eq!(warnings().await, json!([]), "nobody studied the gauge");
    // Three parts that differ less than what is read of one of them.
    let mut measurements = Vec::new();
    for (nth, operator) in ["A", "B"].into_iter().enumerate() {
        for part in 1..=3_u8 {
            for (trial, off) in [(1, 0.5), (2, -0.5)] {
                let value = f64::from(part) / 10.0 + if nth == 0 { off } else { -off * 1.1 };
                measurements.push(json!({"operator": operator, "part": part.to_string(), "trial": trial, "value": value}));
            }
        }
    }
    let study = json!({"instrument_id": tool, "metric": "vth", "measurements": measurements});
    let made = engineer.post("/api/analysis/gauge-studies", study).await.expect(201);
    assert!(made["grr_percent"].as_f64().unwrap() > 30.0, "{made}");
    let told = warnings().await;
    assert_eq!((told.as_array().unwrap().len(), &told[0]["code"]), (1, &json!("gauge_unfit")), "{told}");
    assert_eq!(told, engineer.get(&path).await.expect(200)["warnings"]);
}
