//! Impact: what a certificate that is found bad calls into question.

mod rpc;
mod store;
