//! Late points and the alerts that there are: in the end, each episode has one.

use serde_json::{Value, json};
use spectra_tests::{Caller, Mesh};

use super::{day, points, standard};
use crate::{
    spc_alerts::{ALERTS, alerts},
    spc_series::series,
};

/// The times of the points that open alerts of `we1` were opened at.
async fn told(caller: &Caller, series: &str) -> Vec<String> {
    let listed = alerts(caller, series).await;
    let open = listed.iter().filter(|alert| alert["rule"] == "we1" && alert["closed_at"].is_null());
    open.map(|alert| alert["window_to"].as_str().unwrap().to_owned()).collect()
}

/// Noon of a day.
fn noon(days: usize) -> String {
    day(days).replace("T00", "T12")
}

/// The rules that a point of a series signals, by its time, and what is plotted of it.
async fn judged(caller: &Caller, series: &str, ts: &str) -> (Value, Value) {
    let listed = caller.get(&format!("{series}/points?limit=1000")).await.expect(200);
    let point = listed["items"].as_array().unwrap().iter().find(|point| point["ts"] == ts).unwrap().clone();
    (point["statistic"].clone(), point["triggered_rules"].clone())
}

/// What late points take the pattern from is withdrawn in nobody's name, unless somebody looks after it, or it holds runs.
#[tokio::test]
async fn an_alert_is_withdrawn_with_its_pattern() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let days: Vec<_> = (0..=8).map(day).collect();
    // Two of three beyond two sigma, with a gap for what comes late.
    let sent = [(days[0].as_str(), Some(0.0)), (&days[2], Some(2.5)), (&days[6], Some(2.5))];
    let between = [(days[3].as_str(), Some(0.0)), (&days[4], Some(0.0))];
    let path = standard(&engineer).await;
    points(&engineer, &path, &sent).await;
    let opened = alerts(&engineer, &path).await;
    assert_eq!((opened.len(), &opened[0]["rule"]), (1, &json!("we2")));
    points(&engineer, &path, &between).await;
    let alert = alerts(&engineer, &path).await[0].clone();
    assert!(alert["closed_at"].is_string() && alert["closed_by"].is_null(), "{alert}");
    assert!(alert["resolution"].as_str().unwrap().starts_with("withdrawn: "), "{alert}");
    let at = format!("{ALERTS}/{}", alert["id"].as_str().unwrap());
    engineer.post(&format!("{at}/resolve"), json!({"comment": "nothing"})).await.refused(409, "spc_alert_state");

    let path = standard(&engineer).await;
    points(&engineer, &path, &sent).await;
    let at = format!("{ALERTS}/{}", alerts(&engineer, &path).await[0]["id"].as_str().unwrap());
    engineer.post(&format!("{at}/acknowledge"), json!({})).await.expect(200);
    points(&engineer, &path, &between).await;
    assert!(engineer.get(&at).await.expect(200)["closed_at"].is_null(), "somebody looks after it");

    // Subgroups of three, whose mean is beyond the limit until a late point moves all of them on.
    let holding =
        series(&engineer, json!({"ctrl_lcl": -1, "ctrl_ucl": 1, "chart_type": "xbar_r", "subgroup_size": 3, "hold": true, "method": "m"}))
            .await;
    points(&engineer, &holding, &[(&days[1], Some(3.0)), (&days[2], Some(3.0)), (&days[3], Some(0.0))]).await;
    let critical = |alerts: Vec<Value>| alerts.into_iter().find(|alert| alert["severity"] == "critical").unwrap();
    assert!(critical(alerts(&engineer, &holding).await)["closed_at"].is_null());
    points(&engineer, &holding, &[(&days[0], Some(-6.0))]).await;
    assert!(critical(alerts(&engineer, &holding).await)["closed_at"].is_null(), "a hold is let go by a person");
}

/// An episode that lasts before a late point is not taken for the one before it.
#[tokio::test]
async fn an_alert_is_not_withdrawn_for_another_episode() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let path = standard(&engineer).await;
    points(&engineer, &path, &[(&day(1), Some(4.0)), (&day(2), Some(0.0)), (&day(4), Some(4.0))]).await;
    points(&engineer, &path, &[(&day(3), Some(4.0))]).await;
    points(&engineer, &path, &[(&noon(3), Some(4.0))]).await;
    assert_eq!(told(&engineer, &path).await, [day(1), day(4)]);
}

#[tokio::test]
async fn both_halves_of_an_episode_have_an_alert() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let path = standard(&engineer).await;
    points(&engineer, &path, &[(&day(2), Some(4.0))]).await;
    points(&engineer, &path, &[(&day(1), Some(4.0))]).await;
    assert_eq!(told(&engineer, &path).await, [day(2)]);
    points(&engineer, &path, &[(&noon(1), Some(0.0))]).await;
    assert_eq!(told(&engineer, &path).await, [day(1), day(2)]);
}

/// However far behind the late points the alert of their episode is.
#[tokio::test]
async fn an_episode_that_grows_backwards_keeps_its_alert() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let path = standard(&engineer).await;
    points(&engineer, &path, &[(&day(100), Some(4.0))]).await;
    let days: Vec<_> = (70..100).map(day).collect();
    let all: Vec<_> = days.iter().map(|day| (day.as_str(), Some(4.0))).collect();
    points(&engineer, &path, &all[10..]).await;
    points(&engineer, &path, &all[9..10]).await;
    assert_eq!(told(&engineer, &path).await, [day(100)]);
    // Two places of one call.
    points(&engineer, &path, &[(&day(79), Some(4.0)), (&noon(99), Some(4.0))]).await;
    assert_eq!(told(&engineer, &path).await, [day(100)]);
    points(&engineer, &path, &[(&noon(90), Some(0.0))]).await;
    assert_eq!(told(&engineer, &path).await, [day(79), day(100)]);
    points(&engineer, &path, &[(&day(60), Some(4.0)), (&day(61), Some(0.0))]).await;
    assert_eq!(told(&engineer, &path).await, [day(60), day(79), day(100)]);
}

/// What somebody judged by other limits is left to people, whatever comes late.
#[tokio::test]
async fn an_alert_of_former_limits_stays() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let path = standard(&engineer).await;
    points(&engineer, &path, &[(&day(1), Some(0.0)), (&day(4), Some(4.0))]).await;
    let body = json!({"reason": "wider limits", "ctrl_lcl": -10, "ctrl_ucl": 10, "starts_at": noon(0)});
    engineer.post(&format!("{path}/rebase"), body).await.expect(200);
    assert_eq!(told(&engineer, &path).await, [day(4)]);
    points(&engineer, &path, &[(&day(3), Some(0.0))]).await;
    assert_eq!(told(&engineer, &path).await, [day(4)]);
}

/// A late point may join a numbered subgroup, or end one that was open: the points before it are judged anew too.
#[tokio::test]
async fn a_late_point_of_a_subgroup_moves_its_verdict() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let subgroups = json!({"ctrl_lcl": -1, "ctrl_ucl": 1, "chart_type": "xbar_r", "subgroup_size": 3});
    let numbered = |all: &[(usize, f64, i32)]| {
        let points = all.iter().map(|(days, value, subgroup)| json!({"ts": day(*days), "value": value, "subgroup": subgroup}));
        json!({"points": points.collect::<Vec<_>>()})
    };
    let send = async |path: &str, all: &[(usize, f64, i32)]| engineer.post(&format!("{path}/points"), numbered(all)).await.expect(201);
    let has = |rules: &Value| rules.as_array().unwrap().iter().any(|rule| rule == "we1");

    let path = series(&engineer, subgroups.clone()).await;
    send(&path, &[(1, 3.0, 1), (2, 3.0, 1), (4, 0.0, 2), (5, 0.0, 2), (6, 0.0, 2)]).await;
    assert_eq!(told(&engineer, &path).await, [day(2)]);
    send(&path, &[(3, 3.0, 1)]).await;
    assert_eq!(judged(&engineer, &path, &day(2)).await, (Value::Null, json!([])));
    let (statistic, rules) = judged(&engineer, &path, &day(3)).await;
    assert!(statistic == 3.0 && has(&rules), "{statistic} {rules}");
    assert_eq!(told(&engineer, &path).await, [day(3)]);

    let path = series(&engineer, subgroups).await;
    send(&path, &[(1, 3.0, 1), (3, 0.0, 1), (5, 0.0, 1)]).await;
    send(&path, &[(2, 0.0, 9)]).await;
    let (statistic, rules) = judged(&engineer, &path, &day(1)).await;
    assert!(statistic == 3.0 && has(&rules), "{statistic} {rules}");
    assert_eq!(told(&engineer, &path).await, [day(1)]);
}
