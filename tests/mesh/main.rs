//! The mesh as its users see it; one binary, so that one PostgreSQL serves a whole run.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::disallowed_types, reason = "tests look into the database by statements of their own making")]

mod attachments;
mod audit;
mod begin;
mod calibrations;
mod catalogue;
mod contract;
mod custody;
mod devices;
mod discovery;
mod eln;
mod feature_sets;
mod genealogy;
mod idempotency;
mod instruments;
mod keys;
mod labels;
mod limits;
mod lists;
mod materials;
mod migrations;
mod ml_models;
mod openapi;
mod organizations;
mod people;
mod proofs;
mod recipes;
mod records;
mod results;
mod runs;
mod samples;
mod scan;
mod sessions;
mod signatures;
mod sops;
mod statements;
mod tenancy;
mod tokens;
mod transport;
mod tree;
mod users;
mod verifier;
mod wafers;
mod watch;
