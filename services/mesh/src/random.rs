//! Randomness, from the system's own source.

use crate::Error;

/// Bytes that nobody can guess.
pub fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    #[expect(clippy::disallowed_methods, reason = "the one place that draws")]
    aws_lc_rs::rand::fill(&mut bytes).map_err(Error::broken)?;
    Ok(bytes)
}
