//! The transcoder against bytes that lead it where no test has been. The first byte chooses the message.

#[path = "../../../services/gateway/tests/transcode/contract.rs"]
mod contract;
#[path = "../../../services/gateway/tests/transcode/oracle.rs"]
mod oracle;
#[path = "../../../services/gateway/tests/transcode/rendering.rs"]
mod rendering;
mod seeds;
mod targets;

pub use seeds::write_seeds;
pub use targets::{message, parameters, text, wire};
