//! Files that no memory should hold.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::Method;
use http_body_util::BodyExt;

use super::PATTERN;
use crate::stage::{Stage, pieces};

/// Sends so many megabytes up, gets as many down, and calls `seen` as they pass.
async fn there_and_back(megabytes: usize, seen: impl Fn() + Clone + Send + 'static) {
    let stage = Stage::start().await;
    let piece = Bytes::from_static(&PATTERN);
    let count = (megabytes << 20) / piece.len();
    let passing = seen.clone();
    let sent = std::iter::repeat_n(piece.clone(), count).inspect(move |_| passing());
    let answer = stage.send(Method::POST, "/ground/files", &[], pieces(sent)).await.expect(201);
    assert_eq!(answer["size"], (count * piece.len()).to_string());
    let size = megabytes << 20;
    let mut body = stage.open(Method::GET, &format!("/ground/files/{size}"), &[], pieces([])).await.into_body();
    let mut read = 0;
    while let Some(frame) = body.frame().await {
        read += frame.expect("a frame").into_data().expect("bytes").len();
        seen();
    }
    assert_eq!(read, size);
    drop(body);
    assert_eq!(stage.streamed.settled().await.0, 1);
}

#[tokio::test]
async fn a_large_file_goes_up_and_down() {
    there_and_back(64, || {}).await;
}

/// How much memory this process holds, in kilobytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
    line.trim_end_matches("kB").trim().parse().expect("a number")
}

/// To be run alone: other tests take memory too.
#[tokio::test]
#[ignore = "measures the memory of the whole process"]
async fn a_gigabyte_leaves_memory_flat() {
    static MOST: AtomicU64 = AtomicU64::new(0);
    there_and_back(64, || {}).await;
    let before = resident();
    there_and_back(1024, || _ = MOST.fetch_max(resident(), Ordering::Relaxed)).await;
    let most = MOST.load(Ordering::Relaxed);
    println!("{} MB before, {} MB at most while a gigabyte went up and down", before >> 10, most >> 10);
    assert!(most < before + (32 << 10), "{before} kB grew to {most} kB");
}
