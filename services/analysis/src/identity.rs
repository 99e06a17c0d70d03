//! What this service asks of identity, in its own words.

use spectra_mesh::{Error, Peer, Permit, signed::Record};
use spectra_proto::{
    identity::{self as pb, signature_service_client::SignatureServiceClient},
    types::{SignatureMeaning, UserRole},
};
use tonic::Code;

/// Identity, which is asked in the name of whoever calls, and never within a transaction.
#[derive(Debug)]
pub(crate) struct Identity(pub(crate) Peer);

/// A signature that identity made, and of what.
#[derive(Debug)]
pub(crate) struct Signed {
    pub(crate) manifest: String,
    pub(crate) signature: Vec<u8>,
    pub(crate) key_id: String,
    pub(crate) content_hash: String,
    pub(crate) signer_role: UserRole,
}

impl Identity {
    /// Has the caller sign, by their password, that they agree to a record.
    pub(crate) async fn approve(&self, permit: &Permit, record: Record, reason: &str, password: String) -> Result<Signed, Error> {
        let Record { id, kind, number, parts, version } = record;
        let asked = pb::SignRecordRequest {
            record: Some(pb::Record { kind, id, number, version, parts: parts.into_iter().collect() }),
            meaning: SignatureMeaning::Approve.into(),
            // What may be longer here is whole in the record.
            reason: Some(reason.chars().take(1000).collect()),
            password: Some(password),
            proof: None,
        };
        let answer = SignatureServiceClient::new(self.0.channel()).sign_record(Peer::ask(permit, asked)).await;
        let signed = answer.map_err(|status| match status.code() {
            // Said of the caller's passwords, and as true here.
            Code::ResourceExhausted => Error::Peer(Box::new(status)),
            _ => self.0.explain(status, "user"),
        })?;
        let signed = signed.into_inner();
        Ok(Signed {
            signer_role: signed.signer_role(),
            manifest: signed.manifest,
            signature: signed.signature,
            key_id: signed.key_id,
            content_hash: signed.content_hash,
        })
    }
}
