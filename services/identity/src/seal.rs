//! The seal: what the key-encryption key closes, so that the database alone opens nothing.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey},
    hmac,
};
use spectra_mesh::{Error, hex};

/// The key-encryption key, at work; it lives in memory alone.
pub(crate) struct Seal {
    key: RandomizedNonceKey,
    id: String,
}

/// Something sealed, as the database keeps it.
#[derive(Clone)]
pub(crate) struct Sealed {
    /// Nonce, ciphertext, tag.
    pub(crate) bytes: Vec<u8>,
    /// The id of the key-encryption key.
    pub(crate) by: String,
}

impl Seal {
    /// The seal of a key-encryption key.
    pub(crate) fn of(key_encryption_key: &[u8; 32]) -> Result<Self, Error> {
        let root = hmac::Key::new(hmac::HMAC_SHA256, key_encryption_key);
        let derive = |purpose: &str| hmac::sign(&root, format!("spectra identity {purpose}").as_bytes());
        let key = RandomizedNonceKey::new(&AES_256_GCM, derive("seal").as_ref()).map_err(Error::broken)?;
        Ok(Self { key, id: hex(&derive("id").as_ref()[..8]) })
    }

    /// Seals `plain`. It opens as the same `what` alone.
    pub(crate) fn close(&self, what: &str, plain: &[u8]) -> Result<Sealed, Error> {
        let mut sealed = plain.to_vec();
        let nonce = self.key.seal_in_place_append_tag(Aad::from(what), &mut sealed).map_err(Error::broken)?;
        Ok(Sealed { bytes: [nonce.as_ref().as_slice(), &sealed].concat(), by: self.id.clone() })
    }

    /// Opens what was sealed as `what`.
    pub(crate) fn open(&self, what: &str, sealed: &Sealed) -> Result<Vec<u8>, Error> {
        if sealed.by != self.id {
            let (by, ours) = (&sealed.by, &self.id);
            return Err(Error::broken(format!("{what} is sealed by the key-encryption key {by}; the one handed in is {ours}")));
        }
        self.unseal(what, &sealed.bytes).ok_or_else(|| Error::broken(format!("{what} is damaged: its seal does not open")))
    }

    fn unseal(&self, what: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_at_checked(AES_256_GCM.nonce_len())?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut plain = sealed.to_vec();
        Some(self.key.open_in_place(nonce, Aad::from(what), &mut plain).ok()?.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_for_its_own_key_and_as_itself_alone() {
        let (ours, theirs) = (Seal::of(&[1; 32]).expect("a seal"), Seal::of(&[2; 32]).expect("a seal"));
        let sealed = ours.close("a thing", b"private").expect("sealed");
        assert_eq!(ours.open("a thing", &sealed).expect("opened"), b"private");
        assert_ne!(sealed.bytes, ours.close("a thing", b"private").expect("sealed").bytes, "each nonce is new");
        assert!(ours.open("another", &sealed).is_err());
        assert!(theirs.open("a thing", &sealed).is_err());
        assert!(theirs.open("a thing", &Sealed { by: theirs.id.clone(), ..sealed.clone() }).is_err(), "whatever it says of itself");
        for bit in 0..sealed.bytes.len() * 8 {
            let mut changed = sealed.clone();
            changed.bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(ours.open("a thing", &changed).is_err(), "bit {bit}");
        }
        for cut in 0..sealed.bytes.len() {
            assert!(ours.unseal("a thing", &sealed.bytes[..cut]).is_none(), "{cut} bytes");
        }
    }

    #[test]
    fn a_wrong_key_is_told_by_its_id() {
        let (ours, theirs) = (Seal::of(&[1; 32]).expect("a seal"), Seal::of(&[2; 32]).expect("a seal"));
        let sealed = ours.close("a thing", b"private").expect("sealed");
        let Err(Error::Broken(told)) = theirs.open("a thing", &sealed) else { panic!("it was opened") };
        assert!(told.to_string().contains(&ours.id) && told.to_string().contains(&theirs.id), "{told}");
    }
}
