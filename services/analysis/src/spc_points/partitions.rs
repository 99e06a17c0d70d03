//! The partitions of points: by month, made before the month comes.

use std::time::Duration;

use spectra_mesh::{Db, Error};

/// How often is looked whether there are enough of them.
const LOOK: Duration = Duration::from_hours(24);
/// How soon again, when it could not be looked.
const AGAIN: Duration = Duration::from_mins(10);

/// Makes the partitions of the months to come, as long as the service runs. Migrating made those of two years.
pub(crate) async fn keep_ahead(db: Db) {
    loop {
        let pause = match make(&db).await {
            Ok(()) => LOOK,
            Err(error) => {
                tracing::warn!(%error, "no partitions could be made for the points of the months to come");
                AGAIN
            }
        };
        tokio::time::sleep(pause).await;
    }
}

async fn make(db: &Db) -> Result<(), Error> {
    let mut tx = db.upkeep("spc_points").await?;
    sqlx::query!("SELECT make_partitions()").fetch_one(tx.conn()).await?;
    tx.commit().await
}
