//! The calls of the result service.

use spectra_mesh::{Reply, id, permit};
use spectra_proto::analysis::{self as pb, result_service_server::ResultService};
use tonic::{Request, Response, Streaming};

use super::{
    Outcome,
    download::{self, Pieces},
    turn, upload,
};
use crate::App;

#[tonic::async_trait]
impl ResultService for App {
    type DownloadResultArraysStream = Pieces;

    async fn list_results(&self, request: Request<pb::ListResultsRequest>) -> Reply<pb::ListResultsResponse> {
        self.db.list(request, async |tx, asked, page| Outcome::page(tx, &asked, &page).await).await
    }

    async fn get_result(&self, request: Request<pb::GetResultRequest>) -> Reply<pb::Result> {
        self.db.read(request, async |tx, asked| Outcome::find(tx, id(&asked.id)?).await).await
    }

    async fn create_result(&self, request: Request<pb::CreateResultRequest>) -> Reply<pb::Result> {
        self.db.write(request, async |tx, asked| Outcome::create(tx, asked).await).await
    }

    async fn upload_result(&self, request: Request<Streaming<pb::UploadResultRequest>>) -> Reply<pb::Result> {
        upload::take(self, request).await
    }

    async fn download_result_arrays(&self, request: Request<pb::DownloadResultArraysRequest>) -> Reply<Pieces> {
        let asked = request.get_ref().clone();
        let turn = turn::down(permit(&request)?.caller().org).await?;
        let found = self.db.read(request, async |tx, asked| download::find(tx, &asked.id).await).await?;
        Ok(Response::new(download::give(&asked, found.into_inner(), turn).await?))
    }
}
