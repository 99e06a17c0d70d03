//! The calls of the sample service.

use spectra_mesh::Reply;
use spectra_proto::lims::{self as pb, sample_service_server::SampleService};
use tonic::Request;

use super::Sample;
use crate::App;

#[tonic::async_trait]
impl SampleService for App {
    async fn list_samples(&self, request: Request<pb::ListSamplesRequest>) -> Reply<pb::ListSamplesResponse> {
        self.db.list(request, async |tx, asked, page| Sample::page(tx, &asked, &page).await).await
    }

    async fn get_sample(&self, request: Request<pb::GetSampleRequest>) -> Reply<pb::Sample> {
        self.db.read(request, async |tx, asked| Sample::find(tx, &asked).await).await
    }

    async fn create_sample(&self, request: Request<pb::CreateSampleRequest>) -> Reply<pb::Sample> {
        self.db.write(request, async |tx, asked| Sample::create(tx, &asked.sample.unwrap_or_default()).await).await
    }

    async fn update_sample(&self, request: Request<pb::UpdateSampleRequest>) -> Reply<pb::Sample> {
        self.db.write(request, async |tx, asked| Sample::update(tx, asked).await).await
    }

    async fn delete_sample(&self, request: Request<pb::DeleteSampleRequest>) -> Reply<()> {
        self.db.write(request, async |tx, asked| Sample::delete(tx, &asked.id).await).await
    }
}
