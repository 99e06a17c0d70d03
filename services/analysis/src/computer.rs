//! Where long computations are made: beside the threads that serve calls, few at a time.

use std::sync::Arc;

use spectra_mesh::{Error, Shares};
use tokio::{sync::Semaphore, task::spawn_blocking};
use uuid::Uuid;

/// How many are made at once; others wait. Each keeps a core busy, for seconds where its lists are long.
const AT_ONCE: usize = 2;

/// How many of them for one organization: the others do not wait behind all of its own.
const OF_ONE: usize = 1;

/// Makes computations.
#[derive(Debug)]
pub(crate) struct Computer {
    all: Arc<Semaphore>,
    each: Shares<Uuid>,
}

impl Default for Computer {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(AT_ONCE)), each: Shares::of(OF_ONE) }
    }
}

impl Computer {
    /// Makes a computation for an organization. What was begun is finished although the caller goes away, and counts until then.
    pub(crate) async fn compute<T: Send + 'static>(&self, org: Uuid, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let own = self.each.share(org).acquire_owned().await.map_err(Error::broken)?;
        let turn = Arc::clone(&self.all).acquire_owned().await.map_err(Error::broken)?;
        let work = move || {
            let _turns = (own, turn);
            work()
        };
        spawn_blocking(work).await.map_err(Error::broken)
    }
}
