//! The calls of the SOP service.

use spectra_mesh::{OrgTx, Page, Reply};
use spectra_proto::lims::{self as pb, sop_service_server::SopService};
use tonic::Request;

use super::{
    Sop,
    acknowledgements::{Acknowledgement, standing},
};
use crate::App;

#[tonic::async_trait]
impl SopService for App {
    async fn list_sops(&self, request: Request<pb::ListSopsRequest>) -> Reply<pb::ListSopsResponse> {
        self.db.list(request, async |tx, asked, page| Sop::page(tx, &asked, &page).await).await
    }

    async fn get_sop(&self, request: Request<pb::GetSopRequest>) -> Reply<pb::Sop> {
        self.db.read(request, async |tx, asked| Sop::find(tx, &asked.id).await).await
    }

    async fn create_sop(&self, request: Request<pb::CreateSopRequest>) -> Reply<pb::Sop> {
        self.db.write(request, async |tx, asked| Sop::create(tx, &asked.sop.unwrap_or_default()).await).await
    }

    async fn update_sop(&self, request: Request<pb::UpdateSopRequest>) -> Reply<pb::Sop> {
        self.db.write(request, async |tx, asked| Sop::update(tx, asked).await).await
    }

    async fn publish_sop(&self, request: Request<pb::PublishSopRequest>) -> Reply<pb::Sop> {
        self.db.write(request, async |tx, asked| Sop::publish(tx, &asked).await).await
    }

    async fn retire_sop(&self, request: Request<pb::RetireSopRequest>) -> Reply<pb::Sop> {
        self.db.write(request, async |tx, asked| Sop::retire(tx, &asked).await).await
    }

    async fn acknowledge_sop(&self, request: Request<pb::AcknowledgeSopRequest>) -> Reply<pb::SopAcknowledgement> {
        let work = async |tx: &mut OrgTx, asked: pb::AcknowledgeSopRequest| {
            let sop = Sop::lock(tx, &asked.id).await?.effective("acknowledged")?;
            Acknowledgement::record(tx, &sop).await
        };
        self.db.write(request, work).await
    }

    async fn list_sop_acknowledgements(
        &self,
        request: Request<pb::ListSopAcknowledgementsRequest>,
    ) -> Reply<pb::ListSopAcknowledgementsResponse> {
        let work = async |tx: &mut OrgTx, asked: pb::ListSopAcknowledgementsRequest, page: Page| {
            let sop = Sop::find(tx, &asked.id).await?;
            Acknowledgement::page(tx, &sop, &page).await
        };
        self.db.list(request, work).await
    }

    async fn get_sop_standing(&self, request: Request<pb::GetSopStandingRequest>) -> Reply<pb::SopStanding> {
        self.db.read(request, async |tx, asked| standing(tx, &asked.id).await).await
    }
}
