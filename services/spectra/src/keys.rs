//! `spectra keys`: the keys that sign tokens, for whoever runs the installation.

use anyhow::{Context, Result, bail, ensure};
use spectra_identity::keys::Keys;
use spectra_mesh::{Pools, SystemDb};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    cli::{self, KeyAction},
    database::{self, Database},
    secrets::{Secrets, key_encryption_key},
};

/// One call at a time.
const POOLS: Pools = Pools { max: 1, min: 0 };

/// Does what is asked with the keys of an installation.
pub async fn run(options: cli::Keys) -> Result<()> {
    if let Some(url) = &options.system_database_url {
        let system = SystemDb::connect(database::named("SPECTRA_SYSTEM_DATABASE_URL", Some(url))?, POOLS).await?;
        system.expect_schema("identity").await?;
        let sealed_with = key_encryption_key(options.key_encryption_key_file.as_deref())?;
        return act(&Keys::open(system, &sealed_with)?, &options.action).await;
    }
    let own = !matches!(options.action, KeyAction::Rewrap { .. });
    ensure!(own, "the key-encryption key of a data directory follows from its secret; name the files and SPECTRA_SYSTEM_DATABASE_URL");
    let database = Database::there(&options.database, &options.data).await?;
    let secrets = Secrets::read(&options.data)?
        .context("there is no secret in the data directory; name the one that this database is served with")?;
    let system = SystemDb::connect(secrets.application(database.admin(), "spectra_identity_system"), POOLS).await?;
    let acted = act(&Keys::open(system, &secrets.key_encryption_key())?, &options.action).await;
    database.stop().await?;
    acted
}

async fn act(keys: &Keys, action: &KeyAction) -> Result<()> {
    match action {
        KeyAction::List => {
            for key in keys.list().await? {
                let (since, until) = (text(Some(key.created_at))?, text(key.publish_until.or(key.sign_until))?);
                println!("{} {:<8} since {since}, until {until}", key.kid, key.state);
            }
        }
        KeyAction::Rotate => {
            let kid =
                keys.rotate().await?.context("the next key is not published for ten minutes yet; `spectra keys list` says since when")?;
            println!("{kid} signs from now on");
        }
        KeyAction::Revoke { kid } => {
            if !keys.revoke(kid).await? {
                bail!("no signing key that could be withdrawn has this id; `spectra keys list` lists them");
            }
            println!("{kid} is withdrawn; whoever holds a token of it signs in again");
        }
        KeyAction::Rewrap { to } => {
            keys.rewrap(&key_encryption_key(Some(to))?).await?;
            println!("everything is sealed anew; start identity with {}", to.display());
        }
    }
    Ok(())
}

fn text(time: Option<OffsetDateTime>) -> Result<String> {
    time.map_or(Ok("it signs".to_owned()), |time| Ok(time.truncate_to_second().format(&Rfc3339)?))
}
