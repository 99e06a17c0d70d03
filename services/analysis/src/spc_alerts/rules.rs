//! Who may end an alert, and how.

use std::collections::BTreeMap;

use spectra_mesh::{Error, Refusal, sha256, signed::Record};
use spectra_proto::{
    Label,
    analysis::AlertSeverity,
    types::{Reason, UserRole},
};

use super::Alert;

/// What kind of record a signature names.
const KIND: &str = "spc_alert";

/// An alert that the caller may resolve with these words.
#[derive(Debug)]
pub(super) enum Resolvable {
    /// By saying so.
    Plainly,
    /// By signing this.
    Signed(Box<Record>),
}

impl Alert {
    /// Makes sure that nobody looks after the alert yet.
    pub(super) fn may_acknowledge(&self) -> Result<(), Refusal> {
        self.is_open()?;
        match self.acknowledged_at {
            None => Ok(()),
            Some(_) => Err(self.state("somebody acknowledged this alert already")),
        }
    }

    /// Lets an engineer end an alert; one that holds runs, a pi or an admin who signs.
    pub(super) fn may_resolve(&self, holds: bool, role: UserRole, comment: &str) -> Result<Resolvable, Error> {
        self.is_open()?;
        if !holds || self.severity.0 != AlertSeverity::Critical {
            return Ok(Resolvable::Plainly);
        }
        if role < UserRole::Pi {
            let needed = UserRole::Pi.label().to_owned();
            let message = "an alert that holds runs is resolved by a pi or an admin".to_owned();
            return Err(Error::Denied { reason: Reason::RoleRequired, lacking: ("required_role", needed), message });
        }
        let text = [
            ("series", self.series_id.to_string()),
            ("point", self.point_id.to_string()),
            ("rule", self.rule.clone()),
            ("summary", self.summary.clone()),
            ("resolution", comment.to_owned()),
        ];
        let parts: BTreeMap<_, _> = text.into_iter().map(|(name, text)| (name.to_owned(), sha256(text.as_bytes()))).collect();
        Ok(Resolvable::Signed(Box::new(Record { id: self.id.to_string(), kind: KIND.to_owned(), number: 1, parts, version: 1 })))
    }

    fn is_open(&self) -> Result<(), Refusal> {
        match self.closed_at {
            None => Ok(()),
            Some(_) => Err(self.state("this alert is resolved already")),
        }
    }

    fn state(&self, message: &str) -> Refusal {
        Refusal::new(Reason::SpcAlertState, message).about("alert_id", self.id)
    }
}
