//! The calls of the label service.

use spectra_mesh::Reply;
use spectra_proto::lims::{self as pb, label_service_server::LabelService};
use tonic::Request;

use super::Label;
use crate::App;

#[tonic::async_trait]
impl LabelService for App {
    async fn get_sample_label(&self, request: Request<pb::GetSampleLabelRequest>) -> Reply<pb::GetSampleLabelResponse> {
        self.db
            .read(request, async |tx, asked| {
                let (format, symbology) = (asked.format(), asked.symbology());
                let (head, content) = Label::of_sample(tx, asked.id).await?.drawn(format, symbology)?;
                Ok(pb::GetSampleLabelResponse { head, content })
            })
            .await
    }

    async fn get_wafer_label(&self, request: Request<pb::GetWaferLabelRequest>) -> Reply<pb::GetWaferLabelResponse> {
        self.db
            .read(request, async |tx, asked| {
                let (format, symbology) = (asked.format(), asked.symbology());
                let (head, content) = Label::of_wafer(tx, asked.id).await?.drawn(format, symbology)?;
                Ok(pb::GetWaferLabelResponse { head, content })
            })
            .await
    }

    async fn get_device_label(&self, request: Request<pb::GetDeviceLabelRequest>) -> Reply<pb::GetDeviceLabelResponse> {
        self.db
            .read(request, async |tx, asked| {
                let (format, symbology) = (asked.format(), asked.symbology());
                let (head, content) = Label::of_device(tx, asked.id).await?.drawn(format, symbology)?;
                Ok(pb::GetDeviceLabelResponse { head, content })
            })
            .await
    }
}
