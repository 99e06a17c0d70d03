//! What a certificate says, and the hash that runs pin.

use serde::Serialize;
use spectra_mesh::{Error, Object, id, moment, optional_id, sha256};
use spectra_proto::analysis as pb;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

/// What a new certificate says. None of it ever changes.
///
/// Its canonical form is one line of JSON with the members below in this order, which is that of the alphabet, as
/// are the keys within the free objects; times are RFC 3339 in UTC without trailing zeros. Nothing is left out but where the paper itself is,
/// when that is not said.
#[derive(Debug, Serialize)]
pub(super) struct Content {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) attachment_id: Option<Uuid>,
    pub(super) certificate_id: String,
    #[serde(serialize_with = "rfc3339")]
    pub(super) expires_at: OffsetDateTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) file_uri: Option<String>,
    pub(super) instrument_id: Uuid,
    #[serde(serialize_with = "rfc3339")]
    pub(super) issued_at: OffsetDateTime,
    pub(super) provider: Option<String>,
    pub(super) results: Object,
    pub(super) standards_used: Object,
    pub(super) uncertainty: Object,
}

impl Content {
    /// What a request says. Refused unless the certificate expires after it was issued, to the microsecond.
    pub(super) fn of(calibration: pb::Calibration) -> Result<Self, Error> {
        let out_of_range = |field| move || Error::invalid(field, "must lie in the years 0001 to 9999");
        let issued_at = calibration.issued_at.and_then(moment).ok_or_else(out_of_range("calibration.issued_at"))?;
        let expires_at = calibration.expires_at.and_then(moment).ok_or_else(out_of_range("calibration.expires_at"))?;
        if expires_at <= issued_at {
            return Err(Error::invalid("calibration.expires_at", "must be later than issued_at"));
        }
        Ok(Self {
            attachment_id: optional_id(calibration.attachment_id.as_deref())?,
            file_uri: calibration.file_uri,
            instrument_id: id(&calibration.instrument_id)?,
            certificate_id: calibration.certificate_id,
            issued_at,
            expires_at,
            provider: calibration.provider,
            results: Object(calibration.results.unwrap_or_default()),
            standards_used: Object(calibration.standards_used.unwrap_or_default()),
            uncertainty: Object(calibration.uncertainty.unwrap_or_default()),
        })
    }

    /// The SHA-256 of the canonical form, in hex.
    pub(super) fn hash(&self) -> Result<String, Error> {
        let canonical = serde_json::to_vec(self).map_err(Error::broken)?;
        Ok(sha256(&canonical))
    }
}

fn rfc3339<S: serde::Serializer>(at: &OffsetDateTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&at.format(&Rfc3339).map_err(serde::ser::Error::custom)?)
}

#[cfg(test)]
mod tests {
    use spectra_mesh::stamp;
    use time::macros::datetime;

    use super::*;

    fn said() -> pb::Calibration {
        let results: Object = serde_json::from_str(r#"{"offset_mv":0.25,"gain":{"b":2,"a":1}}"#).expect("an object");
        pb::Calibration {
            instrument_id: "0190a3b4-0000-7000-8000-000000000001".to_owned(),
            certificate_id: "CAL-1".to_owned(),
            issued_at: Some(stamp(datetime!(2026-01-02 03:04:05 UTC))),
            expires_at: Some(stamp(datetime!(2027-01-02 03:04:05.000_100 UTC))),
            results: Some(results.into()),
            ..pb::Calibration::default()
        }
    }

    fn hash(said: pb::Calibration) -> String {
        Content::of(said).and_then(|content| content.hash()).expect("a certificate")
    }

    #[test]
    fn the_canonical_form_is_as_documented() {
        let canonical = serde_json::to_string(&Content::of(said()).expect("a certificate")).expect("JSON");
        assert_eq!(
            canonical,
            concat!(
                r#"{"certificate_id":"CAL-1","expires_at":"2027-01-02T03:04:05.0001Z","#,
                r#""instrument_id":"0190a3b4-0000-7000-8000-000000000001","issued_at":"2026-01-02T03:04:05Z","#,
                r#""provider":null,"results":{"gain":{"a":1,"b":2},"offset_mv":0.25},"standards_used":{},"uncertainty":{}}"#
            )
        );
        assert_eq!(hash(said()), "4377529cf7a18a294079d2b2cefd9575d55645acf0d247ec356af553366edfce");
    }

    #[test]
    fn every_word_of_a_certificate_counts() {
        let note: Object = serde_json::from_str(r#"{"x":1}"#).expect("an object");
        let note = Some(note.into());
        let changed = [
            pb::Calibration { instrument_id: "0190a3b4-0000-7000-8000-000000000002".to_owned(), ..said() },
            pb::Calibration { certificate_id: "CAL-2".to_owned(), ..said() },
            pb::Calibration { issued_at: Some(stamp(datetime!(2026-01-02 03:04:06 UTC))), ..said() },
            pb::Calibration { expires_at: Some(stamp(datetime!(2027-01-02 03:04:05 UTC))), ..said() },
            pb::Calibration { provider: Some(String::new()), ..said() },
            pb::Calibration { results: None, ..said() },
            pb::Calibration { standards_used: note.clone(), ..said() },
            pb::Calibration { uncertainty: note, ..said() },
            pb::Calibration { attachment_id: Some("0190a3b4-0000-7000-8000-000000000002".to_owned()), ..said() },
            pb::Calibration { file_uri: Some("s3://papers/CAL-1.pdf".to_owned()), ..said() },
        ];
        let mut hashes: Vec<_> = changed.into_iter().chain([said()]).map(hash).collect();
        hashes.sort();
        hashes.dedup();
        assert_eq!(hashes.len(), 11);
    }

    #[test]
    fn a_certificate_expires_after_it_was_issued() {
        let issued = datetime!(2026-01-02 03:04:05 UTC);
        for expires in [issued, issued - time::Duration::DAY, issued + time::Duration::nanoseconds(999)] {
            let refused = Content::of(pb::Calibration { expires_at: Some(stamp(expires)), ..said() });
            assert!(matches!(refused, Err(Error::Invalid(of)) if of[0].field == "calibration.expires_at"), "{expires}");
        }
        assert!(Content::of(pb::Calibration { expires_at: Some(stamp(issued + time::Duration::MICROSECOND)), ..said() }).is_ok());
    }
}
