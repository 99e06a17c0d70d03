//! The calls of the points' service.

use spectra_mesh::{Error, OrgTx, Reply, id};
use spectra_proto::analysis::{self as pb, spc_point_service_server::SpcPointService};
use tonic::{Request, Streaming};

use super::{Point, append, exclusions, exclusions::Said, imports};
use crate::App;

/// How many alerts an answer shows.
const SHOWN: usize = 1000;

#[tonic::async_trait]
impl SpcPointService for App {
    async fn list_spc_points(&self, request: Request<pb::ListSpcPointsRequest>) -> Reply<pb::ListSpcPointsResponse> {
        self.db.list(request, async |tx, asked, page| Point::page(tx, &asked, &page).await).await
    }

    async fn get_spc_point(&self, request: Request<pb::GetSpcPointRequest>) -> Reply<pb::SpcPoint> {
        let work = async |tx: &mut OrgTx, asked: pb::GetSpcPointRequest| Point::find(tx, id(&asked.series_id)?, id(&asked.id)?).await;
        self.db.read(request, work).await
    }

    async fn create_spc_points(&self, request: Request<pb::CreateSpcPointsRequest>) -> Reply<pb::CreateSpcPointsResponse> {
        let work = async |tx: &mut OrgTx, asked: pb::CreateSpcPointsRequest| {
            let added = append::send(tx, id(&asked.series_id)?, asked.points).await?;
            let alerts_opened = i32::try_from(added.alerts.len()).map_err(Error::broken)?;
            let alerts = added.alerts.into_iter().take(SHOWN).map(Into::into).collect();
            Ok(pb::CreateSpcPointsResponse { points: added.points, alerts, alerts_opened })
        };
        self.db.write(request, work).await
    }

    async fn import_spc_points(&self, request: Request<Streaming<pb::ImportSpcPointsRequest>>) -> Reply<pb::ImportSpcPointsResponse> {
        imports::take(self, request).await
    }

    async fn exclude_spc_point(&self, request: Request<pb::ExcludeSpcPointRequest>) -> Reply<pb::SpcPoint> {
        let work = async |tx: &mut OrgTx, asked: pb::ExcludeSpcPointRequest| {
            let said = Said { series_id: &asked.series_id, point_id: &asked.id, excluded: true, reason: &asked.reason };
            exclusions::mark(tx, said).await
        };
        self.db.write(request, work).await
    }

    async fn include_spc_point(&self, request: Request<pb::IncludeSpcPointRequest>) -> Reply<pb::SpcPoint> {
        let work = async |tx: &mut OrgTx, asked: pb::IncludeSpcPointRequest| {
            let said = Said { series_id: &asked.series_id, point_id: &asked.id, excluded: false, reason: &asked.reason };
            exclusions::mark(tx, said).await
        };
        self.db.write(request, work).await
    }
}
