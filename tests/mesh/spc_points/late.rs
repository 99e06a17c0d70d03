//! Points that come late: judged as if they had come in time, told of once, and summed up once.

use serde_json::{Value, json};
use spectra_tests::{Caller, Mesh};
use time::{Duration, format_description::well_known::Rfc3339, macros::datetime};

use super::{day, points, rules, standard, values};
use crate::{
    spc_alerts::{ALERTS, alerts},
    spc_series::series,
};

/// A time so many minutes into 2026.
fn minute(minutes: usize) -> String {
    (datetime!(2026-01-01 00:00 UTC) + Duration::minutes(i64::try_from(minutes).unwrap())).format(&Rfc3339).unwrap()
}

/// The points of a series as they are drawn, without what differs from series to series.
async fn drawn(caller: &Caller, series: &str) -> Vec<Value> {
    let chart = caller.get(&format!("{series}/chart?max_points=10000")).await.expect(200);
    let points = chart["points"].as_array().unwrap().iter();
    points.map(|point| json!([point["ts"], point["value"], point["statistic"], point["triggered_rules"]])).collect()
}

/// How many points, the lowest and the highest of them.
type Sums = (Option<i64>, Option<f64>, Option<f64>);

/// What the spans of a series sum up is what its points amount to.
async fn assert_summed(mesh: &Mesh, series: &str) {
    let id: uuid::Uuid = series.rsplit('/').next().unwrap().parse().unwrap();
    let spans: Sums = sqlx::query_as("SELECT sum(points)::bigint, min(lowest), max(highest) FROM analysis.spc_spans WHERE series_id = $1")
        .bind(id)
        .fetch_one(&mut mesh.sql().await)
        .await
        .unwrap();
    let plotted =
        "SELECT count(*), min(coalesce(statistic, value)), max(coalesce(statistic, value)) FROM analysis.spc_points WHERE series_id = $1";
    let points: Sums = sqlx::query_as(plotted).bind(id).fetch_one(&mut mesh.sql().await).await.unwrap();
    assert!(points.0.is_some_and(|count| count > 0));
    assert_eq!(spans, points);
}

/// The open alerts of a series: the rule and the time of the point that each was opened at.
async fn told(caller: &Caller, series: &str) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let listed = alerts(caller, series).await;
    let open = listed.iter().filter(|alert| alert["closed_at"].is_null());
    let mut told: Vec<_> = open.map(|alert| (text(&alert["rule"]), text(&alert["window_to"]))).collect();
    told.sort();
    told
}

/// The episodes of the rules that points signal, each with the times of its points. Of a subgroup, the last point is judged.
async fn episodes(caller: &Caller, series: &str, size: usize) -> Vec<(String, Vec<String>)> {
    let mut listed = caller.get(&format!("{series}/points?limit=1000")).await.expect(200)["items"].as_array().unwrap().clone();
    listed.reverse();
    let mut all: Vec<(String, Vec<String>)> = Vec::new();
    let mut before: Vec<String> = Vec::new();
    for point in listed.iter().skip(size - 1).step_by(size) {
        let now: Vec<String> = serde_json::from_value(point["triggered_rules"].clone()).unwrap();
        for rule in &now {
            let ts = point["ts"].as_str().unwrap().to_owned();
            match all.iter_mut().rev().find(|(of, _)| of == rule).filter(|_| before.contains(rule)) {
                Some((_, times)) => times.push(ts),
                None => all.push((rule.clone(), vec![ts])),
            }
        }
        before = now;
    }
    all
}

/// However points are cut into batches, and in whichever order they come, they are judged as if they had come one after another.
#[tokio::test]
async fn late_points_are_judged_as_if_they_had_come_in_time() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let values = values(120);
    let days: Vec<_> = (0..values.len()).map(day).collect();
    let sent: Vec<_> = days.iter().map(String::as_str).zip(values.iter().copied().map(Some)).collect();
    for (more, size) in [
        (json!({"ctrl_lcl": -3, "ctrl_ucl": 3, "ruleset": "nelson"}), 1),
        (json!({"ctrl_lcl": -3, "ctrl_ucl": 3, "chart_type": "ewma"}), 1),
        (json!({"ctrl_lcl": -1.5, "ctrl_ucl": 1.5, "chart_type": "xbar_r", "subgroup_size": 3}), 3),
    ] {
        let (whole, late) = (series(&engineer, more.clone()).await, series(&engineer, more.clone()).await);
        points(&engineer, &whole, &sent).await;
        let mut shuffled = sent.clone();
        // By a step that has no factor in common with 120: each comes once, none beside its neighbour.
        for (nth, point) in shuffled.iter_mut().enumerate() {
            *point = sent[nth * 49 % sent.len()];
        }
        for batch in shuffled.chunks(7) {
            points(&engineer, &late, batch).await;
        }
        let expected = rules(&engineer, &whole).await;
        assert!(expected.iter().filter(|(_, rules)| rules != &json!([])).count() > 5, "{more} signals too seldom to tell");
        assert_eq!(rules(&engineer, &late).await, expected, "{more}");
        let episodes = episodes(&engineer, &whole, size).await;
        let mut begun: Vec<_> = episodes.iter().map(|(rule, times)| (rule.clone(), times[0].clone())).collect();
        begun.sort();
        assert_eq!(told(&engineer, &whole).await, begun, "{more}: each episode is told of once");
        let of_late = told(&engineer, &late).await;
        assert!(of_late.windows(2).all(|pair| pair[0] != pair[1]), "{more}: no point is told of twice for a rule: {of_late:?}");
        for (rule, times) in &episodes {
            let many = times.iter().filter(|ts| of_late.contains(&(rule.clone(), (*ts).clone()))).count();
            assert_eq!(many, 1, "{more}: {rule} at {times:?} has one alert in the end");
        }
        assert_eq!(of_late.len(), episodes.len(), "{more}: what does not signal in the end has none");
        let chart = engineer.get(&format!("{late}/chart")).await.expect(200);
        assert_eq!((&chart["total"], chart["points"].as_array().unwrap().len()), (&json!(120), 120));
        assert_summed(&mesh, &late).await;
    }
}

#[tokio::test]
async fn a_late_point_is_taken_however_many_follow_it() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    // More than are read at once.
    for (chart, count) in [("i_mr", 1200), ("ewma", 6000)] {
        let limits = json!({"ctrl_lcl": -10, "ctrl_ucl": 10, "chart_type": chart});
        let (whole, late) = (series(&engineer, limits.clone()).await, series(&engineer, limits).await);
        let times: Vec<_> = (0..count).map(minute).collect();
        let mut sent: Vec<_> = times.iter().map(String::as_str).zip(values(count).into_iter().map(Some)).collect();
        points(&engineer, &whole, &sent).await;
        let behind = sent.remove(100);
        points(&engineer, &late, &sent).await;
        points(&engineer, &late, &[behind]).await;
        let (late_drawn, expected) = (drawn(&engineer, &late).await, drawn(&engineer, &whole).await);
        assert_eq!((late_drawn.len(), expected.len()), (count, count), "{chart}");
        assert!(late_drawn == expected, "{chart}: judged otherwise than in time");
        assert_summed(&mesh, &late).await;
    }
}

/// Missing points end no episode, however many they are: it has one alert, wherever a late point comes.
#[tokio::test]
async fn an_episode_lasts_over_missing_points() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let days: Vec<_> = (0..=42).map(day).collect();
    let gap = |first: Option<f64>| {
        let value = |nth: usize| if nth == 1 { first } else { Some(4.0).filter(|_| nth == 42) };
        days.iter().enumerate().skip(1).map(move |(nth, day)| (day.as_str(), value(nth))).collect::<Vec<_>>()
    };
    let told = async |path: &str| {
        let told = told(&engineer, path).await;
        told.into_iter().filter(|(rule, _)| rule == "we1").map(|(_, ts)| ts).collect::<Vec<_>>()
    };
    let path = standard(&engineer).await;
    points(&engineer, &path, &gap(Some(4.0))).await;
    assert_eq!(told(&path).await, [days[1].as_str()]);
    points(&engineer, &path, &[("2026-01-20T12:00:00Z", None)]).await;
    assert_eq!(told(&path).await, [days[1].as_str()], "one more that is missing");
    points(&engineer, &path, &[(&days[0], Some(4.0))]).await;
    assert_eq!(told(&path).await, [days[1].as_str()], "the episode began earlier");
    points(&engineer, &path, &[("2026-01-20T13:00:00Z", Some(0.0))]).await;
    assert_eq!(told(&path).await, [days[1].as_str(), days[42].as_str()], "one that does not signal makes two of it");

    let path = standard(&engineer).await;
    points(&engineer, &path, &gap(None)).await;
    assert_eq!(told(&path).await, [days[42].as_str()]);
    points(&engineer, &path, &[(&days[0], Some(4.0))]).await;
    assert_eq!(told(&path).await, [days[42].as_str()], "what is behind the missing ones has its alert");
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

#[tokio::test]
async fn points_of_one_time_are_summed_up_once() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let path = standard(&engineer).await;
    let (first, late, same) = (day(1), day(3), day(5));
    let mut sent = vec![(first.as_str(), Some(0.5))];
    sent.extend(values(600).into_iter().map(|value| (same.as_str(), Some(value / 10.0))));
    points(&engineer, &path, &sent).await;
    assert_summed(&mesh, &path).await;
    points(&engineer, &path, &[(&late, Some(0.9))]).await;
    assert_summed(&mesh, &path).await;
    points(&engineer, &path, &[(&same, Some(0.8)), (&late, Some(-0.9))]).await;
    assert_summed(&mesh, &path).await;
    let body = json!({"reason": "closer limits", "ctrl_lcl": -1, "ctrl_ucl": 1, "starts_at": day(4)});
    engineer.post(&format!("{path}/rebase"), body).await.expect(200);
    assert_summed(&mesh, &path).await;
    points(&engineer, &path, &[(&same, Some(0.7)), (&day(6), Some(0.1))]).await;
    assert_summed(&mesh, &path).await;
}
