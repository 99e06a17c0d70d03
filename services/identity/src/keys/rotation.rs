//! How signing keys follow one another: a next one is published ahead, an active one signs, a
//! retiring one is published until no token of it lives, and one that is gone is a name.

use std::time::Duration;

use spectra_mesh::{Error, SystemDb, SystemTx};
use spectra_proto::identity as pb;
use time::OffsetDateTime;

use super::{Signing, Stored, store};
use crate::{revocations::revoke_signing_key, seal::Seal, secrets::Secrets};

/// How long a key signs.
pub(super) const SIGNS: Duration = Duration::from_hours(30 * 24);
/// How long a key is published before it signs: twice what a verifier may hold an old set.
pub(super) const AHEAD: Duration = Duration::from_mins(10);
/// How long a key stays published after it signed: beyond the life of its last token.
pub(super) const BEHIND: Duration = Duration::from_hours(1);

/// The signing keys, for whoever runs the installation.
pub struct Keys {
    system: SystemDb,
    seal: Seal,
}

/// A key as it is listed; its times are in UTC.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The id that tokens name.
    pub kid: String,
    /// `next`, `active`, `retiring` or `gone`.
    pub state: String,
    /// Since when it is published.
    pub created_at: OffsetDateTime,
    /// Until when it signs.
    pub sign_until: Option<OffsetDateTime>,
    /// Until when it is published.
    pub publish_until: Option<OffsetDateTime>,
}

impl Keys {
    /// The keys that are sealed with this key-encryption key.
    pub fn open(system: SystemDb, key_encryption_key: &[u8; 32]) -> Result<Self, Error> {
        Ok(Self { system, seal: Seal::of(key_encryption_key)? })
    }

    /// Every key there is and was, newest first.
    pub async fn list(&self) -> Result<Vec<Listed>, Error> {
        store::list(&mut self.system.begin().await?).await
    }

    /// Lets the next key sign before its time. None when there is none that is published for long
    /// enough that every verifier knows it.
    pub async fn rotate(&self) -> Result<Option<String>, Error> {
        let mut tx = self.locked().await?;
        self.opens_all(&mut tx).await?;
        if !store::next_is_known(&mut tx).await? {
            return Ok(None);
        }
        store::retire(&mut tx).await?;
        self.fill(&mut tx).await?;
        let signs = store::active_kid(&mut tx).await?;
        tx.commit().await?;
        Ok(signs)
    }

    /// Withdraws a key that is in wrong hands: it signs no more, and every token of it is dead. False
    /// when there is no such key.
    pub async fn revoke(&self, kid: &str) -> Result<bool, Error> {
        let mut tx = self.locked().await?;
        self.opens_all(&mut tx).await?;
        if !store::withdraw(&mut tx, kid).await? {
            return Ok(false);
        }
        revoke_signing_key(&mut tx, kid).await?;
        self.fill(&mut tx).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Seals everything anew, with another key-encryption key; identity must then be started with it.
    pub async fn rewrap(&self, key_encryption_key: &[u8; 32]) -> Result<(), Error> {
        let to = Seal::of(key_encryption_key)?;
        let mut tx = self.locked().await?;
        for stored in store::sealed(&mut tx).await? {
            let resealed = Signing::open(stored, &self.seal)?.seal(&to)?;
            store::reseal(&mut tx, &resealed).await?;
        }
        Secrets::rewrap(&mut tx, &self.seal, &to).await?;
        tx.commit().await
    }

    /// Does what is due, and no more.
    pub(super) async fn turn(&self) -> Result<(), Error> {
        let mut tx = self.locked().await?;
        self.opens_all(&mut tx).await?;
        store::bury(&mut tx).await?;
        if store::active_is_over(&mut tx).await? && store::next_is_known(&mut tx).await? {
            store::retire(&mut tx).await?;
        }
        self.fill(&mut tx).await?;
        tx.commit().await
    }

    /// The key that signs now.
    pub(super) async fn active(&self) -> Result<Signing, Error> {
        let active = store::active(&mut self.system.begin().await?).await?;
        Signing::open(active.ok_or_else(|| Error::broken("no signing key is active"))?, &self.seal)
    }

    /// The id of the key that signs now.
    pub(super) async fn active_kid(&self) -> Result<Option<String>, Error> {
        store::active_kid(&mut self.system.begin().await?).await
    }

    /// The public halves of the keys that tokens may name.
    pub(super) async fn published(&self) -> Result<pb::KeySet, Error> {
        store::public(&mut self.system.begin().await?).await
    }

    /// A transaction that moves keys on, one at a time whatever the number of instances.
    async fn locked(&self) -> Result<SystemTx, Error> {
        let mut tx = self.system.begin().await?;
        store::lock(&mut tx).await?;
        Ok(tx)
    }

    /// Refuses when a key does not open: what is made with another key-encryption key, such as the one before a
    /// rewrap, identity could not open either.
    async fn opens_all(&self, tx: &mut SystemTx) -> Result<(), Error> {
        store::sealed(tx).await?.into_iter().try_for_each(|stored| Signing::open(stored, &self.seal).map(drop))
    }

    /// Sees to it that one key signs and one is published ahead.
    async fn fill(&self, tx: &mut SystemTx) -> Result<(), Error> {
        store::promote(tx).await?;
        if store::active_kid(tx).await?.is_none() {
            store::insert(tx, &self.generate()?).await?;
            store::promote(tx).await?;
        }
        if !store::has_next(tx).await? {
            store::insert(tx, &self.generate()?).await?;
        }
        Ok(())
    }

    fn generate(&self) -> Result<Stored, Error> {
        Signing::generate()?.seal(&self.seal)
    }
}
