//! Whether a file is what was signed.

use super::{
    ALGORITHM, Engine, Export, FORMAT, File, Manifest, SCHEMA_VERSION, STANDARD, Signature, URL_SAFE_NO_PAD, Version, is_signed, key_id,
};

/// A file that is what was signed.
#[derive(Debug)]
pub struct Checked {
    /// The number of the entry.
    pub entry_no: i32,
    /// The version.
    pub entry_version: i32,
    /// The title.
    pub title: String,
    /// The files that are attached to it.
    pub files: Vec<File>,
    /// What each signature says.
    pub manifests: Vec<Manifest>,
    /// The keys that were used, by id.
    pub keys: Vec<String>,
}

/// Why a file is not known to be what was signed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// It is no export.
    #[error("this is no export of a notebook entry: {0}")]
    Unreadable(String),
    /// It is one, and does not verify.
    #[error("{0}")]
    Wrong(String),
}

fn wrong<T>(what: impl Into<String>) -> Result<T, Broken> {
    Err(Broken::Wrong(what.into()))
}

impl Export {
    /// Checks a file, in either form. With `trusted`, every signature must be of that public key; without it, of one that
    /// the file itself names, which whoever made the file chose.
    pub fn check(text: &str, trusted: Option<&[u8]>) -> Result<Checked, Broken> {
        let for_people = !text.starts_with('{');
        let json = if for_people { Self::within(text) } else { Some(text) };
        let json = json.ok_or_else(|| Broken::Unreadable("it has no part for programs at its end".to_owned()))?;
        let export: Self = serde_json::from_str(json).map_err(|error| Broken::Unreadable(error.to_string()))?;
        if export.format != FORMAT || export.schema_version != SCHEMA_VERSION {
            return Err(Broken::Unreadable("it is of a form that this program does not know".to_owned()));
        }
        let checked = export.checked(trusted)?;
        if for_people && export.markdown().ok().as_deref() != Some(text) {
            return wrong("the text for people is not what was signed; the part for programs at its end is");
        }
        Ok(checked)
    }

    fn checked(&self, trusted: Option<&[u8]>) -> Result<Checked, Broken> {
        let Version { attachments, content, entry_no, entry_version, id, .. } = &self.entry;
        let record = content.record(attachments, *id, *entry_no, *entry_version);
        if self.signatures.is_empty() {
            return wrong("nobody has signed this version");
        }
        let keys = self.public_keys()?;
        let mut manifests = Vec::new();
        for (nth, signature) in self.signatures.iter().enumerate() {
            let nth = format!("signature {} of {}", nth + 1, self.signatures.len());
            let manifest = signature.manifest(&keys, trusted).map_err(|cause| Broken::Wrong(format!("{nth}: {cause}")))?;
            for (part, hash) in &manifest.record.parts {
                if record.parts.get(part) != Some(hash) {
                    return wrong(format!("{nth}: {part} is not what was signed"));
                }
            }
            if manifest.record != record {
                return wrong(format!("{nth}: it is of another entry or version"));
            }
            if manifest.organization.id != self.entry.organization_id {
                return wrong(format!("{nth}: it is of another organization"));
            }
            if manifest.content_hash != record.content_hash() || manifest.content_hash != self.entry.content_hash {
                return wrong(format!("{nth}: the content hash is not that of the content"));
            }
            manifests.push(manifest);
        }
        let mut used: Vec<_> = self.signatures.iter().map(|signature| signature.key_id.clone()).collect();
        used.sort();
        used.dedup();
        let (title, files) = (content.title.clone(), attachments.clone());
        Ok(Checked { entry_no: *entry_no, entry_version: *entry_version, title, files, manifests, keys: used })
    }

    /// The keys that the file names, each with its id.
    fn public_keys(&self) -> Result<Vec<(String, Vec<u8>)>, Broken> {
        let mut keys = Vec::new();
        for key in &self.keys {
            match URL_SAFE_NO_PAD.decode(&key.public_key) {
                Ok(public_key) if key.algorithm == ALGORITHM && key_id(&public_key) == key.key_id => {
                    keys.push((key.key_id.clone(), public_key));
                }
                _ => return wrong(format!("the key {} is not the one of its id", key.key_id)),
            }
        }
        Ok(keys)
    }
}

impl Signature {
    /// What was signed, if it was, and by the key that it should be.
    fn manifest(&self, keys: &[(String, Vec<u8>)], trusted: Option<&[u8]>) -> Result<Manifest, &'static str> {
        let named = keys.iter().find(|(id, _)| *id == self.key_id).map(|(_, key)| key.as_slice());
        let key = match trusted {
            Some(trusted) if key_id(trusted) != self.key_id => return Err("it is by another key than the one that is trusted"),
            Some(trusted) => trusted,
            None => named.ok_or("its key is not in the file")?,
        };
        let signature = STANDARD.decode(&self.signature).map_err(|_| "it is not in base64")?;
        if !is_signed(&self.manifest, &signature, key) {
            return Err("the manifest, with the signer's name, the time and the meaning, is not what was signed");
        }
        serde_json::from_str(&self.manifest).map_err(|_| "the manifest is of a form that this program does not know")
    }
}

#[cfg(test)]
mod tests;
