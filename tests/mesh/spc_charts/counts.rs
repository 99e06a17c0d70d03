//! Charts of counts, kind by kind: what is plotted, between which lines, and what signals, before there are limits and after.

use serde_json::{Value, json};
use spectra_tests::Mesh;

use super::{Expected, assert_lines, chart, column, near, send};
use crate::spc_series::series;

/// A chart of three counts, and of one that signals.
struct Case {
    chart_type: &'static str,
    n: i32,
    counts: [f64; 3],
    plotted: [f64; 3],
    expected: Expected,
    /// A count that signals, and what is plotted of it.
    signals: [f64; 2],
    /// What a point among four times as many is held against.
    wider: Option<[f64; 3]>,
}

fn lines(centre: f64, low: f64, high: f64, one_sigma: [f64; 2]) -> Expected {
    Expected { centre: Some(centre), limits: [Some(low), Some(high)], one_sigma: Some(one_sigma), spread: None }
}

fn cases() -> Vec<Case> {
    vec![
        // Of 0.15, sigma is (0.15 * 0.85 / 100)^0.5 = 0.035707.
        Case {
            chart_type: "p",
            n: 100,
            counts: [10.0, 20.0, 15.0],
            plotted: [0.1, 0.2, 0.15],
            expected: lines(0.15, 0.042_879, 0.257_121, [0.114_293, 0.185_707]),
            signals: [30.0, 0.3],
            wider: Some([0.15, 0.096_439, 0.203_561]),
        },
        // Counts, about 100 * 0.15 with a sigma of 3.570714.
        Case {
            chart_type: "np",
            n: 100,
            counts: [10.0, 20.0, 15.0],
            plotted: [10.0, 20.0, 15.0],
            expected: lines(15.0, 4.287_858, 25.712_142, [11.429_286, 18.570_714]),
            signals: [30.0, 30.0],
            wider: Some([60.0, 38.575_715, 81.424_285]),
        },
        // Of 6, sigma is its root; nothing counts less than nothing.
        Case {
            chart_type: "c",
            n: 1,
            counts: [4.0, 9.0, 5.0],
            plotted: [4.0, 9.0, 5.0],
            expected: lines(6.0, 0.0, 13.348_469, [3.550_510, 8.449_490]),
            signals: [14.0, 14.0],
            wider: None,
        },
        // Of 2 a unit, sigma is (2 / 4)^0.5.
        Case {
            chart_type: "u",
            n: 4,
            counts: [8.0, 10.0, 6.0],
            plotted: [2.0, 2.5, 1.5],
            expected: lines(2.0, 0.0, 4.121_320, [1.292_893, 2.707_107]),
            signals: [18.0, 4.5],
            wider: Some([2.0, 0.939_340, 3.060_660]),
        },
        // The moving ranges of z are 2.800560 and 1.400280: sigma is 2.100420 / d2(2) = 1.861448 times as large.
        Case {
            chart_type: "laney_p",
            n: 100,
            counts: [10.0, 20.0, 15.0],
            plotted: [0.1, 0.2, 0.15],
            expected: lines(0.15, 0.0, 0.349_401, [0.083_533, 0.216_467]),
            signals: [36.0, 0.36],
            wider: Some([0.15, 0.050_299, 0.249_701]),
        },
        // Those are 0.707107 and 1.414214: 0.939986 times as large.
        Case {
            chart_type: "laney_u",
            n: 4,
            counts: [8.0, 10.0, 6.0],
            plotted: [2.0, 2.5, 1.5],
            expected: lines(2.0, 0.005_989, 3.994_011, [1.335_330, 2.664_670]),
            signals: [16.0, 4.0],
            wider: Some([2.0, 1.002_995, 2.997_005]),
        },
    ]
}

#[tokio::test]
async fn counts_and_rates() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    for Case { chart_type, n, counts, plotted, expected, signals, wider } in cases() {
        let path = series(&engineer, json!({"chart_type": chart_type})).await;
        let counted = |count: f64, n: i32| json!({"value": count, "n": n});
        send(&engineer, &path, 0, counts.iter().map(|count| counted(*count, n)).collect()).await;
        let shown = |chart: &Value| -> Vec<Option<f64>> {
            let points = chart["points"].as_array().unwrap().iter();
            points.map(|point| point["statistic"].as_f64().or(point["value"].as_f64())).collect()
        };
        let before = chart(&engineer, &path).await;
        assert_lines(&before, &expected);
        near(&shown(&before), &plotted.map(Some));
        assert_eq!((&before["frozen"], &before["violations"]), (&json!(false), &json!([])), "{chart_type}");
        engineer.post(&format!("{path}/rebase"), json!({"reason": "enough points"})).await.expect(200);
        send(&engineer, &path, 3, vec![counted(signals[0], n)]).await;
        let after = chart(&engineer, &path).await;
        assert_lines(&after, &expected);
        assert_lines(&after["stages"][1], &expected);
        near(&shown(&after)[3..], &[Some(signals[1])]);
        assert_eq!(after["violations"], json!([after["points"][3]]), "{chart_type}");
        assert_eq!(after["violations"][0]["triggered_rules"], json!(["we1"]), "{chart_type}");

        let Some(wider) = wider else { continue };
        let at = |chart: &Value, place: usize| ["centre", "ctrl_lcl", "ctrl_ucl"].map(|name| column(chart, name)[place]);
        near(&at(&after, 3), &[expected.centre, expected.limits[0], expected.limits[1]]);
        send(&engineer, &path, 4, vec![counted(wider[0] * f64::from(if chart_type == "np" { 1 } else { 4 * n }), 4 * n)]).await;
        let varying = chart(&engineer, &path).await;
        near(&at(&varying, 3), &[expected.centre, expected.limits[0], expected.limits[1]]);
        near(&at(&varying, 4), &wider.map(Some));
        let centre = expected.centre.filter(|_| chart_type != "np");
        assert_lines(&varying, &Expected { centre, limits: [None, None], one_sigma: None, spread: None });
    }
}

/// Given limits are those of what is plotted, whatever was counted among.
#[tokio::test]
async fn given_limits_of_rates_are_the_same_everywhere() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let path = series(&engineer, json!({"chart_type": "p", "ctrl_lcl": 0.1, "ctrl_ucl": 0.4})).await;
    send(&engineer, &path, 0, vec![json!({"value": 10, "n": 40}), json!({"value": 45, "n": 90})]).await;
    let told = chart(&engineer, &path).await;
    assert_lines(&told, &lines(0.25, 0.1, 0.4, [0.2, 0.3]));
    near(&column(&told, "statistic"), &[Some(0.25), Some(0.5)]);
    near(&column(&told, "ctrl_ucl"), &[None, None]);
    assert_eq!(told["points"][1]["triggered_rules"], json!(["we1"]));
}
