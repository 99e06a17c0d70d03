//! Proofs: that a person is still who signed in, shown again for one signature.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use spectra_mesh::{Caller, Error, Labelled, Permit, SystemTx, fingerprint, random};
use spectra_proto::types::{Reason, UserRole};
use time::OffsetDateTime;

use crate::App;

mod rpc;
mod store;

/// Someone who showed just now that they are who signed in, as of now.
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) role: Labelled<UserRole>,
    pub(crate) organization: String,
    pub(crate) at: OffsetDateTime,
}

/// A proof: 256 bits, of which the database keeps the hash.
pub(crate) struct Token(String);

impl Token {
    fn random() -> Result<Self, Error> {
        // The prefix lets scanners of code and logs find one that got lost there.
        Ok(Self(format!("spf_{}", URL_SAFE_NO_PAD.encode(random::<32>()?))))
    }

    pub(crate) fn of(presented: String) -> Self {
        Self(presented)
    }

    fn hash(&self) -> [u8; 32] {
        fingerprint(self.0.as_bytes())
    }
}

impl App {
    /// Finds that the password is the caller's, in a transaction that then goes on. A wrong one counts against the
    /// session, which is told no more about passwords once there were too many: neither that one is wrong nor that it
    /// is right, however many are tried at once.
    pub(crate) async fn reauthenticate(&self, permit: &Permit, password: String) -> Result<(SystemTx, Person), Error> {
        // No connection is held while the hash is computed, and none is computed for a session that is told nothing.
        let hash = {
            let mut tx = self.system.begin().await?;
            may_try(&mut tx, permit.caller()).await?;
            store::password_hash(&mut tx, permit.caller()).await?
        };
        let fits = self.passwords.fit(password, hash.iter().cloned().collect()).await?.is_some();
        let mut tx = self.acting(permit).await?;
        // Others of the session were tried meanwhile.
        store::take_turn(&mut tx, permit.caller()).await?;
        may_try(&mut tx, permit.caller()).await?;
        if !fits {
            store::miss(&mut tx, permit.caller()).await?;
            tx.commit().await?;
            tracing::info!(request = %permit.request_id(), "a password was wrong where a signature asked for it");
            return Err(wrong_password());
        }
        let person = store::person(&mut tx, permit.caller(), hash.as_deref()).await?.ok_or_else(wrong_password)?;
        Ok((tx, person))
    }

    /// A transaction in the name of the caller.
    pub(crate) async fn acting(&self, permit: &Permit) -> Result<SystemTx, Error> {
        let (caller, mut tx) = (permit.caller(), self.system.begin().await?);
        tx.act_as(caller.org, caller.user, caller.session, permit.request_id(), permit.method()).await?;
        Ok(tx)
    }
}

/// Refuses while the caller's session is told nothing of passwords.
async fn may_try(tx: &mut SystemTx, caller: &Caller) -> Result<(), Error> {
    let told = "too many wrong passwords in this session; wait a quarter of an hour, or sign in again";
    store::pause(tx, caller).await?.map_or(Ok(()), |pause| Err(Error::Exhausted(told, pause)))
}

fn wrong_password() -> Error {
    let message = "the password is wrong; nothing was signed".to_owned();
    Error::Denied { reason: Reason::WrongPassword, lacking: ("needed", "password".to_owned()), message }
}

/// One answer, whatever is wrong: it does not tell what a proof was for.
pub(crate) fn refused() -> Error {
    let message = "the proof is not good for this signature; ask for a new one".to_owned();
    Error::Denied { reason: Reason::ProofRefused, lacking: ("needed", "proof".to_owned()), message }
}

pub(crate) use store::redeem;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proofs_are_random_and_of_one_form() {
        let (one, other) = (Token::random().expect("random"), Token::random().expect("random"));
        assert_ne!(one.hash(), other.hash());
        for Token(text) in [one, other] {
            let bits = text.strip_prefix("spf_").expect("the prefix");
            assert_eq!(URL_SAFE_NO_PAD.decode(bits).expect("base64url").len(), 32);
        }
    }
}
