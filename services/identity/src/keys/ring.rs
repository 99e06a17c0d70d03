//! The key that this process signs with, as the database says.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use spectra_mesh::{Error, SystemDb, clock};
use spectra_proto::identity as pb;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Keys, Signing};

/// How often it is seen whether another key signs: a withdrawn one is replaced that soon.
const LOOK: Duration = Duration::from_secs(2);
/// How often what is due is done.
const TURN: Duration = Duration::from_mins(1);

/// The current key, kept current.
pub(crate) struct Ring {
    keys: Keys,
    signing: RwLock<Arc<Signing>>,
    /// What is published, at hand: anyone may ask for it, as often as they like.
    published: RwLock<pb::KeySet>,
}

impl Ring {
    /// The ring of an identity instance, until `stop`. Makes the first keys when there are none.
    pub(crate) async fn open(system: SystemDb, key_encryption_key: &[u8; 32], stop: CancellationToken) -> Result<Arc<Self>, Error> {
        let keys = Keys::open(system, key_encryption_key)?;
        keys.turn().await?;
        let (signing, published) = (Arc::new(keys.active().await?), keys.published().await?);
        let ring = Arc::new(Self { signing: RwLock::new(signing), published: RwLock::new(published), keys });
        let follower = Arc::clone(&ring);
        tokio::spawn(async move { stop.run_until_cancelled(follower.follow()).await });
        Ok(ring)
    }

    /// The key to sign with now.
    pub(crate) fn signing(&self) -> Arc<Signing> {
        Arc::clone(&self.signing.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The public halves of the keys that tokens may name.
    pub(super) fn published(&self) -> pb::KeySet {
        self.published.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn follow(&self) {
        let (mut turned, mut well) = (Instant::now(), true);
        loop {
            tokio::time::sleep(clock::jitter(LOOK)).await;
            match self.look(&mut turned).await {
                Ok(()) => well = true,
                // The key in hand goes on signing.
                Err(error) if well => {
                    well = false;
                    tracing::warn!(?error, "the signing keys cannot be read");
                }
                Err(_) => {}
            }
        }
    }

    async fn look(&self, turned: &mut Instant) -> Result<(), Error> {
        if turned.elapsed() >= TURN {
            *turned = Instant::now();
            self.keys.turn().await?;
        }
        let published = self.keys.published().await?;
        *self.published.write().unwrap_or_else(PoisonError::into_inner) = published;
        if self.keys.active_kid().await?.is_none_or(|kid| kid == self.signing().kid) {
            return Ok(());
        }
        let signing = Arc::new(self.keys.active().await?);
        tracing::info!(kid = signing.kid, "another key signs from now on");
        *self.signing.write().unwrap_or_else(PoisonError::into_inner) = signing;
        Ok(())
    }
}
