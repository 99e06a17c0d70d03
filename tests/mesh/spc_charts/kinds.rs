//! Charts of measured values, kind by kind: what is plotted, between which lines, and what signals, before there are limits and after.

use serde_json::{Value, json};
use spectra_tests::{Caller, Mesh};

use super::{Expected, assert_lines, chart, column, near, send};
use crate::{spc_alerts::alerts, spc_points::day, spc_series::series};

/// Freezes what the points amount to, from the first point to come on.
async fn rebase(engineer: &Caller, path: &str) {
    engineer.post(&format!("{path}/rebase"), json!({"reason": "enough points"})).await.expect(200);
}

fn values(values: &[f64]) -> Vec<Value> {
    values.iter().map(|value| json!({"value": value})).collect()
}

/// 10, 12, 11 and 15: the mean is 12, moving ranges are 2, 1 and 4, so that sigma is 7/3 / d2(2) = 2.067864.
#[tokio::test]
async fn single_values_and_their_moving_range() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let path = series(&engineer, json!({})).await;
    send(&engineer, &path, 0, values(&[10.0, 12.0, 11.0, 15.0])).await;
    let expected = Expected {
        centre: Some(12.0),
        limits: [Some(5.796_410), Some(18.203_590)],
        one_sigma: Some([9.932_136, 14.067_864]),
        // d2 sigma, and D4 = 3.266532 times as much.
        spread: Some([7.0 / 3.0, 0.0, 7.621_908]),
    };
    let before = chart(&engineer, &path).await;
    assert_lines(&before, &expected);
    assert_eq!((&before["frozen"], &before["stages"][0]["centre"]), (&json!(false), &Value::Null));
    near(&column(&before, "value"), &[Some(10.0), Some(12.0), Some(11.0), Some(15.0)]);
    near(&column(&before, "spread"), &[None, Some(2.0), Some(1.0), Some(4.0)]);
    rebase(&engineer, &path).await;
    send(&engineer, &path, 4, vec![json!({"value": 20}), json!({}), json!({"value": 12}), json!({"value": 1})]).await;
    let after = chart(&engineer, &path).await;
    assert_lines(&after, &expected);
    assert_lines(&after["stages"][1], &expected);
    // A new stage and a gap have no moving range; 11 is beyond its limit, and not judged unless that is asked for.
    near(&column(&after, "spread")[4..], &[None, None, None, Some(11.0)]);
    let signals: Vec<_> =
        after["violations"].as_array().unwrap().iter().map(|point| json!([point["value"], point["triggered_rules"]])).collect();
    assert_eq!(signals, [json!([20, ["we1"]]), json!([1, ["we1"]])]);
}

/// Of sigma 1, moving ranges are held against 1.128379 + 3 * 0.852502 = 3.685887.
#[tokio::test]
async fn a_moving_range_signals_where_it_is_asked_to() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let sent = values(&[-2.0, 1.6, -2.1, 1.7, 1.0]);
    for (judged, rules) in [(false, json!([[], [], [], [], []])), (true, json!([[], [], ["mr1"], ["mr1"], []]))] {
        let options = if judged { json!({"judge_spread": true}) } else { json!({}) };
        let path = series(&engineer, json!({"ctrl_lcl": -3, "ctrl_ucl": 3, "chart_options": options})).await;
        send(&engineer, &path, 0, sent.clone()).await;
        let told = chart(&engineer, &path).await;
        near(&column(&told, "spread"), &[None, Some(3.6), Some(3.7), Some(3.8), Some(0.7)]);
        let triggered: Vec<_> = told["points"].as_array().unwrap().iter().map(|point| point["triggered_rules"].clone()).collect();
        assert_eq!(json!(triggered), rules);
        let alerts = alerts(&engineer, &path).await;
        assert_eq!(alerts.len(), usize::from(judged), "one for the episode");
        if let Some(alert) = alerts.first() {
            assert_eq!((&alert["rule"], &alert["severity"]), (&json!("mr1"), &json!("critical")), "{alert}");
            near(&[alert["details"]["statistic"].as_f64(), alert["details"]["ucl"].as_f64()], &[Some(3.7), Some(3.685_887)]);
        }
    }
    let wrong = json!({"ctrl_lcl": -3, "ctrl_ucl": 3, "chart_options": {"judge_spread": 1}});
    crate::spc_series::made(&engineer, wrong).await.refused(422, "invalid");
}

/// Ranges of 2, 5 and 2 about means of 2, 4 and 5: sigma is 3 / d2(3), which is the square root of pi.
#[tokio::test]
async fn means_and_ranges() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let path = series(&engineer, json!({"chart_type": "xbar_r", "subgroup_size": 3})).await;
    send(&engineer, &path, 0, values(&[1.0, 2.0, 3.0, 2.0, 3.0, 7.0, 4.0, 5.0, 6.0])).await;
    let expected = Expected {
        centre: Some(11.0 / 3.0),
        // A2 = 1.023327 mean ranges off the centre.
        limits: [Some(0.596_686), Some(6.736_648)],
        one_sigma: Some([2.643_340, 4.689_994]),
        // D4 = 2.574591.
        spread: Some([3.0, 0.0, 7.723_773]),
    };
    let means = [None, None, Some(2.0), None, None, Some(4.0), None, None, Some(5.0)];
    let before = chart(&engineer, &path).await;
    assert_lines(&before, &expected);
    near(&column(&before, "statistic"), &means);
    near(&column(&before, "spread"), &[None, None, Some(2.0), None, None, Some(5.0), None, None, Some(2.0)]);
    rebase(&engineer, &path).await;
    send(&engineer, &path, 9, values(&[4.0, 4.0, 12.5])).await;
    send(&engineer, &path, 12, vec![json!({"value": 3}), json!({}), json!({"value": 4})]).await;
    let after = chart(&engineer, &path).await;
    assert_lines(&after["stages"][1], &expected);
    near(&column(&after, "statistic")[..9], &means);
    near(&column(&after, "statistic")[9..], &[None, None, Some(6.833_333), None, None, Some(3.5)]);
    let signalling = after["violations"].as_array().unwrap();
    assert_eq!((signalling.len(), &signalling[0]["triggered_rules"]), (1, &json!(["we1", "r1"])));
    near(&[signalling[0]["spread"].as_f64()], &[Some(8.5)]);
    // A subgroup of two has lines of its own: sigma over the root of two, and d2(2) sigma = 2.
    let short = &after["points"][14];
    let told = ["centre", "ctrl_lcl", "ctrl_ucl", "spread", "spread_centre", "spread_lcl", "spread_ucl"].map(|name| short[name].as_f64());
    near(&told, &[Some(11.0 / 3.0), Some(-0.093_276), Some(7.426_610), Some(1.0), Some(2.0), Some(0.0), Some(6.533_064)]);
    near(&column(&after, "ctrl_ucl")[..14], &[None; 14]);
    let mut told: Vec<_> = alerts(&engineer, &path).await.iter().map(|alert| alert["rule"].clone()).collect();
    told.sort_by_key(ToString::to_string);
    assert_eq!(told, ["r1", "we1"]);
}

/// Of single values with sigma 2, means of four have 1, and standard deviations c4 = 0.921318 times 2 with B4 = 2.266047.
#[tokio::test]
async fn means_and_standard_deviations() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let given = json!({"chart_type": "xbar_s", "subgroup_size": 4, "centre": 10, "sigma": 2});
    let expected = Expected {
        centre: Some(10.0),
        limits: [Some(7.0), Some(13.0)],
        one_sigma: Some([9.0, 11.0]),
        spread: Some([1.842_635, 0.0, 4.175_499]),
    };
    let sent = values(&[10.0, 10.0, 10.0, 10.0, 4.0, 16.0, 4.0, 16.0]);
    for (judged, rules) in [(true, json!(["s1"])), (false, json!([]))] {
        let mut more = given.clone();
        if !judged {
            more["chart_options"] = json!({"judge_spread": false});
        }
        let path = series(&engineer, more).await;
        send(&engineer, &path, 0, sent.clone()).await;
        let told = chart(&engineer, &path).await;
        assert_lines(&told, &expected);
        near(&column(&told, "statistic")[3..], &[Some(10.0), None, None, None, Some(10.0)]);
        near(&column(&told, "spread")[3..], &[Some(0.0), None, None, None, Some(6.928_203)]);
        assert_eq!(told["points"][7]["triggered_rules"], rules);
    }
    // Before limits: standard deviations of 1 and 3, about 11.
    let path = series(&engineer, json!({"chart_type": "xbar_s", "subgroup_size": 3})).await;
    send(&engineer, &path, 0, values(&[9.0, 10.0, 11.0, 9.0, 12.0, 15.0])).await;
    let told = chart(&engineer, &path).await;
    // A3 = 1.954410 and B4 = 2.568170 times their mean.
    let expected = Expected {
        centre: Some(11.0),
        limits: [Some(7.091_180), Some(14.908_820)],
        one_sigma: Some([9.697_060, 12.302_940]),
        spread: Some([2.0, 0.0, 5.136_340]),
    };
    assert_lines(&told, &expected);
}

/// With lambda 0.2, averages of sigma 1 end up between limits of 3 * (0.2 / 1.8)^0.5 = 1; the first ones have closer ones.
#[tokio::test]
async fn weighted_averages() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let path = series(&engineer, json!({"chart_type": "ewma", "ctrl_lcl": -3, "ctrl_ucl": 3})).await;
    send(&engineer, &path, 0, values(&[1.0, 1.0, 2.9])).await;
    let told = chart(&engineer, &path).await;
    let expected = Expected { centre: Some(0.0), limits: [Some(-1.0), Some(1.0)], one_sigma: None, spread: None };
    assert_lines(&told, &expected);
    assert_lines(&told["stages"][0], &expected);
    near(&column(&told, "statistic"), &[Some(0.2), Some(0.36), Some(0.868)]);
    near(&column(&told, "ctrl_ucl"), &[Some(0.6), Some(0.768_375), Some(0.858_986)]);
    near(&column(&told, "ctrl_lcl"), &[Some(-0.6), Some(-0.768_375), Some(-0.858_986)]);
    assert_eq!(told["points"][2]["triggered_rules"], json!(["beyond_limits"]), "0.868 is beyond its own limit");
    send(&engineer, &path, 3, values(&[0.0; 60])).await;
    assert_eq!(chart(&engineer, &path).await["points"][62]["ctrl_ucl"], Value::Null, "where they have ended up");

    // Before limits, single values and means are shown as they are: moving ranges of 1, or means of 1.5 and 3.5.
    let path = series(&engineer, json!({"chart_type": "ewma"})).await;
    send(&engineer, &path, 0, values(&[1.0, 2.0, 3.0])).await;
    let told = chart(&engineer, &path).await;
    assert_lines(&told, &Expected { centre: Some(2.0), limits: [None, None], one_sigma: None, spread: None });
    near(&column(&told, "value"), &[Some(1.0), Some(2.0), Some(3.0)]);
    let path = series(&engineer, json!({"chart_type": "ewma", "subgroup_size": 2})).await;
    send(&engineer, &path, 0, values(&[1.0, 2.0, 3.0, 4.0])).await;
    let told = chart(&engineer, &path).await;
    assert_lines(&told, &Expected { centre: Some(2.5), limits: [None, None], one_sigma: None, spread: None });
    near(&column(&told, "statistic"), &[None, Some(1.5), None, Some(3.5)]);
    rebase(&engineer, &path).await;
    // Pooled, sigma is the root of a half: averages of means end up (0.5 / 2)^0.5 off.
    let after = chart(&engineer, &path).await;
    assert_lines(&after, &Expected { centre: Some(2.5), limits: [Some(2.0), Some(3.0)], one_sigma: None, spread: None });
}

/// About 0 with sigma 1, an allowance of 0.5 and a decision interval of 5.
#[tokio::test]
async fn cumulative_sums() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let path = series(&engineer, json!({"chart_type": "cusum", "centre": 0, "sigma": 1})).await;
    send(&engineer, &path, 0, values(&[2.0, 3.0, 4.0, -9.5])).await;
    let told = chart(&engineer, &path).await;
    assert_lines(&told, &Expected { centre: Some(0.0), limits: [None, Some(5.0)], one_sigma: None, spread: None });
    near(&column(&told, "statistic"), &[Some(1.5), Some(4.0), Some(7.5), Some(9.0)]);
    assert_eq!(
        (&told["points"][2]["triggered_rules"], &told["points"][3]["triggered_rules"]),
        (&json!(["cusum_up"]), &json!(["cusum_down"]))
    );
    let path = series(&engineer, json!({"chart_type": "cusum"})).await;
    send(&engineer, &path, 0, values(&[1.0, 2.0, 3.0])).await;
    let before = chart(&engineer, &path).await;
    assert_lines(&before, &Expected { centre: Some(2.0), limits: [None, None], one_sigma: None, spread: None });
    rebase(&engineer, &path).await;
    // Sigma is 1 / d2(2) = 0.886227.
    let after = chart(&engineer, &path).await;
    assert_lines(&after, &Expected { centre: Some(0.0), limits: [None, Some(4.431_135)], one_sigma: None, spread: None });
}

/// Both of two uncorrelated variables of variance 1: the squares of the distances, and with lambda 0.5 those of averages.
#[tokio::test]
async fn several_variables() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let variables = json!({"mean": [0, 0], "covariance": [[1, 0], [0, 1]]});
    let vectors = vec![json!({"components": [1, 2]}), json!({"components": [3, 1]})];
    // The averages are (0.5, 1) with a variance of 1/4, and (1.75, 1) with 5/16.
    for (kind, statistics) in [("t2", [5.0, 10.0]), ("mewma", [5.0, 13.0])] {
        let options = json!({"variables": variables, "lambda": 0.5});
        let bare = series(&engineer, json!({"chart_type": kind, "chart_options": options})).await;
        send(&engineer, &bare, 0, vectors.clone()).await;
        let before = chart(&engineer, &bare).await;
        assert_lines(&before, &Expected { centre: None, limits: [None, None], one_sigma: None, spread: None });
        near(&column(&before, "statistic"), &[None, None]);
        let path = series(&engineer, json!({"chart_type": kind, "chart_options": options, "ctrl_ucl": 9})).await;
        send(&engineer, &path, 0, vectors.clone()).await;
        let told = chart(&engineer, &path).await;
        assert_lines(&told, &Expected { centre: None, limits: [None, Some(9.0)], one_sigma: None, spread: None });
        near(&column(&told, "statistic"), &statistics.map(Some));
        assert_eq!(told["violations"], json!([told["points"][1]]), "{kind}");
        assert_eq!(told["violations"][0]["triggered_rules"], json!(["beyond_limits"]));
    }
}

/// A of 10 +- 2 and B of 100 +- 5: what is plotted is standardised, and so are its moving ranges.
#[tokio::test]
async fn short_runs() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let parts = json!({"A": {"mean": 10, "sigma": 2}, "B": {"mean": 100, "sigma": 5}});
    let sent = vec![json!({"part": "A", "value": 12}), json!({"part": "B", "value": 90}), json!({"part": "A", "value": 17})];
    let path = series(&engineer, json!({"chart_type": "z_mr", "chart_options": {"parts": parts}})).await;
    send(&engineer, &path, 0, sent.clone()).await;
    let told = chart(&engineer, &path).await;
    let expected = Expected {
        centre: Some(0.0),
        limits: [Some(-3.0), Some(3.0)],
        one_sigma: Some([-1.0, 1.0]),
        spread: Some([std::f64::consts::FRAC_2_SQRT_PI, 0.0, 3.685_887]),
    };
    assert_lines(&told, &expected);
    near(&column(&told, "statistic"), &[Some(1.0), Some(-2.0), Some(3.5)]);
    near(&column(&told, "spread"), &[None, Some(3.0), Some(5.5)]);
    assert_eq!(told["points"][2]["triggered_rules"], json!(["we1"]));
    let path = series(&engineer, json!({"chart_type": "z_mr"})).await;
    send(&engineer, &path, 0, sent).await;
    let before = chart(&engineer, &path).await;
    assert_lines(&before, &Expected { centre: None, limits: [None, None], one_sigma: None, spread: None });
    assert_eq!(before["points"][0]["ts"], json!(day(0)));
}
