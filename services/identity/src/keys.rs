//! Keys: what access tokens are signed with.

use aws_lc_rs::{
    digest::{SHA256, digest},
    signature::{Ed25519KeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use spectra_mesh::{Error, SystemDb};
use spectra_proto::identity as pb;

use crate::secrets::Secrets;

mod rpc;
mod store;

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
    sealed_private_key: Vec<u8>,
}

impl Signing {
    /// The active key, made now when there is none yet.
    pub(crate) async fn load(system: &SystemDb, secrets: &Secrets) -> Result<Self, Error> {
        let mut tx = system.begin().await?;
        store::lock(&mut tx).await?;
        if let Some(stored) = store::active(&mut tx).await? {
            return Self::open(&stored, secrets);
        }
        let signing = Self::generate()?;
        store::insert_active(&mut tx, &signing.seal(secrets)?).await?;
        tx.commit().await?;
        tracing::info!(kid = signing.kid, "made the first signing key");
        Ok(signing)
    }

    /// A new key.
    pub(crate) fn generate() -> Result<Self, Error> {
        let pair = Ed25519KeyPair::generate().map_err(Error::broken)?;
        let public_key = pair.public_key().as_ref().to_vec();
        let private_key = pair.to_pkcs8().map_err(Error::broken)?.as_ref().to_vec();
        Ok(Self { kid: thumbprint(&public_key), public_key, private_key })
    }

    fn seal(&self, secrets: &Secrets) -> Result<Stored, Error> {
        Ok(Stored {
            kid: self.kid.clone(),
            public_key: self.public_key.clone(),
            sealed_private_key: secrets.seal(&context(&self.kid), &self.private_key)?,
        })
    }

    fn open(stored: &Stored, secrets: &Secrets) -> Result<Self, Error> {
        let unfit = |why: &str| Error::broken(format!("the signing key {} {why}", stored.kid));
        let private_key = secrets
            .open(&context(&stored.kid), &stored.sealed_private_key)
            .ok_or_else(|| unfit("does not open with this key-encryption key; hand in the one that it was sealed with"))?;
        let pair = Ed25519KeyPair::from_pkcs8(&private_key).map_err(|_| unfit("is not in PKCS #8"))?;
        if pair.public_key().as_ref() != stored.public_key {
            return Err(unfit("has another public half than its record says"));
        }
        Ok(Self { kid: stored.kid.clone(), public_key: stored.public_key.clone(), private_key })
    }
}

/// What a sealed key is bound to.
fn context(kid: &str) -> String {
    format!("{kid}|{ALGORITHM}")
}

/// The id of an Ed25519 key: the SHA-256 of its required members, in order (RFC 7638, RFC 8037).
fn thumbprint(public_key: &[u8]) -> String {
    let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, URL_SAFE_NO_PAD.encode(public_key));
    URL_SAFE_NO_PAD.encode(digest(&SHA256, members.as_bytes()))
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
        let secrets = Secrets::of(&[1; 32]).expect("keys");
        let signing = Signing::generate().expect("a key");
        let stored = signing.seal(&secrets).expect("sealed");
        let opened = Signing::open(&stored, &secrets).expect("opened");
        assert_eq!((opened.kid, opened.private_key), (signing.kid, signing.private_key));
    }

    #[test]
    fn a_key_of_another_seal_or_record_is_refused() {
        let (ours, theirs) = (Secrets::of(&[1; 32]).expect("keys"), Secrets::of(&[2; 32]).expect("keys"));
        let stored = Signing::generate().and_then(|signing| signing.seal(&ours)).expect("sealed");
        let refused = |stored: &Stored, secrets: &Secrets| match Signing::open(stored, secrets) {
            Err(Error::Broken(cause)) => cause.to_string(),
            _ => panic!("it was opened"),
        };
        assert!(refused(&stored, &theirs).contains("key-encryption key"));
        let other = Signing::generate().expect("a key");
        assert!(refused(&Stored { kid: other.kid, ..copy(&stored) }, &ours).contains("key-encryption key"));
        assert!(refused(&Stored { public_key: other.public_key, ..copy(&stored) }, &ours).contains("public half"));
    }

    fn copy(stored: &Stored) -> Stored {
        Stored { kid: stored.kid.clone(), public_key: stored.public_key.clone(), sealed_private_key: stored.sealed_private_key.clone() }
    }
}
