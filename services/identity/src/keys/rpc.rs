//! The calls of the key service.

use spectra_mesh::{Reply, checked};
use spectra_proto::identity::{self as pb, key_service_server::KeyService};
use tonic::{Request, Response};

use crate::App;

#[tonic::async_trait]
impl KeyService for App {
    async fn list_keys(&self, request: Request<pb::ListKeysRequest>) -> Reply<pb::KeySet> {
        checked(request)?;
        Ok(Response::new(self.ring.published()))
    }
}
