//! `spectra verify-signature`: whether an exported entry of the notebook is what was signed. It asks no service.

use std::{
    io::Read,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, ensure};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use spectra_lims::eln::export::{Broken, Checked, Export};

use crate::cli::VerifySignature;

/// What a shell is told of a file that does not verify, and of one that cannot be read.
const WRONG: u8 = 1;
const UNREAD: u8 = 2;

/// The largest file that is read: no export is longer.
const LONGEST: u64 = 16 << 20;

/// Checks a file and says what was signed in it.
#[must_use]
pub fn run(options: &VerifySignature) -> ExitCode {
    let trusted = match options.key.as_deref().map(public_key).transpose() {
        Ok(trusted) => trusted,
        Err(error) => return unread(&format!("--key: {error:#}")),
    };
    let text = match read(&options.file) {
        Ok(text) => text,
        Err(error) => return unread(&format!("{error:#}")),
    };
    match Export::check(&text, trusted.as_deref()) {
        Ok(checked) => {
            print!("{}", told(&checked, trusted.is_some()));
            ExitCode::SUCCESS
        }
        Err(Broken::Wrong(what)) => {
            eprintln!("spectra: {} does not verify: {}", options.file.display(), inert(&what));
            ExitCode::from(WRONG)
        }
        Err(unreadable) => unread(&format!("{}: {}", options.file.display(), inert(&unreadable.to_string()))),
    }
}

fn unread(why: &str) -> ExitCode {
    eprintln!("spectra: {why}");
    ExitCode::from(UNREAD)
}

fn read(file: &Path) -> Result<String> {
    let mut text = String::new();
    let opened = std::fs::File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
    opened.take(LONGEST + 1).read_to_string(&mut text).with_context(|| format!("cannot read {}", file.display()))?;
    ensure!(text.len() as u64 <= LONGEST, "{} is too long to be an export", file.display());
    Ok(text)
}

/// A public key as it is listed, or the file that holds it.
fn public_key(text: &str) -> Result<Vec<u8>> {
    let key = |text: &str| URL_SAFE_NO_PAD.decode(text.trim()).ok().filter(|key| key.len() == 32);
    if let Some(key) = key(text) {
        return Ok(key);
    }
    let file = PathBuf::from(text);
    let held =
        std::fs::read_to_string(&file).with_context(|| format!("this is no public key, and no file {} can be read", file.display()))?;
    key(&held).with_context(|| format!("{} holds no public key: 32 bytes in base64url", file.display()))
}

/// A sentence that may hold words of the file, so that they move no cursor and turn nothing around.
fn inert(sentence: &str) -> String {
    let escaped = |letter: char| if matches!(letter, '\'' | '"') { letter.to_string() } else { letter.escape_debug().to_string() };
    sentence.chars().map(escaped).collect()
}

/// What was signed, in lines, and what was not. All that the file says is quoted, so that it moves no cursor and ends no
/// sentence of ours.
fn told(checked: &Checked, trusted: bool) -> String {
    let mut lines = vec![format!("notebook entry {}, version {}: {:?}", checked.entry_no, checked.entry_version, checked.title)];
    for file in &checked.files {
        lines.push(format!("with the file {:?} of {} bytes, whose SHA-256 is {:?}", file.filename, file.size_bytes, file.sha256));
    }
    for manifest in &checked.manifests {
        let signer = &manifest.signer;
        let reason = manifest.reason.as_ref().map(|reason| format!(", because {reason:?}")).unwrap_or_default();
        let (by, role, at, meaning) = (&signer.name, &signer.role, &manifest.signed_at, &manifest.meaning);
        lines.push(format!("signed by {by:?} ({role:?}) on {at:?} as {meaning:?}{reason}"));
    }
    for key in &checked.keys {
        lines.push(format!("with the key {key:?}"));
    }
    let by = if trusted {
        "the key that you named"
    } else {
        "a key that the file itself names: see whether it is your lab's, or name that with --key"
    };
    lines.push(format!("the entry in the file is what was signed, by {by}"));
    lines.push("no signature is over its context in the file: author_id, created_at, supersedes".to_owned());
    let count = match checked.manifests.len() {
        1 => "1 signature".to_owned(),
        count => format!("{count} signatures"),
    };
    lines.push(format!("the file holds {count}; whether there are others, it cannot show"));
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_given_as_text_or_in_a_file() {
        let text = URL_SAFE_NO_PAD.encode([7; 32]);
        assert_eq!(public_key(&text).expect("a key"), [7; 32]);
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), format!("{text}\n")).expect("written");
        assert_eq!(public_key(file.path().to_str().expect("a path")).expect("a key"), [7; 32]);
        std::fs::write(file.path(), "nothing").expect("written");
        assert!(public_key(file.path().to_str().expect("a path")).is_err());
        assert!(public_key("/nowhere/at/all").is_err());
    }
}
