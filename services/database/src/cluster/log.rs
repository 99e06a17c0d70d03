//! The server's log: kept in a file that cannot grow for ever, its end at hand for error messages.

use std::{
    collections::VecDeque,
    fs::{self, File, OpenOptions},
    io::{self, BufRead as _, BufReader, Write as _},
    os::{fd::OwnedFd, unix::fs::OpenOptionsExt as _},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result};
use tokio::sync::oneshot;

/// The log and the one before it are at most this long each.
const LONGEST: u64 = 4 << 20;

/// How many lines an error message quotes.
const QUOTED: usize = 8;

/// The log of a data directory.
pub(super) fn file(data: &Path) -> PathBuf {
    data.join("postgres.log")
}

/// A server's output on its way into the log.
#[derive(Debug)]
pub(super) struct Log {
    last: Option<oneshot::Receiver<Vec<String>>>,
}

impl Log {
    /// Writes all that comes into the log, in a thread of its own: a busy runtime must not stall the server.
    pub(super) fn follow(output: OwnedFd, path: &Path) -> Result<Self> {
        let mut file = Rotating::open(path).with_context(|| format!("cannot write the log file {}", path.display()))?;
        let (send, last) = oneshot::channel();
        thread::Builder::new()
            .name("postgres-log".into())
            .spawn(move || {
                let lines = copy(BufReader::new(File::from(output)), &mut file);
                // Nobody may be waiting.
                let _ = send.send(lines);
            })
            .context("cannot start a thread for PostgreSQL's log")?;
        Ok(Self { last: Some(last) })
    }

    /// The last lines of a server that has ended.
    pub(super) async fn last_lines(&mut self) -> Vec<String> {
        let Some(last) = self.last.take() else {
            return Vec::new();
        };
        // A process that outlives its server may keep the pipe open for a moment.
        tokio::time::timeout(Duration::from_secs(2), last).await.ok().and_then(Result::ok).unwrap_or_default()
    }
}

/// Reads to the end, whatever becomes of the file: a full drive must not stall the server either.
fn copy(mut output: BufReader<File>, file: &mut Rotating) -> Vec<String> {
    let mut last = VecDeque::with_capacity(QUOTED + 1);
    let mut line = Vec::new();
    while output.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
        let _ = file.write(&line);
        last.push_back(String::from_utf8_lossy(&line).trim_end().to_owned());
        if last.len() > QUOTED {
            last.pop_front();
        }
        line.clear();
    }
    last.into()
}

/// A file that starts anew when it is long, keeping the one before.
#[derive(Debug)]
struct Rotating {
    path: PathBuf,
    file: File,
    length: u64,
}

impl Rotating {
    fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        let length = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), file, length })
    }

    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        if self.length >= LONGEST {
            fs::rename(&self.path, self.path.with_extension("log.old"))?;
            *self = Self::open(&self.path)?;
        }
        self.file.write_all(line)?;
        self.length += line.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn length(path: &Path) -> u64 {
        fs::metadata(path).map_or(0, |file| file.len())
    }

    #[tokio::test]
    async fn keeps_the_end_and_stays_short() {
        let data = tempfile::tempdir().expect("a temporary directory");
        let path = file(data.path());
        let (reader, mut writer) = io::pipe().expect("a pipe");
        let mut log = Log::follow(reader.into(), &path).expect("a log");
        let line = [b"x".repeat(1023), b"\n".to_vec()].concat();
        for _ in 0..3 * LONGEST / 1024 {
            writer.write_all(&line).expect("the log takes every line");
        }
        writer.write_all(b"broken \xff\nthe end").expect("the log takes every byte");
        drop(writer);
        let lines = log.last_lines().await;
        assert_eq!(lines.len(), QUOTED);
        assert_eq!(lines.last().map(String::as_str), Some("the end"));
        assert!(log.last_lines().await.is_empty(), "they are told once");
        assert!(length(&path) > 0 && length(&path) <= LONGEST + 1024);
        assert!(length(&path.with_extension("log.old")) <= LONGEST + 1024);
    }
}
