//! The call of the revocation service.

use spectra_mesh::{Reply, checked};
use spectra_proto::identity::{self as pb, revocation_service_server::RevocationService};
use tonic::{Request, Response};

use super::feed::Events;
use crate::App;

#[tonic::async_trait]
impl RevocationService for App {
    type WatchRevocationsStream = Events;

    async fn watch_revocations(&self, request: Request<pb::WatchRevocationsRequest>) -> Reply<Events> {
        checked(request)?;
        Ok(Response::new(self.feed.watch()?))
    }
}
