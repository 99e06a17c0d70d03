//! Capability of series: intervals, and indices of values that are not normal.

use serde_json::{Value, json};
use spectra_tests::{Caller, Mesh};

use crate::{
    spc_points::{day, points},
    spc_series::series,
};

/// Adds values to a series, one a day.
async fn sent(engineer: &Caller, path: &str, values: &[f64]) {
    let days: Vec<_> = (0..values.len()).map(day).collect();
    let values: Vec<_> = days.iter().zip(values).map(|(day, value)| (day.as_str(), Some(*value))).collect();
    points(engineer, path, &values).await;
}

/// Makes sure that numbers are what they should be, to six digits.
fn near(told: &Value, expected: &[(&str, f64)]) {
    for (name, expected) in expected {
        let number = told.pointer(&format!("/{name}")).and_then(Value::as_f64).unwrap_or_else(|| panic!("{name} in {told}"));
        assert!((number - expected).abs() <= 1e-6 * expected.abs().max(1.0), "{name}: {number} is not {expected}");
    }
}

/// A hundred values in pairs have fifty degrees of freedom within, and 99 overall.
#[tokio::test]
async fn intervals_of_subgroups_rest_on_pooled_degrees_of_freedom() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let limits = json!({"chart_type": "xbar_r", "subgroup_size": 2, "spec_lcl": 0, "spec_ucl": 4});
    let path = series(&engineer, limits).await;
    sent(&engineer, &path, &[1.5, 2.5].repeat(50)).await;
    let told = engineer.get(&format!("{path}/capability")).await.expect(200);
    // Each pair has a variance of 0.5. Printed quantiles of chi-squared with 50 degrees of freedom are 32.357364 and 71.420195; the reach of Cpk
    // is 1.959964 times the root of 1/900 + (8/9)/100, which is 0.1.
    let cp = 4.0 / (6.0 * 0.5_f64.sqrt());
    near(&told, &[("df_within", 50.0), ("sigma_within", 0.5_f64.sqrt()), ("cp", cp), ("cpk", cp)]);
    near(&told, &[("cp_interval/0", cp * (32.357_364 / 50.0_f64).sqrt()), ("cp_interval/1", cp * (71.420_195 / 50.0_f64).sqrt())]);
    near(&told, &[("cpk_interval/0", cp - 0.195_996_4), ("cpk_interval/1", cp + 0.195_996_4)]);
    assert_eq!((&told["method"], &told["lambda"], &told["distribution"]), (&json!("normal"), &Value::Null, &Value::Null));

    // By hand, 29 moving ranges: (29 * 0.570796 + 56 * 0.127825) / 841 is 0.028194, and half of its inverse, and a quarter, is 17.98.
    let single = series(&engineer, json!({"spec_lcl": 0, "spec_ucl": 4})).await;
    sent(&engineer, &single, &[1.0, 2.0, 3.0].repeat(10)).await;
    let df = engineer.get(&format!("{single}/capability")).await.expect(200)["df_within"].as_f64().unwrap();
    assert!((df - 17.98).abs() < 0.02, "{df}");
}

/// Logarithms from -2 to 2 in steps of 0.2 are symmetric, and thus the likeliest power of their exponentials is zero.
#[tokio::test]
async fn what_is_not_normal_is_transformed() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let path = series(&engineer, json!({"spec_lcl": (-3.0_f64).exp(), "spec_ucl": 3.0_f64.exp(), "target": 1})).await;
    let values: Vec<_> = (-10..=10_i32).map(|k| (f64::from(k) / 5.0).exp()).collect();
    sent(&engineer, &path, &values).await;
    // The squares of -10 to 10 sum to 770; every moving range is 0.2.
    let (overall, within) = ((770.0_f64 / 20.0 / 25.0).sqrt(), 0.2 / std::f64::consts::FRAC_2_SQRT_PI);
    for asked in ["method=box_cox", "method=box_cox&lambda=0"] {
        let told = engineer.get(&format!("{path}/capability?{asked}")).await.expect(200);
        near(&told, &[("lambda", 0.0), ("mean", 0.0), ("sigma_within", within), ("cp", 1.0 / within), ("cpk", 1.0 / within)]);
        near(&told, &[("sigma_overall", overall), ("pp", 1.0 / overall), ("ppk", 1.0 / overall)]);
        assert_eq!((&told["method"], &told["n"], &told["target"]), (&json!("box_cox"), &json!(21), &json!(1)));
    }
    // A power of one moves values and limits alike, and changes no index.
    let told = engineer.get(&format!("{path}/capability?method=box_cox&lambda=1")).await.expect(200);
    let plain = engineer.get(&format!("{path}/capability?method=normal")).await.expect(200);
    near(&told, &[("cpk", plain["cpk"].as_f64().unwrap()), ("ppk", plain["ppk"].as_f64().unwrap()), ("lambda", 1.0)]);
}

#[tokio::test]
async fn what_is_not_normal_is_told_by_percentiles() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let path = series(&engineer, json!({"spec_ucl": 20})).await;
    sent(&engineer, &path, &[1.0, 2.0, 3.0, 3.0, 2.0, 1.0]).await;
    let told = engineer.get(&format!("{path}/capability?method=percentile&distribution=exponential")).await.expect(200);
    // Of mean two: quantiles are minus two times the logarithm of what is left, and exp(-10) of all lie above twenty.
    let [low, middle, high] = [0.998_65, 0.5, 0.001_35].map(|left: f64| -2.0 * left.ln());
    near(&told, &[("fit/rate", 0.5), ("p00135", low), ("p50", middle), ("p99865", high), ("mean", 2.0)]);
    near(&told, &[("ppu", (20.0 - middle) / (high - middle)), ("ppk", (20.0 - middle) / (high - middle)), ("ppm_above", 45.399_93)]);
    assert_eq!((&told["method"], &told["distribution"], &told["ppm_below"]), (&json!("percentile"), &json!("exponential"), &json!(0)));
    for unset in ["pp", "cp", "cpk", "cpm", "lambda"] {
        assert_eq!(told[unset], Value::Null, "{unset}");
    }
    assert_eq!((&told["cpk_interval"], &told["ppk_interval"]), (&json!([]), &json!([])));
    for distribution in ["normal", "lognormal", "weibull", "gamma"] {
        let told = engineer.get(&format!("{path}/capability?method=percentile&distribution={distribution}")).await.expect(200);
        assert!(told["ppk"].as_f64().unwrap() > 1.0 && told["p50"].as_f64().unwrap() > 1.5, "{told}");
    }
}

#[tokio::test]
async fn a_method_that_does_not_go_is_refused() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let path = series(&engineer, json!({"spec_lcl": 0, "spec_ucl": 4})).await;
    let refused = async |path: &str, asked: &str, field: &str| {
        let problem = engineer.get(&format!("{path}/capability?{asked}")).await.refused(422, "invalid");
        assert_eq!(problem["errors"][0]["field"], field, "{asked}: {problem}");
        problem["detail"].to_string()
    };
    for (asked, field) in [
        ("method=percentile", "distribution"),
        ("method=percentile&distribution=gamma&level=0.9", "level"),
        ("method=box_cox&distribution=gamma", "distribution"),
        ("distribution=gamma", "distribution"),
        ("lambda=0.5", "lambda"),
        ("method=box_cox&lambda=6", "lambda"),
    ] {
        refused(&path, asked, field).await;
    }
    engineer.get(&format!("{path}/capability?method=box_cox")).await.refused(409, "spc_too_few_points");
    sent(&engineer, &path, &[1.0, 2.0, 1.0]).await;
    assert!(refused(&path, "method=box_cox", "method").await.contains("spec_lcl"));
    let above = series(&engineer, json!({"spec_lcl": 1, "spec_ucl": 1e300})).await;
    sent(&engineer, &above, &[1.0, 2.0, 1.0]).await;
    assert!(refused(&above, "method=box_cox&lambda=5", "method").await.contains("spec_ucl"));
    points(&engineer, &above, &[(&day(9), Some(0.0))]).await;
    for asked in ["method=box_cox", "method=box_cox&lambda=2", "method=percentile&distribution=weibull"] {
        assert!(refused(&above, asked, "method").await.contains("above 0"));
    }
}

/// What no number holds is no fault of the service.
#[tokio::test]
async fn extremes_are_told_or_refused() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let path = series(&engineer, json!({"spec_lcl": 1, "spec_ucl": 4})).await;
    sent(&engineer, &path, &[1e308, 1e-308, 1e308, 2.0]).await;
    engineer.get(&format!("{path}/capability?method=box_cox&lambda=5")).await.refused(409, "spc_too_few_points");
    let kinds = ["normal", "lognormal", "weibull", "gamma", "exponential"].map(|kind| format!("method=percentile&distribution={kind}"));
    for asked in kinds.iter().map(String::as_str).chain(["method=box_cox", "method=box_cox&lambda=-5", "method=normal"]) {
        let answer = engineer.get(&format!("{path}/capability?{asked}")).await;
        assert!([200, 409].contains(&answer.status.as_u16()), "{asked}: {}", answer.status);
    }
}
