//! What people read of the contract: the document, and a page that shows it without any other host.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    panic::resume_unwind,
    thread,
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH},
};
use prost_reflect::DescriptorPool;

use crate::{
    answer::{Answer, whole},
    respond,
};

/// What the reader may do: run, look like and ask for what comes from here, and nothing else.
const OWN: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                   frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// Text that is the same until the next start.
#[derive(Debug)]
pub(crate) struct Page {
    kind: &'static str,
    text: Bytes,
    tag: String,
}

/// The pages, with their paths.
pub(crate) fn all(pool: &DescriptorPool) -> [(&'static str, Page); 5] {
    [
        ("/openapi.json", Page::new("application/json", apart(|| super::document(pool)).into())),
        ("/docs", Page::of("text/html; charset=utf-8", include_str!("reader.html"))),
        ("/docs/reader.css", Page::of("text/css; charset=utf-8", include_str!("reader.css"))),
        ("/docs/reader.js", Page::of("text/javascript; charset=utf-8", include_str!("reader.js"))),
        ("/docs/schema.js", Page::of("text/javascript; charset=utf-8", include_str!("schema.js"))),
    ]
}

/// Works in a thread of its own: what is allocated and freed meanwhile lies apart from what stays, and goes back to the system.
fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| scope.spawn(work).join()).unwrap_or_else(|panic| resume_unwind(panic))
}

impl Page {
    fn of(kind: &'static str, text: &'static str) -> Self {
        Self::new(kind, Bytes::from_static(text.as_bytes()))
    }

    fn new(kind: &'static str, text: Bytes) -> Self {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        Self { kind, tag: format!("\"{:016x}\"", hasher.finish()), text }
    }

    /// The page, or that the client has it.
    pub(crate) fn answer(&self, headers: &HeaderMap) -> Answer {
        let known = headers.get_all(IF_NONE_MATCH).iter().any(|tags| respond::names(tags, &self.tag));
        let mut answer = Response::new(whole(""));
        let told = answer.headers_mut();
        told.extend(HeaderValue::try_from(&self.tag).ok().map(|tag| (ETAG, tag)));
        // The next release may say something else.
        told.insert(CACHE_CONTROL, HeaderValue::from_static("public, no-cache"));
        told.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(OWN));
        if known {
            *answer.status_mut() = StatusCode::NOT_MODIFIED;
            return answer;
        }
        told.insert(CONTENT_TYPE, HeaderValue::from_static(self.kind));
        *answer.body_mut() = whole(self.text.clone());
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn pages_are_asked_for_again_but_not_sent_again() {
        for (path, page) in all(&fixture::pool("")) {
            let first = page.answer(&HeaderMap::new());
            assert_eq!(first.status(), 200, "{path}");
            let asked: HeaderMap = [(IF_NONE_MATCH, first.headers()[ETAG].clone())].into_iter().collect();
            assert_eq!(page.answer(&asked).status(), 304, "{path}");
        }
    }

    #[test]
    fn the_reader_runs_and_looks_like_nothing_from_elsewhere() {
        for text in [include_str!("reader.html"), include_str!("reader.css"), include_str!("reader.js"), include_str!("schema.js")] {
            assert!(!text.contains("//cdn") && !text.contains("https://") && !text.contains("style="), "{text}");
        }
    }
}
