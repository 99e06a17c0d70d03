//! What this service asks of identity, in its own words.

use spectra_mesh::{Error, Peer, Permit, id, moment, signed::Record};
use spectra_proto::{
    identity::{
        self as pb, GetPersonRequest, Person, people_service_client::PeopleServiceClient, signature_service_client::SignatureServiceClient,
    },
    types::{SignatureMeaning, UserRole},
};
use time::OffsetDateTime;
use tonic::{Code, Status};
use uuid::Uuid;

/// Identity, which is asked in the name of whoever calls, and never within a transaction.
#[derive(Debug)]
pub(crate) struct Identity(pub(crate) Peer);

/// Someone, by name: a colleague, or someone outside.
#[derive(Clone, Debug)]
pub(crate) struct Party {
    /// The user, if it is one.
    pub(crate) user_id: Option<Uuid>,
    /// The name, as it is now.
    pub(crate) name: String,
}

/// How someone shows who they are.
pub(crate) enum Credential {
    Password(String),
    Proof(String),
}

/// A signature that identity made, and of what.
#[derive(Debug)]
pub(crate) struct Signed {
    pub(crate) manifest: String,
    pub(crate) signature: Vec<u8>,
    pub(crate) key_id: String,
    pub(crate) content_hash: String,
    pub(crate) signer_name: String,
    pub(crate) signer_role: UserRole,
    pub(crate) method: String,
    pub(crate) at: OffsetDateTime,
}

impl Identity {
    /// Who is meant: by an id a colleague, by any other text someone outside.
    pub(crate) async fn party(&self, permit: &Permit, named: &str) -> Result<Party, Error> {
        if Uuid::try_parse(named).is_err() {
            return Ok(Party { user_id: None, name: named.to_owned() });
        }
        let person = self.person(permit, named.to_owned()).await?;
        Ok(Party { user_id: Some(id(&person.id)?), name: person.name })
    }

    /// A colleague.
    async fn person(&self, permit: &Permit, id: String) -> Result<Person, Error> {
        let asked = Peer::ask(permit, GetPersonRequest { id });
        let answered = PeopleServiceClient::new(self.0.channel()).get_person(asked).await;
        Ok(answered.map_err(|status| self.0.explain(status, "user"))?.into_inner())
    }

    /// Has a record signed by the caller.
    pub(crate) async fn sign(
        &self,
        permit: &Permit,
        record: Record,
        meaning: SignatureMeaning,
        reason: Option<String>,
        credential: Credential,
    ) -> Result<Signed, Error> {
        let Record { id, kind, number, parts, version } = record;
        let record = pb::Record { kind, id, number, version, parts: parts.into_iter().collect() };
        let (password, proof) = match credential {
            Credential::Password(password) => (Some(password), None),
            Credential::Proof(proof) => (None, Some(proof)),
        };
        let asked = pb::SignRecordRequest { record: Some(record), meaning: meaning.into(), reason, password, proof };
        let answer = SignatureServiceClient::new(self.0.channel()).sign_record(Peer::ask(permit, asked)).await;
        let signed = answer.map_err(|status| self.explain(status))?.into_inner();
        Ok(Signed {
            signer_role: signed.signer_role(),
            at: signed.signed_at.and_then(moment).ok_or_else(|| Error::broken("a signature without its time"))?,
            manifest: signed.manifest,
            signature: signed.signature,
            key_id: signed.key_id,
            content_hash: signed.content_hash,
            signer_name: signed.signer_name,
            method: signed.method,
        })
    }

    /// The public keys that signatures are checked with.
    pub(crate) async fn signature_keys(&self, permit: &Permit) -> Result<Vec<pb::SignatureKey>, Error> {
        let asked = Peer::ask(permit, pb::ListSignatureKeysRequest {});
        let answer = SignatureServiceClient::new(self.0.channel()).list_signature_keys(asked).await;
        Ok(answer.map_err(|status| self.explain(status))?.into_inner().items)
    }

    fn explain(&self, status: Status) -> Error {
        match status.code() {
            // Said of the caller's passwords, and as true here.
            Code::ResourceExhausted => Error::Peer(Box::new(status)),
            _ => self.0.explain(status, "user"),
        }
    }
}
