//! HTTP and JSON in front of the mesh, read from its contracts.

pub mod transcode;
