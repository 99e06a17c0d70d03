//! The audit trail of LIMS; what it is, every service has alike.

mod rpc;
