//! The calls of the attachment service.

use std::pin::Pin;

use spectra_mesh::{Reply, part, unhex};
use spectra_proto::{
    lims::{self as pb, attachment_service_server::AttachmentService},
    types::FileHead,
};
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status, Streaming};

use super::{Attachment, upload};
use crate::App;

/// A file on its way down.
type Pieces = Pin<Box<dyn Stream<Item = Result<pb::DownloadAttachmentResponse, Status>> + Send>>;

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
        let attachment: Attachment = found.into_inner();
        let part = part(range.as_ref(), &attachment.sha256, attachment.size_bytes)?;
        let (first, length) = part.map_or((0, attachment.size_bytes), |part| (part.first, part.length));
        let head = FileHead {
            content_type: attachment.content_type,
            filename: attachment.filename,
            size: attachment.size_bytes,
            sha256: unhex(&attachment.sha256).unwrap_or_default(),
            etag: attachment.sha256,
            part,
        };
        let contents = self.files.read(&attachment.uri, first, length, head.size).await?;
        let begun = pb::DownloadAttachmentResponse { head: Some(head), content: Vec::new() };
        let pieces = contents.map(|piece| {
            let content = piece?.to_vec();
            Ok(pb::DownloadAttachmentResponse { head: None, content })
        });
        Ok(Response::new(Box::pin(tokio_stream::once(Ok(begun)).chain(pieces))))
    }

    async fn create_attachment(&self, request: Request<Streaming<pb::CreateAttachmentRequest>>) -> Reply<pb::Attachment> {
        upload::take(self, request).await
    }
}
