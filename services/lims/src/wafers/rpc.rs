//! The calls of the wafer service.

use spectra_mesh::Reply;
use spectra_proto::lims::{self as pb, wafer_service_server::WaferService};
use tonic::Request;

use super::Wafer;
use crate::App;

#[tonic::async_trait]
impl WaferService for App {
    async fn list_wafers(&self, request: Request<pb::ListWafersRequest>) -> Reply<pb::ListWafersResponse> {
        self.db.list(request, async |tx, asked, page| Wafer::page(tx, &asked, &page).await).await
    }

    async fn get_wafer(&self, request: Request<pb::GetWaferRequest>) -> Reply<pb::Wafer> {
        self.db.read(request, async |tx, asked| Wafer::find(tx, &asked).await).await
    }

    async fn create_wafer(&self, request: Request<pb::CreateWaferRequest>) -> Reply<pb::Wafer> {
        self.db.write(request, async |tx, asked| Wafer::create(tx, &asked).await).await
    }

    async fn update_wafer(&self, request: Request<pb::UpdateWaferRequest>) -> Reply<pb::Wafer> {
        self.db.write(request, async |tx, asked| Wafer::update(tx, asked).await).await
    }

    async fn delete_wafer(&self, request: Request<pb::DeleteWaferRequest>) -> Reply<()> {
        self.db.write(request, async |tx, asked| Wafer::delete(tx, &asked.id).await).await
    }
}
