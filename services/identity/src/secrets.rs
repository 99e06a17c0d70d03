//! The random keys that live as long as the database, which keeps them sealed.

use aws_lc_rs::hmac;
use spectra_mesh::{Error, SystemDb, SystemTx, random};
use uuid::Uuid;

use crate::seal::{Seal, Sealed};

/// The keys, opened.
pub(crate) struct Secrets {
    pepper: [u8; 32],
    renewal: hmac::Key,
    records: [u8; 32],
}

impl Secrets {
    /// Opens the keys; those that are missing are drawn now.
    pub(crate) async fn load(system: &SystemDb, seal: &Seal) -> Result<Self, Error> {
        let mut tx = system.begin().await?;
        let (pepper, renewal) = (secret(&mut tx, seal, "pepper").await?, secret(&mut tx, seal, "renewal").await?);
        let secrets = Self::of(pepper, &renewal, secret(&mut tx, seal, "records").await?);
        tx.commit().await?;
        Ok(secrets)
    }

    fn of(pepper: [u8; 32], renewal: &[u8; 32], records: [u8; 32]) -> Self {
        Self { pepper, renewal: hmac::Key::new(hmac::HMAC_SHA256, renewal), records }
    }

    /// What every password is hashed with besides its salt.
    pub(crate) fn pepper(&self) -> [u8; 32] {
        self.pepper
    }

    /// What the key that signs records is made of.
    pub(crate) fn records(&self) -> &[u8; 32] {
        &self.records
    }

    /// The randomness of the refresh token that follows `presented`: the same each time it is asked
    /// for, so that a retry gets it again although it is stored nowhere.
    pub(crate) fn successor(&self, session: Uuid, generation: i32, presented: &str) -> [u8; 32] {
        let follows = [session.as_bytes().as_slice(), &generation.to_be_bytes(), presented.as_bytes()].concat();
        let mut successor = [0; 32];
        successor.copy_from_slice(hmac::sign(&self.renewal, &follows).as_ref());
        successor
    }

    /// Seals the keys anew.
    pub(crate) async fn rewrap(tx: &mut SystemTx, from: &Seal, to: &Seal) -> Result<(), Error> {
        for row in sqlx::query!("SELECT name, sealed, sealed_by FROM sealed_secrets FOR UPDATE").fetch_all(tx.conn()).await? {
            let plain = from.open(&row.name, &Sealed { bytes: row.sealed, by: row.sealed_by })?;
            let sealed = to.close(&row.name, &plain)?;
            sqlx::query!("UPDATE sealed_secrets SET sealed = $2, sealed_by = $3 WHERE name = $1", row.name, sealed.bytes, sealed.by)
                .execute(tx.conn())
                .await?;
        }
        Ok(())
    }
}

/// The secret of this name. Of several instances that miss it, one draws it for all.
async fn secret(tx: &mut SystemTx, seal: &Seal, name: &str) -> Result<[u8; 32], Error> {
    let drawn = seal.close(name, &random::<32>()?)?;
    sqlx::query!(
        "INSERT INTO sealed_secrets (name, sealed, sealed_by) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING",
        name,
        drawn.bytes,
        drawn.by,
    )
    .execute(tx.conn())
    .await?;
    let kept = sqlx::query_as!(Sealed, "SELECT sealed AS bytes, sealed_by AS by FROM sealed_secrets WHERE name = $1", name)
        .fetch_one(tx.conn())
        .await?;
    let plain = seal.open(name, &kept)?;
    plain.try_into().map_err(|_| Error::broken(format!("{name} is damaged: it is not of 32 bytes")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_successor_is_bound_to_all_that_it_follows() {
        let secrets = Secrets::of([1; 32], &[2; 32], [4; 32]);
        let (session, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let successor = secrets.successor(session, 2, "srt_a");
        assert_eq!(successor, secrets.successor(session, 2, "srt_a"));
        assert_ne!(successor, secrets.successor(other, 2, "srt_a"));
        assert_ne!(successor, secrets.successor(session, 3, "srt_a"));
        assert_ne!(successor, secrets.successor(session, 2, "srt_b"));
        assert_ne!(successor, Secrets::of([1; 32], &[3; 32], [4; 32]).successor(session, 2, "srt_a"));
    }
}
