//! Attachments of the built program: killed while they come, kept in a bucket, and larger than its memory.

use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use http::Method;
use serde_json::Value;
use spectra_mesh::sha256;
use spectra_tests::{Caller, tools};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::program::{Up, engineer, folder, spectra};

const PATH: &str = "/api/lims/attachments";
/// How long something that is to happen may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// Where a file for the newest sample goes.
async fn path_of_a_sample(caller: &Caller) -> String {
    let samples = caller.get("/api/lims/samples?limit=1").await.expect(200);
    format!("{PATH}?entity_type=sample&entity_id={}", samples["items"][0]["id"].as_str().unwrap())
}

/// What lies in a folder and below it, whole or not.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() { found.extend(files(&entry.path())) } else { found.push(entry.file_name().into_string().unwrap()) }
    }
    found.sort();
    found
}

/// The ids of all attachments.
async fn attachments(caller: &Caller) -> Vec<String> {
    let listed = caller.get(&format!("{PATH}?limit=1000")).await.expect(200);
    let mut ids: Vec<_> = listed["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

/// Waits for something, and fails with what is there instead.
async fn wait_for(what: &str, mut happened: impl AsyncFnMut() -> Result<(), String>) {
    let begun = Instant::now();
    while let Err(instead) = happened().await {
        assert!(begun.elapsed() < PATIENCE, "not {what}, but {instead}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_kill_leaves_no_file_without_its_attachment_and_none_without_its_file() {
    let data = folder();
    let store = data.path().join("attachments");
    let mut acknowledged: Vec<(String, String)> = Vec::new();
    for kill in 1..=3_u64 {
        let mut up = Up::start(data.path(), &[]);
        let caller = engineer(&up.url).await;
        let path = path_of_a_sample(&caller).await;
        let (send, mut receive) = tokio::sync::mpsc::unbounded_channel();
        for writer in 0..3_u64 {
            let (caller, send, path) = (caller.clone(), send.clone(), path.clone());
            tokio::spawn(async move {
                for number in 0_u64.. {
                    let content = format!("{kill}-{writer}-{number}\n").repeat(100_000);
                    let Some(answer) = caller.attempt(Method::POST, &path, Some(content.clone().into())).await else { return };
                    if answer.status == 201 {
                        _ = send.send((answer.header("location").to_owned(), sha256(content.as_bytes())));
                    }
                }
            });
        }
        drop(send);
        // One is in the middle for certain.
        let mut half = caller.begin(Method::POST, &path, 20 << 20).await;
        half.write_all(&vec![7; 10 << 20]).await.unwrap();
        wait_for("a file in the middle", async || {
            let there = files(&store);
            if there.iter().any(|name| name.contains('#')) { Ok(()) } else { Err(format!("{there:?}")) }
        })
        .await;
        tokio::time::sleep(Duration::from_millis(300 * kill)).await;
        up.child.kill().unwrap();
        up.child.wait().unwrap();
        assert!(files(&store).iter().any(|name| name.contains('#')), "nothing was in the middle");
        while let Some(kept) = receive.recv().await {
            acknowledged.push(kept);
        }
    }
    let up = Up::start(data.path(), &[]);
    let caller = engineer(&up.url).await;
    wait_for("as many files as attachments", async || {
        let (files, attachments) = (files(&store), attachments(&caller).await);
        if files == attachments { Ok(()) } else { Err(format!("the files {files:?} of the attachments {attachments:?}")) }
    })
    .await;
    assert!(acknowledged.len() > 3, "only {} files were acknowledged", acknowledged.len());
    for (location, sum) in &acknowledged {
        assert_eq!(sha256(&caller.get(&format!("{location}/content")).await.body), *sum, "{location}");
    }
    println!("{} acknowledged files over 3 kills, none lost; {} attachments", acknowledged.len(), attachments(&caller).await.len());
    up.signal("-INT");
    assert!(up.wait().success());
}

/// A server that speaks S3, with a bucket `lab`.
struct Bucket {
    server: Child,
    url: String,
}

impl Bucket {
    /// None, said aloud, where the server cannot be had.
    async fn start() -> Option<Self> {
        let programs = tools::python("moto", &["moto[server]==5.2.5"])?;
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = Command::new(format!("{programs}/moto_server"));
        server.args(["-H", "127.0.0.1", "-p", &port.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
        let bucket = Self { server: server.spawn().unwrap(), url: format!("http://127.0.0.1:{port}") };
        let put = async || Caller::new(bucket.url.clone(), None).attempt(Method::PUT, "/lab", None).await;
        wait_for("a bucket", async || match put().await {
            Some(answer) if answer.status == 200 => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await;
        Some(bucket)
    }

    /// How many objects and how many unfinished ones there are.
    async fn holds(&self) -> (usize, usize) {
        let caller = Caller::new(self.url.clone(), None);
        let count = async |path, tag| caller.attempt(Method::GET, path, None).await.unwrap().text().matches(tag).count();
        (count("/lab?list-type=2&prefix=files/", "<Key>").await, count("/lab?uploads", "<UploadId>").await)
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        _ = self.server.kill();
        _ = self.server.wait();
    }
}

#[tokio::test]
async fn a_bucket_keeps_files_as_a_directory_does() {
    let Some(bucket) = Bucket::start().await else { return };
    let data = folder();
    let mut command = spectra(data.path());
    command.args(["--attachments", "s3://lab/files"]).envs([
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ENDPOINT_URL", &bucket.url),
        ("AWS_ALLOW_HTTP", "true"),
    ]);
    let up = Up::of(&mut command);
    let caller = engineer(&up.url).await;
    let (path, before) = (path_of_a_sample(&caller).await, bucket.holds().await.0);
    let typed = caller.with("content-type", "application/octet-stream");
    for (number, size) in [1, 8 << 20, (20 << 20) + 7].into_iter().enumerate() {
        let content: Vec<u8> = (0_u8..=250).cycle().take(size).collect();
        let made = typed.post_raw(&path, content.clone()).await;
        let location = format!("{}/content", made.header("location"));
        assert_eq!(made.expect(201)["sha256"], sha256(&content));
        assert!(caller.get(&location).await.body == content, "{size} bytes come back");
        let last = caller.with("range", "bytes=-1").get(&location).await;
        assert_eq!((last.status.as_u16(), &last.body[..]), (206, &content[size - 1..]));
        assert_eq!(bucket.holds().await, (before + number + 1, 0));
    }
    let kept = bucket.holds().await;
    typed
        .with("repr-digest", "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:")
        .post_raw(&path, vec![1; 20 << 20])
        .await
        .refused(422, "invalid");
    assert_eq!(bucket.holds().await, kept);
    let mut half = typed.begin(Method::POST, &path, 30 << 20).await;
    half.write_all(&vec![7; 20 << 20]).await.unwrap();
    wait_for("an unfinished file", async || if bucket.holds().await.1 == 1 { Ok(()) } else { Err("none".to_owned()) }).await;
    drop(half);
    wait_for("nothing unfinished", async || if bucket.holds().await == kept { Ok(()) } else { Err(format!("{:?}", bucket.holds().await)) })
        .await;

    // The bucket goes away, and with it what needs it.
    drop(bucket);
    let refused = typed.attempt(Method::POST, &path, Some(vec![1; 10].into())).await.unwrap();
    refused.refused(503, "unavailable");
    assert_eq!(caller.get("/api/lims/samples").await.status, 200);
    up.signal("-INT");
    assert!(up.wait().success());
}

/// How much memory a process holds, in megabytes.
fn resident(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
    line.trim_end_matches("kB").trim().parse::<u64>().expect("a number") >> 10
}

/// Sends a file of so many megabytes and gets it back; the most memory that the process held meanwhile.
async fn there_and_back(up: &Up, caller: &Caller, path: &str, megabytes: u64) -> u64 {
    let (process, mut most) = (up.child.id(), 0);
    let (piece, mut buffer) = (vec![b'7'; 1 << 20], vec![0; 1 << 20]);
    let mut connection = caller.begin(Method::POST, path, megabytes << 20).await;
    for _ in 0..megabytes {
        connection.write_all(&piece).await.unwrap();
        most = most.max(resident(process));
    }
    let read = connection.read(&mut buffer).await.unwrap();
    let answer = String::from_utf8_lossy(&buffer[..read]).into_owned();
    let made: Value = serde_json::from_str(&answer[answer.find("\r\n\r\n").unwrap()..]).unwrap_or_else(|error| panic!("{error}: {answer}"));
    assert_eq!(made["size_bytes"], (megabytes << 20).to_string());

    let mut connection: TcpStream = caller.begin(Method::GET, &format!("{PATH}/{}/content", made["id"].as_str().unwrap()), 0).await;
    let mut left = megabytes << 20;
    while left > 0 {
        let read = connection.read(&mut buffer).await.unwrap();
        assert!(read > 0, "{left} bytes are lacking");
        left = left.saturating_sub(read as u64);
        most = most.max(resident(process));
    }
    most
}

#[tokio::test]
#[ignore = "moves gigabytes"]
async fn a_gigabyte_leaves_memory_flat() {
    let data = folder();
    let up = Up::start(data.path(), &[]);
    let caller = engineer(&up.url).await.with("content-type", "application/octet-stream");
    let path = path_of_a_sample(&caller).await;
    let small = there_and_back(&up, &caller, &path, 64).await;
    let large = there_and_back(&up, &caller, &path, 2048).await;
    println!("{small} MB held at most for 64 MB up and down, {large} MB for 2048 MB; {} MB after", resident(up.child.id()));
    assert!(large < small + 64, "{small} MB grew to {large} MB");
}
