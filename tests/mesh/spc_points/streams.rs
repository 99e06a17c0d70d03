//! Points that come in a stream, and streams that break off.

use std::time::Duration;

use serde_json::{Value, json};
use spectra_tests::{Caller, Mesh};
use tokio::io::AsyncWriteExt;

use super::{day, standard, values};
use crate::spc_series::series;

/// Lines of so many points each.
fn lines(count: usize, each: usize) -> String {
    let all: Vec<_> = values(count).into_iter().enumerate().map(|(nth, value)| json!({"ts": day(nth), "value": value})).collect();
    all.chunks(each).map(|points| json!({"points": points}).to_string() + "\n").collect()
}

async fn import(caller: &Caller, series: &str, body: &str) -> spectra_tests::Answer {
    caller.with("content-type", "application/x-ndjson").post_raw(&format!("{series}/points/import"), body.to_owned()).await
}

/// How many points a series has, by its own count and by what is stored.
async fn stored(mesh: &Mesh, caller: &Caller, series: &str) -> (Value, i64) {
    let id: uuid::Uuid = series.rsplit('/').next().unwrap().parse().unwrap();
    let rows = sqlx::query_scalar("SELECT count(*) FROM analysis.spc_points WHERE series_id = $1").bind(id);
    let rows = rows.fetch_one(&mut mesh.sql().await).await.unwrap();
    (caller.get(series).await.expect(200)["points"].clone(), rows)
}

#[tokio::test]
async fn a_stream_is_stored_once_however_often_it_is_sent() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let (path, whole) = (standard(&engineer).await, standard(&engineer).await);
    let keyed = engineer.with("idempotency-key", "an upload");
    let all = lines(900, 100);
    // It breaks off in the middle of a line: what was whole is stored.
    let cut = all.lines().take(4).map(str::len).sum::<usize>() + 4 + 50;
    let importing = format!("{path}/points/import");
    let mut connection = keyed.with("content-type", "application/x-ndjson").begin(http::Method::POST, &importing, all.len() as u64).await;
    connection.write_all(&all.as_bytes()[..cut]).await.unwrap();
    for _ in 0..100 {
        if stored(&mesh, &engineer, &path).await.1 == 400 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    drop(connection);
    assert_eq!(stored(&mesh, &engineer, &path).await, (json!(400), 400), "each message whole");

    let sent = import(&keyed, &path, &all).await.expect(200);
    assert_eq!((&sent["points"], &sent["stored"]), (&json!(900), &json!(500)), "what is stored is passed over");
    assert_eq!(import(&keyed, &path, &all).await.expect(200), sent, "the same answer, and nothing is stored");
    assert_eq!(stored(&mesh, &engineer, &path).await, (json!(900), 900));
    for other in [lines(900, 90), lines(400, 100), lines(1000, 100)] {
        import(&keyed, &path, &other).await.refused(409, "key_reused");
    }
    import(&keyed, &whole, &all).await.refused(409, "key_reused");
    let nothing = stored(&mesh, &engineer, &whole).await;
    assert_eq!((stored(&mesh, &engineer, &path).await, nothing), ((json!(900), 900), (json!(0), 0)), "refused before anything is stored");

    let sent = import(&engineer, &whole, &all).await.expect(200);
    assert_eq!((&sent["points"], &sent["stored"]), (&json!(900), &json!(900)));
    assert_eq!(super::rules(&engineer, &whole).await, super::rules(&engineer, &path).await, "judged as if it had come at once");
    for nothing in ["", "{}\n", "{\"points\":[]}\n"] {
        let problem = import(&engineer, &path, nothing).await.refused(422, "invalid");
        assert_eq!(problem["errors"][0]["field"], "points", "{nothing:?}");
    }
    import(&engineer, &path, "{\"points\":[{\"value\":\"Infinity\"}]}\n").await.refused(422, "invalid");
    import(&mesh.demo("viewer").await, &path, &all).await.refused(403, "role_required");
    let nobodys = format!("{}/{}", crate::spc_series::SERIES, spectra_mesh::new_id());
    import(&engineer, &nobodys, &all).await.refused(404, "not_found");
}

/// How far a stream came is forgotten when a month has gone by, as the next one begins.
#[tokio::test]
async fn what_nobody_goes_on_with_is_forgotten() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let path = standard(&engineer).await;
    let send = async |key: &str| import(&engineer.with("idempotency-key", key), &path, &lines(10, 5)).await.expect(200);
    for key in ["old", "young"] {
        send(key).await;
    }
    let age = "UPDATE analysis.spc_imports SET created_at = now() - interval '31 days' WHERE key = 'old'";
    assert_eq!(sqlx::query(age).execute(&mut mesh.sql().await).await.unwrap().rows_affected(), 1);
    send("new").await;
    let kept: Vec<String> =
        sqlx::query_scalar("SELECT key FROM analysis.spc_imports ORDER BY key").fetch_all(&mut mesh.sql().await).await.unwrap();
    assert_eq!(kept, ["new", "young"]);
}

/// Of many points a chart shows so many, and whatever sticks out.
#[tokio::test]
async fn a_chart_of_many_points_is_small_and_hides_nothing() {
    let mesh = Mesh::start().await;
    let engineer = mesh.demo("engineer").await;
    let path = series(&engineer, json!({"ctrl_lcl": -1000, "ctrl_ucl": 1000})).await;
    let count = 60_000;
    let line = |from: usize| {
        let points: Vec<_> = (from..from + 10_000)
            .map(|nth| {
                let value = if nth == 31_415 { 999.0 } else { f64::from(u32::try_from(nth % 7).unwrap()) };
                json!({"ts": format!("2026-01-{:02}T{:02}:{:02}:{:02}Z", 1 + nth / 86_400, nth / 3600 % 24, nth / 60 % 60, nth % 60), "value": value})
            })
            .collect();
        json!({"points": points}).to_string() + "\n"
    };
    let all: String = (0..count).step_by(10_000).map(line).collect();
    import(&engineer, &path, &all).await.expect(200);
    let answer = engineer.get(&format!("{path}/chart?max_points=400")).await;
    assert!(answer.body.len() < 200_000, "{} bytes", answer.body.len());
    let chart = answer.expect(200);
    let values =
        |chart: &Value| chart["points"].as_array().unwrap().iter().map(|point| point["value"].as_f64().unwrap()).collect::<Vec<_>>();
    let shown = values(&chart);
    assert!(shown.len() <= 400 && shown.len() > 100, "{}", shown.len());
    assert!(shown.contains(&999.0) && shown.contains(&0.0), "the highest and the lowest");
    assert_eq!((&chart["total"], &chart["is_reduced"]), (&json!(60000), &json!(true)));
    let times: Vec<_> = chart["points"].as_array().unwrap().iter().map(|point| point["ts"].as_str().unwrap().to_owned()).collect();
    assert!(times.is_sorted(), "in the order of time");
    let part = engineer.get(&format!("{path}/chart?from=2026-01-01T08:43:30Z&to=2026-01-01T08:43:40Z")).await.expect(200);
    assert_eq!((&part["total"], &part["is_reduced"], values(&part).contains(&999.0)), (&json!(10), &json!(false), true));
    engineer.get(&format!("{path}/chart?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z")).await.refused(422, "invalid");
}
