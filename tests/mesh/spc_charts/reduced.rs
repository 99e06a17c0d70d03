//! Charts of more points than are asked for: few are drawn, all of them what is plotted.

use serde_json::{Value, json};
use spectra_tests::Mesh;

use super::{column, send};
use crate::{spc_points::day, spc_series::series};

/// Means of three about 5, whose single values lie from 0 to 10.
#[tokio::test]
async fn among_means_no_single_value_is_drawn() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    for limits in [json!({}), json!({"ctrl_lcl": 3, "ctrl_ucl": 7})] {
        let mut more = json!({"chart_type": "xbar_r", "subgroup_size": 3});
        more.as_object_mut().unwrap().extend(limits.as_object().unwrap().clone());
        let path = series(&engineer, more).await;
        let value = |nth: usize| [0.0, 10.0, if nth < 60 { 5.0 } else { 7.0 }][nth % 3];
        send(&engineer, &path, 0, (0..120).map(|nth| json!({"value": value(nth)})).collect()).await;
        let chart = engineer.get(&format!("{path}/chart?max_points=10")).await.expect(200);
        let drawn = column(&chart, "statistic");
        assert_eq!((&chart["is_reduced"], &chart["total"]), (&json!(true), &json!(120)));
        assert!(drawn.len() <= 10 && drawn.iter().all(|mean| mean.is_some_and(|mean| (5.0..6.0).contains(&mean))), "{drawn:?}");
        let highest = mesh_highest(&mesh, &path).await;
        assert!((highest - 17.0 / 3.0).abs() < 1e-9, "a sum is of means: {highest}");
    }
}

/// The highest of what the sums of a series say.
async fn mesh_highest(mesh: &Mesh, path: &str) -> f64 {
    let id: uuid::Uuid = path.rsplit('/').next().unwrap().parse().unwrap();
    let found = sqlx::query_scalar("SELECT max(highest) FROM analysis.spc_spans WHERE series_id = $1").bind(id);
    found.fetch_one(&mut mesh.sql().await).await.unwrap()
}

/// A subgroup that a later batch ends is summed up as if it had come whole.
#[tokio::test]
async fn a_subgroup_that_another_ends_is_summed_up() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let path = series(&engineer, json!({"chart_type": "xbar_r", "subgroup_size": 5, "ctrl_lcl": 0, "ctrl_ucl": 10})).await;
    send(&engineer, &path, 0, vec![json!({"value": 8, "subgroup": 1}), json!({"value": 9, "subgroup": 1})]).await;
    send(&engineer, &path, 2, vec![json!({"value": 1, "subgroup": 2})]).await;
    assert!((mesh_highest(&mesh, &path).await - 8.5).abs() < 1e-12);
    let chart = engineer.get(&format!("{path}/chart")).await.expect(200);
    assert_eq!(column(&chart, "statistic"), [None, Some(8.5), None]);
}

/// However few points are asked for of however many, no more are drawn.
#[tokio::test]
async fn a_chart_never_draws_more_than_asked_for() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let path = series(&engineer, json!({"ctrl_lcl": -3, "ctrl_ucl": 3})).await;
    let begin = time::macros::datetime!(2026-01-01 00:00 UTC);
    let minute = |minutes: i64| (begin + time::Duration::minutes(minutes)).format(&time::format_description::well_known::Rfc3339).unwrap();
    for batch in 0..6_i64 {
        let points: Vec<_> = (0..9_000).map(|nth| json!({"ts": minute(batch * 9_000 + nth), "value": (nth % 7) - 3})).collect();
        engineer.post(&format!("{path}/points"), json!({"points": points})).await.expect(201);
    }
    // Cut within a sum on both sides.
    let (from, to) = (minute(101), minute(53_901));
    for most in [10, 11, 19, 20, 39, 40, 400] {
        let chart = engineer.get(&format!("{path}/chart?max_points={most}&from={from}&to={to}")).await.expect(200);
        let points = chart["points"].as_array().unwrap();
        assert!(points.len() <= most && points.len() > most / 2, "{} of {most}", points.len());
        assert_eq!((&chart["total"], &chart["is_reduced"]), (&json!(53_800), &json!(true)));
        let times: Vec<_> = points.iter().map(|point| point["ts"].as_str().unwrap().to_owned()).collect();
        assert!(times.is_sorted() && times[0] < minute(250) && times[times.len() - 1] > minute(53_750), "{times:?}");
    }
}

/// What no number holds is drawn without, and panics nothing.
#[tokio::test]
async fn the_largest_numbers_are_drawn() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    for (more, count) in [
        (json!({"ctrl_lcl": -1e308, "ctrl_ucl": 1e308, "chart_type": "ewma"}), 2),
        (json!({"ctrl_lcl": -1e308, "ctrl_ucl": 1e308, "chart_type": "xbar_r", "subgroup_size": 2}), 4),
        (json!({"chart_type": "xbar_s", "subgroup_size": 2}), 4),
        (json!({"chart_type": "u"}), 3),
        (json!({"chart_type": "laney_u"}), 3),
    ] {
        let path = series(&engineer, more.clone()).await;
        let sent: Vec<Value> =
            (0..count).map(|nth| json!({"ts": day(nth), "value": if nth % 2 == 0 { 1e308 } else { 9e307 }, "n": 1})).collect();
        engineer.post(&format!("{path}/points"), json!({"points": sent})).await.expect(201);
        let chart = engineer.get(&format!("{path}/chart")).await.expect(200);
        assert_eq!(chart["total"], json!(count), "{more}");
        assert!(!chart.to_string().contains("Infinity") && !chart.to_string().contains("NaN"), "{chart}");
    }
}
