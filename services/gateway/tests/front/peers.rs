//! A service at several addresses, of which some fail.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use http::Method;
use spectra_mesh::Peer;
use spectra_proto::lims::{ListMaterialsRequest, material_service_client::MaterialServiceClient};
use tokio::task::JoinSet;
use tonic::Request;

use crate::{
    client::{Front, nowhere},
    service::{Double, ID},
};

const MATERIALS: &str = "/api/lims/materials";
const MATERIAL: &str = "{\"name\":\"n\",\"type\":\"s\"}";

/// A service at all these addresses.
fn at(name: &'static str, addresses: &[SocketAddr]) -> Peer {
    let addresses = addresses.to_vec();
    let found = move || std::future::ready(Ok::<_, io::Error>(addresses.clone()));
    Peer::of(name, "http://service.test:1", found).expect("a peer")
}

async fn before(doubles: &[Double; 2]) -> Arc<Front> {
    let addresses = doubles.each_ref().map(|double| double.address);
    Arc::new(Front::of(|name| at(name, &addresses)).await)
}

async fn read(front: &Front) -> u16 {
    front.get(&format!("{MATERIALS}/{ID}")).await.status.as_u16()
}

async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < Duration::from_secs(30), "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn calls_are_spread() {
    let doubles = [Double::start().await, Double::start().await];
    let front = before(&doubles).await;
    for _ in 0..40 {
        assert_eq!(read(&front).await, 200);
    }
    assert!(doubles.iter().all(|double| double.calls() >= 10), "{:?}", doubles.each_ref().map(Double::calls));
}

/// How many calls were made, and how many failed.
#[derive(Default)]
struct Tally {
    made: AtomicUsize,
    failed: AtomicUsize,
}

impl Tally {
    fn count(&self, status: u16) {
        self.made.fetch_add(1, Ordering::Relaxed);
        self.failed.fetch_add(usize::from(status >= 400), Ordering::Relaxed);
    }

    fn failed(&self) -> usize {
        self.failed.load(Ordering::Relaxed)
    }
}

#[tokio::test]
async fn one_of_two_dies_under_load() {
    const EACH: usize = 3;
    let mut doubles = [Double::start().await, Double::start().await];
    let front = before(&doubles).await;
    let (stop, tallies) = (Arc::<AtomicBool>::default(), Arc::<[Tally; 3]>::default());
    let mut load = JoinSet::new();
    for caller in 0..3 * EACH {
        let (front, stop, tallies) = (Arc::clone(&front), Arc::clone(&stop), Arc::clone(&tallies));
        load.spawn(async move {
            for turn in 0.. {
                let key = format!("{caller}-{turn}");
                let status = match caller % 3 {
                    0 => read(&front).await,
                    1 => front.send(Method::POST, MATERIALS, &[("idempotency-key", &key)], MATERIAL).await.status.as_u16(),
                    _ => front.send(Method::POST, MATERIALS, &[], MATERIAL).await.status.as_u16(),
                };
                tallies[caller % 3].count(status);
                if stop.load(Ordering::Relaxed) {
                    return;
                }
            }
        });
    }
    eventually("both are busy", async || doubles.iter().all(|double| double.calls() > 50)).await;
    doubles[0].die();
    let before = doubles[1].calls();
    eventually("the other does it all", async || doubles[1].calls() > before + 200).await;
    doubles[0] = Double::at(doubles[0].address).await;
    eventually("it is used again", async || doubles[0].calls() > 50).await;
    stop.store(true, Ordering::Relaxed);
    load.join_all().await;
    let [reads, keyed, bare] = &*tallies;
    let made = tallies.each_ref().map(|tally| tally.made.load(Ordering::Relaxed));
    println!("{made:?} calls, {} of the last kind failed", bare.failed());
    assert_eq!((reads.failed(), keyed.failed()), (0, 0), "of {made:?}");
    assert!(bare.failed() <= EACH, "only those on their way at that moment: {} of {made:?}", bare.failed());
}

#[tokio::test]
async fn all_down_is_told_at_once() {
    let addresses = [nowhere().await, nowhere().await];
    let front = Front::of(|name| at(name, &addresses)).await;
    let begun = Instant::now();
    for _ in 0..20 {
        front.get(MATERIALS).await.refused(503, "unavailable");
    }
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    assert_eq!(front.get("/health/ready").await.status, 503);
}

#[tokio::test]
async fn one_address_that_is_well_is_enough() {
    let double = Double::start().await;
    let addresses = [nowhere().await, double.address];
    let front = Front::of(|name| at(name, &addresses)).await;
    for _ in 0..20 {
        assert_eq!(front.send(Method::POST, MATERIALS, &[], MATERIAL).await.status, 201, "what was not sent goes elsewhere");
    }
}

#[tokio::test]
async fn a_slow_service_does_not_fill_the_gateway() {
    let (slow, quick) = (Double::start().await, Double::start().await);
    let (lims, others) = (at("lims", &[slow.address]), at("others", &[quick.address]));
    let front = Front::of(|name| if name == "lims" { lims.clone() } else { others.clone() }).await;
    let mut held: JoinSet<_> = (0..1_000)
        .map(|_| {
            let mut materials = MaterialServiceClient::new(lims.channel());
            let slow = ListMaterialsRequest { q: Some("slow".to_owned()), ..ListMaterialsRequest::default() };
            let mut slow = Request::new(slow);
            slow.set_timeout(Duration::from_mins(1));
            async move { materials.list_materials(slow).await }
        })
        .collect();
    eventually("all wait", async || lims.in_flight() == 1_000).await;
    let busy = front.get(MATERIALS).await;
    assert_eq!(busy.refused(503, "unavailable")["detail"], "the service is busy; try again in a moment");
    assert_eq!(busy.header("retry-after"), "1");
    // It answers, though it does not offer this.
    front.get("/api/analysis/runs").await.refused(501, "unimplemented");
    assert_eq!(front.get("/health").await.status, 200);
    held.abort_all();
    while held.join_next().await.is_some() {}
    assert_eq!(lims.in_flight(), 0);
    eventually("it answers again", async || read(&front).await == 200).await;
}

#[tokio::test]
async fn who_goes_away_leaves_nothing() {
    let double = Double::start().await;
    let lims = at("lims", &[double.address]);
    let front = Arc::new(Front::of(|_| lims.clone()).await);
    let mut asked: JoinSet<_> = (0..20)
        .map(|_| {
            let front = Arc::clone(&front);
            async move { front.get(&format!("{MATERIALS}?q=slow")).await.status }
        })
        .collect();
    eventually("all wait", async || lims.in_flight() == 20).await;
    asked.abort_all();
    while asked.join_next().await.is_some() {}
    eventually("nobody waits", async || lims.in_flight() == 0).await;
    assert_eq!(read(&front).await, 200);
}
