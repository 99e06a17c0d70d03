//! What may be put on record. Pure.

use spectra_mesh::Error;
use spectra_proto::lims as pb;

use super::CustodyEvent;
use crate::identity::Party;

/// A change of hands.
const TRANSFER: &str = "transfer";
/// A change of places.
const MOVE: &str = "move";

/// Which sample is meant.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Subject<'a> {
    /// The one with this id.
    Id(&'a str),
    /// The one whose label says this.
    Code(&'a str),
}

/// What is said to have happened.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Told<'a> {
    pub(super) subject: Subject<'a>,
    pub(super) event_type: &'a str,
    /// Who receives the sample; none when it stays in the hands that it is in.
    pub(super) to: Option<&'a str>,
    /// Where it goes, if it does.
    pub(super) place: Option<&'a str>,
}

impl<'a> Told<'a> {
    /// Reads what a request says: which sample, to whom, where to.
    pub(super) fn of(asked: &'a pb::CreateCustodyEventRequest) -> Result<Self, Error> {
        let subject = match (asked.sample_id.as_deref(), asked.code.as_deref()) {
            (Some(id), None) => Subject::Id(id),
            (None, Some(code)) => Subject::Code(code),
            (None, None) => return Err(Error::invalid("sample_id", "must be given, or `code`")),
            (Some(_), Some(_)) => return Err(Error::invalid("code", "must be left out beside `sample_id`")),
        };
        let place = match (asked.to_location.as_deref(), asked.location.as_deref()) {
            (Some(one), Some(other)) if one != other => {
                return Err(Error::invalid("location", "must be what `to_location` is, or left out"));
            }
            (one, other) => one.or(other),
        };
        let event_type = asked.event_type.as_deref().unwrap_or(TRANSFER);
        let to = asked.to_user.as_deref();
        match event_type {
            MOVE if place.is_none() => Err(Error::invalid("to_location", "must be given, as the sample moves")),
            MOVE => Ok(Self { subject, event_type, to, place }),
            _ if to.is_none() => Err(Error::invalid("to_user", "must be given, as someone receives the sample")),
            _ => Ok(Self { subject, event_type, to, place }),
        }
    }
}

/// Who had a sample at a moment, and where it was.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) holder: Option<Party>,
    pub(super) place: Option<String>,
}

impl Standing {
    /// What stood between two events of a sample: as the one before left it; else as the one after found it. A sample is `now` where
    /// the last event left it, or where it was put since without one.
    pub(super) fn between(before: Option<CustodyEvent>, after: Option<CustodyEvent>, now: Option<String>) -> Self {
        let left = before.map(|event| (Some((event.to_user_id, event.to_party)), event.to_location.or(event.from_location)));
        let found = after.map(|event| (event.from_party.map(|name| (event.from_user_id, name)), event.from_location));
        let (holder, place) = match (left, found) {
            (Some(left), Some(_)) => left,
            (Some((holder, _)), None) => (holder, now),
            (None, Some(found)) => found,
            (None, None) => (None, now),
        };
        Self { holder: holder.map(|(user_id, name)| Party { user_id, name }), place }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(change: impl FnOnce(&mut pb::CreateCustodyEventRequest)) -> Result<(String, Option<String>, Option<String>), String> {
        let mut asked =
            pb::CreateCustodyEventRequest { sample_id: Some("id".to_owned()), to_user: Some("Ada".to_owned()), ..Default::default() };
        change(&mut asked);
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let told = Told::of(&asked).map_err(|refused| refused.to_string())?;
        Ok((told.event_type.to_owned(), owned(told.to), owned(told.place)))
    }

    #[expect(clippy::unnecessary_wraps, reason = "fields of requests are optional")]
    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn someone_receives_a_sample_that_does_not_only_move() {
        assert_eq!(asked(|_| ()), Ok(("transfer".to_owned(), some("Ada"), None)));
        assert_eq!(asked(|it| it.to_user = None), Err("to_user must be given, as someone receives the sample".to_owned()));
        let moved = |it: &mut pb::CreateCustodyEventRequest| (it.event_type, it.to_user) = (some("move"), None);
        assert_eq!(asked(moved), Err("to_location must be given, as the sample moves".to_owned()));
        let moved = asked(|it| {
            moved(it);
            it.location = some("A");
        });
        assert_eq!(moved, Ok(("move".to_owned(), None, some("A"))));
    }

    #[test]
    fn one_sample_and_one_place_are_named() {
        assert!(asked(|it| it.sample_id = None).is_err());
        assert!(asked(|it| it.code = some("S1")).is_err());
        assert!(asked(|it| (it.sample_id, it.code) = (None, some("S1"))).is_ok());
        assert_eq!(asked(|it| (it.to_location, it.location) = (some("A"), some("A"))).map(|told| told.2), Ok(some("A")));
        assert!(asked(|it| (it.to_location, it.location) = (some("A"), some("B"))).is_err());
    }
}
