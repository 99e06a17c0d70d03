//! Charts: what is drawn of a series, whatever the number of its points.

mod capability;
mod draw;
mod rpc;
mod store;
