//! Points that come late: judged as if they had come in time, told of once, and summed up once.

use serde_json::{Value, json};
use spectra_tests::{Caller, Mesh};
use time::{Duration, format_description::well_known::Rfc3339, macros::datetime};

use super::{day, points, rules, standard, values};
use crate::{spc_alerts::alerts, spc_series::series};

/// A time so many minutes into 2026.
fn minute(minutes: usize) -> String {
    (datetime!(2026-01-01 00:00 UTC) + Duration::minutes(i64::try_from(minutes).unwrap())).format(&Rfc3339).unwrap()
}

/// The points of a series as they are drawn, without what differs from series to series.
async fn drawn(caller: &Caller, series: &str) -> Vec<Value> {
    let chart = caller.get(&format!("{series}/chart?max_points=10000")).await.expect(200);
    let points = chart["points"].as_array().unwrap().iter();
    let told = ["ts", "value", "statistic", "triggered_rules", "centre", "ctrl_lcl", "ctrl_ucl", "spread", "spread_centre", "spread_ucl"];
    points.map(|point| json!(told.map(|name| point[name].clone()))).collect()
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
    // Of subgroups, only what they amount to is plotted.
    let plotted = "SELECT count(*), min(plotted), max(plotted) FROM (
                     SELECT CASE WHEN subgroup_size > 1 THEN statistic ELSE coalesce(statistic, value) END AS plotted
                       FROM analysis.spc_points p JOIN analysis.spc_series s ON s.id = p.series_id WHERE series_id = $1) AS points";
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
        (json!({"centre": 0, "sigma": 1, "chart_type": "xbar_s", "subgroup_size": 4}), 4),
        (json!({"ctrl_lcl": -4, "ctrl_ucl": 4, "chart_options": {"judge_spread": true}}), 1),
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
        let in_time = drawn(&engineer, &whole).await;
        assert_eq!((in_time.len(), drawn(&engineer, &late).await), (120, in_time), "{more}: drawn otherwise than in time");
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

/// Many points that come late, each alone among others, are few to judge.
#[tokio::test]
async fn scattered_late_points_are_taken() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let limits = json!({"ctrl_lcl": -10, "ctrl_ucl": 10});
    let path = series(&engineer, limits).await;
    let sent = |count: usize, each: usize, seconds: i64| {
        let at = move |nth: usize| {
            datetime!(2026-01-01 00:00 UTC) + Duration::minutes(i64::try_from(nth * each).unwrap()) + Duration::seconds(seconds)
        };
        let points: Vec<_> = (0..count).map(|nth| json!({"ts": at(nth).format(&Rfc3339).unwrap(), "value": nth % 5})).collect();
        json!({"points": points})
    };
    engineer.post(&format!("{path}/points"), sent(9_000, 1, 0)).await.expect(201);
    engineer.post(&format!("{path}/points"), sent(1_050, 8, 30)).await.expect(201);
    assert_summed(&mesh, &path).await;
    assert_eq!(engineer.get(&path).await.expect(200)["points"], 10_050);
    // One near the beginning and one behind all of them.
    let both = json!({"points": [{"ts": "2026-01-01T00:00:10Z", "value": 9}, {"ts": "2026-02-01T00:00:00Z", "value": -9}]});
    engineer.post(&format!("{path}/points"), both).await.expect(201);
    assert_summed(&mesh, &path).await;
    // Backwards, one by one: no span holds one point alone.
    for hours in 1..20 {
        let ts = datetime!(2026-01-01 00:00 UTC) - Duration::hours(hours);
        engineer.post(&format!("{path}/points"), json!({"points": [{"ts": ts.format(&Rfc3339).unwrap(), "value": 1}]})).await.expect(201);
    }
    assert_summed(&mesh, &path).await;
    let id: uuid::Uuid = path.rsplit('/').next().unwrap().parse().unwrap();
    let spans = sqlx::query_scalar("SELECT count(*) FROM analysis.spc_spans WHERE series_id = $1").bind(id);
    let spans: i64 = spans.fetch_one(&mut mesh.sql().await).await.unwrap();
    assert!(spans < 100, "{spans} spans of 10,071 points");
}
