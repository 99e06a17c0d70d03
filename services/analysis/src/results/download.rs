//! Arrays that go down, as files.

use std::pin::Pin;

use prost::bytes::Bytes;
use spectra_mesh::{Error, OrgTx, fingerprint, hex, id, part};
use spectra_proto::{
    analysis::{self as pb, ArrayFormat},
    types::FileHead,
};
use tokio::task::spawn_blocking;
use tokio_stream::{Stream, iter};
use tonic::Status;

use super::{
    Outcome,
    arrays::{Arrays, kind},
    store::columns,
    turn::Turn,
};

/// How many bytes a piece has at most.
const PIECE: usize = 1 << 20;

/// A file on its way down.
pub(super) type Pieces = Pin<Box<dyn Stream<Item = Result<pb::DownloadResultArraysResponse, Status>> + Send>>;

/// The arrays of a result that has some.
pub(super) async fn find(tx: &mut OrgTx, asked: &str) -> Result<Arrays, Error> {
    let found = Outcome::find(tx, id(asked)?).await?;
    let arrays = columns(tx, found.id, None).await?;
    if arrays.names.is_empty() { Err(Error::not_found("arrays of the result")) } else { Ok(arrays) }
}

/// The file of arrays, or the part of it that is asked for. Its turn ends with it.
pub(super) async fn give(asked: &pb::DownloadResultArraysRequest, arrays: Arrays, turn: Turn) -> Result<Pieces, Error> {
    let format = asked.format.map_or(ArrayFormat::Csv, |_| asked.format());
    let content = spawn_blocking(move || arrays.write(format)).await.map_err(Error::broken)??;
    let (content_type, ending) = kind(format);
    let sum = fingerprint(&content);
    let (etag, size) = (hex(&sum), i64::try_from(content.len()).map_err(Error::broken)?);
    let part = part(asked.range.as_ref(), &etag, size)?;
    let head = FileHead {
        content_type: content_type.to_owned(),
        filename: format!("{}.{ending}", asked.id),
        size,
        etag,
        sha256: sum.to_vec(),
        part,
        inline: false,
    };
    let (first, length) = part.map_or((0, content.len()), |part| {
        (usize::try_from(part.first).unwrap_or_default(), usize::try_from(part.length).unwrap_or_default())
    });
    let content = Bytes::from(content).slice(first..first + length);
    let head = pb::DownloadResultArraysResponse { head: Some(head), content: Vec::new() };
    let pieces = (0..content.len()).step_by(PIECE).map(move |first| -> Result<_, Status> {
        // Held until all is sent.
        let _ = &turn;
        let piece = &content[first..content.len().min(first + PIECE)];
        Ok(pb::DownloadResultArraysResponse { head: None, content: piece.to_vec() })
    });
    Ok(Box::pin(iter([Ok(head)].into_iter().chain(pieces))))
}
