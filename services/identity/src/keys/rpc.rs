//! The calls of the key service.

use spectra_mesh::{Reply, checked};
use spectra_proto::identity::{self as pb, key_service_server::KeyService};
use tonic::{Request, Response};

use super::store;
use crate::App;

#[tonic::async_trait]
impl KeyService for App {
    async fn list_keys(&self, request: Request<pb::ListKeysRequest>) -> Reply<pb::KeySet> {
        checked(request)?;
        let mut tx = self.system.begin().await?;
        Ok(Response::new(store::public(&mut tx).await?))
    }
}
