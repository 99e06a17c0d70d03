//! The calls of the signature service.

use spectra_mesh::{Reply, checked, permit};
use spectra_proto::identity::{self as pb, signature_service_server::SignatureService};
use tonic::{Request, Response};

use crate::App;

#[tonic::async_trait]
impl SignatureService for App {
    async fn sign_record(&self, request: Request<pb::SignRecordRequest>) -> Reply<pb::RecordSignature> {
        let permit = permit(&request)?;
        Ok(Response::new(self.sign(&permit, checked(request)?).await?))
    }

    async fn list_signature_keys(&self, request: Request<pb::ListSignatureKeysRequest>) -> Reply<pb::ListSignatureKeysResponse> {
        checked(request)?;
        Ok(Response::new(pb::ListSignatureKeysResponse { items: vec![self.record_key.public()] }))
    }
}
