//! Whether an instrument may be used, by its certificates.

use spectra_mesh::Refusal;
use spectra_proto::{analysis::CalibrationState, types::Reason};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

/// When a certificate holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Term {
    pub(crate) issued: OffsetDateTime,
    pub(crate) expires: OffsetDateTime,
    pub(crate) revoked: Option<OffsetDateTime>,
}

/// What of a certificate decides about its instrument, and what a run pins of it.
#[derive(Clone, Debug)]
pub(crate) struct Certificate {
    pub(crate) id: Uuid,
    pub(crate) number: String,
    pub(crate) content_hash: String,
    pub(crate) term: Term,
}

/// Where an instrument stands by its certificates, with the one that decides.
#[derive(Clone, Copy, Debug)]
pub(super) enum Standing<'a> {
    /// This certificate is in force.
    Valid(&'a Certificate),
    /// The newest certificate that is not revoked has run out.
    Expired(&'a Certificate),
    /// All that were issued are revoked; this is the newest.
    Revoked(&'a Certificate),
    /// None was issued yet; this is the next to come.
    NotYetValid(&'a Certificate),
    /// There is none.
    NoCalibration,
}

/// Proof that a certificate is in force; no run waits, works or succeeds without one.
#[derive(Debug)]
pub(crate) struct Calibrated<'a>(&'a Certificate);

/// Why an instrument is locked out.
#[derive(Debug)]
pub(crate) struct Lockout<'a> {
    reason: Reason,
    certificate: Option<&'a Certificate>,
    fault: String,
}

impl Term {
    /// Where the certificate itself stands at a time.
    pub(crate) fn state(self, at: OffsetDateTime) -> CalibrationState {
        if self.revoked_by(at) {
            CalibrationState::Revoked
        } else if at < self.issued {
            CalibrationState::NotYetValid
        } else if at < self.expires {
            CalibrationState::Valid
        } else {
            CalibrationState::Expired
        }
    }

    fn revoked_by(self, at: OffsetDateTime) -> bool {
        self.revoked.is_some_and(|revoked| revoked <= at)
    }
}

impl<'a> Standing<'a> {
    /// Where an instrument with these certificates stands at a time.
    ///
    /// Of the certificates issued by then, the newest that is not revoked decides, even while an older one would
    /// still hold: it tells the later truth about the instrument.
    pub(super) fn of(certificates: &'a [Certificate], at: OffsetDateTime) -> Self {
        let age = |certificate: &&Certificate| (certificate.term.issued, certificate.id);
        let issued = || certificates.iter().filter(|certificate| certificate.term.issued <= at);
        if let Some(decides) = issued().filter(|certificate| !certificate.term.revoked_by(at)).max_by_key(age) {
            return if at < decides.term.expires { Self::Valid(decides) } else { Self::Expired(decides) };
        }
        if let Some(newest) = issued().max_by_key(age) {
            return Self::Revoked(newest);
        }
        let next = certificates.iter().min_by_key(|certificate| (certificate.term.revoked_by(at), age(certificate)));
        next.map_or(Self::NoCalibration, Self::NotYetValid)
    }

    /// The state, as the contract names it.
    pub(super) fn state(self) -> CalibrationState {
        match self {
            Self::Valid(_) => CalibrationState::Valid,
            Self::Expired(_) => CalibrationState::Expired,
            Self::Revoked(_) => CalibrationState::Revoked,
            Self::NotYetValid(_) => CalibrationState::NotYetValid,
            Self::NoCalibration => CalibrationState::NoCalibration,
        }
    }

    /// The certificate that decides.
    pub(super) fn certificate(self) -> Option<&'a Certificate> {
        match self {
            Self::Valid(decides) | Self::Expired(decides) | Self::Revoked(decides) | Self::NotYetValid(decides) => Some(decides),
            Self::NoCalibration => None,
        }
    }

    /// The proof that the instrument may be used, or why not. Only a [`Held`](super::Held) instrument gives it away:
    /// any other may have changed since it was read.
    pub(super) fn calibrated(self) -> Result<Calibrated<'a>, Lockout<'a>> {
        let (reason, fault) = match self {
            Self::Valid(certificate) => return Ok(Calibrated(certificate)),
            Self::Expired(decides) => (Reason::CalibrationExpired, format!("its calibration expired on {}", decides.term.expires.date())),
            Self::Revoked(_) => (Reason::CalibrationRevoked, "its calibration is revoked".to_owned()),
            Self::NotYetValid(next) => {
                (Reason::CalibrationNotYetValid, format!("its calibration is not valid before {}", next.term.issued.date()))
            }
            Self::NoCalibration => (Reason::NoCalibration, "it has no calibration".to_owned()),
        };
        Err(Lockout { reason, certificate: self.certificate(), fault })
    }
}

impl<'a> Calibrated<'a> {
    /// The certificate in force, for the run to pin.
    pub(crate) fn certificate(&self) -> &'a Certificate {
        self.0
    }
}

impl Lockout<'_> {
    /// The word for programs.
    pub(crate) fn reason(&self) -> Reason {
        self.reason
    }

    /// The refusal of a run on the instrument.
    pub(crate) fn refusal(&self, instrument_id: Uuid, instrument: &str, run_id: Uuid) -> Refusal {
        let number = self.certificate.map(|certificate| format!(" (certificate {})", certificate.number)).unwrap_or_default();
        let message = format!("{instrument} is locked out: {}{number}; upload a new certificate, then unblock the run", self.fault);
        let refusal = Refusal::new(self.reason, message).about("instrument_id", instrument_id).about("run_id", run_id);
        let Some(certificate) = self.certificate else { return refusal };
        let refusal = refusal.about("certificate_id", &certificate.number);
        // RFC 3339 has no words for the years beyond 9999, which the contract refuses.
        match certificate.term.expires.format(&Rfc3339) {
            Ok(expires_at) => refusal.about("expires_at", expires_at),
            Err(_) => refusal,
        }
    }
}

#[cfg(test)]
mod tests;
