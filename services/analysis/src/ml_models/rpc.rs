//! The calls of the model service.

use spectra_mesh::{OrgTx, Page, Reply};
use spectra_proto::analysis::{self as pb, ml_model_service_server::MlModelService};
use tonic::Request;

use super::{MlModel, lineage};
use crate::App;

#[tonic::async_trait]
impl MlModelService for App {
    async fn list_ml_models(&self, request: Request<pb::ListMlModelsRequest>) -> Reply<pb::ListMlModelsResponse> {
        self.db.list(request, async |tx, asked, page| MlModel::page(tx, &asked, &page).await).await
    }

    async fn get_ml_model(&self, request: Request<pb::GetMlModelRequest>) -> Reply<pb::MlModel> {
        self.db.read(request, async |tx, asked| MlModel::find(tx, &asked.id).await).await
    }

    async fn create_ml_model(&self, request: Request<pb::CreateMlModelRequest>) -> Reply<pb::MlModel> {
        self.db.write(request, async |tx, asked| MlModel::create(tx, &asked).await).await
    }

    async fn list_ml_model_runs(&self, request: Request<pb::ListMlModelRunsRequest>) -> Reply<pb::ListMlModelRunsResponse> {
        let work = async |tx: &mut OrgTx, asked: pb::ListMlModelRunsRequest, page: Page| {
            let model = MlModel::find(tx, &asked.id).await?;
            lineage::page(tx, &model, &page).await
        };
        self.db.list(request, work).await
    }

    async fn stage_ml_model(&self, request: Request<pb::StageMlModelRequest>) -> Reply<pb::MlModel> {
        let work = async |tx: &mut OrgTx, asked: pb::StageMlModelRequest| {
            tx.because(asked.comment.as_deref()).await?;
            let moved = MlModel::lock(tx, &asked.id).await?.to(asked.stage())?;
            MlModel::stage(tx, &moved).await
        };
        self.db.write(request, work).await
    }

    async fn retire_ml_model(&self, request: Request<pb::RetireMlModelRequest>) -> Reply<pb::MlModel> {
        let work = async |tx: &mut OrgTx, asked: pb::RetireMlModelRequest| {
            tx.because(asked.comment.as_deref()).await?;
            let role = tx.caller().role;
            let retirable = MlModel::lock(tx, &asked.id).await?.retirable(role)?;
            MlModel::retire(tx, &retirable).await
        };
        self.db.write(request, work).await
    }
}
