//! What the headers of a call say besides its token.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use uuid::Uuid;

use crate::{Error, new_id};

/// The header that carries the id of a request, in and out.
pub(super) const REQUEST_ID: &str = "x-request-id";

/// Writes the id of a call into its headers, for all that follows.
pub(super) fn identify(headers: &mut HeaderMap) -> HeaderValue {
    let id = HeaderValue::try_from(request_id(headers).to_string()).unwrap_or_else(|_| HeaderValue::from_static(""));
    headers.insert(REQUEST_ID, id.clone());
    id
}

/// The request's id: the one it came with when that is a UUID, else a new one.
#[must_use]
pub fn request_id(headers: &HeaderMap) -> Uuid {
    let given = headers.get(REQUEST_ID).and_then(|id| Uuid::try_parse_ascii(id.as_bytes()).ok());
    given.unwrap_or_else(new_id)
}

/// A header in UTF-8, given once, with no control characters in it.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &'static str, longest: usize) -> Result<Option<&'a str>, Error> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Error::invalid(name, "must be given once"));
    }
    match std::str::from_utf8(value.as_bytes()) {
        Ok(value) if value.len() <= longest && !value.contains(char::is_control) => Ok(Some(value)),
        _ => Err(Error::invalid(name, format!("must be at most {longest} bytes of printable UTF-8"))),
    }
}

/// Which revisions a change is meant for.
#[derive(Clone, Debug)]
pub(super) enum IfMatch {
    Any,
    Revisions(Arc<[i32]>),
}

impl IfMatch {
    /// Reads `If-Match`: revisions in quotes, each with or without what the gateway's tags add to it, or `*`, which is any, as is saying
    /// nothing. A weak or foreign tag meets no revision.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let tags: Vec<_> = headers.get_all("if-match").iter().map(|tags| tags.to_str().unwrap_or_default()).collect();
        if tags.iter().all(|tags| tags.trim() == "*") {
            return Self::Any;
        }
        let revision = |tag: &str| {
            let tag = tag.trim().strip_prefix('"')?.strip_suffix('"')?;
            tag.split_once('-').map_or(tag, |(revision, _)| revision).parse().ok()
        };
        Self::Revisions(tags.iter().flat_map(|tags| tags.split(',')).filter_map(revision).collect())
    }

    /// Whether a change of the resource at this revision is meant.
    pub(super) fn meets(&self, revision: i32) -> bool {
        match self {
            Self::Any => true,
            Self::Revisions(revisions) => revisions.contains(&revision),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        let value = HeaderValue::from_bytes(value.as_bytes()).expect("a header value");
        [(http::HeaderName::from_static(name), value)].into_iter().collect()
    }

    #[test]
    fn if_match_names_revisions() {
        let meets = |tags: &str, revision: i32| IfMatch::of(&headers("if-match", tags)).meets(revision);
        assert!(IfMatch::of(&HeaderMap::new()).meets(3), "whoever names none means any");
        assert!(meets("\"3\"", 3) && meets("\"3-00ff\"", 3) && !meets("\"-3\"", 3) && !meets("\"4-3\"", 3));
        assert!(meets("\"1\", \"3\"", 3) && meets("*", 3));
        assert!(!meets("W/\"3\"", 3) && !meets("3", 3) && !meets("\"4\"", 3) && !meets("", 3));
    }
}
