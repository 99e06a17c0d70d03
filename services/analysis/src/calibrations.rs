//! Calibrations: the certificates that let an instrument be used.

use spectra_mesh::{Object, stamp};
use spectra_proto::analysis as pb;
use time::OffsetDateTime;
use uuid::Uuid;

mod content;
mod due;
mod hold;
mod recall;
mod rpc;
mod rules;
mod store;

pub(crate) use hold::{Held, settle};
pub(crate) use recall::{Span, Touched};
pub(crate) use rules::{Calibrated, Certificate, Lockout};

/// A certificate with all that it says.
#[derive(Debug)]
struct Calibration {
    organization_id: Uuid,
    id: Uuid,
    instrument_id: Uuid,
    certificate_id: String,
    issued_at: OffsetDateTime,
    expires_at: OffsetDateTime,
    provider: Option<String>,
    results: Object,
    standards_used: Object,
    uncertainty: Object,
    content_hash: String,
    attachment_id: Option<Uuid>,
    file_uri: Option<String>,
    revoked_at: Option<OffsetDateTime>,
    revoked_reason: Option<String>,
    revision: i32,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    /// When the record was read: what its status is told for.
    read_at: OffsetDateTime,
}

impl Calibration {
    /// When the certificate holds.
    fn term(&self) -> rules::Term {
        rules::Term { issued: self.issued_at, expires: self.expires_at, revoked: self.revoked_at }
    }
}

impl From<Calibration> for pb::Calibration {
    fn from(calibration: Calibration) -> Self {
        Self {
            status: calibration.term().state(calibration.read_at).into(),
            id: calibration.id.to_string(),
            organization_id: calibration.organization_id.to_string(),
            instrument_id: calibration.instrument_id.to_string(),
            certificate_id: calibration.certificate_id,
            issued_at: Some(stamp(calibration.issued_at)),
            expires_at: Some(stamp(calibration.expires_at)),
            provider: calibration.provider,
            results: Some(calibration.results.into()),
            standards_used: Some(calibration.standards_used.into()),
            uncertainty: Some(calibration.uncertainty.into()),
            content_hash: calibration.content_hash,
            attachment_id: calibration.attachment_id.map(|id| id.to_string()),
            file_uri: calibration.file_uri,
            revoked_at: calibration.revoked_at.map(stamp),
            revoked_reason: calibration.revoked_reason,
            revision: calibration.revision,
            created_at: Some(stamp(calibration.created_at)),
            updated_at: Some(stamp(calibration.updated_at)),
        }
    }
}

/// A certificate in short, of the columns of a join that may have found none.
pub(crate) fn summary(
    id: Option<Uuid>,
    certificate_id: Option<String>,
    issued_at: Option<OffsetDateTime>,
    expires_at: Option<OffsetDateTime>,
) -> Option<pb::CertificateSummary> {
    let (id, certificate_id) = id.zip(certificate_id)?;
    Some(pb::CertificateSummary { id: id.to_string(), certificate_id, issued_at: issued_at.map(stamp), expires_at: expires_at.map(stamp) })
}

impl From<&Certificate> for pb::CertificateSummary {
    fn from(certificate: &Certificate) -> Self {
        Self {
            id: certificate.id.to_string(),
            certificate_id: certificate.number.clone(),
            issued_at: Some(stamp(certificate.term.issued)),
            expires_at: Some(stamp(certificate.term.expires)),
        }
    }
}
