//! Files that go down.

use std::{
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
};

use aws_lc_rs::digest::{self, SHA256};
use bytes::Bytes;
use spectra_mesh::{Error, hex, part, unhex};
use spectra_proto::{
    lims as pb,
    types::{ByteRange, FileHead},
};
use tokio_stream::{Stream, StreamExt};
use tonic::Status;

use super::{
    Attachment,
    files::{Contents, Files},
};

/// A file on its way down.
pub(super) type Pieces = Pin<Box<dyn Stream<Item = Result<pb::DownloadAttachmentResponse, Status>> + Send>>;

/// Gives the file of an attachment, or a part of it.
pub(super) async fn give(files: &Files, attachment: Attachment, range: Option<&ByteRange>) -> Result<Pieces, Error> {
    let Attachment { uri, sha256, size_bytes: size, .. } = attachment;
    let part = part(range, &sha256, size)?;
    let (first, length) = part.map_or((0, size), |part| (part.first, part.length));
    let contents = files.read(&uri, first, length, size).await?;
    let head = FileHead {
        content_type: attachment.content_type,
        filename: attachment.filename,
        size,
        etag: sha256.clone(),
        sha256: unhex(&sha256).unwrap_or_default(),
        part,
        inline: false,
    };
    let begun = pb::DownloadAttachmentResponse { head: Some(head), content: Vec::new() };
    let contents = if part.is_some() { contents } else { Box::pin(Whole::new(contents, sha256)) };
    let pieces = contents.map(|piece| Ok(pb::DownloadAttachmentResponse { head: None, content: piece?.to_vec() }));
    Ok(Box::pin(tokio_stream::once(Ok(begun)).chain(pieces)))
}

/// A whole file. Its last piece is given only when all of it adds up to what it did when it was kept.
struct Whole {
    contents: Contents,
    sum: digest::Context,
    sha256: String,
    /// What is given when there is more, or all is well.
    held: Bytes,
}

impl Whole {
    fn new(contents: Contents, sha256: String) -> Self {
        Self { contents, sum: digest::Context::new(&SHA256), sha256, held: Bytes::new() }
    }
}

impl Stream for Whole {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let Some(piece) = ready!(self.contents.as_mut().poll_next(context)).transpose()? else { break };
            self.sum.update(&piece);
            let before = mem::replace(&mut self.held, piece);
            if !before.is_empty() {
                return Poll::Ready(Some(Ok(before)));
            }
        }
        let last = mem::take(&mut self.held);
        if last.is_empty() {
            return Poll::Ready(None);
        }
        if hex(self.sum.clone().finish().as_ref()) != self.sha256 {
            let told = format!("the file with the SHA-256 {} has another one by now", self.sha256);
            return Poll::Ready(Some(Err(Error::broken(told))));
        }
        Poll::Ready(Some(Ok(last)))
    }
}
