//! Days in requests and answers: `2026-01-31`.

use spectra_mesh::Error;
use time::{
    Date, OffsetDateTime, UtcOffset,
    format_description::{StaticFormatDescription, well_known::Rfc3339},
    macros::format_description,
};

const DAY: StaticFormatDescription = format_description!("[year]-[month]-[day]");

/// A day as it is answered.
pub(super) fn text(day: Date) -> String {
    day.format(DAY).unwrap_or_default()
}

/// The day that a field names; a time is taken for its day in UTC.
pub(super) fn read(field: &'static str, given: Option<&str>) -> Result<Option<Date>, Error> {
    let Some(given) = given else { return Ok(None) };
    let of_time = || Some(OffsetDateTime::parse(given, &Rfc3339).ok()?.checked_to_offset(UtcOffset::UTC)?.date());
    let day = Date::parse(given, DAY).ok().or_else(of_time).filter(|day| (1..=9999).contains(&day.year()));
    day.map(Some).ok_or_else(|| Error::invalid(field, "must be a day such as 2026-01-31"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_times_name_days() {
        let day = |given| read("review_date", Some(given)).map(|day| day.map(text)).ok();
        for (given, read) in [
            ("2026-01-31", "2026-01-31"),
            ("0001-01-01", "0001-01-01"),
            ("2026-01-31T23:30:00Z", "2026-01-31"),
            ("2026-01-31T23:30:00-02:00", "2026-02-01"),
        ] {
            assert_eq!(day(given), Some(Some(read.to_owned())), "{given}");
        }
        for given in ["", "today", "2026-02-30", "2026-1-1", "0000-01-01", "+10000-01-01", "2026-01-31 ", "9999-12-31T23:59:59-10:00"] {
            assert_eq!(day(given), None, "{given}");
        }
        assert_eq!(read("review_date", None).ok(), Some(None));
    }
}
