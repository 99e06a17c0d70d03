//! Keys: what access tokens are signed with.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use spectra_mesh::{Error, fingerprint};
use spectra_proto::identity as pb;

use crate::seal::{Seal, Sealed};

mod ring;
mod rotation;
mod rpc;
mod store;

pub(crate) use ring::Ring;
pub use rotation::{Keys, Listed};

/// The one algorithm that tokens are signed with here.
const ALGORITHM: &str = "EdDSA";

/// A key that signs.
pub(crate) struct Signing {
    pub(crate) kid: String,
    pub(crate) public_key: Vec<u8>,
    /// In PKCS #8.
    pub(crate) private_key: Vec<u8>,
}

/// A key as the database keeps it.
struct Stored {
    kid: String,
    public_key: Vec<u8>,
    private_key: Sealed,
}

impl Signing {
    /// A new key.
    pub(crate) fn generate() -> Result<Self, Error> {
        let pair = Ed25519KeyPair::generate().map_err(Error::broken)?;
        let public_key = pair.public_key().as_ref().to_vec();
        let private_key = pair.to_pkcs8().map_err(Error::broken)?.as_ref().to_vec();
        Ok(Self { kid: thumbprint(&public_key), public_key, private_key })
    }

    fn seal(&self, seal: &Seal) -> Result<Stored, Error> {
        let private_key = seal.close(&sealed_as(&self.kid), &self.private_key)?;
        Ok(Stored { kid: self.kid.clone(), public_key: self.public_key.clone(), private_key })
    }

    fn open(stored: Stored, seal: &Seal) -> Result<Self, Error> {
        let private_key = seal.open(&sealed_as(&stored.kid), &stored.private_key)?;
        let pair = Ed25519KeyPair::from_pkcs8(&private_key).ok();
        if pair.is_none_or(|pair| pair.public_key().as_ref() != stored.public_key) {
            return Err(Error::broken(format!("the signing key {} is damaged: its halves do not fit", stored.kid)));
        }
        Ok(Self { kid: stored.kid, public_key: stored.public_key, private_key })
    }
}

/// What a private key's seal is bound to.
fn sealed_as(kid: &str) -> String {
    format!("signing key {kid} {ALGORITHM}")
}

/// The id of an Ed25519 key: the SHA-256 of its required members, in order (RFC 7638, RFC 8037).
fn thumbprint(public_key: &[u8]) -> String {
    let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, URL_SAFE_NO_PAD.encode(public_key));
    URL_SAFE_NO_PAD.encode(fingerprint(members.as_bytes()))
}

/// A public key as RFC 7517 writes it.
fn published(kid: String, public_key: &[u8]) -> pb::Key {
    pb::Key {
        kty: "OKP".to_owned(),
        crv: "Ed25519".to_owned(),
        r#use: "sig".to_owned(),
        alg: ALGORITHM.to_owned(),
        kid,
        x: URL_SAFE_NO_PAD.encode(public_key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thumbprint_is_that_of_rfc_8037() {
        let key = URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").expect("base64url");
        assert_eq!(thumbprint(&key), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn a_key_comes_back_from_its_seal() {
        let seal = Seal::of(&[1; 32]).expect("a seal");
        let signing = Signing::generate().expect("a key");
        let opened = Signing::open(signing.seal(&seal).expect("sealed"), &seal).expect("opened");
        assert_eq!((opened.kid, opened.private_key), (signing.kid, signing.private_key));
    }

    #[test]
    fn a_key_under_another_record_is_refused() {
        let seal = Seal::of(&[1; 32]).expect("a seal");
        let stored = || Signing::generate().and_then(|signing| signing.seal(&seal)).expect("sealed");
        let (one, other) = (stored(), stored());
        let refused = |stored: Stored| match Signing::open(stored, &seal) {
            Err(Error::Broken(cause)) => cause.to_string(),
            _ => panic!("it was opened"),
        };
        assert!(
            refused(Stored { public_key: other.public_key, private_key: one.private_key.clone(), kid: one.kid }).contains("do not fit")
        );
        assert!(refused(Stored { public_key: one.public_key, private_key: one.private_key, kid: other.kid }).contains("does not open"));
    }
}
