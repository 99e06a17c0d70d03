//! Clears away what uploads left behind whose process ended, or whose store did not answer when they were given up.

use std::time::Duration;

use spectra_mesh::{Db, Error, clock};

use super::{
    files::{Files, uri},
    store,
};

/// The table that is looked through.
const UPLOADS: &str = "attachment_uploads";
/// How often is looked. An upload is dead that has not told for thirty seconds that it lives.
const PAUSE: Duration = Duration::from_secs(10);

/// Clears away, for as long as it is let.
pub(crate) async fn run(db: Db, files: Files) {
    loop {
        if let Err(error) = once(&db, &files).await {
            tracing::debug!(?error, "uploads that were given up cannot be looked for");
        }
        tokio::time::sleep(clock::jitter(PAUSE)).await;
    }
}

/// Clears away what there is to clear away.
async fn once(db: &Db, files: &Files) -> Result<(), Error> {
    let mut tx = db.upkeep(UPLOADS).await?;
    let dead = store::dead(&mut tx).await?;
    // Nobody can finish these any more, so that no transaction is open while their files are removed.
    tx.commit().await?;
    for upload in dead {
        if let Err(error) = files.remove(&uri(upload.organization_id, upload.id)).await {
            tracing::warn!(?error, id = %upload.id, "what an upload left behind cannot be removed now");
            continue;
        }
        let mut tx = db.upkeep(UPLOADS).await?;
        store::bury(&mut tx, &upload).await?;
        tx.commit().await?;
        tracing::info!(id = %upload.id, "what an upload left behind was removed");
    }
    Ok(())
}
