//! The calls of the gauge study service.

use spectra_mesh::Reply;
use spectra_proto::analysis::{self as pb, gauge_study_service_server::GaugeStudyService};
use tonic::Request;

use super::GaugeStudy;
use crate::App;

#[tonic::async_trait]
impl GaugeStudyService for App {
    async fn list_gauge_studies(&self, request: Request<pb::ListGaugeStudiesRequest>) -> Reply<pb::ListGaugeStudiesResponse> {
        self.db.list(request, async |tx, asked, page| GaugeStudy::page(tx, &asked, &page).await).await
    }

    async fn get_gauge_study(&self, request: Request<pb::GetGaugeStudyRequest>) -> Reply<pb::GaugeStudy> {
        self.db.read(request, async |tx, asked| GaugeStudy::find(tx, &asked.id).await).await
    }

    async fn create_gauge_study(&self, request: Request<pb::CreateGaugeStudyRequest>) -> Reply<pb::GaugeStudy> {
        self.db.write(request, async |tx, asked| GaugeStudy::create(tx, asked.study.unwrap_or_default()).await).await
    }
}
