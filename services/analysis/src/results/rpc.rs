//! The calls of the result service.

use spectra_mesh::{Reply, id};
use spectra_proto::analysis::{self as pb, result_service_server::ResultService};
use tonic::Request;

use super::Outcome;
use crate::App;

#[tonic::async_trait]
impl ResultService for App {
    async fn list_results(&self, request: Request<pb::ListResultsRequest>) -> Reply<pb::ListResultsResponse> {
        self.db.list(request, async |tx, asked, page| Outcome::page(tx, &asked, &page).await).await
    }

    async fn get_result(&self, request: Request<pb::GetResultRequest>) -> Reply<pb::Result> {
        self.db.read(request, async |tx, asked| Outcome::find(tx, id(&asked.id)?).await).await
    }

    async fn create_result(&self, request: Request<pb::CreateResultRequest>) -> Reply<pb::Result> {
        self.db.write(request, async |tx, asked| Outcome::create(tx, asked).await).await
    }
}
