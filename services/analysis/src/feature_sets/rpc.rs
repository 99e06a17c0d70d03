//! The calls of the feature set service.

use spectra_mesh::{OrgTx, Page, Reply};
use spectra_proto::analysis::{self as pb, feature_set_service_server::FeatureSetService};
use tonic::Request;

use super::{FeatureSet, rows};
use crate::App;

#[tonic::async_trait]
impl FeatureSetService for App {
    async fn list_feature_sets(&self, request: Request<pb::ListFeatureSetsRequest>) -> Reply<pb::ListFeatureSetsResponse> {
        self.db.list(request, async |tx, asked, page| FeatureSet::page(tx, &asked, &page).await).await
    }

    async fn get_feature_set(&self, request: Request<pb::GetFeatureSetRequest>) -> Reply<pb::FeatureSet> {
        self.db.read(request, async |tx, asked| FeatureSet::find(tx, &asked.id).await).await
    }

    async fn create_feature_set(&self, request: Request<pb::CreateFeatureSetRequest>) -> Reply<pb::FeatureSet> {
        self.db.write(request, async |tx, asked| FeatureSet::create(tx, &asked.feature_set.unwrap_or_default()).await).await
    }

    async fn list_feature_set_rows(&self, request: Request<pb::ListFeatureSetRowsRequest>) -> Reply<pb::ListFeatureSetRowsResponse> {
        let work = async |tx: &mut OrgTx, asked: pb::ListFeatureSetRowsRequest, page: Page| {
            let set = FeatureSet::find(tx, &asked.id).await?;
            rows::page(tx, &set, &page).await
        };
        self.db.list(request, work).await
    }
}
