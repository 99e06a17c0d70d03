//! Files that come up: written as they come, kept whole or not at all.

use std::{mem, time::Duration};

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use spectra_mesh::{Error, Refusal, Reply, Upload, hex, new_id};
use spectra_proto::{
    lims::{self as pb, EntityType},
    types::Reason,
};
use tokio::{sync::OwnedSemaphorePermit, task::JoinHandle};
use tonic::{Request, Streaming};
use uuid::Uuid;

use super::{
    Attachment,
    entity::Entity,
    files::{Files, uri},
    media::{HEAD, kept_as},
    store::{self, Whole},
};
use crate::App;

/// How often an upload says that it lives.
const PULSE: Duration = Duration::from_secs(5);
/// What a file is called that has no name.
const NAMELESS: &str = "attachment";

/// Takes a file, and keeps it with what the caller says of it.
pub(super) async fn take(app: &App, request: Request<Streaming<pb::CreateAttachmentRequest>>) -> Reply<pb::Attachment> {
    let (upload, pieces) = app.db.upload(request)?;
    let mut coming = Coming { pieces, said: pb::CreateAttachmentRequest::default(), head: Vec::new(), sum: Context::new(&SHA256), size: 0 };
    let first = coming.next().await?;
    // What is said before the file is looked at before the file; a form may say the rest after it.
    let mut known = None;
    if coming.said.entity_type() != EntityType::Unspecified && !coming.said.entity_id.is_empty() {
        upload.check(&coming.said)?;
        known = Some(app.look_for(&upload, &coming.said).await?);
    }
    let Some(first) = first else { return Err(Error::invalid("content", "is empty; a file has at least one byte").into()) };

    let draft = Draft::begin(upload, app.files.clone()).await?;
    let kept = async {
        coming.write(first, &draft).await?;
        draft.upload.check(&coming.said)?;
        if known != Some(Entity::of(&coming.said)?) {
            app.look_for(&draft.upload, &coming.said).await?;
        }
        draft.keep(coming).await
    };
    let kept = kept.await;
    // The answer to an earlier call with the same key is of an earlier file.
    if !kept.as_ref().is_ok_and(|kept| kept.get_ref().id == draft.id.to_string()) {
        draft.give_up().await;
    }
    kept
}

impl App {
    /// Makes sure that the record is there that the file is to belong to, before all of the file has come.
    async fn look_for(&self, upload: &Upload, said: &pb::CreateAttachmentRequest) -> Result<Entity, Error> {
        let (entity, permit) = (Entity::of(said)?, upload.permit());
        let id = entity.id.to_string();
        match entity.kind {
            EntityType::Instrument => self.analysis.has_instrument(&permit, id).await?,
            EntityType::Calibration => self.analysis.has_calibration(&permit, id).await?,
            EntityType::Run => self.analysis.has_run(&permit, id).await?,
            EntityType::Result => self.analysis.has_result(&permit, id).await?,
            _ => upload.step(async |tx| entity.look(tx).await).await?,
        }
        Ok(entity)
    }
}

/// A file as it comes.
struct Coming {
    pieces: Streaming<pb::CreateAttachmentRequest>,
    /// All that was said of it so far.
    said: pb::CreateAttachmentRequest,
    /// How it begins.
    head: Vec<u8>,
    sum: Context,
    size: u64,
}

impl Coming {
    /// The next bytes of the file; none at its end.
    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            let piece = self.pieces.message().await.map_err(|broken| Error::Peer(Box::new(broken)))?;
            let Some(mut piece) = piece else { return Ok(None) };
            let content = mem::take(&mut piece.content);
            self.hear(piece);
            if !content.is_empty() {
                return Ok(Some(content.into()));
            }
        }
    }

    /// Adds what a piece says of the file.
    fn hear(&mut self, piece: pb::CreateAttachmentRequest) {
        let said = &mut self.said;
        if piece.entity_type != 0 {
            said.entity_type = piece.entity_type;
        }
        if !piece.entity_id.is_empty() {
            said.entity_id = piece.entity_id;
        }
        said.filename = piece.filename.or(said.filename.take());
        said.content_type = piece.content_type.or(said.content_type.take());
        said.sha256 = piece.sha256.or(said.sha256.take());
    }

    /// Writes what comes, to the end.
    async fn write(&mut self, first: Bytes, draft: &Draft) -> Result<(), Error> {
        let mut writing = draft.files.write(&uri_of(draft)).await?;
        let written = async {
            let mut next = Some(first);
            while let Some(bytes) = next {
                self.admit(&bytes, draft.files.limit())?;
                writing.write(bytes).await?;
                next = self.next().await?;
            }
            self.judge()?;
            writing.finish().await
        };
        let written = written.await;
        if written.is_err() {
            writing.abort().await;
        }
        written
    }

    /// Counts and sums up a piece of the file, and looks at its beginning.
    fn admit(&mut self, bytes: &[u8], limit: u64) -> Result<(), Error> {
        self.size += bytes.len() as u64;
        if self.size > limit {
            let told = format!("a file may have {limit} bytes at most");
            return Err(Refusal::new(Reason::FileTooLarge, told).about("limit", limit).into());
        }
        self.sum.update(bytes);
        if self.head.len() < HEAD {
            self.head.extend_from_slice(&bytes[..bytes.len().min(HEAD - self.head.len())]);
            if self.head.len() == HEAD {
                self.kept_as()?;
            }
        }
        Ok(())
    }

    /// The type that the file is kept as.
    fn kept_as(&self) -> Result<String, Error> {
        kept_as(self.said.content_type(), self.said.filename(), &self.head)
    }

    /// Holds the whole file against what was said of it.
    fn judge(&mut self) -> Result<(), Error> {
        self.kept_as()?;
        let sum = hex(self.sum.clone().finish().as_ref());
        if self.said.sha256.as_ref().is_some_and(|stated| *stated != sum) {
            let told = format!("is not the SHA-256 of the file that came, which is {sum} over {} bytes", self.size);
            return Err(Error::invalid("sha256", told));
        }
        self.said.sha256 = Some(sum);
        Ok(())
    }
}

/// A file that may become an attachment. That it may be in the store is written down as long as it is not.
struct Draft {
    id: Uuid,
    upload: Upload,
    files: Files,
    pulse: JoinHandle<()>,
    /// Its place among those that come at once.
    _place: OwnedSemaphorePermit,
}

impl Draft {
    /// Writes down that there may be a file from now on, and goes on saying so.
    async fn begin(upload: Upload, files: Files) -> Result<Self, Error> {
        let place = files.place(upload.permit().caller().org).await?;
        let id = new_id();
        upload.step(async |tx| store::begin(tx, id).await).await?;
        let pulse = tokio::spawn(beat(upload.clone(), id));
        Ok(Self { id, upload, files, pulse, _place: place })
    }

    /// Makes an attachment of a file that is written.
    async fn keep(&self, coming: Coming) -> Reply<pb::Attachment> {
        let Coming { said, head, size, .. } = coming;
        let filename = said.filename.clone().unwrap_or_else(|| NAMELESS.to_owned());
        let content_type = kept_as(said.content_type(), said.filename(), &head)?;
        let size_bytes = i64::try_from(size).map_err(Error::broken)?;
        let (entity, sha256) = (Entity::of(&said)?, said.sha256().to_owned());
        let file = Whole { id: self.id, filename, content_type, size_bytes, sha256, uri: uri_of(self) };
        self.upload.end(said, async |tx, _| Attachment::keep(tx, &entity, file).await).await
    }

    /// Clears the file away, unless it became an attachment. What cannot be done now is done later.
    async fn give_up(&self) {
        let cleared = async {
            if self.upload.step(async |tx| store::give_up(tx, self.id).await).await? {
                self.files.remove(&uri_of(self)).await?;
                self.upload.step(async |tx| store::forget(tx, self.id).await).await?;
            }
            Ok::<_, Error>(())
        };
        if let Err(error) = cleared.await {
            tracing::warn!(?error, id = %self.id, "an upload that was given up is cleared away later");
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        self.pulse.abort();
    }
}

fn uri_of(draft: &Draft) -> String {
    uri(draft.upload.permit().caller().org, draft.id)
}

/// Says now and then that an upload lives.
async fn beat(upload: Upload, id: Uuid) {
    loop {
        tokio::time::sleep(PULSE).await;
        if let Err(error) = upload.step(async |tx| store::renew(tx, id).await).await {
            tracing::debug!(?error, %id, "an upload cannot say that it lives");
        }
    }
}
