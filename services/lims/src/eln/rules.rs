//! Who may write and sign what.
//!
//! Each rule takes a version and gives back the proof that the statement behind it asks for.

use spectra_mesh::{Error, Refusal, signed::Record};
use spectra_proto::{
    Label,
    types::{Reason, SignatureMeaning, UserRole},
};
use uuid::Uuid;

use super::{Entry, File};

/// Who declares anything but that they wrote it.
const NEEDS_PI: &str = "a pi or an admin witnesses, reviews and approves";

/// What a change of a version comes to.
#[derive(Debug)]
pub(super) enum Edit {
    /// It is not signed, and is written over.
    InPlace(Entry),
    /// It is signed, and is followed by another.
    NewVersion(Entry),
}

/// A version that the caller may attach a file to.
#[derive(Debug)]
pub(crate) struct Attachable(Entry);

impl Attachable {
    /// The version.
    pub(super) fn entry(&self) -> &Entry {
        &self.0
    }
}

/// A version that the caller may sign with a meaning.
#[derive(Debug)]
pub(super) struct Signable {
    entry: Entry,
    record: Record,
    meaning: SignatureMeaning,
}

impl Signable {
    /// The version.
    pub(super) fn entry(&self) -> &Entry {
        &self.entry
    }

    /// The version as a signature names it.
    pub(super) fn record(&self) -> &Record {
        &self.record
    }

    /// What the caller declares.
    pub(super) fn meaning(&self) -> SignatureMeaning {
        self.meaning
    }

    /// Makes sure that the version holds what the caller saw, if they say what that was.
    pub(super) fn seen_as(self, content_hash: Option<&str>) -> Result<Signable, Refusal> {
        match content_hash {
            Some(seen) => self.still(seen),
            None => Ok(self),
        }
    }

    /// Makes sure that what was signed is what the version holds now, and that the signer may sign so in the role that they had.
    pub(super) fn signed_as(self, content_hash: &str, role: UserRole) -> Result<Signable, Error> {
        if self.meaning != SignatureMeaning::Author && role < UserRole::Pi {
            return Err(too_low(NEEDS_PI));
        }
        Ok(self.still(content_hash)?)
    }

    /// Makes sure that the version holds what this is the hash of.
    fn still(self, content_hash: &str) -> Result<Signable, Refusal> {
        if self.record.content_hash() == content_hash && self.entry.content_hash == content_hash {
            return Ok(self);
        }
        let message = "the entry is not what was read, and is not signed; read it again, and sign that";
        Err(Refusal::new(Reason::EntryChanged, message).about("entry_id", self.entry.id))
    }

    /// What the caller is told who signed it before.
    pub(super) fn already_signed(&self) -> Refusal {
        Refusal::new(Reason::AlreadySigned, "you signed this version with this meaning before")
            .about("entry_id", self.entry.id)
            .about("meaning", self.meaning.label())
    }
}

impl Entry {
    /// The version as a signature names it, from what is written in it and the files that it has.
    pub(super) fn record(&self, files: &[File]) -> Record {
        self.clone().into_content().record(files, self.id, self.entry_no, self.entry_version)
    }

    /// Lets the author, a pi or an admin change the newest version.
    pub(super) fn may_edit(self, user: Uuid, role: UserRole) -> Result<Edit, Error> {
        if self.author_id != user && role < UserRole::Pi {
            return Err(too_low("somebody else wrote this entry; its author, a pi or an admin may change it"));
        }
        if let Some(newer) = self.superseded_by {
            let message = "there is a newer version of this entry; change that one";
            let refusal = Refusal::new(Reason::EntrySuperseded, message);
            return Err(refusal.about("entry_id", self.id).about("superseded_by", newer).into());
        }
        Ok(if self.signed { Edit::NewVersion(self) } else { Edit::InPlace(self) })
    }

    /// Lets the author, a pi or an admin attach files to what is not signed.
    pub(super) fn may_attach(self, user: Uuid, role: UserRole) -> Result<Attachable, Error> {
        match self.may_edit(user, role)? {
            Edit::InPlace(entry) => Ok(Attachable(entry)),
            Edit::NewVersion(entry) => {
                let message = "this version is signed with the files that it has; change the entry, and attach the file to the new version";
                Err(Refusal::new(Reason::EntrySigned, message).about("entry_id", entry.id).into())
            }
        }
    }

    /// Lets the author sign as such, and a pi or an admin who did not write it as anything else.
    pub(super) fn may_sign(self, files: &[File], user: Uuid, role: UserRole, meaning: SignatureMeaning) -> Result<Signable, Error> {
        let wrote = self.writers.contains(&user);
        match meaning {
            SignatureMeaning::Author if self.author_id != user => Err(Error::Denied {
                reason: Reason::NotTheAuthor,
                lacking: ("entry_id", self.id.to_string()),
                message: "somebody else wrote this entry; sign it as a witness, as a reviewer or to approve it".to_owned(),
            }),
            SignatureMeaning::Author => Ok(Signable { record: self.record(files), entry: self, meaning }),
            _ if wrote => {
                let message = "you wrote this entry; somebody else must witness, review or approve it";
                Err(Refusal::new(Reason::OwnEntry, message).about("entry_id", self.id).into())
            }
            _ if role < UserRole::Pi => Err(too_low(NEEDS_PI)),
            _ => Ok(Signable { record: self.record(files), entry: self, meaning }),
        }
    }
}

fn too_low(message: &str) -> Error {
    let needed = UserRole::Pi.label().to_owned();
    Error::Denied { reason: Reason::RoleRequired, lacking: ("required_role", needed), message: message.to_owned() }
}

#[cfg(test)]
mod tests;
