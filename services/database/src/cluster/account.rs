//! Who runs the server's programs, and what that user may reach.

use std::{
    fs::{self, DirBuilder, Metadata, Permissions},
    io,
    os::unix::{
        fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, lchown},
        process::CommandExt as _,
    },
    path::Path,
    process::{Command, Stdio},
};

/// Understood by the server and by `initdb`; macOS has no locale of the first name.
pub(super) const LOCALE: &str = if cfg!(target_os = "macos") { "en_US.UTF-8" } else { "C.UTF-8" };

/// The system's user who runs the server's programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Account {
    uid: u32,
    gid: u32,
}

impl Account {
    fn ourselves() -> Self {
        Self { uid: rustix::process::geteuid().as_raw(), gid: rustix::process::getegid().as_raw() }
    }

    /// The owner of a file or directory.
    pub(super) fn owner(of: &Metadata) -> Self {
        Self { uid: of.uid(), gid: of.gid() }
    }

    /// Those who may own a cluster of ours, the preferred one first.
    ///
    /// PostgreSQL refuses to run as root, so that root has a lesser user run it.
    pub(super) fn eligible() -> Vec<Self> {
        let ourselves = Self::ourselves();
        if !ourselves.is_root() {
            return vec![ourselves];
        }
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        ["postgres", "nobody"].iter().filter_map(|name| named(&users, name)).collect()
    }

    /// Whether this process can run programs as this account, and PostgreSQL agrees to it.
    pub(super) fn can_serve(self) -> bool {
        !self.is_root() && (Self::ourselves().is_root() || !self.is_another())
    }

    fn is_root(self) -> bool {
        self.uid == 0
    }

    /// Whether this is somebody else than who runs this process.
    pub(super) fn is_another(self) -> bool {
        !self.is_same_user(Self::ourselves())
    }

    /// Groups do not matter: on some systems a directory takes its parent's.
    pub(super) fn is_same_user(self, other: Self) -> bool {
        self.uid == other.uid
    }

    /// The user's name, for people.
    pub(super) fn name(self) -> String {
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        entries(&users)
            .find(|(_, account)| account.uid == self.uid)
            .map_or_else(|| format!("user {}", self.uid), |(name, _)| name.to_owned())
    }

    /// A program to be run as this account, with nothing taken over from our surroundings.
    pub(super) fn command(self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", LOCALE).env("TZ", "UTC").current_dir("/").stdin(Stdio::null());
        if self.is_another() {
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// Whether this account can enter a directory; asked of the system, which knows every rule there is.
    pub(super) fn reaches(self, directory: &Path) -> bool {
        self.command("/bin/sh")
            .args(["-c", "cd \"$1\"", "sh"])
            .arg(directory)
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    /// Sees to it that a directory is there and is this account's alone; what another made is refused.
    pub(super) fn private_directory(self, path: &Path) -> io::Result<()> {
        let made = match DirBuilder::new().mode(0o700).create(path) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
            Err(error) => return Err(error),
        };
        let settled = self.make_private(path, made);
        if made && settled.is_err() {
            // Empty and ours: it must not stand in the way of the next try.
            let _ = fs::remove_dir(path);
        }
        settled
    }

    fn make_private(self, path: &Path, made: bool) -> io::Result<()> {
        if made {
            self.give(path)?;
        }
        if !self.owns_directory(path)? {
            return Err(refused(path, &format!("is not a directory of {}", self.name())));
        }
        if !is_private(&fs::symlink_metadata(path)?) {
            fs::set_permissions(path, Permissions::from_mode(0o700))?;
        }
        // Some drives nod at every chmod and change nothing.
        if is_private(&fs::symlink_metadata(path)?) { Ok(()) } else { Err(refused(path, "is on a drive that keeps no permissions")) }
    }

    /// Hands what we made over to this account; a link is handed over itself, not what it leads to.
    pub(super) fn give(self, path: &Path) -> io::Result<()> {
        if self.is_another() { lchown(path, Some(self.uid), Some(self.gid)) } else { Ok(()) }
    }

    fn owns_directory(self, path: &Path) -> io::Result<bool> {
        let found = fs::symlink_metadata(path)?;
        Ok(found.is_dir() && found.uid() == self.uid)
    }
}

/// Whether the group and the others have no right at all: the lowest six bits.
fn is_private(directory: &Metadata) -> bool {
    directory.mode().trailing_zeros() >= 6
}

fn refused(path: &Path, why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, format!("{} {why}", path.display()))
}

fn named(users: &str, name: &str) -> Option<Account> {
    entries(users).find(|(found, account)| *found == name && !account.is_root()).map(|(_, account)| account)
}

/// The users a passwd file names, as name and account.
fn entries(users: &str) -> impl Iterator<Item = (&str, Account)> {
    users.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some((name, Account { uid, gid }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: &str = "root:x:0:0:root:/root:/bin/bash\n# a comment\nbroken:x:\n\
        nobody:*:-2:-2:Unprivileged:/var/empty:/usr/bin/false\npostgres:x:101:104:,,,:/var/lib/postgresql:/bin/bash\n";

    #[test]
    fn users_are_read_from_passwd() {
        assert_eq!(named(USERS, "postgres"), Some(Account { uid: 101, gid: 104 }));
        assert_eq!(named(USERS, "nobody"), None, "a negative number is none we can use");
        assert_eq!(named(USERS, "root"), None, "root never runs the server");
        assert_eq!(named(USERS, "broken"), None);
    }

    #[test]
    fn the_preferred_account_can_serve() {
        let eligible = Account::eligible();
        assert!(!eligible.is_empty());
        assert!(eligible.iter().all(|account| account.can_serve()));
    }

    #[test]
    fn a_private_directory_is_entered_by_its_account_only() {
        let outer = tempfile::tempdir().expect("a temporary directory");
        fs::set_permissions(outer.path(), Permissions::from_mode(0o755)).expect("our own directory");
        let account = Account::eligible()[0];
        let inner = outer.path().join("inner");
        account.private_directory(&inner).expect("a new directory");
        assert!(account.reaches(&inner));
        assert_eq!(fs::metadata(&inner).expect("the directory").mode() & 0o777, 0o700);

        fs::set_permissions(&inner, Permissions::from_mode(0o755)).expect("loosened");
        account.private_directory(&inner).expect("an old directory of the account");
        assert_eq!(fs::metadata(&inner).expect("the directory").mode() & 0o777, 0o700);

        let file = outer.path().join("file");
        fs::write(&file, "").expect("a file");
        account.private_directory(&file).expect_err("a file is no directory");
        let link = outer.path().join("link");
        std::os::unix::fs::symlink(&inner, &link).expect("a link");
        account.private_directory(&link).expect_err("a link could lead anywhere");
    }

    #[test]
    fn a_closed_door_is_noticed() {
        if !Account::ourselves().is_root() {
            return; // Our own doors are open to us.
        }
        let outer = tempfile::tempdir().expect("a temporary directory");
        fs::set_permissions(outer.path(), Permissions::from_mode(0o700)).expect("our own directory");
        assert!(!Account::eligible()[0].reaches(outer.path()), "the way is closed");
    }
}
