//! Charts: what is drawn of a series, whatever the number of its points.

mod capability;
mod draw;
mod lines;
mod picture;
mod rpc;
mod store;
