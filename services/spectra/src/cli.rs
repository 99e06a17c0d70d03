//! The command line. Every setting has an environment variable, `SPECTRA_` and its flag's name, but for `DATABASE_URL`,
//! which everyone knows.

use std::{
    ffi::OsString,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum, builder::BoolishValueParser};
use spectra_mesh::telemetry;

mod attachments;
mod audit;
mod check;
mod faults;
mod protection;
mod verify;

pub use attachments::Attachments;
pub use audit::{Audit, AuditAction};
pub use protection::Protection;
pub use verify::VerifySignature;

/// The system of record for semiconductor-characterisation labs.
#[derive(Debug, Parser)]
#[command(name = "spectra", version, max_term_width = 100)]
pub struct Cli {
    /// What to do; `up` when nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// What to record and where to send it.
    #[command(flatten)]
    pub telemetry: telemetry::Options,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Brings up the whole mesh in this process, with a database of its own and demo data.
    Up(Up),
    /// Runs one service, as in production.
    Serve(Serve),
    /// Makes the database's roles, schemas and tables as this program knows them.
    Migrate(Migrate),
    /// Writes what is missing of the demo data, starting the services for as long as that takes.
    ///
    /// May be run beside `up` on the same data directory. A database of your own that is served with
    /// other secrets than the data directory's is refused, and goes on as it was.
    Seed(Seed),
    /// Opens psql on the database that `up` is running, as its superuser.
    Psql(Psql),
    /// Lists the keys that sign tokens, moves them on, withdraws one, or seals them anew.
    Keys(Keys),
    /// Checks the audit trail, or prints where it ends.
    Audit(Audit),
    /// Checks an exported entry of the notebook: that it is what was signed.
    ///
    /// Ends with 0 when it is, 1 when it is not, 2 when it cannot be read. It asks no service.
    VerifySignature(VerifySignature),
    /// Prints the contract as an encoded `FileDescriptorSet`.
    Descriptors,
    /// Prints the contract as an OpenAPI document.
    Openapi,
}

/// The whole mesh in one process.
#[derive(Clone, Debug, Args)]
pub struct Up {
    /// Where the database and the secrets are kept.
    #[arg(long, env = "SPECTRA_DATA", default_value = ".spectra")]
    pub data: PathBuf,
    /// Where browsers and scripts connect; may be given several times. Port 0 picks a free one.
    #[arg(long, env = "SPECTRA_LISTEN", value_delimiter = ',', default_values_t = [local(3012)])]
    pub listen: Vec<SocketAddr>,
    /// Starts without demo data.
    #[arg(long, env = "SPECTRA_NO_SEED", value_parser = BoolishValueParser::new())]
    pub no_seed: bool,
    /// Where analysis answers gRPC.
    #[arg(long, env = "SPECTRA_ANALYSIS_LISTEN", default_value_t = local(8001))]
    pub analysis_listen: SocketAddr,
    /// Where LIMS answers gRPC.
    #[arg(long, env = "SPECTRA_LIMS_LISTEN", default_value_t = local(8002))]
    pub lims_listen: SocketAddr,
    /// Where identity answers gRPC.
    #[arg(long, env = "SPECTRA_IDENTITY_LISTEN", default_value_t = local(8003))]
    pub identity_listen: SocketAddr,
    /// Where Prometheus reads the metrics.
    #[arg(long, env = "SPECTRA_TELEMETRY_LISTEN", default_value_t = local(9464))]
    pub telemetry_listen: SocketAddr,
    /// Where attachments are kept.
    #[command(flatten)]
    pub attachments: Attachments,
    /// How much the gateway takes, and from whom.
    #[command(flatten)]
    pub protection: Protection,
    /// Where the database is.
    #[command(flatten)]
    pub database: Database,
}

/// Which database `up` and its companions use.
#[derive(Clone, Debug, Args)]
pub struct Database {
    /// A PostgreSQL of your own, as a role that may create roles and schemas; a private one when unset.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, global = true)]
    pub database_url: Option<String>,
    /// The directory of PostgreSQL's programs, where the search is to be skipped.
    #[arg(long, env = "SPECTRA_PG_BIN", global = true)]
    pub pg_bin: Option<PathBuf>,
}

/// One service.
#[derive(Clone, Debug, Args)]
pub struct Serve {
    /// Which one.
    #[arg(value_enum)]
    pub role: Role,
    /// Where it listens.
    #[arg(long, env = "SPECTRA_LISTEN")]
    pub listen: SocketAddr,
    /// Where identity is.
    #[arg(long, env = "SPECTRA_IDENTITY_URL", default_value = "http://127.0.0.1:8003")]
    pub identity_url: String,
    /// Where LIMS is.
    #[arg(long, env = "SPECTRA_LIMS_URL", default_value = "http://127.0.0.1:8002")]
    pub lims_url: String,
    /// Where analysis is.
    #[arg(long, env = "SPECTRA_ANALYSIS_URL", default_value = "http://127.0.0.1:8001")]
    pub analysis_url: String,
    /// Where Prometheus reads the metrics; nowhere when unset.
    #[arg(long, env = "SPECTRA_TELEMETRY_LISTEN")]
    pub telemetry_listen: Option<SocketAddr>,
    /// The service's database, as its application role.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// Identity's database, as the role of the sign-in directory.
    #[arg(long, env = "SPECTRA_SYSTEM_DATABASE_URL", hide_env_values = true)]
    pub system_database_url: Option<String>,
    /// The file that holds identity's key-encryption key: 32 bytes in hexadecimal.
    #[arg(long, env = "SPECTRA_KEY_ENCRYPTION_KEY_FILE")]
    pub key_encryption_key_file: Option<PathBuf>,
    /// How many connections each of the service's database roles keeps at most.
    #[arg(long, env = "SPECTRA_DATABASE_CONNECTIONS", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub database_connections: u32,
    /// Who issues tokens, as their `iss` says it.
    #[arg(long, env = "SPECTRA_ISSUER", default_value = crate::stack::ISSUER)]
    pub issuer: String,
    /// Where attachments are kept.
    #[command(flatten)]
    pub attachments: Attachments,
    /// How much the gateway takes, and from whom.
    #[command(flatten)]
    pub protection: Protection,
    /// Listens on other than loopback without TLS.
    #[arg(long, env = "SPECTRA_INSECURE", value_parser = BoolishValueParser::new())]
    pub insecure: bool,
    /// Prints the configuration, without its secrets, and ends.
    #[arg(long)]
    pub print_config: bool,
}

/// A service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "each is the service of that name")]
pub enum Role {
    Identity,
    Lims,
    Analysis,
    Gateway,
}

/// Roles, schemas and tables.
#[derive(Clone, Debug, Args)]
pub struct Migrate {
    /// Whether to migrate or only to look.
    #[arg(value_enum, default_value = "up")]
    pub what: Migration,
    /// Where the private database is kept.
    #[arg(long, env = "SPECTRA_DATA", default_value = ".spectra")]
    pub data: PathBuf,
    /// Where the database is.
    #[command(flatten)]
    pub database: Database,
}

/// What to do about migrations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Migration {
    /// Apply what is missing.
    Up,
    /// Say what is applied and what is missing.
    Status,
}

/// Demo data.
#[derive(Clone, Debug, Args)]
pub struct Seed {
    /// Where the database and the secrets are kept.
    #[arg(long, env = "SPECTRA_DATA", default_value = ".spectra")]
    pub data: PathBuf,
    /// Where attachments are kept.
    #[command(flatten)]
    pub attachments: Attachments,
    /// Where the database is.
    #[command(flatten)]
    pub database: Database,
}

/// A session in the database.
#[derive(Clone, Debug, Args)]
pub struct Psql {
    /// Where the private database is kept.
    #[arg(long, env = "SPECTRA_DATA", default_value = ".spectra")]
    pub data: PathBuf,
    /// Where the database is.
    #[command(flatten)]
    pub database: Database,
    /// What psql is told.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub args: Vec<String>,
}

/// The keys that sign tokens.
#[derive(Clone, Debug, Args)]
pub struct Keys {
    /// What to do with them.
    #[command(subcommand)]
    pub action: KeyAction,
    /// Where the private database and the secrets are kept.
    #[arg(long, env = "SPECTRA_DATA", default_value = ".spectra", global = true)]
    pub data: PathBuf,
    /// Where the database is.
    #[command(flatten)]
    pub database: Database,
    /// Identity's database, as the role of the sign-in directory, where it is served by `serve`.
    #[arg(long, env = "SPECTRA_SYSTEM_DATABASE_URL", hide_env_values = true, global = true, requires = "key_encryption_key_file")]
    pub system_database_url: Option<String>,
    /// The file that holds identity's key-encryption key, where it is served by `serve`.
    #[arg(long, env = "SPECTRA_KEY_ENCRYPTION_KEY_FILE", global = true, requires = "system_database_url")]
    pub key_encryption_key_file: Option<PathBuf>,
}

/// What to do with signing keys.
#[derive(Clone, Debug, Subcommand)]
pub enum KeyAction {
    /// Lists every key there is and was.
    List,
    /// Lets the next key sign now; by itself it does so after thirty days.
    Rotate,
    /// Withdraws a key that is in wrong hands: every token of it is refused within seconds.
    Revoke {
        /// The id of the key.
        kid: String,
    },
    /// Seals all that is sealed with another key-encryption key; start identity with that one afterwards.
    Rewrap {
        /// The file of the new key-encryption key: 32 bytes in hexadecimal.
        #[arg(long)]
        to: PathBuf,
    },
}

#[derive(Parser)]
struct Alone {
    #[command(flatten)]
    up: Up,
}

/// Why a command line says nothing to do.
#[derive(Debug)]
pub enum Told {
    /// It asks for help or the version, which this prints.
    Asked(clap::Error),
    /// It has faults.
    Faults(Vec<String>),
}

impl Cli {
    /// The command line of this process: what to do, and what to record.
    pub fn read() -> Result<(Command, telemetry::Options), Told> {
        Self::of(&std::env::args_os().collect::<Vec<_>>())
    }

    fn of(given: &[OsString]) -> Result<(Command, telemetry::Options), Told> {
        let told = |given, error: clap::Error| {
            if error.use_stderr() { Told::Faults(faults::all(Self::command(), given, error)) } else { Told::Asked(error) }
        };
        let cli = Self::try_parse_from(given).map_err(|error| told(given.to_vec(), error))?;
        let command = match cli.command {
            Some(command) => command,
            // `up`, with what its flags default to or its environment says.
            None => Command::Up(Alone::try_parse_from(["spectra"]).map_err(|error| told(vec!["spectra".into(), "up".into()], error))?.up),
        };
        command.check().map_err(Told::Faults)?;
        Ok((command, cli.telemetry))
    }
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults_of(line: &str) -> String {
        match Cli::of(&line.split(' ').map(Into::into).collect::<Vec<_>>()) {
            Err(Told::Faults(faults)) => faults.join("\n"),
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn every_fault_of_a_line_is_told_at_once() {
        let told =
            faults_of("spectra --log-format=odd up --listen nonsense --lims-listen also:bad --frob --telemetry-listen=1.2.3.4 --log [");
        for fault in ["--log-format", "--listen", "--lims-listen", "--frob", "--telemetry-listen", "--log <LOG>"] {
            assert_eq!(told.lines().filter(|line| line.contains(fault)).count(), 1, "{fault} in {told}");
        }
        for (line, told) in [
            ("spectra serve lism --listen 127.0.0.1:1", "[possible values: identity, lims, analysis, gateway]"),
            ("spectra serve lims", "not provided: --listen <LISTEN>"),
            ("spectra serve lims --listen 127.0.0.1:1 s", "'s'"),
            ("spectra keys revoke", "<KID>"),
        ] {
            let faults = faults_of(line);
            assert!(faults.lines().count() == 1 && faults.contains(told), "{line}: {faults}");
        }
        assert!(faults_of("spectra keys").contains("rewrap"), "which there are");
        assert!(matches!(
            Cli::of(&["spectra".into(), "keys".into(), "list".into(), "--data".into(), "d".into()]),
            Ok((Command::Keys(_), _))
        ));
        assert!(matches!(Cli::of(&["spectra".into(), "--help".into()]), Err(Told::Asked(_))));
        assert!(faults_of("spectra up --database-url mysql://x").contains("DATABASE_URL"));
    }

    #[test]
    fn every_fault_of_a_service_is_told_at_once() {
        let line = "spectra serve identity --listen 0.0.0.0:1 --lims-url nowhere --database-url mysql://x --key-encryption-key-file /none";
        let told = faults_of(line);
        for fault in ["--insecure", "--lims-url", "DATABASE_URL is no", "SPECTRA_SYSTEM_DATABASE_URL is missing", "/none"] {
            assert!(told.contains(fault), "{told} should say {fault}");
        }
        assert!(!told.contains("--identity-url"), "{told}");
    }

    #[test]
    fn every_fault_of_the_protection_is_told_at_once() {
        let told = faults_of(
            "spectra serve gateway --listen 127.0.0.1:1 --rate-limit 0 --organization-rate-limit many --trusted-proxies 10.0.0.0/33 --connections-per-client=-1",
        );
        for fault in ["--rate-limit", "--organization-rate-limit", "10.0.0.0/33", "--connections-per-client"] {
            assert_eq!(
                told.lines().filter(|line| line.contains(&format!("{fault}'")) || line.contains(&format!("{fault} <"))).count(),
                1,
                "{fault} in {told}"
            );
        }
        let line = "spectra serve gateway --listen 0.0.0.0:1 --organization-rate-limit 7";
        for line in [line, "spectra up --database-url mysql://x --organization-rate-limit 7"] {
            let told = faults_of(line);
            assert!(told.lines().count() == 2 && told.contains("--organization-rate-limit says nothing without"), "{told}");
        }
    }

    #[test]
    fn an_organization_may_ask_ten_times_what_one_client_may() {
        let rates = |more: &str| {
            let line = format!("spectra up --trusted-proxies 10.0.0.0/8,::1{more}");
            match Cli::of(&line.split(' ').map(Into::into).collect::<Vec<_>>()) {
                Ok((Command::Up(up), _)) => up.protection.rates().map(|rates| (rates.client.get(), rates.organization.get())),
                other => panic!("{line}: {other:?}"),
            }
        };
        assert_eq!(rates(""), None);
        assert_eq!(rates(" --rate-limit 20"), Some((20, 200)));
        assert_eq!(rates(" --rate-limit 20 --organization-rate-limit 50"), Some((20, 50)));
        assert_eq!(rates(" --rate-limit 4294967295"), Some((u32::MAX, u32::MAX)));
    }
}
