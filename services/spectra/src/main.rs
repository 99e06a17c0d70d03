//! `spectra`: every service of the mesh in one binary.

use std::process::ExitCode;

use spectra::cli::{Cli, Command, Told};
use spectra_mesh::telemetry::Telemetry;
use tokio::runtime::Builder;

/// Gives what a burst took back to the system: each password hash takes 19 MiB, and the system's own
/// allocator keeps them for good.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What a shell expects of bad usage, as `sysexits` has it.
const USAGE: u8 = 64;

fn main() -> ExitCode {
    let (command, recorded) = match Cli::read() {
        Ok(read) => read,
        Err(Told::Asked(answer)) => {
            _ = answer.print();
            return ExitCode::SUCCESS;
        }
        Err(Told::Faults(faults)) => {
            eprintln!("spectra: {}", faults.join("\nspectra: "));
            return ExitCode::from(USAGE);
        }
    };
    spectra::install_crypto();
    let mut runtime = if command.has_threads() { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    let outcome = runtime.enable_all().build().map_err(Into::into).and_then(|runtime| {
        runtime.block_on(async {
            let telemetry = Telemetry::start(command.name(), &recorded).map_err(|error| anyhow::anyhow!(error))?;
            spectra::files::raise_limit();
            let outcome = run(command, &telemetry).await;
            telemetry.flush();
            outcome
        })
    });
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("spectra: {}", told(&error));
            ExitCode::FAILURE
        }
    }
}

/// What went wrong, from the outermost cause to the innermost, each once.
fn told(error: &anyhow::Error) -> String {
    let mut causes: Vec<String> = Vec::new();
    // What callers are told of a fault says nothing to whoever runs the program.
    for cause in error.chain().map(ToString::to_string).filter(|cause| cause != spectra_mesh::INTERNAL) {
        if !causes.iter().any(|before| before.contains(&cause)) {
            causes.push(cause);
        }
    }
    causes.join(": ")
}

async fn run(command: Command, telemetry: &Telemetry) -> anyhow::Result<ExitCode> {
    let done: anyhow::Result<()> = match command {
        Command::Up(options) => spectra::up::run(options, telemetry).await,
        Command::Serve(options) => spectra::serve::run(options, telemetry).await,
        Command::Migrate(options) => spectra::maintain::migrate(options).await,
        Command::Seed(options) => spectra::maintain::seed(options).await,
        Command::Psql(options) => spectra::maintain::psql(options).await,
        Command::Keys(options) => spectra::keys::run(options).await,
        Command::Descriptors => spectra::maintain::descriptors(),
        Command::Openapi => spectra::maintain::openapi(),
        Command::VerifySignature(options) => return Ok(spectra::verify::run(&options)),
        Command::Audit(options) => return Ok(spectra::audit::run(options).await),
    };
    done.map(|()| ExitCode::SUCCESS)
}
