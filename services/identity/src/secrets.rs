//! The keys that follow from the key-encryption key, each for one use.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey},
    hmac,
};
use spectra_mesh::Error;
use uuid::Uuid;

/// The derived keys; they live in memory alone.
pub(crate) struct Secrets {
    seal: RandomizedNonceKey,
    rotation: hmac::Key,
    pepper: [u8; 32],
}

impl Secrets {
    /// Derives every key from the one of the configuration.
    pub(crate) fn of(key_encryption_key: &[u8; 32]) -> Result<Self, Error> {
        let root = hmac::Key::new(hmac::HMAC_SHA256, key_encryption_key);
        let derive = |purpose: &str| bytes(hmac::sign(&root, format!("spectra identity {purpose}").as_bytes()));
        Ok(Self {
            seal: RandomizedNonceKey::new(&AES_256_GCM, &derive("signing keys")).map_err(Error::broken)?,
            rotation: hmac::Key::new(hmac::HMAC_SHA256, &derive("refresh tokens")),
            pepper: derive("passwords"),
        })
    }

    /// What every password is hashed with besides its salt.
    pub(crate) fn pepper(&self) -> [u8; 32] {
        self.pepper
    }

    /// Seals a private key for the database: nonce, ciphertext, tag. It opens for the same `context` alone.
    pub(crate) fn seal(&self, context: &str, plain: &[u8]) -> Result<Vec<u8>, Error> {
        let mut sealed = plain.to_vec();
        let nonce = self.seal.seal_in_place_append_tag(Aad::from(context), &mut sealed).map_err(Error::broken)?;
        Ok([nonce.as_ref().as_slice(), &sealed].concat())
    }

    /// Opens what was sealed; none when the key, the context or a single bit is another.
    pub(crate) fn open(&self, context: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_at_checked(AES_256_GCM.nonce_len())?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut plain = sealed.to_vec();
        Some(self.seal.open_in_place(nonce, Aad::from(context), &mut plain).ok()?.to_vec())
    }

    /// The randomness of the refresh token that follows `presented`: the same each time it is asked
    /// for, so that a retry gets it again although it is stored nowhere.
    pub(crate) fn successor(&self, session: Uuid, generation: i32, presented: &str) -> [u8; 32] {
        let follows = [session.as_bytes().as_slice(), &generation.to_be_bytes(), presented.as_bytes()].concat();
        bytes(hmac::sign(&self.rotation, &follows))
    }
}

fn bytes(tag: hmac::Tag) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(tag.as_ref());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_keys_open_for_their_own_key_and_context_alone() {
        let (ours, theirs) = (Secrets::of(&[1; 32]).expect("keys"), Secrets::of(&[2; 32]).expect("keys"));
        let sealed = ours.seal("kid|EdDSA", b"private").expect("sealed");
        assert_eq!(ours.open("kid|EdDSA", &sealed).as_deref(), Some(&b"private"[..]));
        assert_ne!(sealed, ours.seal("kid|EdDSA", b"private").expect("sealed"), "each nonce is new");
        assert!(theirs.open("kid|EdDSA", &sealed).is_none());
        assert!(ours.open("dik|EdDSA", &sealed).is_none());
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(ours.open("kid|EdDSA", &changed).is_none(), "bit {bit}");
        }
        for cut in 0..sealed.len() {
            assert!(ours.open("kid|EdDSA", &sealed[..cut]).is_none(), "{cut} bytes");
        }
    }

    #[test]
    fn a_successor_is_bound_to_all_that_it_follows() {
        let secrets = Secrets::of(&[1; 32]).expect("keys");
        let (session, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let successor = secrets.successor(session, 2, "srt_a");
        assert_eq!(successor, secrets.successor(session, 2, "srt_a"));
        assert_ne!(successor, secrets.successor(other, 2, "srt_a"));
        assert_ne!(successor, secrets.successor(session, 3, "srt_a"));
        assert_ne!(successor, secrets.successor(session, 2, "srt_b"));
        assert_ne!(successor, Secrets::of(&[2; 32]).expect("keys").successor(session, 2, "srt_a"));
    }

    #[test]
    fn no_two_uses_share_a_key() {
        let secrets = Secrets::of(&[1; 32]).expect("keys");
        assert_ne!(secrets.pepper(), [1; 32]);
        let root = hmac::Key::new(hmac::HMAC_SHA256, &secrets.pepper());
        let follows = [Uuid::nil().as_bytes().as_slice(), &1_i32.to_be_bytes(), b""].concat();
        assert_ne!(secrets.successor(Uuid::nil(), 1, ""), bytes(hmac::sign(&root, &follows)));
    }
}
