//! The calls of the charts' service.

use spectra_mesh::Reply;
use spectra_proto::analysis::{self as pb, spc_chart_service_server::SpcChartService};
use tonic::Request;

use super::{capability, draw};
use crate::App;

#[tonic::async_trait]
impl SpcChartService for App {
    async fn get_spc_chart(&self, request: Request<pb::GetSpcChartRequest>) -> Reply<pb::SpcChart> {
        self.db.read(request, async |tx, asked| draw::chart(tx, &asked).await).await
    }

    async fn get_spc_capability(&self, request: Request<pb::GetSpcCapabilityRequest>) -> Reply<pb::SpcCapability> {
        self.db.read(request, async |tx, asked| capability::capability(tx, &asked).await).await
    }
}
