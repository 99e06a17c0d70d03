//! The database under the mesh: schemas, roles, and a private PostgreSQL.

pub mod cluster;
pub mod schema;
pub mod secret_file;
