//! The built program, as it runs.

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::json;
use spectra_tests::Caller;
use tempfile::TempDir;

/// A running `spectra up`; killed when it is dropped.
pub(crate) struct Up {
    pub(crate) child: Child,
    pub(crate) url: String,
}

pub(crate) fn spectra(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spectra"));
    command.env_remove("DATABASE_URL").arg("up").arg("--data").arg(data);
    for port in ["--listen", "--identity-listen", "--lims-listen", "--analysis-listen", "--telemetry-listen"] {
        command.args([port, "127.0.0.1:0"]);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Up {
    pub(crate) fn start(data: &Path, more: &[&str]) -> Self {
        Self::of(spectra(data).args(more))
    }

    pub(crate) fn of(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let errors = child.stderr.take().unwrap();
        let told = std::thread::spawn(move || {
            let mut text = String::new();
            _ = BufReader::new(errors).read_to_string(&mut text);
            text
        });
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        let Some(url) = line.trim().strip_prefix("ready ").map(str::to_owned) else {
            _ = child.kill();
            panic!("not ready: {}", told.join().unwrap());
        };
        Self { child, url }
    }

    pub(crate) fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap().success());
    }

    pub(crate) fn wait(mut self) -> std::process::ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "it does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

pub(crate) async fn engineer(url: &str) -> Caller {
    let nobody = Caller::new(url.to_owned(), None);
    let tokens = nobody.post("/auth/login", json!({"username": "engineer@demo.lab", "password": "eng123"})).await.expect(200);
    nobody.with_token(tokens["access_token"].as_str().unwrap())
}

/// Processes that have the folder in their command line.
fn processes_of(folder: &Path) -> Vec<String> {
    let folder = folder.to_str().unwrap();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains(folder) {
            found.push(line);
        }
    }
    found
}

pub(crate) fn gone(folder: &Path) {
    let begun = Instant::now();
    while !processes_of(folder).is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(10), "left running: {:?}", processes_of(folder));
        std::thread::sleep(Duration::from_millis(50));
    }
}

pub(crate) fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    // The server's own account must be able to come here.
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    folder
}
