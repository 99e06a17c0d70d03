//! A mesh with a database of its own.

use std::{collections::HashMap, path::Path, sync::Mutex};

use serde_json::json;
use spectra::{
    cli::Protection,
    secrets::Secrets,
    seed::{self, ORGANIZATIONS, PEOPLE},
    stack::{Listeners, Stack},
};
use spectra_identity::{Config, Cost, keys::Keys};
use spectra_lims::{Files, Place};
use spectra_mesh::{Channel, Peer, Pools, SystemDb};
use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use tempfile::TempDir;

use crate::{Caller, database};

/// The organization that most tests work in.
pub const DEMO: &str = seed::DEMO.slug;
/// The other one.
pub const TEST: &str = seed::TEST.slug;

/// Four services and a database, gone when it is dropped.
pub struct Mesh {
    stack: Stack,
    admin: PgConnectOptions,
    files: TempDir,
    tokens: Mutex<HashMap<(String, String), String>>,
}

impl Mesh {
    /// Starts a mesh whose two organizations hold people and nothing else.
    pub async fn start() -> Self {
        Self::start_with(async |_| {}).await
    }

    /// Starts a mesh over a database in which something was prepared.
    pub async fn start_with(prepare: impl AsyncFnOnce(&mut PgConnection)) -> Self {
        Self::start_as(prepare, &Protection::default(), None).await
    }

    /// Starts a mesh whose gateway is protected.
    pub async fn start_protected(protection: &Protection) -> Self {
        Self::start_as(async |_| {}, protection, None).await
    }

    /// Starts a mesh whose files leave so many bytes of the disk free.
    pub async fn start_reserving(reserve: u64) -> Self {
        Self::start_as(async |_| {}, &Protection::default(), Some(reserve)).await
    }

    async fn start_as(prepare: impl AsyncFnOnce(&mut PgConnection), protection: &Protection, reserve: Option<u64>) -> Self {
        spectra::install_crypto();
        let run = database::run().await;
        let admin = run.database(false).await.expect("a copy of the template");
        prepare(&mut PgConnection::connect_with(&admin).await.expect("the mesh's database")).await;
        let files = tempfile::tempdir().expect("a folder");
        let stack = start(&admin, config(&run.secrets), protection, store(files.path(), reserve)).await.expect("a mesh");
        Self { stack, admin, files, tokens: Mutex::default() }
    }

    /// Where HTTP clients connect.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.stack.gateway[0])
    }

    /// Someone without a token.
    #[must_use]
    pub fn nobody(&self) -> Caller {
        Caller::new(self.url(), None)
    }

    /// The person of this role in an organization, signed in.
    pub async fn caller(&self, role: &str, organization: &str) -> Caller {
        Caller::new(self.url(), Some(self.token(role, organization).await))
    }

    /// The demo organization's person of this role, signed in.
    pub async fn demo(&self, role: &str) -> Caller {
        self.caller(role, DEMO).await
    }

    /// The person of this role in an organization, signed in once more: in a session of its own.
    pub async fn anew(&self, role: &str, organization: &str) -> Caller {
        Caller::new(self.url(), Some(self.sign_in(role, organization).await))
    }

    /// An access token of the person of this role.
    pub async fn token(&self, role: &str, organization: &str) -> String {
        let key = (role.to_owned(), organization.to_owned());
        if let Some(token) = self.tokens.lock().expect("tokens").get(&key) {
            return token.clone();
        }
        let token = self.sign_in(role, organization).await;
        self.tokens.lock().expect("tokens").insert(key, token.clone());
        token
    }

    async fn sign_in(&self, role: &str, organization: &str) -> String {
        let (username, password) = credentials(role, organization);
        let answer = self.nobody().post("/auth/login", json!({"username": username, "password": password})).await;
        answer.expect(200)["access_token"].as_str().expect("an access token").to_owned()
    }

    /// The service that owns a package of the contract.
    #[must_use]
    pub fn peer(&self, package: &str) -> &Peer {
        match package.split('.').nth(1) {
            Some("identity") => &self.stack.identity,
            Some("lims") => &self.stack.lims,
            Some("analysis") => &self.stack.analysis,
            _ => panic!("no service owns {package}"),
        }
    }

    /// A channel to the service that owns a package of the contract.
    #[must_use]
    pub fn channel(&self, package: &str) -> Channel {
        self.peer(package).channel()
    }

    /// The stack itself.
    #[must_use]
    pub fn stack(&self) -> &Stack {
        &self.stack
    }

    /// A connection that sees everything.
    pub async fn sql(&self) -> PgConnection {
        PgConnection::connect_with(&self.admin).await.expect("the mesh's database")
    }

    /// Where this mesh keeps files.
    #[must_use]
    pub fn files(&self) -> &Path {
        self.files.path()
    }

    /// How to connect to the database.
    #[must_use]
    pub fn admin(&self) -> &PgConnectOptions {
        &self.admin
    }

    /// Connection options of an application role.
    pub async fn application(&self, role: &str) -> PgConnectOptions {
        database::run().await.secrets.application(&self.admin, role)
    }

    /// The keys that this mesh signs with, as whoever runs it sees them.
    pub async fn keys(&self) -> Keys {
        let system = self.application("spectra_identity_system").await;
        let system = SystemDb::connect(system, Pools { max: 1, min: 0 }).await.expect("the sign-in directory");
        Keys::open(system, &self.key_encryption_key().await).expect("keys")
    }

    /// What this mesh seals its secrets with.
    pub async fn key_encryption_key(&self) -> [u8; 32] {
        database::run().await.secrets.key_encryption_key()
    }

    /// The same mesh, started again over its database with another key-encryption key.
    pub async fn start_again(self, key_encryption_key: [u8; 32]) -> anyhow::Result<Self> {
        self.stack.stop().await;
        let run = database::run().await;
        let config = Config { key_encryption_key, ..config(&run.secrets) };
        let stack = start(&self.admin, config, &Protection::default(), store(self.files.path(), None)).await?;
        Ok(Self { stack, tokens: Mutex::default(), ..self })
    }
}

/// How large an attachment of the tests may be, in bytes.
pub const LARGEST_FILE: u64 = 20 << 20;

/// The store of files in a folder.
fn store(folder: &Path, reserve: Option<u64>) -> Files {
    Files::open(&Place::Directory(folder.to_owned()), LARGEST_FILE, reserve).expect("a folder")
}

async fn start(admin: &PgConnectOptions, config: Config, protection: &Protection, files: Files) -> anyhow::Result<Stack> {
    let (listeners, pools) = (Listeners::anywhere().await?, Pools { max: 20, min: 0 });
    Stack::start(admin, &database::run().await.secrets, config, listeners, pools, protection, files).await
}

/// The address and the password of the person of this role.
#[must_use]
pub(crate) fn credentials(role: &str, organization: &str) -> (String, &'static str) {
    use spectra_proto::Label;
    let person = PEOPLE.iter().find(|person| person.role.label() == role).expect("one of the five roles");
    let organization = ORGANIZATIONS.iter().find(|known| known.slug == organization).expect("one of the two organizations");
    (person.email(organization), person.password)
}

/// Identity's configuration, with the weakest of password hashing: tests sign in a lot.
pub(crate) fn config(secrets: &Secrets) -> Config {
    spectra::stack::identity(secrets, Cost::FOR_TESTS)
}

/// A new, wholly empty database.
pub async fn empty_database() -> PgConnectOptions {
    database::run().await.database(true).await.expect("an empty database")
}
