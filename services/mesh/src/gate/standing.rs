//! Whether a caller who was let in may go on.

use std::{fmt, sync::Arc};

use spectra_proto::types::Reason;

use crate::{Caller, Error, authority::Authority, clock};

/// What tells whether a caller whose call lasts is still believed.
#[derive(Clone)]
pub(crate) struct Standing {
    authority: Arc<Authority>,
    caller: Caller,
    /// When the call began, if it comes to an end by itself.
    begun: Option<i64>,
}

impl Standing {
    /// The standing of a caller who was just let in. What is `finite` may go on to its end with a token that has expired meanwhile,
    /// unless that is revoked.
    pub(super) fn new(authority: Arc<Authority>, caller: Caller, finite: bool) -> Self {
        Self { authority, caller, begun: finite.then(clock::unix) }
    }

    /// Refuses whoever is not believed any more.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.authority.still_believes(&self.caller, self.begun.unwrap_or_else(clock::unix)) {
            return Ok(());
        }
        Err(Error::Unauthenticated(Reason::Unauthenticated, "the token is not valid any more; sign in again"))
    }
}

impl fmt::Debug for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Standing").field("caller", &self.caller).field("begun", &self.begun).finish_non_exhaustive()
    }
}
