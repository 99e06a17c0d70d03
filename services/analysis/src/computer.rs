//! Where long computations are made: beside the threads that serve calls, few at a time.

use std::sync::Arc;

use spectra_mesh::Error;
use tokio::{sync::Semaphore, task::spawn_blocking};

/// How many are made at once; others wait. Each keeps a core busy, for seconds where its lists are long.
const AT_ONCE: usize = 2;

/// Makes computations.
#[derive(Debug)]
pub(crate) struct Computer(Arc<Semaphore>);

impl Default for Computer {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Computer {
    /// Makes a computation. What was begun is finished although the caller goes away, and counts until then.
    pub(crate) async fn compute<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let turn = Arc::clone(&self.0).acquire_owned().await.map_err(Error::broken)?;
        let work = move || {
            let _turn = turn;
            work()
        };
        spawn_blocking(work).await.map_err(Error::broken)
    }
}
