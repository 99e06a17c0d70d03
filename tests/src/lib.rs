//! The mesh as its users see it: a real database, real services, real sockets.
//!
//! One PostgreSQL serves a whole run; each [`Mesh`] has a database of its own, copied from a
//! template that holds two organizations with five people each.

#![expect(clippy::missing_panics_doc, reason = "the harness panics where a test is to fail")]
#![expect(clippy::disallowed_types, reason = "databases are made by statements that take no parameters")]

mod answer;
mod caller;
mod database;
pub mod grpc;
mod mesh;
pub mod tools;
mod vectors;
mod watch;

pub use answer::Answer;
pub use caller::Caller;
pub use mesh::{DEMO, LARGEST_FILE, Mesh, TEST, empty_database};
pub use vectors::vectors;
pub use watch::{Event, Watch};
