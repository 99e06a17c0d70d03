//! The calls of the attachment service.

use spectra_mesh::Reply;
use spectra_proto::lims::{self as pb, attachment_service_server::AttachmentService};
use tonic::{Request, Response, Streaming};

use super::{
    Attachment,
    download::{self, Pieces},
    upload,
};
use crate::App;

#[tonic::async_trait]
impl AttachmentService for App {
    type DownloadAttachmentStream = Pieces;

    async fn list_attachments(&self, request: Request<pb::ListAttachmentsRequest>) -> Reply<pb::ListAttachmentsResponse> {
        self.db.list(request, async |tx, asked, page| Attachment::page(tx, &asked, &page).await).await
    }

    async fn get_attachment(&self, request: Request<pb::GetAttachmentRequest>) -> Reply<pb::Attachment> {
        self.db.read(request, async |tx, asked| Attachment::find(tx, &asked.id).await).await
    }

    async fn download_attachment(&self, request: Request<pb::DownloadAttachmentRequest>) -> Reply<Pieces> {
        let range = request.get_ref().range.clone();
        let found = self.db.read(request, async |tx, asked| Attachment::find(tx, &asked.id).await).await?;
        Ok(Response::new(download::give(&self.files, found.into_inner(), range.as_ref()).await?))
    }

    async fn create_attachment(&self, request: Request<Streaming<pb::CreateAttachmentRequest>>) -> Reply<pb::Attachment> {
        upload::take(self, request).await
    }
}
