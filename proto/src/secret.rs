//! Messages that hold passwords or tokens print their names alone, wherever someone logs them.

use std::fmt;

use crate::{
    analysis::ResolveSpcAlertRequest,
    identity::{CreateProofRequest, Proof, RefreshSessionRequest, SignInRequest, SignRecordRequest, TokenPair},
    lims::SignElnEntryRequest,
};

/// Prints the name of a message, and nothing that it holds.
macro_rules! named {
    ($($message:ident),* $(,)?) => {
        $(impl fmt::Debug for $message {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(stringify!($message))
            }
        })*
    };
}

named!(
    CreateProofRequest,
    Proof,
    RefreshSessionRequest,
    ResolveSpcAlertRequest,
    SignElnEntryRequest,
    SignInRequest,
    SignRecordRequest,
    TokenPair
);
