//! The server's process: its settings, its start, its end.

use std::{
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::{Instant, interval, timeout},
};

use super::{Options, Tell, home::Home, log::Log, postmaster, programs::Programs};

/// A shell that outlives a killed launcher just long enough to shut the server down.
const WATCHDOG: &str = include_str!("watchdog.sh");

/// How long a server of an earlier, killed launcher may take to go.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a shutdown may take: it writes what is in memory to the drive.
const SHUTDOWN: Duration = Duration::from_mins(1);

/// A server that takes connections, under its watchdog.
#[derive(Debug)]
pub(super) struct Server {
    watchdog: Child,
    /// Closed to shut the server down; the kernel closes it when this process is killed.
    lifeline: Option<ChildStdin>,
    log: Log,
}

impl Server {
    /// Starts the server of a home, and answers when it takes connections.
    pub(super) async fn start(programs: &Programs, home: &Home, options: &Options, log: &Path, tell: Tell<'_>) -> Result<Self> {
        let patient_until = Instant::now() + PATIENCE;
        let mut told = false;
        loop {
            let (mut server, process) = Self::launch(programs, home, options, log).await?;
            let Some(status) = server.ready(process, home, tell).await? else {
                return Ok(server);
            };
            let said = server.log.last_lines().await.join("\n");
            if !is_still_in_use(&said) || Instant::now() > patient_until {
                bail!("PostgreSQL did not start ({status}); it said:\n{said}\nthe whole log is {}", log.display());
            }
            if !told {
                tell("waiting for the PostgreSQL of an earlier run to end");
                told = true;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn launch(programs: &Programs, home: &Home, options: &Options, log: &Path) -> Result<(Self, u32)> {
        let mut shell = home.account().command("/bin/sh");
        shell.args(["-c", WATCHDOG, "sh"]).arg(programs.path("postgres")).arg("-D").arg(home.cluster());
        for setting in settings(options, &home.make_socket_directory()?) {
            shell.arg("-c").arg(setting);
        }
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut shell = Command::from(shell);
        // A terminal's Ctrl-C goes to its whole group; the server has to outlive the services that drain.
        let mut watchdog = shell.process_group(0).spawn().context("cannot run /bin/sh to start PostgreSQL")?;
        let output = watchdog.stderr.take().context("PostgreSQL's output is not to be had")?;
        let log = Log::follow(output.into_owned_fd()?, log)?;
        let lifeline = watchdog.stdin.take();
        let told = watchdog.stdout.take().context("the watchdog's output is not to be had")?;
        let mut server = Self { watchdog, lifeline, log };
        match process_number(told).await {
            Some(process) => Ok((server, process)),
            None => bail!("/bin/sh could not start PostgreSQL: {}", server.log.last_lines().await.join("\n")),
        }
    }

    /// Waits until the server takes connections (nothing) or has ended (its status).
    async fn ready(&mut self, process: u32, home: &Home, tell: Tell<'_>) -> Result<Option<ExitStatus>> {
        let cluster = home.cluster();
        let since = Instant::now();
        let mut told = since;
        let mut tick = interval(Duration::from_millis(10));
        loop {
            tokio::select! {
                ended = self.watchdog.wait() => return Ok(Some(ended.context("lost sight of PostgreSQL")?)),
                _ = tick.tick() => {}
            }
            // The file may still be that of an earlier server.
            if postmaster::read(&cluster).is_some_and(|found| found.process == process) {
                return Ok(None);
            }
            if told.elapsed() > Duration::from_secs(10) {
                told = Instant::now();
                tell(&format!(
                    "PostgreSQL is still starting after {} s; after a crash it first repeats what was not on the drive yet",
                    since.elapsed().as_secs()
                ));
            }
        }
    }

    /// Waits until the server ends unasked, and says what it said last.
    pub(super) async fn died(&mut self) -> anyhow::Error {
        match self.watchdog.wait().await {
            Ok(status) => {
                let said = self.log.last_lines().await.join("\n");
                anyhow!("PostgreSQL ended unasked ({status}); it said:\n{said}")
            }
            Err(error) => anyhow!(error).context("lost sight of PostgreSQL"),
        }
    }

    /// Shuts the server down and waits until it is gone.
    pub(super) async fn stop(mut self) -> Result<()> {
        drop(self.lifeline.take());
        let status = timeout(SHUTDOWN, self.watchdog.wait())
            .await
            .with_context(|| format!("PostgreSQL is still shutting down after {} s", SHUTDOWN.as_secs()))?
            .context("lost sight of PostgreSQL")?;
        ensure!(status.success(), "PostgreSQL did not shut down well ({status}); it said:\n{}", self.log.last_lines().await.join("\n"));
        Ok(())
    }
}

async fn process_number(told: ChildStdout) -> Option<u32> {
    let line = BufReader::new(told).lines().next_line().await.ok()??;
    line.trim().parse().ok()
}

/// Whether the start failed only because a server of an earlier run, or what it left in memory, has not gone yet.
///
/// The server compares its lock file with the living processes itself; deleting that file is never right.
fn is_still_in_use(said: &str) -> bool {
    ["\" already exists", "\" is empty", "pre-existing shared memory block", "Address already in use"]
        .iter()
        .any(|sign| said.contains(sign))
}

/// Given on the command line, so that they are those of this release whichever made the cluster.
fn settings(options: &Options, socket_directory: &Path) -> Vec<String> {
    // A list of quoted names, in which a quote is doubled.
    let directory = socket_directory.display().to_string().replace('"', "\"\"");
    let durable = if options.durable { "on" } else { "off" };
    vec![
        "listen_addresses=".to_owned(),
        format!("port={}", postmaster::PORT),
        format!("unix_socket_directories=\"{directory}\""),
        "unix_socket_permissions=0700".to_owned(),
        format!("max_connections={}", options.max_connections),
        "shared_buffers=64MB".to_owned(),
        // Compiling costs more than it gains on statements as short as ours.
        "jit=off".to_owned(),
        format!("fsync={durable}"),
        format!("synchronous_commit={durable}"),
        format!("full_page_writes={durable}"),
        // Nothing is replicated, and the process that would see to it costs memory.
        "max_logical_replication_workers=0".to_owned(),
        "timezone=UTC".to_owned(),
        "log_timezone=UTC".to_owned(),
        "logging_collector=off".to_owned(),
        "log_destination=stderr".to_owned(),
        "log_checkpoints=off".to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(durable: bool) -> Options {
        Options { data: "unused".into(), durable, max_connections: 20, bin: None }
    }

    #[test]
    fn only_tests_trade_durability_for_speed() {
        let lasting = settings(&options(true), Path::new("/run"));
        assert!(lasting.contains(&"fsync=on".to_owned()) && lasting.contains(&"synchronous_commit=on".to_owned()));
        let fleeting = settings(&options(false), Path::new("/run"));
        assert!(fleeting.contains(&"fsync=off".to_owned()) && fleeting.contains(&"full_page_writes=off".to_owned()));
    }

    #[test]
    fn odd_directories_stay_one_name() {
        let odd = settings(&options(true), Path::new("/a, b/\"c\""));
        assert!(odd.contains(&"unix_socket_directories=\"/a, b/\"\"c\"\"\"".to_owned()), "{odd:?}");
    }

    #[test]
    fn only_a_lingering_server_is_waited_for() {
        assert!(is_still_in_use("FATAL:  lock file \"postmaster.pid\" already exists\nHINT: ..."));
        assert!(is_still_in_use("FATAL:  pre-existing shared memory block (key 1, ID 2) is still in use"));
        assert!(is_still_in_use("FATAL:  lock file \"postmaster.pid\" is empty"));
        assert!(!is_still_in_use("FATAL:  could not create lock file \"postmaster.pid\": Permission denied"));
        assert!(!is_still_in_use("FATAL:  data directory has wrong ownership"));
    }
}
