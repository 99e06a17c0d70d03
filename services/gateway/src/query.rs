//! The query of a URL: names and values.

use std::borrow::Cow;

use crate::percent;

/// A name and its value.
pub(crate) type Pair<'q> = (Cow<'q, str>, Cow<'q, str>);

/// The pairs of a query in their order; none when one is not percent-encoded UTF-8.
pub(crate) fn pairs(query: &str) -> Option<Vec<Pair<'_>>> {
    query.split('&').filter(|part| !part.is_empty()).map(pair).collect()
}

fn pair(part: &str) -> Option<Pair<'_>> {
    let (name, value) = part.split_once('=').unwrap_or((part, ""));
    Some((text(name)?, text(value)?))
}

/// A plus is a space here, as in forms.
fn text(encoded: &str) -> Option<Cow<'_, str>> {
    if !encoded.contains('+') {
        return percent::decode(encoded);
    }
    let spaced = encoded.replace('+', " ");
    percent::decode(&spaced).map(|text| Cow::Owned(text.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::pairs;

    #[test]
    fn a_query_is_read_pair_by_pair() {
        for (query, expected) in [
            ("", &[][..]),
            ("&&", &[]),
            ("a=1&b=2&a=3", &[("a", "1"), ("b", "2"), ("a", "3")]),
            ("a", &[("a", "")]),
            ("=x", &[("", "x")]),
            ("q=a+b%2Bc%26d=e", &[("q", "a b+c&d=e")]),
            ("a+b=c", &[("a b", "c")]),
        ] {
            let read = pairs(query).expect(query);
            let read: Vec<_> = read.iter().map(|(name, value)| (name.as_ref(), value.as_ref())).collect();
            assert_eq!(read, expected, "{query}");
        }
        for odd in ["a=%", "%zz=1", "a=1&b=%ff"] {
            assert_eq!(pairs(odd), None, "{odd}");
        }
    }
}
