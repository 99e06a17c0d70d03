//! What the program that runs identity hands in.

use std::time::Duration;

use spectra_mesh::{Error, token::Expected};

/// How identity is to work.
pub struct Config {
    /// What access tokens say of their origin and use.
    pub expected: Expected,
    /// How long tokens and sessions live.
    pub lives: Lives,
    /// Seals what the database keeps sealed: the signing keys, the pepper of passwords, the key of
    /// renewals. It is never stored beside them.
    pub key_encryption_key: [u8; 32],
    /// What a new password hash costs.
    pub cost: Cost,
}

/// How long tokens and sessions live.
#[derive(Clone, Copy, Debug)]
pub struct Lives {
    /// An access token.
    pub access: Duration,
    /// A session that is not renewed.
    pub idle: Duration,
    /// A session at the longest.
    pub absolute: Duration,
}

impl Default for Lives {
    /// For browsers: ten minutes, an hour, half a day.
    fn default() -> Self {
        Self { access: Duration::from_mins(10), idle: Duration::from_hours(1), absolute: Duration::from_hours(12) }
    }
}

/// What it costs to hash a password with argon2id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    pub(crate) memory_kib: u32,
    pub(crate) passes: u32,
}

impl Cost {
    /// The least that protects passwords; about 70 ms.
    pub const FLOOR: Self = Self { memory_kib: 19_456, passes: 2 };
    /// As good as nothing: for tests, which sign in often and protect nobody.
    pub const FOR_TESTS: Self = Self { memory_kib: 64, passes: 1 };

    /// A cost of so many KiB and passes. Refused below the [floor](Self::FLOOR).
    pub fn new(memory_kib: u32, passes: u32) -> Result<Self, Error> {
        if memory_kib < Self::FLOOR.memory_kib || passes < Self::FLOOR.passes {
            return Err(Error::broken(format!(
                "passwords are hashed with at least {} KiB and {} passes; {memory_kib} KiB and {passes} were asked for",
                Self::FLOOR.memory_kib,
                Self::FLOOR.passes,
            )));
        }
        Ok(Self { memory_kib, passes })
    }
}

impl Default for Cost {
    fn default() -> Self {
        Self::FLOOR
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_holds() {
        assert!(Cost::new(19_456, 2).is_ok() && Cost::new(65_536, 3).is_ok());
        for (memory_kib, passes) in [(19_455, 2), (19_456, 1), (0, 0), (Cost::FOR_TESTS.memory_kib, Cost::FOR_TESTS.passes)] {
            assert!(Cost::new(memory_kib, passes).is_err(), "{memory_kib} KiB, {passes} passes");
        }
    }
}
