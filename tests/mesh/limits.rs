//! How much each may ask: a client, an organization, and whoever asks while another asks too much.

use std::{
    num::NonZeroU32,
    time::{Duration, Instant},
};

use http::Method;
use serde_json::json;
use spectra::cli::Protection;
use spectra_proto::lims::{Sample, UpdateSampleRequest, sample_service_client::SampleServiceClient};
use spectra_tests::{Answer, Caller, DEMO, Mesh, TEST};
use sqlx::Connection as _;
use tokio::task::JoinSet;
use tonic::{Code, Request, transport::Channel};
use tonic_types::StatusExt;

const SAMPLES: &str = "/api/lims/samples";

/// The requests of a client, and of an organization, a second.
const RATE: u32 = 20;
const ORGANIZATION_RATE: u32 = 30;

async fn limited() -> Mesh {
    let rates = Protection {
        rate_limit: NonZeroU32::new(RATE),
        organization_rate_limit: NonZeroU32::new(ORGANIZATION_RATE),
        ..Protection::default()
    };
    Mesh::start_protected(&rates).await
}

/// Answers to more requests at once than a client may make, by each of these callers.
async fn flood(callers: &[&Caller]) -> Vec<Answer> {
    let mut asked = JoinSet::new();
    for caller in callers.iter().cycle().take(callers.len() * 3 * RATE as usize) {
        let caller = (*caller).clone();
        asked.spawn(async move { caller.get(SAMPLES).await });
    }
    asked.join_all().await
}

/// Floods until somebody is refused, and told this limit; after how many seconds to come back.
async fn refused(callers: &[&Caller], limit: u32) -> u64 {
    for _ in 0..50 {
        let answers = flood(callers).await;
        if let Some(answer) =
            answers.into_iter().find(|answer| answer.header("ratelimit-limit") == limit.to_string() && answer.status == 429)
        {
            let seconds = answer.header("retry-after").parse().unwrap();
            answer.refused(429, "rate_limited");
            return seconds;
        }
    }
    panic!("nothing is too much")
}

fn count(answers: &[Answer], status: u16) -> u32 {
    answers.iter().filter(|answer| answer.status == status).count().try_into().unwrap()
}

#[tokio::test]
async fn an_organization_spends_its_own_allowance() {
    let mesh = limited().await;
    let (viewer, engineer, other) = (mesh.demo("viewer").await, mesh.demo("engineer").await, mesh.caller("viewer", TEST).await);
    let begun = Instant::now();
    let answers = flood(&[&viewer]).await;
    let most = RATE + u32::try_from(begun.elapsed().as_millis()).unwrap() * RATE / 1000 + 1;
    let answered = count(&answers, 200);
    assert!((RATE..=most).contains(&answered), "{answered} of at most {most}");
    assert_eq!(answered + count(&answers, 429), 3 * RATE);

    refused(&[&viewer], RATE).await;
    let seconds = refused(&[&viewer, &engineer], ORGANIZATION_RATE).await;
    let theirs = other.get(SAMPLES).await;
    assert_eq!((theirs.status.as_u16(), theirs.header("ratelimit-remaining")), (200, "19"));
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    viewer.get(SAMPLES).await.expect(200);
}

#[tokio::test]
async fn a_forged_token_spends_nothing_of_whom_it_names() {
    let mesh = limited().await;
    let victim = mesh.caller("viewer", TEST).await;
    let token = mesh.token("viewer", TEST).await;
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let forged = format!("{signed}.{}", signature.chars().rev().collect::<String>());
    let liar = mesh.nobody().with_token(&forged);
    let answers = flood(&[&liar]).await;
    assert_eq!(count(&answers, 401) + count(&answers, 429), 3 * RATE);
    // It counts to the address, as what shows no token does.
    refused(&[&liar], RATE).await;
    refused(&[&mesh.nobody()], RATE).await;
    let theirs = victim.get(SAMPLES).await;
    assert_eq!((theirs.status.as_u16(), theirs.header("ratelimit-remaining")), (200, "19"));
    assert_eq!(mesh.nobody().get("/health/ready").await.status, 200);
}

/// Calls that wait for a row that somebody else holds, over gRPC through the gateway.
fn stuck(mesh: &Mesh, token: &str, id: &str, many: usize) -> JoinSet<tonic::Status> {
    let mut calls = JoinSet::new();
    let channels: Vec<_> = (0..many.div_ceil(150)).map(|_| Channel::from_shared(mesh.url()).unwrap().connect_lazy()).collect();
    for nth in 0..many {
        let mut samples = SampleServiceClient::new(channels[nth % channels.len()].clone());
        let sample = Sample { name: format!("n-{nth}"), ..Sample::default() };
        let mut request = Request::new(UpdateSampleRequest { id: id.to_owned(), sample: Some(sample), update_mask: None });
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        calls.spawn(async move { samples.update_sample(request).await.expect_err("the row is held") });
    }
    calls
}

/// An organization whose calls hang keeps neither the database nor the way to it from others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_neighbour_who_asks_too_much_is_not_heard_next_door() {
    let mesh = Mesh::start().await;
    let (noisy, quiet) = (mesh.demo("engineer").await, mesh.caller("engineer", TEST).await);
    let made = noisy.post(SAMPLES, json!({"name": "held"})).await.expect(201);
    let id = made["id"].as_str().unwrap();
    let mut sql = mesh.sql().await;
    let mut holding = sql.begin_with("BEGIN").await.unwrap();
    sqlx::query("SELECT FROM lims.samples WHERE id = $1::uuid FOR UPDATE").bind(id).fetch_one(&mut *holding).await.unwrap();

    let begun = Instant::now();
    let mut calls = stuck(&mesh, &mesh.token("engineer", DEMO).await, id, 900);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut slowest = Duration::ZERO;
    while begun.elapsed() < Duration::from_millis(1500) {
        let asked = Instant::now();
        let answer = quiet.attempt(Method::GET, SAMPLES, None).await.expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.text());
        let made = quiet.attempt(Method::POST, SAMPLES, Some("{\"name\":\"n\"}".into())).await.expect("an answer");
        assert_eq!(made.status, 201, "{}", made.text());
        slowest = slowest.max(asked.elapsed());
    }
    println!("the slowest pair of calls next door took {slowest:?}");

    let mut too_many = 0;
    while let Some(told) = calls.join_next().await {
        let told = told.unwrap();
        if told.code() == Code::ResourceExhausted {
            too_many += 1;
            assert_eq!(told.get_details_error_info().unwrap().reason, "EXHAUSTED");
            assert!(told.get_details_retry_info().is_some());
        } else {
            assert_eq!(told.code(), Code::Unavailable, "{told}");
        }
    }
    println!("{too_many} of 900 calls were refused at once");
    assert!(too_many >= 300, "{too_many}");
    holding.rollback().await.unwrap();
    noisy.put(&format!("{SAMPLES}/{id}"), json!({"name": "free"})).await.expect(200);
}
