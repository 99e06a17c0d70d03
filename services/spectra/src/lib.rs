//! The one binary: every service, its database, its demo data.

pub mod postgres;
