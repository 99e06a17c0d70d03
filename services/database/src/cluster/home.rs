//! Where a cluster lives: in the data directory, or near by where its account cannot go there.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::{ffi::OsStrExt as _, fs::PermissionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail, ensure};

use super::{Tell, account::Account, postmaster::SOCKET, sha256};

/// What `sockaddr_un` takes everywhere, its end included, is 104 bytes.
const LONGEST_SOCKET: usize = 100;

/// The directory of a cluster, and the account that owns it and runs it.
#[derive(Debug)]
pub(super) struct Home {
    path: PathBuf,
    account: Account,
    /// Names directories outside of the data directory, so that they are found again.
    label: String,
}

/// Makes the data directory when it is missing, and answers with its true path.
pub(super) fn make_data_directory(data: &Path) -> Result<PathBuf> {
    let made = || -> io::Result<PathBuf> {
        if !data.exists() {
            fs::create_dir_all(data)?;
            // Where another account runs the cluster, it has to pass through.
            let another = Account::eligible().iter().any(|account| account.is_another());
            let mode = if another { 0o711 } else { 0o700 };
            fs::set_permissions(data, Permissions::from_mode(mode))?;
        }
        data.canonicalize()
    };
    made().with_context(|| format!("cannot make the data directory {}", data.display()))
}

impl Home {
    /// The home of the cluster of this data directory, where there is a cluster.
    pub(super) fn find(data: &Path) -> Result<Option<Self>> {
        let label = label(data);
        let inside = inside(data);
        if let Ok(found) = fs::symlink_metadata(&inside) {
            let home = Self { path: inside, account: Account::owner(&found), label: label.clone() };
            if home.has_cluster() {
                ensure!(
                    home.account.can_serve(),
                    "the database cluster in {} belongs to {}, as whom it cannot be run from here; start as that user, or name another data directory",
                    home.path.display(),
                    home.account.name()
                );
                return Ok(Some(home));
            }
        }
        Ok(outside(&label).into_iter().find_map(|path| {
            let owner = Account::owner(&fs::symlink_metadata(&path).ok()?);
            // Anybody may make directories below /tmp; only those of our own accounts are trusted.
            let account = Account::eligible().into_iter().find(|account| account.is_same_user(owner))?;
            let home = Self { path, account, label: label.clone() };
            home.has_cluster().then_some(home)
        }))
    }

    /// Finds the home of the cluster, or makes one that the cluster's account can reach.
    ///
    /// A cluster outside whose data directory was deleted (its password is not `known`) is of no use to anybody.
    pub(super) fn settle(data: &Path, known: bool, tell: Tell<'_>) -> Result<Self> {
        if let Some(home) = Self::find(data)? {
            if known || home.path.starts_with(data) {
                home.account.private_directory(&home.path)?;
                ensure!(
                    home.account.reaches(&home.path),
                    "the database cluster in {} cannot be reached by {}, who has to run it; let others pass through the directories above it (chmod o+x), or name another data directory",
                    home.path.display(),
                    home.account.name()
                );
                return Ok(home);
            }
            home.set_aside(tell)?;
        }
        Self::make(data, tell)
    }

    fn make(data: &Path, tell: Tell<'_>) -> Result<Self> {
        let label = label(data);
        let [account, ..] = Account::eligible()[..] else {
            bail!(
                "PostgreSQL refuses to run as root, and there is neither a user postgres nor a user nobody to run it; \
                 make one, for example with `useradd --system postgres`"
            );
        };
        let inside = inside(data);
        let mut refusals = Vec::new();
        for path in std::iter::once(inside.clone()).chain(outside(&label)) {
            if let Err(error) = take_place(account, &path) {
                refusals.push(format!("{}: {error}", path.display()));
                continue;
            }
            if path != inside {
                tell(&format!(
                    "{} is out of reach for {}, who runs PostgreSQL; its database cluster lives in {}",
                    data.display(),
                    account.name(),
                    path.display()
                ));
            }
            return Ok(Self { path, account, label });
        }
        bail!(
            "found no place for the database cluster that {} can reach; name a data directory on a local drive, all of whose \
             parents let others pass (chmod o+x); what was tried: {}",
            account.name(),
            refusals.join("; ")
        )
    }

    /// Keeps the last such cluster, so that a mistake can be mended and the drive does not fill.
    fn set_aside(&self, tell: Tell<'_>) -> Result<()> {
        let old = self.path.with_extension("old");
        tell(&format!(
            "the data directory of the database cluster in {} was deleted; moving the cluster to {}",
            self.path.display(),
            old.display()
        ));
        let moved = || -> io::Result<()> {
            if old.symlink_metadata().is_ok() {
                fs::remove_dir_all(&old)?;
            }
            fs::rename(&self.path, &old)
        };
        moved().with_context(|| format!("cannot move {} away", self.path.display()))
    }

    /// The account that owns and runs the cluster.
    pub(super) fn account(&self) -> Account {
        self.account
    }

    /// The directory itself, for what is made beside the cluster.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The cluster's own directory, PGDATA in the words of PostgreSQL.
    pub(super) fn cluster(&self) -> PathBuf {
        self.path.join("data")
    }

    /// What may not be looked at counts as a cluster: better refuse to run than begin anew beside it.
    fn has_cluster(&self) -> bool {
        !matches!(self.cluster().symlink_metadata(), Err(error) if error.kind() == io::ErrorKind::NotFound)
    }

    /// The major release that made the cluster, or nothing where there is no cluster yet.
    pub(super) fn made_by(&self) -> Result<Option<u32>> {
        if !self.has_cluster() {
            return Ok(None);
        }
        let file = self.cluster().join("PG_VERSION");
        let text = fs::read_to_string(&file).with_context(|| {
            format!("{} is not a whole database cluster; restore it, or move it away to begin anew", self.cluster().display())
        })?;
        let major = text.trim().parse().with_context(|| format!("{} names no PostgreSQL release", file.display()))?;
        Ok(Some(major))
    }

    /// The directory of the socket: beside the cluster, or a short one where that path is too long for a socket.
    pub(super) fn socket_directory(&self) -> PathBuf {
        let beside = self.path.join("run");
        // A setting is text, and the path of a socket is short.
        let fits = beside.join(SOCKET).to_str().is_some_and(|path| path.len() <= LONGEST_SOCKET);
        if fits { beside } else { self.short_directory() }
    }

    fn short_directory(&self) -> PathBuf {
        Path::new("/tmp").join(format!("{}-run", self.label))
    }

    /// Sees to it that the socket's directory is there and private.
    pub(super) fn make_socket_directory(&self) -> Result<PathBuf> {
        let directory = self.socket_directory();
        self.account.private_directory(&directory).context("there is no safe place for PostgreSQL's socket")?;
        Ok(directory)
    }

    /// Leaves nothing outside of the home once the server is gone.
    pub(super) fn leave(&self) {
        let directory = self.socket_directory();
        if !directory.starts_with(&self.path) {
            // Only tidiness: the next start takes the directory as it is.
            let _ = fs::remove_dir(directory);
        }
    }
}

/// Makes a private directory for an account, or leaves nothing behind.
fn take_place(account: Account, path: &Path) -> io::Result<()> {
    // An empty one is a start cut short, perhaps before it had its owner.
    let _ = fs::remove_dir(path);
    account.private_directory(path)?;
    if account.reaches(path) {
        return Ok(());
    }
    // Made just now, and of no use; where it holds something it stays.
    let _ = fs::remove_dir(path);
    Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("{} cannot enter it", account.name())))
}

fn inside(data: &Path) -> PathBuf {
    data.join("postgres")
}

/// Where a cluster goes whose data directory its account cannot reach, the better place first.
fn outside(label: &str) -> [PathBuf; 2] {
    ["/var/lib", "/tmp"].map(|parent| Path::new(parent).join(label))
}

/// Told by the data directory's path alone, so that what is outside is found again.
fn label(data: &Path) -> String {
    format!("spectra-{:.16}", sha256::of_bytes(data.as_os_str().as_bytes()))
}
