//! The call of the proof service.

use spectra_mesh::{Error, Permit, Reply, checked, permit, stamp};
use spectra_proto::identity::{self as pb, proof_service_server::ProofService};
use tonic::{Request, Response};

use super::{Token, store};
use crate::App;

#[tonic::async_trait]
impl ProofService for App {
    async fn create_proof(&self, request: Request<pb::CreateProofRequest>) -> Reply<pb::Proof> {
        let permit = permit(&request)?;
        Ok(Response::new(self.give_proof(&permit, checked(request)?).await?))
    }
}

impl App {
    async fn give_proof(&self, permit: &Permit, asked: pb::CreateProofRequest) -> Result<pb::Proof, Error> {
        let (meaning, token) = (asked.meaning(), Token::random()?);
        let (mut tx, _) = self.reauthenticate(permit, asked.password).await?;
        let expires_at = store::insert(&mut tx, permit.caller(), &token, &asked.content_hash, meaning).await?;
        tx.commit().await?;
        Ok(pb::Proof { proof: token.0, expires_at: Some(stamp(expires_at)) })
    }
}
