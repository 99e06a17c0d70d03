//! Turns: arrays are held whole while they are read or written, so that an organization has few of them at once.

use std::{sync::LazyLock, time::Duration};

use spectra_mesh::{Error, Shares};
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

/// The files that each organization sends just now.
static UP: LazyLock<Shares<Uuid>> = LazyLock::new(|| Shares::of(2));
/// The arrays that each organization reads just now.
static DOWN: LazyLock<Shares<Uuid>> = LazyLock::new(|| Shares::of(2));
/// How long a call waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// A turn, which ends when it is dropped.
pub(crate) type Turn = OwnedSemaphorePermit;

/// A turn to send arrays.
pub(super) async fn up(org: Uuid) -> Result<Turn, Error> {
    take(&UP, org, "the organization sends too many files at once; try again in a moment").await
}

/// A turn to read arrays.
pub(crate) async fn down(org: Uuid) -> Result<Turn, Error> {
    take(&DOWN, org, "the organization reads too many arrays at once; try again in a moment").await
}

async fn take(shares: &Shares<Uuid>, org: Uuid, busy: &'static str) -> Result<Turn, Error> {
    let turn = tokio::time::timeout(PATIENCE, shares.share(org).acquire_owned()).await;
    turn.map_err(|_| Error::exhausted(busy))?.map_err(Error::broken)
}
