use time::{Duration, macros::datetime};

use super::*;

/// The time that the tests ask about.
const NOW: OffsetDateTime = datetime!(2026-06-15 12:00 UTC);

/// A certificate that was issued and expires so many days from now.
fn certificate(number: u128, issued: i64, expires: i64) -> Certificate {
    Certificate {
        id: Uuid::from_u128(number),
        number: format!("CAL-{number}"),
        content_hash: String::new(),
        term: Term { issued: NOW + Duration::days(issued), expires: NOW + Duration::days(expires), revoked: None },
    }
}

/// The certificate, revoked so many days from now.
fn revoked(mut certificate: Certificate, days: i64) -> Certificate {
    certificate.term.revoked = Some(NOW + Duration::days(days));
    certificate
}

/// Checks the state at a time and the number of the certificate that decides, in whatever order they come.
#[track_caller]
fn stands(certificates: &[Certificate], at: OffsetDateTime, state: CalibrationState, decides: Option<u128>) {
    let turned: Vec<_> = certificates.iter().rev().cloned().collect();
    for certificates in [certificates, &turned] {
        let standing = Standing::of(certificates, at);
        assert_eq!(standing.state(), state);
        assert_eq!(standing.certificate().map(|certificate| certificate.id.as_u128()), decides);
        assert_eq!(standing.calibrated().is_ok(), state == CalibrationState::Valid, "the proof and the state agree");
    }
}

#[test]
fn an_instrument_without_certificates_has_no_calibration() {
    stands(&[], NOW, CalibrationState::NoCalibration, None);
}

#[test]
fn a_certificate_holds_from_its_issue_until_just_before_its_expiry() {
    let only = [certificate(1, -30, 30)];
    let moment = Duration::MICROSECOND;
    stands(&only, NOW, CalibrationState::Valid, Some(1));
    stands(&only, only[0].term.issued, CalibrationState::Valid, Some(1));
    stands(&only, only[0].term.issued - moment, CalibrationState::NotYetValid, Some(1));
    stands(&only, only[0].term.expires - moment, CalibrationState::Valid, Some(1));
    stands(&only, only[0].term.expires, CalibrationState::Expired, Some(1));
}

#[test]
fn a_post_dated_certificate_unlocks_nothing() {
    stands(&[certificate(1, 1, 30)], NOW, CalibrationState::NotYetValid, Some(1));
    stands(&[certificate(1, -30, -1), certificate(2, 1, 30)], NOW, CalibrationState::Expired, Some(1));
    stands(&[revoked(certificate(1, -30, 30), -1), certificate(2, 1, 30)], NOW, CalibrationState::Revoked, Some(1));
    stands(&[certificate(1, -30, 30), certificate(2, 1, 60)], NOW, CalibrationState::Valid, Some(1));
}

#[test]
fn of_those_to_come_the_next_that_may_hold_is_named() {
    stands(&[certificate(1, 9, 30), certificate(2, 5, 30)], NOW, CalibrationState::NotYetValid, Some(2));
    stands(&[certificate(1, 9, 30), revoked(certificate(2, 5, 30), -1)], NOW, CalibrationState::NotYetValid, Some(1));
    stands(&[revoked(certificate(1, 5, 30), -1)], NOW, CalibrationState::NotYetValid, Some(1));
}

#[test]
fn of_overlapping_certificates_the_newest_decides() {
    stands(&[certificate(1, -30, 30), certificate(2, -10, 60)], NOW, CalibrationState::Valid, Some(2));
    stands(&[certificate(1, -30, 30), certificate(2, -10, -1)], NOW, CalibrationState::Expired, Some(2));
    stands(&[certificate(1, -10, 30), certificate(2, -10, -1)], NOW, CalibrationState::Expired, Some(2));
}

#[test]
fn a_revoked_certificate_gives_way_to_the_one_before() {
    let older = certificate(1, -30, 30);
    stands(&[older.clone(), revoked(certificate(2, -10, 60), -1)], NOW, CalibrationState::Valid, Some(1));
    stands(&[certificate(1, -30, -5), revoked(certificate(2, -10, 60), -1)], NOW, CalibrationState::Expired, Some(1));
    stands(&[revoked(older, -20), revoked(certificate(2, -10, 60), -1)], NOW, CalibrationState::Revoked, Some(2));
}

#[test]
fn a_revocation_counts_from_its_own_time_on() {
    let both = [certificate(1, -30, 30), revoked(certificate(2, -10, 60), 0)];
    stands(&both, NOW - Duration::MICROSECOND, CalibrationState::Valid, Some(2));
    stands(&both, NOW, CalibrationState::Valid, Some(1));
    stands(&both[1..], NOW, CalibrationState::Revoked, Some(2));
}

#[test]
fn a_certificate_has_a_state_of_its_own() {
    for (certificate, state) in [
        (certificate(1, -1, 1), CalibrationState::Valid),
        (certificate(1, -1, 0), CalibrationState::Expired),
        (certificate(1, 1, 2), CalibrationState::NotYetValid),
        (revoked(certificate(1, -1, 1), 0), CalibrationState::Revoked),
        (revoked(certificate(1, -1, 1), 1), CalibrationState::Valid),
        (revoked(certificate(1, -2, -1), 0), CalibrationState::Revoked),
        (revoked(certificate(1, 1, 2), 0), CalibrationState::Revoked),
    ] {
        assert_eq!(certificate.term.state(NOW), state, "{certificate:?}");
    }
}

#[test]
fn a_lockout_says_why_and_what_to_do() {
    let run = Uuid::from_u128(9);
    let refused = |certificates: &[Certificate]| {
        let lockout = Standing::of(certificates, NOW).calibrated().expect_err("no certificate in force");
        let refusal = lockout.refusal(Uuid::from_u128(8), "Bruker D8", run);
        assert_eq!(lockout.reason(), refusal.reason());
        (refusal.reason(), refusal.to_string())
    };
    let sentence = |why: &str| format!("Bruker D8 is locked out: {why}; upload a new certificate, then unblock the run");
    assert_eq!(
        refused(&[certificate(1, -30, -5)]),
        (Reason::CalibrationExpired, sentence("its calibration expired on 2026-06-10 (certificate CAL-1)"))
    );
    assert_eq!(
        refused(&[revoked(certificate(1, -30, 5), -1)]),
        (Reason::CalibrationRevoked, sentence("its calibration is revoked (certificate CAL-1)"))
    );
    assert_eq!(
        refused(&[certificate(1, 5, 30)]),
        (Reason::CalibrationNotYetValid, sentence("its calibration is not valid before 2026-06-20 (certificate CAL-1)"))
    );
    assert_eq!(refused(&[]), (Reason::NoCalibration, sentence("it has no calibration")));
}
