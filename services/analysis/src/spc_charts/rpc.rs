//! The calls of the charts' service.

use spectra_mesh::{Reply, permit};
use spectra_proto::analysis::{self as pb, spc_chart_service_server::SpcChartService};
use tonic::{Request, Response};

use super::{capability::Process, draw};
use crate::App;

#[tonic::async_trait]
impl SpcChartService for App {
    async fn get_spc_chart(&self, request: Request<pb::GetSpcChartRequest>) -> Reply<pb::SpcChart> {
        self.db.read(request, async |tx, asked| draw::chart(tx, &asked).await).await
    }

    async fn get_spc_capability(&self, request: Request<pb::GetSpcCapabilityRequest>) -> Reply<pb::SpcCapability> {
        let org = permit(&request)?.caller().org;
        let process: Process = self.db.read(request, async |tx, asked| Process::read(tx, &asked).await).await?.into_inner();
        // Fits of many points keep a thread busy, and no transaction is open meanwhile.
        Ok(Response::new(self.computer.compute(org, move || process.capability()).await??))
    }
}
