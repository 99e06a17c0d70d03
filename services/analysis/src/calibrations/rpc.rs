//! The calls of the calibration service.

use spectra_mesh::{Reply, permit};
use spectra_proto::analysis::{self as pb, calibration_service_server::CalibrationService};
use tonic::Request;

use super::{Calibration, due, store};
use crate::App;

#[tonic::async_trait]
impl CalibrationService for App {
    async fn list_calibrations(&self, request: Request<pb::ListCalibrationsRequest>) -> Reply<pb::ListCalibrationsResponse> {
        self.db.list(request, async |tx, asked, page| Calibration::page(tx, &asked, &page).await).await
    }

    async fn get_calibration(&self, request: Request<pb::GetCalibrationRequest>) -> Reply<pb::Calibration> {
        self.db.read(request, async |tx, asked| Calibration::find(tx, &asked.id).await).await
    }

    async fn create_calibration(&self, request: Request<pb::CreateCalibrationRequest>) -> Reply<pb::Calibration> {
        let permit = permit(&request)?;
        let attachment_id = request.get_ref().calibration.as_ref().and_then(|calibration| calibration.attachment_id.clone());
        let paper = self.lims.has_attachment(&permit, attachment_id).await;
        self.db.write(request, async move |tx, asked| Calibration::create(tx, asked.calibration.unwrap_or_default(), paper).await).await
    }

    async fn revoke_calibration(&self, request: Request<pb::RevokeCalibrationRequest>) -> Reply<pb::Calibration> {
        self.db.write(request, async |tx, asked| Calibration::revoke(tx, &asked).await).await
    }

    async fn get_due_calibrations(&self, request: Request<pb::GetDueCalibrationsRequest>) -> Reply<pb::DueCalibrations> {
        self.db.read(request, async |tx, asked| due::due(tx, &asked).await).await
    }

    async fn get_calibration_status(&self, request: Request<pb::GetCalibrationStatusRequest>) -> Reply<pb::CalibrationStatus> {
        self.db.read(request, async |tx, asked| store::status(tx, &asked).await).await
    }
}
