//! The chain's arithmetic, without the database: what a link is made over, and what broke it.
//!
//! It is written here once more, apart from the database's own functions, because whoever could change rows could change
//! those too.

use std::{collections::VecDeque, fmt};

use crate::fingerprint;

/// The hash before the first link.
const BEGINNING: [u8; 32] = [0; 32];

/// How many broken links are kept to find out whether events changed places.
const KEPT: usize = 500;

/// What is wrong with a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The event of this link, or the link, is not what it was.
    Changed(i64),
    /// The link, or its event, is gone.
    Missing(i64),
    /// The link has the event of another place.
    Reordered(i64),
    /// The event of this number was put in beside the chain.
    Inserted(i64),
    /// The chain ends before a link that was there once.
    Truncated {
        /// The last link there is.
        last: i64,
        /// The one that was there.
        head: i64,
    },
    /// The chain is whole, and another one than that of which this link was kept.
    Replaced(i64),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed(link) => write!(f, "broken at {link}: changed"),
            Self::Missing(link) => write!(f, "broken at {link}: missing"),
            Self::Reordered(link) => write!(f, "broken at {link}: reordered"),
            Self::Inserted(event) => write!(f, "the event number {event} was inserted beside the chain"),
            Self::Truncated { last, head } => {
                write!(
                    f,
                    "broken at {}: truncated, as the chain went on to {head} once; its end was cut off, or an old backup restored",
                    last + 1
                )
            }
            Self::Replaced(link) => write!(f, "broken at {link}: replaced, as another hash of it was kept"),
        }
    }
}

/// A link as it is stored, with the columns of its event in their order, as text.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) number: i64,
    pub(super) hash: Vec<u8>,
    pub(super) event: Option<Vec<Option<String>>>,
}

/// Where the event's own number stands among its columns.
const SEQ: usize = 1;

/// A walk along a chain, link by link.
#[derive(Debug)]
pub(super) struct Walk {
    next: i64,
    previous: Vec<u8>,
    missing: Option<i64>,
    broken: VecDeque<(Vec<u8>, Link)>,
}

impl Walk {
    /// A walk that begins at `first`, after the link with the hash `previous`.
    pub(super) fn from(first: i64, previous: Option<Vec<u8>>) -> Self {
        Self { next: first, previous: previous.unwrap_or_else(|| BEGINNING.to_vec()), missing: None, broken: VecDeque::new() }
    }

    /// The link that comes next.
    pub(super) fn next(&self) -> i64 {
        self.next
    }

    /// The hash of the last link.
    pub(super) fn hash(&self) -> &[u8] {
        &self.previous
    }

    /// Goes on to the next stored link. What is broken breaks nothing behind it: it is judged by the stored hashes.
    pub(super) fn step(&mut self, link: Link) {
        if link.number != self.next || link.event.is_none() {
            self.missing.get_or_insert(self.next);
        }
        self.next = link.number.saturating_add(1);
        let previous = std::mem::replace(&mut self.previous, link.hash.clone());
        let Some(event) = &link.event else { return };
        if link_hash(&previous, link.number, event) != link.hash.as_slice() && self.broken.len() < KEPT {
            self.broken.push_back((previous, link));
        }
    }

    /// The first fault, if there was one.
    pub(super) fn fault(&self) -> Option<Fault> {
        // Behind a gap the hash before is not the one that the link was made over.
        let broken = self.broken.front().map(|(_, link)| link.number).filter(|broken| self.missing.is_none_or(|missing| *broken < missing));
        match (broken, self.missing) {
            (Some(link), _) if self.fits_another(link) => Some(Fault::Reordered(link)),
            (Some(link), _) => Some(Fault::Changed(link)),
            (None, missing) => missing.map(Fault::Missing),
        }
    }

    /// Whether the event of another broken link is what this one was made over.
    fn fits_another(&self, link: i64) -> bool {
        let Some((previous, place)) = self.broken.iter().find(|(_, broken)| broken.number == link) else { return false };
        let own = place.event.as_ref().and_then(|event| event.get(SEQ)).cloned().flatten();
        self.broken.iter().filter(|(_, other)| other.number != link).any(|(_, other)| {
            let Some(mut event) = other.event.clone() else { return false };
            let moved = link_hash(previous, link, &event) == place.hash.as_slice();
            // The contents may have changed places, and the numbers stayed.
            event[SEQ].clone_from(&own);
            moved || link_hash(previous, link, &event) == place.hash.as_slice()
        })
    }
}

/// SHA-256 of a link: over the one before, its own number, and its event.
fn link_hash(previous: &[u8], link: i64, event: &[Option<String>]) -> [u8; 32] {
    let leaf = fingerprint(&[&[0], framed(event).as_slice()].concat());
    fingerprint(&[&[1], previous, &link.to_be_bytes(), &leaf].concat())
}

/// The fields one after another, each behind its length in bytes; what is missing has the length -1.
fn framed(fields: &[Option<String>]) -> Vec<u8> {
    let mut framed = Vec::new();
    for field in fields {
        let length = field.as_ref().map_or(-1, |text| i32::try_from(text.len()).unwrap_or(i32::MAX));
        framed.extend_from_slice(&length.to_be_bytes());
        framed.extend_from_slice(field.as_deref().unwrap_or_default().as_bytes());
    }
    framed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(events: i64) -> Vec<Link> {
        let mut previous = BEGINNING.to_vec();
        (1..=events)
            .map(|link| {
                let event = vec![Some("org".to_owned()), Some(link.to_string()), None, Some(format!("what {link}"))];
                previous = link_hash(&previous, link, &event).to_vec();
                Link { number: link, hash: previous.clone(), event: Some(event) }
            })
            .collect()
    }

    fn fault(links: Vec<Link>) -> Option<Fault> {
        let mut walk = Walk::from(1, None);
        for link in links {
            walk.step(link);
        }
        walk.fault()
    }

    #[test]
    fn a_chain_that_nobody_touched_is_whole() {
        assert_eq!(fault(Vec::new()), None);
        assert_eq!(fault(chain(9)), None);
        let mut later = Walk::from(5, Some(chain(4).pop().expect("a link").hash));
        for link in chain(9).into_iter().skip(4) {
            later.step(link);
        }
        assert_eq!((later.fault(), later.next()), (None, 10));
    }

    #[test]
    fn each_change_is_told_where_it_is() {
        for link in 1..=9_i64 {
            let at = usize::try_from(link - 1).expect("small");
            for field in 0..4 {
                let mut changed = chain(9);
                changed[at].event.as_mut().expect("an event")[field] = Some("other".to_owned());
                assert_eq!(fault(changed), Some(Fault::Changed(link)));
            }
            let mut hash = chain(9);
            hash[at].hash[7] ^= 1;
            assert_eq!(fault(hash), Some(Fault::Changed(link)));
            let mut gone = chain(9);
            gone[at].event = None;
            assert_eq!(fault(gone), Some(Fault::Missing(link)));
            let mut cut = chain(9);
            cut.remove(at);
            // What is cut off at the end is told by a head that was kept.
            assert_eq!(fault(cut), (link < 9).then_some(Fault::Missing(link)));
        }
    }

    #[test]
    fn events_that_changed_places_are_told() {
        let mut moved = chain(9);
        let event = moved[2].event.take();
        moved[2].event = moved[6].event.take();
        moved[6].event = event;
        assert_eq!(fault(moved), Some(Fault::Reordered(3)));
        let mut contents = chain(9);
        contents[2].event.as_mut().expect("an event")[3] = Some("what 7".to_owned());
        contents[6].event.as_mut().expect("an event")[3] = Some("what 3".to_owned());
        assert_eq!(fault(contents), Some(Fault::Reordered(3)));
    }

    #[test]
    fn fields_cannot_run_into_one_another() {
        let text = |fields: &[Option<&str>]| framed(&fields.iter().map(|field| field.map(str::to_owned)).collect::<Vec<_>>());
        assert_ne!(text(&[Some("ab"), Some("c")]), text(&[Some("a"), Some("bc")]));
        assert_ne!(text(&[None]), text(&[Some("")]));
        assert_ne!(text(&[Some("a"), None]), text(&[None, Some("a")]));
    }
}
