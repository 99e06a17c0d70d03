//! The one binary: every service, its database, its demo data.

pub mod audit;
pub mod cli;
mod database;
pub mod files;
pub mod keys;
pub mod maintain;
pub mod secrets;
pub mod seed;
pub mod serve;
mod services;
pub mod stack;
mod stop;
pub mod up;
pub mod verify;
mod welcome;

/// Chooses aws-lc for everything that signs, hashes or speaks TLS, before anything does.
pub fn install_crypto() {
    // A second call finds the first one's choice in place, which is the same.
    _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
}
