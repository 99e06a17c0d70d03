//! Clusters as their users see them: made, used, fought over, killed.

use std::{
    fs::{self, Permissions},
    io::{BufRead as _, BufReader, Write as _},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, getpgid, kill_process, test_kill_process};
use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};
use tempfile::TempDir;

use super::{account::Account, home::Home, *};

/// A data directory that every account can reach, unlike the temporary directory around it.
fn place() -> TempDir {
    let place = tempfile::tempdir().expect("a temporary directory");
    fs::set_permissions(place.path(), Permissions::from_mode(0o755)).expect("our own directory");
    place
}

fn options(place: &TempDir) -> Options {
    options_in(place.path().join("data"))
}

fn options_in(data: PathBuf) -> Options {
    Options { data, durable: false, max_connections: 20, bin: None }
}

async fn start(options: &Options) -> Cluster {
    Cluster::start(options, |_| {}).await.expect("a cluster")
}

async fn refusal(options: &Options) -> String {
    let refused = Cluster::start(options, |_| {}).await.expect_err("a refusal");
    format!("{refused:#}")
}

async fn connect(options: &PgConnectOptions) -> PgConnection {
    PgConnection::connect_with(options).await.expect("a connection")
}

async fn keep(access: &Access, word: &str) {
    let mut connection = connect(&access.admin("postgres")).await;
    sqlx::query("CREATE TABLE IF NOT EXISTS kept (word text)").execute(&mut connection).await.expect("a table");
    sqlx::query("INSERT INTO kept VALUES ($1)").bind(word).execute(&mut connection).await.expect("a row");
}

async fn kept(access: &Access) -> Vec<String> {
    let mut connection = connect(&access.admin("postgres")).await;
    sqlx::query_scalar("SELECT word FROM kept ORDER BY word").fetch_all(&mut connection).await.expect("the rows")
}

fn server_process(cluster: &Path) -> Pid {
    let found = postmaster::read(cluster).expect("a running server");
    Pid::from_raw(i32::try_from(found.process).expect("a process number")).expect("a process")
}

/// The directory of the cluster whose data directory its account can reach.
fn cluster_of(options: &Options) -> PathBuf {
    options.data.join("postgres/data")
}

#[tokio::test]
async fn what_is_kept_is_there_after_a_restart() {
    let place = place();
    let options = options(&place);
    let told = Mutex::new(Vec::new());
    let tell = |what: &str| told.lock().unwrap_or_else(PoisonError::into_inner).push(what.to_owned());

    let cluster = Cluster::start(&options, tell).await.expect("a first start");
    keep(cluster.access(), "one").await;
    cluster.stop().await.expect("a clean stop");
    let first = std::mem::take(&mut *told.lock().unwrap_or_else(PoisonError::into_inner));
    assert!(first[0].starts_with("making a new database cluster in "), "{first:?}");
    assert!(first[1].starts_with("starting PostgreSQL "), "{first:?}");

    let cluster = Cluster::start(&options, tell).await.expect("a second start");
    assert_eq!(kept(cluster.access()).await, ["one"]);
    cluster.stop().await.expect("a clean stop");
    let second = std::mem::take(&mut *told.lock().unwrap_or_else(PoisonError::into_inner));
    assert_eq!(second.len(), 1, "{second:?}");
}

#[tokio::test]
async fn only_the_password_opens_it() {
    let place = place();
    let options = options(&place);
    let cluster = start(&options).await;
    let admin = cluster.admin("postgres");
    for wrong in ["", "wrong"] {
        let refused = PgConnection::connect_with(&admin.clone().password(wrong)).await;
        let refused = refused.expect_err("a wrong password").to_string();
        assert!(refused.contains("password"), "{refused}");
    }
    let mut connection = connect(&admin).await;
    let ways: Vec<(String, String)> = sqlx::query_as("SELECT DISTINCT type, auth_method FROM pg_hba_file_rules ORDER BY 1, 2")
        .fetch_all(&mut connection)
        .await
        .expect("the ways in");
    assert_eq!(ways, [("host".into(), "reject".into()), ("local".into(), "scram-sha-256".into())]);
    let addresses: String = sqlx::query_scalar("SHOW listen_addresses").fetch_one(&mut connection).await.expect("a setting");
    assert_eq!(addresses, "");
    let home = fs::metadata(options.data.join("postgres")).expect("the cluster's home");
    assert_eq!(home.mode() & 0o777, 0o700);
    cluster.stop().await.expect("a clean stop");
}

#[tokio::test]
async fn text_is_utf8_and_time_is_utc() {
    let place = place();
    let cluster = start(&options(&place)).await;
    let mut connection = connect(&cluster.admin("postgres")).await;
    let (encoding, collation, zone, small): (String, String, String, String) = sqlx::query_as(
        "SELECT current_setting('server_encoding'), datcollate, current_setting('timezone'), lower('ÄRZTIN')
           FROM pg_database WHERE datname = current_database()",
    )
    .fetch_one(&mut connection)
    .await
    .expect("the settings");
    assert_eq!((encoding.as_str(), collation.as_str(), zone.as_str()), ("UTF8", "C", "UTC"));
    assert_eq!(small, "ärztin");
    cluster.stop().await.expect("a clean stop");
}

#[tokio::test]
async fn psql_comes_ready_to_run() {
    let place = place();
    let cluster = start(&options(&place)).await;
    let Ok(mut psql) = cluster.access().psql("postgres") else {
        return; // Not every package has it.
    };
    let output = psql.args(["-XAtc", "SELECT current_user"]).output().expect("psql runs");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "postgres\n", "{output:?}");
    cluster.stop().await.expect("a clean stop");
}

#[tokio::test]
async fn the_second_launcher_is_refused_but_finds_the_first() {
    let place = place();
    let options = options(&place);
    assert!(running(&options).await.expect("no cluster is no error").is_none());
    let cluster = start(&options).await;
    let refused = refusal(&options).await;
    assert!(refused.contains("another spectra"), "{refused}");
    let access = running(&options).await.expect("a cluster").expect("a running one");
    keep(&access, "guest").await;
    assert_eq!(kept(cluster.access()).await, ["guest"]);
    cluster.stop().await.expect("a clean stop");
    assert!(running(&options).await.expect("a cluster").is_none());
}

#[tokio::test]
async fn a_terminal_does_not_reach_the_server() {
    let place = place();
    let options = options(&place);
    let cluster = start(&options).await;
    let server = getpgid(Some(server_process(&cluster_of(&options)))).expect("the server's group");
    assert_ne!(server, getpgid(None).expect("our group"));
    cluster.stop().await.expect("a clean stop");
}

#[tokio::test]
async fn the_servers_death_is_learnt_and_survived() {
    let place = place();
    // Without, a server that is killed may take a commit of the last moment along.
    let options = Options { durable: true, ..options(&place) };
    let mut cluster = start(&options).await;
    keep(cluster.access(), "before").await;
    let waited = tokio::time::timeout(Duration::from_millis(50), cluster.died()).await;
    assert!(waited.is_err(), "it lives until it is killed");
    kill_process(server_process(&cluster_of(&options)), Signal::KILL).expect("a running server");
    let died = tokio::time::timeout(Duration::from_secs(5), cluster.died()).await.expect("the news");
    assert!(died.to_string().contains("PostgreSQL ended unasked"), "{died}");
    cluster.stop().await.expect_err("it was not stopped, it died");
    let cluster = start(&options).await;
    assert_eq!(kept(cluster.access()).await, ["before"]);
    cluster.stop().await.expect("a clean stop");
}

#[tokio::test]
async fn a_dropped_cluster_shuts_down_and_can_be_started_at_once() {
    let place = place();
    let options = options(&place);
    let cluster = start(&options).await;
    keep(cluster.access(), "before").await;
    drop(cluster);
    let cluster = start(&options).await;
    assert_eq!(kept(cluster.access()).await, ["before"]);
    cluster.stop().await.expect("a clean stop");
}

/// Runs in a process of its own, which the test below kills.
#[tokio::test]
#[ignore = "started by the test that kills it, which names a data directory on standard input"]
async fn launcher() {
    let mut data = String::new();
    std::io::stdin().read_line(&mut data).expect("a line");
    if data.trim().is_empty() {
        return;
    }
    let tell = |what: &str| println!("{what}");
    let cluster = Cluster::start(&options_in(data.trim().into()), tell).await.expect("a cluster");
    keep(cluster.access(), "committed").await;
    println!("launched");
    std::future::pending::<()>().await;
}

fn spawn_launcher(data: &Path) -> Child {
    let mut launcher = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "cluster::tests::launcher", "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program runs");
    let mut input = launcher.stdin.take().expect("a pipe");
    writeln!(input, "{}", data.display()).expect("it reads");
    launcher
}

#[tokio::test]
async fn a_killed_launcher_takes_the_server_along() {
    let place = place();
    let options = options(&place);
    for round in 0..3 {
        let mut launcher = spawn_launcher(&options.data);
        let output = BufReader::new(launcher.stdout.take().expect("a pipe"));
        assert!(output.lines().map_while(Result::ok).any(|line| line.contains("launched")), "it starts");
        let server = server_process(&cluster_of(&options));
        launcher.kill().expect("it runs");
        launcher.wait().expect("it is gone");
        // The even rounds start in the midst of the shutdown.
        if round % 2 == 1 {
            let killed = Instant::now();
            while test_kill_process(server).is_ok() {
                assert!(killed.elapsed() < Duration::from_secs(5), "the server outlives its launcher");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        let cluster = start(&options).await;
        assert_eq!(kept(cluster.access()).await.len(), round + 1);
        cluster.stop().await.expect("a clean stop");
    }
}

#[tokio::test]
async fn an_interrupted_making_is_begun_anew() {
    let place = place();
    let options = options(&place);
    let home = options.data.join("postgres");
    let half_done = async {
        let under_way = |entry: fs::DirEntry| entry.path().join("data/base").exists();
        while !fs::read_dir(&home).into_iter().flatten().flatten().any(under_way) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        _ = Cluster::start(&options, |_| {}) => panic!("the making was to be interrupted"),
        () = half_done => {}
    }
    assert!(!home.join("data").exists(), "nothing half done has the cluster's name");
    fs::create_dir_all(home.join("new-orphan/data")).expect("what a killed launcher leaves");
    let cluster = start(&options).await;
    keep(cluster.access(), "anew").await;
    cluster.stop().await.expect("a clean stop");
    assert!(!home.join("new-orphan").exists());
}

#[tokio::test]
async fn a_cluster_of_another_release_is_left_alone() {
    let place = place();
    let options = options(&place);
    let data = home::make_data_directory(&options.data).expect("a directory");
    password::make(&data).expect("a password");
    let home = Home::settle(&data, true, &|_| {}).expect("a home");
    fs::create_dir(home.cluster()).expect("a directory");
    fs::write(home.cluster().join("PG_VERSION"), "9\n").expect("a file");
    home.account().give(&home.cluster()).expect("our own directory");
    let refused = refusal(&options).await;
    assert!(refused.contains("was made by PostgreSQL 9, but only PostgreSQL "), "{refused}");
    assert_eq!(fs::read_dir(home.cluster()).expect("the cluster").count(), 1);
}

#[tokio::test]
async fn a_lost_password_is_told() {
    let place = place();
    let options = options(&place);
    start(&options).await.stop().await.expect("a clean stop");
    let file = options.data.join("postgres.password");
    let kept = fs::read(&file).expect("the password");
    fs::remove_file(&file).expect("our own file");
    let refused = refusal(&options).await;
    assert!(refused.contains("has lost its password file"), "{refused}");
    fs::write(&file, "another").expect("our own file");
    let refused = refusal(&options).await;
    assert!(refused.contains("signing in to it failed"), "{refused}");
    fs::write(&file, kept).expect("our own file");
    start(&options).await.stop().await.expect("a clean stop");
}

#[tokio::test]
async fn a_long_path_gets_a_short_socket() {
    let place = place();
    let options = options_in(place.path().join("a rather, \"long\" directory ".repeat(4)));
    let cluster = start(&options).await;
    keep(cluster.access(), "far down").await;
    let socket = postmaster::read(&cluster_of(&options)).expect("a running server").directory;
    assert!(socket.starts_with("/tmp"), "{}", socket.display());
    assert_eq!(fs::metadata(&socket).expect("the directory").mode() & 0o777, 0o700);
    cluster.stop().await.expect("a clean stop");
    assert!(!socket.exists(), "nothing stays behind");
}

#[tokio::test]
async fn an_odd_path_is_no_obstacle() {
    let place = place();
    let cluster = start(&options_in(place.path().join("it's, \"odd\" $HOME"))).await;
    keep(cluster.access(), "odd").await;
    cluster.stop().await.expect("a clean stop");
}

#[tokio::test]
async fn a_cluster_out_of_reach_lives_elsewhere() {
    if !Account::eligible().iter().any(|account| account.is_another()) {
        return; // What we reach, our own programs reach.
    }
    let closed = tempfile::tempdir().expect("a temporary directory");
    fs::set_permissions(closed.path(), Permissions::from_mode(0o700)).expect("our own directory");
    let options = options(&closed);
    let told = Mutex::new(String::new());
    let tell = |what: &str| told.lock().unwrap_or_else(PoisonError::into_inner).push_str(what);
    let cluster = Cluster::start(&options, tell).await.expect("a cluster elsewhere");
    assert!(told.into_inner().unwrap_or_else(PoisonError::into_inner).contains("is out of reach for"));
    let elsewhere = cluster.home.path().to_owned();
    let _cleanup = Cleanup([elsewhere.clone(), elsewhere.with_extension("old")]);
    keep(cluster.access(), "elsewhere").await;
    cluster.stop().await.expect("a clean stop");

    let cluster = start(&options).await;
    assert_eq!(kept(cluster.access()).await, ["elsewhere"]);
    cluster.stop().await.expect("a clean stop");

    fs::remove_dir_all(&options.data).expect("our own directory");
    let cluster = start(&options).await;
    assert_eq!(cluster.home.path(), elsewhere);
    keep(cluster.access(), "fresh").await;
    assert_eq!(kept(cluster.access()).await, ["fresh"]);
    cluster.stop().await.expect("a clean stop");
    assert!(elsewhere.with_extension("old").exists(), "the old cluster is set aside, not deleted");
}

/// Directories outside of the test's own, removed even when it fails.
struct Cleanup([PathBuf; 2]);

impl Drop for Cleanup {
    fn drop(&mut self) {
        for directory in &self.0 {
            let _ = fs::remove_dir_all(directory);
        }
    }
}
