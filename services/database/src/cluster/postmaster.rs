//! What a running server says of itself in `postmaster.pid`.

use std::{
    fs,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
};

/// The port is only part of the socket's name: the server listens on no network.
pub(super) const PORT: u16 = 5432;

/// The name of the socket in its directory.
pub(super) const SOCKET: &str = ".s.PGSQL.5432";

/// A server that takes connections, or did when its process was killed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Postmaster {
    /// The server's process.
    pub(super) process: u32,
    /// The directory of its socket.
    pub(super) directory: PathBuf,
}

/// Reads what the server of a cluster wrote; nothing while it is starting or stopping.
pub(super) fn read(cluster: &Path) -> Option<Postmaster> {
    parse(&fs::read_to_string(cluster.join("postmaster.pid")).ok()?)
}

/// Lines by number: process, cluster, start time, port, socket directory, address, shared memory, state.
fn parse(text: &str) -> Option<Postmaster> {
    let lines: Vec<&str> = text.lines().collect();
    let &[process, _, _, _, directory, _, _, state] = lines.as_slice() else {
        return None;
    };
    (state.trim() == "ready").then(|| Some(Postmaster { process: process.trim().parse().ok()?, directory: directory.into() }))?
}

impl Postmaster {
    /// Whether somebody still listens; the file alone outlives a killed server.
    pub(super) fn answers(&self) -> bool {
        UnixStream::connect(self.directory.join(SOCKET)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READY: &str = "8141\n/srv/lab/data\n1795475000\n5432\n/srv/lab/run\n\n   131071         4\nready   \n";

    #[test]
    fn only_a_ready_server_is_read() {
        let ready = Postmaster { process: 8141, directory: "/srv/lab/run".into() };
        assert_eq!(parse(READY), Some(ready));
        assert_eq!(parse(&READY.replace("ready", "starting")), None);
        assert_eq!(parse(&READY.replace("8141", "")), None);
        assert_eq!(parse("8141\n/srv/lab/data\n"), None, "the file is written in steps");
        assert_eq!(parse(""), None);
    }

    #[test]
    fn a_file_left_behind_answers_nothing() {
        let left = Postmaster { process: 8141, directory: "/nonexistent".into() };
        assert!(!left.answers());
    }

    #[test]
    fn the_sockets_name_carries_the_port() {
        assert!(SOCKET.ends_with(&format!(".{PORT}")));
    }
}
