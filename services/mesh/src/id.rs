//! Ids: where they are born, and how they are read from a request.

use uuid::Uuid;

use crate::Error;

/// A new id: UUID v7, so that ids made later sort later.
#[must_use]
pub fn new_id() -> Uuid {
    #[expect(clippy::disallowed_methods, reason = "the one place where ids are born")]
    Uuid::now_v7()
}

/// An id in a request. The field rules have checked its form.
pub fn id(text: &str) -> Result<Uuid, Error> {
    Uuid::try_parse(text).map_err(|_| Error::invalid("id", "must be a UUID"))
}

/// An id in a request that may be left out.
pub fn optional_id(text: Option<&str>) -> Result<Option<Uuid>, Error> {
    text.map(id).transpose()
}
