//! The calls of the series' service.

use spectra_mesh::{Error, Permit, Reply, id, permit};
use spectra_proto::analysis::{self as pb, SpcEntityType, spc_series_service_server::SpcSeriesService};
use tonic::Request;

use super::{Series, rebase};
use crate::App;

#[tonic::async_trait]
impl SpcSeriesService for App {
    async fn list_spc_series(&self, request: Request<pb::ListSpcSeriesRequest>) -> Reply<pb::ListSpcSeriesResponse> {
        self.db.list(request, async |tx, asked, page| Series::page(tx, &asked, &page).await).await
    }

    async fn get_spc_series(&self, request: Request<pb::GetSpcSeriesRequest>) -> Reply<pb::SpcSeries> {
        self.db.read(request, async |tx, asked| Series::find(tx, id(&asked.id)?).await).await
    }

    async fn create_spc_series(&self, request: Request<pb::CreateSpcSeriesRequest>) -> Reply<pb::SpcSeries> {
        let permit = permit(&request)?;
        // Judged within: an answer that is remembered under the key stands, whatever LIMS says meanwhile.
        let entity = self.has_entity(&permit, request.get_ref().series.as_ref()).await;
        self.db.write(request, async move |tx, asked| Series::create(tx, &asked.series.unwrap_or_default(), entity).await).await
    }

    async fn update_spc_series(&self, request: Request<pb::UpdateSpcSeriesRequest>) -> Reply<pb::SpcSeries> {
        self.db.write(request, async |tx, asked| Series::update(tx, asked).await).await
    }

    async fn rebase_spc_series(&self, request: Request<pb::RebaseSpcSeriesRequest>) -> Reply<pb::SpcSeries> {
        self.db.write(request, async |tx, asked| rebase::rebase(tx, &asked).await).await
    }
}

impl App {
    /// Makes sure that LIMS has what a series is to watch.
    async fn has_entity(&self, permit: &Permit, series: Option<&pb::SpcSeries>) -> Result<(), Error> {
        let Some(series) = series else { return Ok(()) };
        let Some(entity_id) = series.entity_id.as_deref().filter(|entity_id| id(entity_id).is_ok()) else { return Ok(()) };
        match series.entity_type() {
            SpcEntityType::Recipe => self.lims.has_recipe(permit, entity_id).await,
            SpcEntityType::Material => self.lims.has_material(permit, entity_id).await,
            SpcEntityType::Sample => self.lims.has_sample(permit, entity_id).await,
            SpcEntityType::Unspecified | SpcEntityType::Method | SpcEntityType::Instrument => Ok(()),
        }
    }
}
