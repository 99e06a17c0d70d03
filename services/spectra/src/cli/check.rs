//! What parsing cannot see of a command line.

use url::Url;

use super::{Audit, Command, Database, KeyAction, Keys, Migrate, Psql, Role, Seed, Serve, Up};
use crate::{database, secrets::key_encryption_key};

impl Command {
    /// Every fault that parsing cannot see, all at once.
    pub(super) fn check(&self) -> Result<(), Vec<String>> {
        let faults = match self {
            Self::Serve(serve) => serve.faults(),
            Self::Up(Up { database, attachments, protection, .. }) => {
                database.faults().into_iter().chain(attachments.fault()).chain(protection.fault()).collect()
            }
            Self::Seed(Seed { database, attachments, .. }) => database.faults().into_iter().chain(attachments.fault()).collect(),
            Self::Audit(Audit { database, .. }) | Self::Migrate(Migrate { database, .. }) | Self::Psql(Psql { database, .. }) => {
                database.faults()
            }
            Self::Keys(keys) => keys.faults(),
            Self::Descriptors | Self::Openapi | Self::VerifySignature(_) => Vec::new(),
        };
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    /// What telemetry calls the process.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Serve(serve) => serve.role.name(),
            _ => "spectra",
        }
    }

    /// Whether the command does its work on threads of its own.
    #[must_use]
    pub fn has_threads(&self) -> bool {
        matches!(self, Self::Serve(Serve { role: Role::Gateway, .. }))
    }
}

impl Database {
    /// The URL of a database of one's own; an empty one is none.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        self.database_url.as_deref().filter(|url| !url.is_empty())
    }

    fn faults(&self) -> Vec<String> {
        let fault = self.url().and_then(|url| database::named(database::SETTING, Some(url)).err());
        fault.map(|fault| fault.to_string()).into_iter().collect()
    }
}

impl Keys {
    fn faults(&self) -> Vec<String> {
        let mut faults = self.database.faults();
        let mut check = |fault: Option<anyhow::Error>| faults.extend(fault.map(|fault| format!("{fault:#}")));
        if let Some(url) = &self.system_database_url {
            check(database::named("SPECTRA_SYSTEM_DATABASE_URL", Some(url)).err());
            check(key_encryption_key(self.key_encryption_key_file.as_deref()).err());
        }
        if let KeyAction::Rewrap { to } = &self.action {
            check(key_encryption_key(Some(to)).err());
        }
        faults
    }
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Identity => "spectra-identity",
            Self::Lims => "spectra-lims",
            Self::Analysis => "spectra-analysis",
            Self::Gateway => "spectra-gateway",
        }
    }
}

impl Serve {
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if !self.listen.ip().is_loopback() && !self.insecure {
            faults.push(format!("{} is open to others; a plaintext port beyond loopback needs --insecure", self.listen));
        }
        for (flag, url) in [("--identity-url", &self.identity_url), ("--lims-url", &self.lims_url), ("--analysis-url", &self.analysis_url)]
        {
            if !Url::parse(url).is_ok_and(|url| url.scheme() == "http" && url.has_host()) {
                faults.push(format!("{flag} is no URL such as http://127.0.0.1:8001"));
            }
        }
        faults.extend(self.attachments.fault());
        faults.extend(self.protection.fault());
        let mut check = |fault: Option<anyhow::Error>| faults.extend(fault.map(|fault| format!("{fault:#}")));
        if self.role != Role::Gateway {
            check(database::named(database::SETTING, self.database_url.as_deref()).err());
        }
        if self.role == Role::Identity {
            check(database::named("SPECTRA_SYSTEM_DATABASE_URL", self.system_database_url.as_deref()).err());
            check(key_encryption_key(self.key_encryption_key_file.as_deref()).err());
        }
        faults
    }
}
