//! What people read of the contract: the document, and a page that shows it without any other host.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::LazyLock,
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH},
};

use crate::{
    answer::{Answer, whole},
    respond,
};

/// What the reader may do: run, look like and ask for what comes from here, and nothing else.
const OWN: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                   frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// How the document is made.
pub(crate) type Describe = Box<dyn FnOnce() -> Vec<u8> + Send>;

/// Text that is the same until the next start, made when somebody first asks for it: most gateways are never asked for the document,
/// and what it takes to make it is as much as all else that they hold.
#[derive(Debug)]
pub(crate) struct Page {
    kind: &'static str,
    text: LazyLock<Text, Box<dyn FnOnce() -> Text + Send>>,
}

#[derive(Debug)]
struct Text {
    bytes: Bytes,
    tag: String,
}

/// The pages, with their paths.
pub(crate) fn all(describe: Describe) -> [(&'static str, Page); 5] {
    [
        ("/openapi.json", Page::new("application/json", move || describe().into())),
        ("/docs", Page::of("text/html; charset=utf-8", include_str!("reader.html"))),
        ("/docs/reader.css", Page::of("text/css; charset=utf-8", include_str!("reader.css"))),
        ("/docs/reader.js", Page::of("text/javascript; charset=utf-8", include_str!("reader.js"))),
        ("/docs/schema.js", Page::of("text/javascript; charset=utf-8", include_str!("schema.js"))),
    ]
}

impl Page {
    fn of(kind: &'static str, text: &'static str) -> Self {
        Self::new(kind, || Bytes::from_static(text.as_bytes()))
    }

    fn new(kind: &'static str, make: impl FnOnce() -> Bytes + Send + 'static) -> Self {
        Self { kind, text: LazyLock::new(Box::new(move || Text::of(make()))) }
    }

    /// The page, or that the client has it.
    pub(crate) fn answer(&self, headers: &HeaderMap) -> Answer {
        let text = &*self.text;
        let known = headers.get_all(IF_NONE_MATCH).iter().any(|tags| respond::names(tags, &text.tag));
        let mut answer = Response::new(whole(""));
        let told = answer.headers_mut();
        told.extend(HeaderValue::try_from(&text.tag).ok().map(|tag| (ETAG, tag)));
        // The next release may say something else.
        told.insert(CACHE_CONTROL, HeaderValue::from_static("public, no-cache"));
        told.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(OWN));
        if known {
            *answer.status_mut() = StatusCode::NOT_MODIFIED;
            return answer;
        }
        told.insert(CONTENT_TYPE, HeaderValue::from_static(self.kind));
        *answer.body_mut() = whole(text.bytes.clone());
        answer
    }
}

impl Text {
    fn of(bytes: Bytes) -> Self {
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        Self { tag: format!("\"{:016x}\"", hasher.finish()), bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn pages_are_asked_for_again_but_not_sent_again() {
        for (path, page) in all(Box::new(|| crate::openapi::document(&fixture::pool("")))) {
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
