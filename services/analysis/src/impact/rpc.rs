//! The call of the impact service.

use spectra_mesh::Reply;
use spectra_proto::analysis::{self as pb, impact_service_server::ImpactService};
use tonic::Request;

use super::store;
use crate::App;

#[tonic::async_trait]
impl ImpactService for App {
    async fn get_impact(&self, request: Request<pb::GetImpactRequest>) -> Reply<pb::Impact> {
        self.db.read(request, async |tx, asked| store::tell(tx, &asked.id).await).await
    }
}
