//! Messages that hold passwords or tokens print their names alone, wherever someone logs them.

use std::fmt;

use crate::identity::{RefreshSessionRequest, SignInRequest, TokenPair};

impl fmt::Debug for SignInRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SignInRequest")
    }
}

impl fmt::Debug for RefreshSessionRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RefreshSessionRequest")
    }
}

impl fmt::Debug for TokenPair {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TokenPair")
    }
}
