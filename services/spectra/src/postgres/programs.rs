//! Finding the server's programs.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail, ensure};

use super::{Tell, account::Account, fetch};

/// The oldest major release whose SQL we rely on.
const OLDEST: u32 = 15;

/// Where packages put releases side by side: a directory, and what stands before the release in the names in it.
const PLACES: [(&str, &str); 8] = [
    ("/usr/lib/postgresql", ""),
    ("/usr", "pgsql-"),
    ("/usr/libexec", "postgresql"),
    ("/opt/homebrew/opt", "postgresql@"),
    ("/usr/local/opt", "postgresql@"),
    ("/home/linuxbrew/.linuxbrew/opt", "postgresql@"),
    ("/Library/PostgreSQL", ""),
    ("/Applications/Postgres.app/Contents/Versions", ""),
];

/// The programs of one PostgreSQL release, found able to run.
#[derive(Debug, Clone)]
pub(super) struct Programs {
    directory: PathBuf,
    release: String,
    major: u32,
}

impl Programs {
    /// Finds programs that the account can run: those in the directory `named`, else the first that fit, else fetched ones.
    ///
    /// A cluster is only ever run by the major release that it was `made_by`.
    pub(super) async fn find(named: Option<&Path>, made_by: Option<u32>, account: Account, data: &Path, tell: Tell<'_>) -> Result<Self> {
        if let Some(named) = named {
            return Self::at_named(named, made_by, account);
        }
        let caches = fetch::caches(data);
        let mut others = BTreeSet::new();
        for directory in installed().into_iter().chain(fetch::cached(&caches)) {
            match Self::at(&directory, account) {
                Ok(found) if made_by.is_none_or(|major| major == found.major) => return Ok(found),
                Ok(other) => drop(others.insert(other.release)),
                Err(error) => tell(&format!("passing over {}: {error:#}", directory.display())),
            }
        }
        match made_by {
            Some(major) if major != fetch::MAJOR => bail!(wrong_release(major, &others)),
            _ => fetch::fetch(account, &caches, tell).await.context(
                "PostgreSQL's server programs are missing; install them (`apt install postgresql`, \
                 `dnf install postgresql-server`, `apk add postgresql` or `brew install postgresql@17`), \
                 or name their directory in SPECTRA_PG_BIN",
            ),
        }
    }

    fn at_named(named: &Path, made_by: Option<u32>, account: Account) -> Result<Self> {
        let found = named
            .canonicalize()
            .map_err(anyhow::Error::from)
            .and_then(|directory| Self::at(&directory, account))
            .with_context(|| format!("cannot use the PostgreSQL programs in {}", named.display()))?;
        if let Some(major) = made_by
            && major != found.major
        {
            bail!(wrong_release(major, &BTreeSet::from([found.release])));
        }
        Ok(found)
    }

    /// The programs in a directory, if the account can run them and they are not too old.
    pub(super) fn at(directory: &Path, account: Account) -> Result<Self> {
        ensure!(is_complete(directory), "it has no programs named postgres and initdb");
        let asked = account
            .command(directory.join("postgres"))
            .arg("--version")
            .output()
            .with_context(|| format!("{} cannot run them", account.name()))?;
        let said = String::from_utf8_lossy(&asked.stdout);
        let Some((release, major)) = release(&said) else {
            bail!("they do not run: {}", String::from_utf8_lossy(&asked.stderr).trim());
        };
        ensure!(major >= OLDEST, "PostgreSQL {release} is older than {OLDEST}");
        Ok(Self { directory: directory.to_owned(), release, major })
    }

    /// The same programs where their directory was moved.
    pub(super) fn moved_to(self, directory: PathBuf) -> Self {
        Self { directory, ..self }
    }

    /// The release in its own words, such as 15.18.
    pub(super) fn release(&self) -> &str {
        &self.release
    }

    /// The path of a program.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// The path of psql, which some packages keep elsewhere or leave out.
    pub(super) fn psql(&self) -> Option<PathBuf> {
        std::iter::once(self.directory.clone()).chain(search_path()).map(|directory| directory.join("psql")).find(|path| path.is_file())
    }
}

fn wrong_release(major: u32, others: &BTreeSet<String>) -> String {
    let others: Vec<&str> = others.iter().map(String::as_str).collect();
    let found = if others.is_empty() { "no PostgreSQL".to_owned() } else { format!("only PostgreSQL {}", others.join(" and ")) };
    format!(
        "the database cluster was made by PostgreSQL {major}, but {found} was found; install PostgreSQL {major}, \
         name its directory in SPECTRA_PG_BIN, or name another data directory (nothing was changed)"
    )
}

fn is_complete(directory: &Path) -> bool {
    ["postgres", "initdb"].iter().all(|name| directory.join(name).is_file())
}

#[expect(clippy::disallowed_methods, reason = "the search path is the system's word on where programs are, no setting of ours")]
fn search_path() -> Vec<PathBuf> {
    env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default()
}

/// The directories with server programs on this machine: the search path first, then the newest release.
fn installed() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    let beside = PLACES.into_iter().flat_map(|(place, before)| releases(Path::new(place), before));
    for directory in search_path().into_iter().chain(beside).filter(|directory| is_complete(directory)) {
        // Some packages link single programs into the search path; the rest stands beside what is linked to.
        let origin = directory.join("initdb").canonicalize().ok().and_then(|path| Some(path.parent()?.to_owned()));
        let directory = origin.filter(|origin| is_complete(origin)).unwrap_or(directory);
        if directory.is_absolute() && !found.contains(&directory) {
            found.push(directory);
        }
    }
    found
}

/// The program directories of the releases side by side in a place, the newest first.
fn releases(place: &Path, before: &str) -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir(place)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let major = name.to_str()?.strip_prefix(before)?.parse().ok()?;
            Some((major, entry.path()))
        })
        .collect();
    found.sort_by(|(one, _), (other, _)| other.cmp(one));
    found.into_iter().flat_map(|(_, path)| [path.join("bin"), path]).collect()
}

/// Reads `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`; betas and snapshots have letters behind the number.
fn release(said: &str) -> Option<(String, u32)> {
    let release = said.split("(PostgreSQL)").nth(1)?.split_whitespace().next()?;
    let digits = release.split(|c: char| !c.is_ascii_digit()).next()?;
    Some((release.to_owned(), digits.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_read() {
        let read = |said| release(said).map(|(release, major)| format!("{release}/{major}"));
        assert_eq!(read("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some("15.18/15".into()));
        assert_eq!(read("postgres (PostgreSQL) 19beta2\n"), Some("19beta2/19".into()));
        assert_eq!(read("postgres (PostgreSQL) 18devel"), Some("18devel/18".into()));
        assert_eq!(read("bash: postgres: not found"), None);
        assert_eq!(read("postgres (PostgreSQL)"), None);
    }

    #[test]
    fn the_newest_release_comes_first() {
        let place = tempfile::tempdir().expect("a temporary directory");
        for name in ["pgsql-9", "pgsql-15", "pgsql-17", "pgsql-common", "other"] {
            fs::create_dir(place.path().join(name)).expect("a directory");
        }
        let found = releases(place.path(), "pgsql-");
        let expected: Vec<PathBuf> = ["pgsql-17/bin", "pgsql-17", "pgsql-15/bin", "pgsql-15", "pgsql-9/bin", "pgsql-9"]
            .iter()
            .map(|name| place.path().join(name))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_cluster_of_another_release_is_told_apart() {
        let told = wrong_release(14, &BTreeSet::from(["15.18".to_owned(), "17.2".to_owned()]));
        assert!(told.contains("made by PostgreSQL 14, but only PostgreSQL 15.18 and 17.2 was found"), "{told}");
    }

    #[test]
    fn an_empty_directory_is_refused() {
        let empty = tempfile::tempdir().expect("a temporary directory");
        let account = Account::eligible()[0];
        let refused = Programs::at_named(empty.path(), None, account).expect_err("nothing to run");
        assert!(format!("{refused:#}").contains("no programs named postgres and initdb"), "{refused:#}");
    }
}
