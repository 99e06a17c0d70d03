//! One process per data directory.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read as _, Write as _},
    path::Path,
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow};
use tokio::time::{Instant, sleep};

/// A killed process's lock lives on in a child that it was just starting, until that child has its own program.
const PATIENCE: Duration = Duration::from_secs(1);

/// Takes the data directory for this process; the kernel gives it back when the process ends, however it ends.
pub(super) async fn take(data: &Path) -> Result<File> {
    let path = data.join("lock");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .with_context(|| format!("cannot open the lock file {}; does the directory belong to another user?", path.display()))?;
    let patient_until = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if Instant::now() < patient_until => sleep(Duration::from_millis(20)).await,
            Err(TryLockError::WouldBlock) => return Err(taken(data, &mut file)),
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock {}; is it on a network drive?", path.display()));
            }
        }
    }
    note_process(&mut file).with_context(|| format!("cannot write the lock file {}", path.display()))?;
    Ok(file)
}

/// The number is for people only; the lock is what counts.
fn note_process(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    writeln!(file, "{}", std::process::id())
}

fn taken(data: &Path, file: &mut File) -> anyhow::Error {
    let mut text = String::new();
    let by = match file.take(20).read_to_string(&mut text).ok().and_then(|_| text.trim().parse::<u32>().ok()) {
        Some(process) => format!(" (process {process})"),
        None => String::new(),
    };
    anyhow!("another spectra{by} is using the data directory {}; stop it first, or name another directory", data.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_second_is_told_who_has_it() {
        let data = tempfile::tempdir().expect("a temporary directory");
        let first = take(data.path()).await.expect("a free directory");
        let refused = take(data.path()).await.expect_err("the directory is taken").to_string();
        assert!(refused.contains(&format!("another spectra (process {})", std::process::id())), "{refused}");
        drop(first);
        take(data.path()).await.expect("the directory is free again");
    }
}
