//! Writes the seeds into a folder; what is given beside it is where the texts of others are.

use std::{env, io, path::Path};

// What is instrumented calls it.
use libfuzzer_sys as _;

fn main() -> io::Result<()> {
    let mut folders = env::args_os().skip(1);
    let (Some(seeds), Some(vectors)) = (folders.next(), folders.next()) else {
        return Err(io::Error::other("usage: seeds FOLDER VECTORS"));
    };
    spectra_fuzz::write_seeds(Path::new(&seeds), Path::new(&vectors))
}
