//! Points that come without an end in sight: stored message by message, and once, however often the stream is sent.

use spectra_mesh::{Error, OrgTx, Refusal, Reply, Upload, fingerprint, hex, id};
use spectra_proto::{analysis as pb, types::Reason};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use tonic::{Request, Status, Streaming};
use tracing::Instrument;
use uuid::Uuid;

use super::append;
use crate::App;

/// How far a stream is stored, as its idempotency key remembers it.
#[derive(Clone, Debug, Default)]
struct Mark {
    messages: i64,
    points: i64,
    alerts: i64,
    digest: [u8; 32],
}

/// How many messages are read ahead while one is stored.
const AHEAD: usize = 1;

/// A message that was read and checked, and the mark behind it.
struct Heard {
    message: pb::ImportSpcPointsRequest,
    mark: Mark,
}

/// A stream of points on its way.
struct Coming {
    upload: Upload,
    series_id: Uuid,
    /// How far an earlier call came.
    stored: Mark,
    /// Whether the key was answered already: then nothing more is stored.
    is_answered: bool,
    /// How far this one is.
    mark: Mark,
    added: i64,
    alerts: i64,
}

/// Takes a stream of points to its end.
pub(super) async fn take(app: &App, request: Request<Streaming<pb::ImportSpcPointsRequest>>) -> Reply<pb::ImportSpcPointsResponse> {
    let (upload, messages) = app.db.upload(request)?;
    let (heard, mut next) = mpsc::channel(AHEAD);
    let hearing = AbortOnDropHandle::new(tokio::spawn(hear(upload.clone(), messages, heard).in_current_span()));
    let mut coming: Option<Coming> = None;
    while let Some(heard) = next.recv().await {
        let coming = match &mut coming {
            Some(coming) => coming,
            None => coming.insert(Coming::begin(upload.clone(), id(&heard.message.series_id)?).await?),
        };
        coming.store(heard).await?;
    }
    // What ended the stream, were it a fault of ours, is known before it is taken for whole.
    hearing.await.map_err(Error::broken)??;
    let Some(coming) = coming else { return Err(Error::invalid("points", "are lacking: the stream is empty").into()) };
    coming.end().await
}

/// Reads and checks messages while those before them are stored.
async fn hear(upload: Upload, mut messages: Streaming<pb::ImportSpcPointsRequest>, heard: mpsc::Sender<Heard>) -> Result<(), Status> {
    let mut mark = Mark::default();
    while let Some(message) = messages.message().await? {
        mark = mark.after(&message, &upload.check(&message)?);
        if heard.send(Heard { message, mark: mark.clone() }).await.is_err() {
            break;
        }
    }
    Ok(())
}

impl Coming {
    /// Begins a stream, or goes on with one of the same key.
    async fn begin(upload: Upload, series_id: Uuid) -> Result<Self, Error> {
        let key = upload.permit().idempotency_key().map(str::to_owned);
        let begin = upload.step(async |tx| Ok((Mark::of(tx, series_id, key.as_deref()).await?, upload.is_answered(tx).await?)));
        let (stored, is_answered) = begin.await?;
        Ok(Self { upload, series_id, stored, is_answered, mark: Mark::default(), added: 0, alerts: 0 })
    }

    /// Stores the points of a message, unless they are.
    async fn store(&mut self, Heard { message, mark }: Heard) -> Result<(), Error> {
        if id(&message.series_id)? != self.series_id {
            return Err(Error::invalid("series_id", "must be the same in each message"));
        }
        if message.points.is_empty() {
            return Err(Error::invalid("points", "must not be empty"));
        }
        self.mark = mark;
        if self.mark.messages <= self.stored.messages {
            let differs = self.mark.messages == self.stored.messages && self.mark.digest != self.stored.digest;
            return if differs { Err(reused()) } else { Ok(()) };
        }
        if self.is_answered {
            return Err(reused());
        }
        let (series_id, count) = (self.series_id, i64::try_from(message.points.len()).map_err(Error::broken)?);
        let key = self.upload.permit().idempotency_key().map(str::to_owned);
        let mark = self.mark.clone();
        let alerts = self.upload.step(async |tx| {
            let alerts = append::send(tx, series_id, message.points).await?.alerts.len();
            let alerts = i64::try_from(alerts).map_err(Error::broken)?;
            if let Some(key) = key {
                mark.write(tx, series_id, &key, alerts).await?;
            }
            Ok(alerts)
        });
        self.alerts += alerts.await?;
        self.added += count;
        Ok(())
    }

    /// Answers once all is stored: the same answer to whoever sends the same again.
    async fn end(self) -> Reply<pb::ImportSpcPointsResponse> {
        if self.mark.messages < self.stored.messages {
            return Err(reused().into());
        }
        let series_id = self.series_id.to_string();
        let said = pb::ImportSpcPointsRequest { series_id: series_id.clone(), points: Vec::new(), digest: Some(hex(&self.mark.digest)) };
        let alerts = self.alerts + self.stored.alerts;
        let count = |many: i64| i32::try_from(many).unwrap_or(i32::MAX);
        let answer =
            pb::ImportSpcPointsResponse { series_id, points: count(self.mark.points), stored: count(self.added), alerts: count(alerts) };
        self.upload.end(said, async |_, _| Ok(answer)).await
    }
}

impl Mark {
    /// How far the stream with this key is stored.
    async fn of(tx: &mut OrgTx, series_id: Uuid, key: Option<&str>) -> Result<Self, Error> {
        // A series that is not there is told before all of a stream has come.
        crate::spc_series::Series::find(tx, series_id).await?;
        let Some(key) = key else { return Ok(Self::default()) };
        let caller = tx.caller().user;
        let found = sqlx::query!(
            "SELECT messages, points, alerts, digest FROM spc_imports
              WHERE organization_id = $1 AND series_id = $2 AND caller_id = $3 AND key = $4",
            tx.org(),
            series_id,
            caller,
            key,
        )
        .fetch_optional(tx.conn())
        .await?;
        let Some(found) = found else {
            Self::forget(tx).await?;
            return Ok(Self::default());
        };
        let digest = found.digest.try_into().map_err(|_| Error::broken("a digest that is none"))?;
        Ok(Self { messages: found.messages, points: found.points, alerts: found.alerts, digest })
    }

    /// Takes away a few marks that nobody goes on from any more: those of a month ago.
    async fn forget(tx: &mut OrgTx) -> Result<(), Error> {
        sqlx::query!(
            "DELETE FROM spc_imports
              WHERE organization_id = $1 AND (series_id, caller_id, key) IN (
                    SELECT series_id, caller_id, key FROM spc_imports
                     WHERE organization_id = $1 AND created_at < now() - interval '30 days' LIMIT 20 FOR UPDATE SKIP LOCKED)",
            tx.org(),
        )
        .execute(tx.conn())
        .await?;
        Ok(())
    }

    /// The mark behind the next message, which is this on the wire.
    fn after(&self, message: &pb::ImportSpcPointsRequest, wire: &[u8]) -> Self {
        let bytes = [self.digest.as_slice(), wire].concat();
        let points = self.points.saturating_add(i64::try_from(message.points.len()).unwrap_or(i64::MAX));
        let digest = fingerprint(&bytes).as_slice().try_into().unwrap_or_default();
        Self { messages: self.messages + 1, points, digest, alerts: 0 }
    }

    /// Writes the mark beside the points that it stands behind. Another call with the same key that was faster stops this one.
    async fn write(&self, tx: &mut OrgTx, series_id: Uuid, key: &str, alerts: i64) -> Result<(), Error> {
        let caller = tx.caller().user;
        let written = sqlx::query!(
            "INSERT INTO spc_imports (organization_id, series_id, caller_id, key, messages, points, alerts, digest)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (organization_id, series_id, caller_id, key) DO UPDATE
                SET messages = excluded.messages, points = excluded.points, alerts = spc_imports.alerts + excluded.alerts, digest = excluded.digest,
                    created_at = now()
              WHERE spc_imports.messages = $9",
            tx.org(),
            series_id,
            caller,
            key,
            self.messages,
            self.points,
            alerts,
            self.digest.as_slice(),
            self.messages - 1,
        )
        .execute(tx.conn())
        .await?;
        if written.rows_affected() == 1 { Ok(()) } else { Err(Error::Unavailable("another call with this idempotency key is under way")) }
    }
}

fn reused() -> Error {
    Refusal::new(Reason::KeyReused, "this idempotency key was used for another stream; make a new key for a new stream").into()
}
