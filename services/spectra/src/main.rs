//! `spectra`: every service of the mesh in one binary.

use std::process::ExitCode;

use spectra::cli::{Cli, Command};
use spectra_mesh::telemetry::Telemetry;

/// What a shell expects of bad usage, as `sysexits` has it.
const USAGE: u8 = 64;

fn main() -> ExitCode {
    let (command, recorded) = match Cli::read() {
        Ok(read) => read,
        Err(told) => {
            _ = told.print();
            return if told.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS };
        }
    };
    if let Err(faults) = command.check() {
        eprintln!("spectra: {}", faults.join("\nspectra: "));
        return ExitCode::from(USAGE);
    }
    spectra::install_crypto();
    let outcome = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Into::into).and_then(|runtime| {
        runtime.block_on(async {
            let telemetry = Telemetry::start(command.name(), &recorded).map_err(|error| anyhow::anyhow!(error))?;
            let outcome = run(command, &telemetry).await;
            telemetry.flush();
            outcome
        })
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("spectra: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command, telemetry: &Telemetry) -> anyhow::Result<()> {
    match command {
        Command::Up(options) => spectra::up::run(options, telemetry).await,
        Command::Serve(options) => spectra::serve::run(options, telemetry).await,
        Command::Migrate(options) => spectra::maintain::migrate(options).await,
        Command::Seed(options) => spectra::maintain::seed(options).await,
        Command::Psql(options) => spectra::maintain::psql(options).await,
        Command::Keys(options) => spectra::keys::run(options).await,
        Command::Descriptors => spectra::maintain::descriptors(),
    }
}
