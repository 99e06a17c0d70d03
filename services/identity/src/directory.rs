//! How organizations and people come to be without a call: from the seed, an import, a test.

use spectra_mesh::{Error, Labelled, Object, SystemDb, SystemTx, new_id};
use spectra_proto::types::UserRole;
use uuid::Uuid;

use crate::{Config, password::Passwords, seal::Seal, secrets::Secrets};

/// The sign-in directory, to be filled.
pub struct Directory {
    system: SystemDb,
    passwords: Passwords,
}

/// Someone to be enrolled.
#[derive(Clone, Copy)]
pub struct Person<'a> {
    /// The address to sign in with.
    pub email: &'a str,
    /// What people call them.
    pub name: &'a str,
    /// What they may do.
    pub role: UserRole,
    /// Taken as it is: the demo accounts have passwords that everybody knows, on purpose, and the
    /// rules for passwords are for those that people choose.
    pub password: &'a str,
}

impl Directory {
    /// The directory of the service that runs with this configuration.
    pub async fn open(system: SystemDb, config: &Config) -> Result<Self, Error> {
        let secrets = Secrets::load(&system, &Seal::of(&config.key_encryption_key)?).await?;
        let passwords = Passwords::new(secrets.pepper(), config.cost).await?;
        Ok(Self { system, passwords })
    }

    /// The organization of this slug, founded when there is none. One that exists stays as it is.
    pub async fn found_organization(&self, name: &str, slug: &str, settings: &Object) -> Result<Uuid, Error> {
        let mut tx = self.system.begin().await?;
        sqlx::query!(
            "INSERT INTO organizations (id, name, slug, settings) VALUES ($1, $2, $3, $4) ON CONFLICT ON CONSTRAINT organizations_slug DO NOTHING",
            new_id(),
            name,
            slug,
            settings,
        )
        .execute(tx.conn())
        .await?;
        let id = sqlx::query_scalar!("SELECT id FROM organizations WHERE slug = $1", slug).fetch_one(tx.conn()).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// The user of this address in the organization, enrolled when there is none. One that exists
    /// stays as they are, password and role too.
    pub async fn enrol(&self, org: Uuid, person: Person<'_>) -> Result<Uuid, Error> {
        if let Some(known) = user(&mut self.system.begin().await?, org, person.email).await? {
            return Ok(known);
        }
        let hash = self.passwords.hash(person.password.to_owned()).await?;
        let mut tx = self.system.begin().await?;
        sqlx::query!(
            "INSERT INTO users (organization_id, id, email, name, role, password_hash) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (organization_id, lower(email)) DO NOTHING",
            org,
            new_id(),
            person.email,
            person.name,
            Labelled(person.role),
            hash,
        )
        .execute(tx.conn())
        .await?;
        let id = user(&mut tx, org, person.email).await?;
        tx.commit().await?;
        id.ok_or_else(|| Error::not_found("user"))
    }
}

async fn user(tx: &mut SystemTx, org: Uuid, email: &str) -> Result<Option<Uuid>, Error> {
    Ok(sqlx::query_scalar!("SELECT id FROM users WHERE organization_id = $1 AND lower(email) = lower($2)", org, email)
        .fetch_optional(tx.conn())
        .await?)
}
