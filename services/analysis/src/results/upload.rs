//! Files of arrays that come up: read once all of one is there, and kept column by column or not at all.

use std::mem;

use prost::Message;
use spectra_mesh::{Error, Refusal, Reply, Upload, id, sha256};
use spectra_proto::{analysis as pb, types::Reason};
use tokio::task::spawn_blocking;
use tonic::{Request, Streaming};

use super::{
    arrays::{Arrays, BYTES, Format},
    origin::Origin,
    store::{insert, keep},
    turn,
};
use crate::App;

/// Takes a file, and keeps its columns as a result of a run.
pub(super) async fn take(app: &App, request: Request<Streaming<pb::UploadResultRequest>>) -> Reply<pb::Result> {
    let (upload, mut pieces) = app.db.upload(request)?;
    let _turn = turn::up(upload.permit().caller().org).await?;

    let (mut said, mut content) = (pb::UploadResultRequest::default(), Vec::new());
    let mut looked = false;
    while let Some(mut piece) = pieces.message().await? {
        let bytes = mem::take(&mut piece.content);
        // A field that is said replaces what was said before.
        said.merge(piece.encode_to_vec().as_slice()).map_err(Error::broken)?;
        if content.len() + bytes.len() > BYTES {
            let told = format!("a file of arrays may have {BYTES} bytes at most");
            return Err(Error::from(Refusal::new(Reason::FileTooLarge, told).about("limit", BYTES)).into());
        }
        content.extend_from_slice(&bytes);
        // That there is no such run is said before all of the file has come.
        if !looked && !said.run_id.is_empty() {
            looked = true;
            look_for(&upload, &said).await?;
        }
    }
    upload.check(&said)?;
    if content.is_empty() {
        return Err(Error::invalid("content", "is empty; a file has at least one byte").into());
    }
    let sum = sha256(&content);
    if said.sha256.as_ref().is_some_and(|stated| *stated != sum) {
        let told = format!("is not the SHA-256 of the file that came, which is {sum} over {} bytes", content.len());
        return Err(Error::invalid("sha256", told).into());
    }
    said.sha256 = Some(sum);
    let format = Format::of(said.content_type(), &content[..content.len().min(512)])?;
    let read = spawn_blocking(move || Arrays::read(format, content)).await;
    let arrays = read.unwrap_or_else(|_| Err(Error::invalid("content", "does not read as what it says it is")))?;
    upload.end(said, async |tx, said| record(tx, &said, &arrays).await).await
}

/// Makes sure that the run is there and brings results out.
async fn look_for(upload: &Upload, said: &pb::UploadResultRequest) -> Result<(), Error> {
    let Ok(run_id) = id(&said.run_id) else { return Ok(()) };
    upload.step(async |tx| Origin::hold(tx, run_id).await?.open().map(|_| ())).await
}

/// Records arrays as a result.
async fn record(tx: &mut spectra_mesh::OrgTx, said: &pb::UploadResultRequest, arrays: &Arrays) -> Result<pb::Result, Error> {
    let origin = Origin::hold(tx, id(&said.run_id)?).await?;
    let result = pb::Result {
        result_type: said.result_type.clone(),
        derived_from: said.derived_from.clone(),
        array_names: arrays.names.clone(),
        array_rows: i32::try_from(arrays.rows()).map_err(Error::broken)?,
        ..pb::Result::default()
    };
    let recorded = insert(tx, origin.open()?, &result).await?;
    keep(tx, recorded.id, arrays).await?;
    recorded.tell(tx).await
}
