//! Arrays that go down, as files.

use prost::bytes::Bytes;
use spectra_mesh::{Error, OrgTx, fingerprint, hex, id, part};
use spectra_proto::{
    analysis::{self as pb, ArrayFormat},
    types::FileHead,
};
use tokio::task::spawn_blocking;
use tokio_stream::{Iter, iter};
use tonic::Status;

use super::{
    Outcome,
    arrays::{Arrays, kind},
    store::columns,
};

/// How many bytes a piece has at most.
const PIECE: usize = 1 << 20;

/// A file on its way down.
pub(super) type Pieces = Iter<std::vec::IntoIter<Result<pb::DownloadResultArraysResponse, Status>>>;

/// The arrays of a result that has some.
pub(super) async fn find(tx: &mut OrgTx, asked: &str) -> Result<Arrays, Error> {
    let found = Outcome::find(tx, id(asked)?).await?;
    let arrays = columns(tx, found.id).await?;
    if arrays.names.is_empty() { Err(Error::not_found("arrays of the result")) } else { Ok(arrays) }
}

/// The file of arrays, or the part of it that is asked for.
pub(super) async fn give(asked: &pb::DownloadResultArraysRequest, arrays: Arrays) -> Result<Pieces, Error> {
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
    let pieces = content.chunks(PIECE).map(|piece| Ok(pb::DownloadResultArraysResponse { head: None, content: piece.to_vec() }));
    Ok(iter([Ok(head)].into_iter().chain(pieces).collect::<Vec<_>>()))
}
