//! What may be done to a procedure, by where it stands.

use spectra_mesh::{Error, Refusal};
use spectra_proto::{
    Label,
    lims::{self as pb, SopStatus},
    types::Reason,
};
use time::Date;

use super::Sop;

/// A version that may be rewritten.
#[derive(Debug)]
pub(super) struct Editable(pub(super) Sop);

/// A version that goes into force on a day.
#[derive(Debug)]
pub(super) struct Publishable {
    pub(super) sop: Sop,
    pub(super) from: Date,
}

/// A version that is in force.
#[derive(Debug)]
pub(super) struct Effective(pub(super) Sop);

impl Sop {
    /// Lets a draft be rewritten.
    pub(super) fn editable(self) -> Result<Editable, Refusal> {
        match self.status.0 {
            SopStatus::Draft => Ok(Editable(self)),
            SopStatus::Effective | SopStatus::Retired | SopStatus::Unspecified => {
                let refusal = Refusal::new(Reason::SopFrozen, "the procedure was published and is frozen; make a new version of it");
                Err(refusal.about("sop_id", self.id))
            }
        }
    }

    /// Lets a draft go into force today, or on the day that it says, `latest` at the latest.
    pub(super) fn publishable(self, today: Date, latest: Date) -> Result<Publishable, Refusal> {
        let from = self.effective_date.unwrap_or(today);
        match self.status.0 {
            SopStatus::Draft if from > latest => Err(self.astray("the day that it says is to come; publish it then, or change the day")),
            SopStatus::Draft => Ok(Publishable { sop: self, from }),
            _ => Err(self.astray("only a draft can be published")),
        }
    }

    /// Lets be done what needs a version in force.
    pub(super) fn effective(self, what: &str) -> Result<Effective, Refusal> {
        match self.status.0 {
            SopStatus::Effective => Ok(Effective(self)),
            _ => Err(self.astray(&format!("only what is effective can be {what}"))),
        }
    }

    fn astray(&self, rule: &str) -> Refusal {
        let status = self.status.0.label();
        Refusal::new(Reason::SopState, format!("the procedure is {status}: {rule}")).about("sop_id", self.id).about("sop_status", status)
    }
}

/// Lets a procedure have its text in one place.
pub(super) fn has_one_body(sop: &pb::Sop) -> Result<(), Error> {
    match (&sop.body_markdown, &sop.body_md_uri) {
        (None, None) => Err(Error::invalid("body_markdown", "is missing: give the text, or body_md_uri")),
        (Some(_), Some(_)) => Err(Error::invalid("body_md_uri", "cannot stand beside body_markdown; clear one with null")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use spectra_mesh::{Labelled, List, new_id};
    use time::{OffsetDateTime, macros::date};

    use super::*;

    fn sop(status: SopStatus, effective_date: Option<Date>) -> Sop {
        let at = OffsetDateTime::UNIX_EPOCH;
        Sop {
            organization_id: new_id(),
            id: new_id(),
            number: "SOP-1".to_owned(),
            title: "t".to_owned(),
            version: "1".to_owned(),
            body_markdown: Some("b".to_owned()),
            body_md_uri: None,
            method: None,
            hazard_level: None,
            checklist: List::default(),
            status: Labelled(status),
            author_id: new_id(),
            effective_date,
            review_date: None,
            retired_at: None,
            revision: 1,
            created_at: at,
            updated_at: at,
        }
    }

    #[test]
    fn each_state_allows_its_own() {
        let today = date!(2026 - 01 - 31);
        for (status, editable, publishable, effective) in
            [(SopStatus::Draft, true, true, false), (SopStatus::Effective, false, false, true), (SopStatus::Retired, false, false, false)]
        {
            assert_eq!(sop(status, None).editable().is_ok(), editable, "{status:?}");
            assert_eq!(sop(status, None).publishable(today, today).is_ok(), publishable, "{status:?}");
            assert_eq!(sop(status, None).effective("retired").is_ok(), effective, "{status:?}");
        }
    }

    #[test]
    fn a_draft_goes_into_force_on_its_day() {
        let today = date!(2026 - 01 - 31);
        let tomorrow = date!(2026 - 02 - 01);
        let from = |day| sop(SopStatus::Draft, day).publishable(today, today).map(|sop| sop.from).ok();
        assert_eq!(from(None), Some(today));
        assert_eq!(from(Some(date!(2026 - 01 - 01))), Some(date!(2026 - 01 - 01)));
        assert_eq!(from(Some(tomorrow)), None);
        let further_east = sop(SopStatus::Draft, Some(tomorrow)).publishable(today, tomorrow);
        assert_eq!(further_east.map(|sop| sop.from).ok(), Some(tomorrow));
    }

    #[test]
    fn the_text_is_in_one_place() {
        let with = |text: Option<&str>, uri: Option<&str>| {
            has_one_body(&pb::Sop { body_markdown: text.map(Into::into), body_md_uri: uri.map(Into::into), ..Default::default() }).is_ok()
        };
        assert_eq!((with(Some("t"), None), with(None, Some("u"))), (true, true));
        assert_eq!((with(None, None), with(Some("t"), Some("u"))), (false, false));
    }
}
