//! The calls of the genealogy service.

use spectra_mesh::Reply;
use spectra_proto::lims::{self as pb, genealogy_service_server::GenealogyService};
use tonic::Request;

use super::{Family, store};
use crate::App;

#[tonic::async_trait]
impl GenealogyService for App {
    async fn split_sample(&self, request: Request<pb::SplitSampleRequest>) -> Reply<pb::SplitSampleResponse> {
        self.db.write(request, async |tx, asked| store::split(tx, asked).await).await
    }

    async fn merge_samples(&self, request: Request<pb::MergeSamplesRequest>) -> Reply<pb::Sample> {
        self.db.write(request, async |tx, asked| store::merge(tx, asked).await).await
    }

    async fn get_genealogy(&self, request: Request<pb::GetGenealogyRequest>) -> Reply<pb::Genealogy> {
        self.db.read(request, async |tx, asked| Family::find(tx, asked).await).await
    }
}
