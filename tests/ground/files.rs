//! Files that go up and down; of what goes up its digest is kept, and what goes down is made up.

use std::{pin::Pin, sync::LazyLock};

use aws_lc_rs::digest::{Context, SHA256, digest};
use base64::{Engine, engine::general_purpose::STANDARD};
use spectra_mesh::Error;
use spectra_proto::types::FileHead;
use tokio_stream::Stream;
use tonic::{Request, Response, Status, Streaming};

use crate::{
    generated::ground::v1::{Content, DownloadRequest, UploadRequest, Uploaded, file_service_server::FileService},
    stage::Streamed,
};

mod down;
mod large;
mod up;

pub(crate) struct Files(pub(crate) Streamed);

/// How much of a file goes into a message.
const PIECE: i64 = 64 << 10;

#[tonic::async_trait]
impl FileService for Files {
    type DownloadStream = Pin<Box<dyn Stream<Item = Result<Content, Status>> + Send>>;

    async fn upload(&self, request: Request<Streaming<UploadRequest>>) -> Result<Response<Uploaded>, Status> {
        let (open, mut pieces) = (self.0.begin(), request.into_inner());
        let (mut file, mut digest) = (Uploaded { id: "new".to_owned(), ..Uploaded::default() }, Context::new(&SHA256));
        while let Some(piece) = pieces.message().await? {
            for (field, said) in
                [(&mut file.owner, piece.owner), (&mut file.filename, piece.filename), (&mut file.content_type, piece.content_type)]
            {
                field.push_str(&said);
            }
            file.tags.extend(piece.tags);
            file.size += i64::try_from(piece.content.len()).expect("a piece of a file");
            digest.update(&piece.content);
            if file.owner == "nobody" {
                return Err(Error::not_found("owner").into());
            }
        }
        file.sha256 = STANDARD.encode(digest.finish());
        open.end();
        Ok(Response::new(file))
    }

    async fn download(&self, request: Request<DownloadRequest>) -> Result<Response<Self::DownloadStream>, Status> {
        let asked = request.into_inner();
        let mut head = head(&asked);
        head.part = spectra_mesh::part(asked.range.as_ref(), &head.etag, asked.size)?;
        let (first, length) = head.part.map_or((0, asked.size), |part| (part.first, part.length));
        let (open, fail_after) = (self.0.begin(), asked.fail_after);
        let beginning = std::iter::once(Ok(Content { head: Some(head), content: Vec::new() }));
        let pieces = (0..length).step_by(usize::try_from(PIECE).expect("small")).map(move |at| {
            let _ = &open;
            if fail_after > 0 && at >= fail_after {
                return Err(Error::broken("it was told to fail").into());
            }
            Ok(Content { head: None, content: content(first + at, PIECE.min(length - at)) })
        });
        Ok(Response::new(Box::pin(tokio_stream::iter(beginning.chain(pieces)))))
    }

    async fn label(&self, request: Request<DownloadRequest>) -> Result<Response<Content>, Status> {
        let asked = request.into_inner();
        let content = content(0, asked.size);
        let sha256 = digest(&SHA256, &content).as_ref().to_vec();
        Ok(Response::new(Content { head: Some(FileHead { sha256, ..head(&asked) }), content }))
    }
}

fn head(asked: &DownloadRequest) -> FileHead {
    FileHead {
        content_type: "application/x-ground".to_owned(),
        filename: asked.filename.clone(),
        size: asked.size,
        etag: format!("of-{}", asked.size),
        ..FileHead::default()
    }
}

/// What stands in every file, over and over.
static PATTERN: LazyLock<Vec<u8>> = LazyLock::new(|| (0..=250).collect::<Vec<u8>>().repeat(1024));

/// What stands in a file from one place on.
fn content(first: i64, length: i64) -> Vec<u8> {
    let (skip, length) = (usize::try_from(first % 251).expect("small"), usize::try_from(length).expect("a size"));
    let mut content = Vec::with_capacity(length + PATTERN.len());
    content.extend_from_slice(&PATTERN[skip..]);
    while content.len() < length {
        content.extend_from_slice(&PATTERN);
    }
    content.truncate(length);
    content
}
