//! The gateway over real sockets, in front of a service that does what each test needs.

mod calls;
mod client;
mod connect;
mod connections;
mod grpc;
mod limits;
mod peers;
mod refusals;
mod service;
