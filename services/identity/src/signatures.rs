//! Signatures: what the lab's people declare about records, signed with a key that is drawn once and lives as long as
//! the database, which keeps it sealed.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use spectra_mesh::{Error, Permit, signed, stamp};
use spectra_proto::{Label, identity as pb};
use time::format_description::well_known::Rfc3339;

use crate::{
    App,
    proofs::{self, Person, Token},
};

mod rpc;

/// The key that signs records.
pub(crate) struct RecordKey {
    pair: Ed25519KeyPair,
    key_id: String,
}

impl RecordKey {
    /// The key of this secret.
    pub(crate) fn of(seed: &[u8; 32]) -> Result<Self, Error> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(Error::broken)?;
        Ok(Self { key_id: signed::key_id(pair.public_key().as_ref()), pair })
    }

    fn public(&self) -> pb::SignatureKey {
        pb::SignatureKey {
            key_id: self.key_id.clone(),
            algorithm: "Ed25519".to_owned(),
            public_key: URL_SAFE_NO_PAD.encode(self.pair.public_key()),
        }
    }

    fn sign(&self, manifest: &signed::Manifest, person: &Person) -> pb::RecordSignature {
        let text = manifest.text();
        pb::RecordSignature {
            signature: self.pair.sign(text.as_bytes()).as_ref().to_vec(),
            manifest: text,
            key_id: self.key_id.clone(),
            content_hash: manifest.content_hash.clone(),
            signer_name: person.name.clone(),
            signer_role: person.role.number(),
            method: manifest.method.clone(),
            signed_at: Some(stamp(person.at)),
        }
    }
}

impl App {
    /// Signs a record for the caller, once they have shown who they are.
    async fn sign(&self, permit: &Permit, asked: pb::SignRecordRequest) -> Result<pb::RecordSignature, Error> {
        let (meaning, reason) = (asked.meaning(), asked.reason);
        let record = record(asked.record.unwrap_or_default());
        let (tx, person, method) = match (asked.password, asked.proof) {
            (Some(password), None) => {
                let (tx, person) = self.reauthenticate(permit, password).await?;
                (tx, person, "password")
            }
            (None, Some(proof)) => {
                let mut tx = self.acting(permit).await?;
                let redeemed = proofs::redeem(&mut tx, permit.caller(), &Token::of(proof), &record.content_hash(), meaning).await?;
                (tx, redeemed.ok_or_else(proofs::refused)?, "proof")
            }
            _ => return Err(Error::invalid("password", "is needed, or a proof, and not both")),
        };
        let signer = signed::Signer { id: permit.caller().user, name: person.name.clone(), role: person.role.0.label().to_owned() };
        let manifest = signed::Manifest {
            content_hash: record.content_hash(),
            meaning: meaning.label().to_owned(),
            method: method.to_owned(),
            organization: signed::Organization { id: permit.caller().org, name: person.organization.clone() },
            reason: reason.filter(|reason| !reason.is_empty()),
            record,
            schema_version: signed::SCHEMA_VERSION,
            signed_at: person.at.format(&Rfc3339).map_err(Error::broken)?,
            signer,
        };
        tx.commit().await?;
        Ok(self.record_key.sign(&manifest, &person))
    }
}

fn record(asked: pb::Record) -> signed::Record {
    let pb::Record { kind, id, number, version, parts } = asked;
    signed::Record { id, kind, number, parts: parts.into_iter().collect(), version }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_one_key() {
        let (one, again, other) = (RecordKey::of(&[1; 32]), RecordKey::of(&[1; 32]), RecordKey::of(&[2; 32]));
        let [one, again, other] = [one, again, other].map(|key| key.expect("a key").public());
        assert_eq!(one, again);
        assert_ne!(one.key_id, other.key_id);
        let public = URL_SAFE_NO_PAD.decode(&one.public_key).expect("base64url");
        assert_eq!((public.len(), signed::key_id(&public)), (32, one.key_id));
    }
}
