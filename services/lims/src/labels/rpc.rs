//! The calls of the label service.

use spectra_mesh::Reply;
use spectra_proto::lims::{self as pb, label_service_server::LabelService};
use tonic::Request;

use super::Label;
use crate::App;

#[tonic::async_trait]
impl LabelService for App {
    async fn get_sample_label(&self, request: Request<pb::GetSampleLabelRequest>) -> Reply<pb::Label> {
        self.db.read(request, async |tx, asked| Label::of_sample(tx, &asked.id).await?.drawn(asked.format(), asked.symbology())).await
    }

    async fn get_wafer_label(&self, request: Request<pb::GetWaferLabelRequest>) -> Reply<pb::Label> {
        self.db.read(request, async |tx, asked| Label::of_wafer(tx, &asked.id).await?.drawn(asked.format(), asked.symbology())).await
    }

    async fn get_device_label(&self, request: Request<pb::GetDeviceLabelRequest>) -> Reply<pb::Label> {
        self.db.read(request, async |tx, asked| Label::of_device(tx, &asked.id).await?.drawn(asked.format(), asked.symbology())).await
    }
}
