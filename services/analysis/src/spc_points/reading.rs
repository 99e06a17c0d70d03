//! Points as they come, and the place that each has among the others.

use spectra_mesh::{Error, Object, moment, optional_id, stamp};
use spectra_proto::analysis as pb;
use time::OffsetDateTime;
use uuid::Uuid;

use super::store::{LAST, Outcome};

/// Where a point stands: by its time, then by its arrival, which its id is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) ts: OffsetDateTime,
    pub(crate) id: Uuid,
}

/// Behind every point.
pub(super) const END: Place = Place { ts: LAST, id: Uuid::max() };

/// What a point is judged by.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Reading {
    /// None when it is missing.
    pub(super) value: Option<f64>,
    pub(super) subgroup: Option<i32>,
    pub(super) n: Option<i32>,
    pub(super) part: Option<String>,
    pub(super) components: Option<Vec<f64>>,
}

/// A point that is to be stored.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) place: Place,
    pub(super) reading: Reading,
    pub(super) run_id: Option<Uuid>,
    /// Whether the certificate of that run was revoked.
    pub(super) is_suspect: bool,
    pub(super) metadata: Option<Object>,
}

impl Place {
    /// The place of the point that arrived as this one in its series, counted from 0.
    ///
    /// The id is a UUID of version 7 whose time is the point's: 48 bits of milliseconds and, of the free bits, 12 for the microseconds; then
    /// 36 bits of arrival, and 26 that are the series' own.
    pub(super) fn of(series_id: Uuid, ts: OffsetDateTime, arrival: u64) -> Self {
        let micros = u128::try_from(ts.unix_timestamp_nanos() / 1000).unwrap_or_default();
        let (millis, rest) = (micros / 1000, micros % 1000);
        let series = series_id.as_u128() & ((1 << 26) - 1);
        let arrival = u128::from(arrival) & ((1 << 36) - 1);
        let bits = millis << 80 | 7 << 76 | rest << 64 | 2 << 62 | arrival << 26 | series;
        Self { ts, id: Uuid::from_u128(bits) }
    }

    /// When the point with this id was measured; none when it is no point's.
    pub(super) fn ts_of(id: Uuid) -> Option<OffsetDateTime> {
        let bits = id.as_u128();
        let nanos = (bits >> 80) * 1_000_000 + (bits >> 64 & 0xfff) * 1000;
        OffsetDateTime::from_unix_timestamp_nanos(i128::try_from(nanos).ok()?).ok()
    }
}

impl Draft {
    /// A point of a request. `field` is the list that it stands in.
    pub(super) fn of(point: pb::SpcPoint, index: usize, series_id: Uuid, arrival: u64, now: OffsetDateTime) -> Result<Self, Error> {
        let broken = |field: &str, message: &str| Err(Error::invalid(format!("points[{index}].{field}"), message));
        let ts = match point.ts {
            None => now,
            Some(ts) => match moment(ts) {
                Some(ts) if ts >= OffsetDateTime::UNIX_EPOCH && ts.year() < 9999 => ts,
                _ => return broken("ts", "must be from 1970 on"),
            },
        };
        if point.value.is_some_and(f64::is_infinite) {
            return broken("value", "must be finite, or missing");
        }
        if point.components.iter().any(|component| component.is_infinite()) {
            return broken("components", "must be finite, or missing");
        }
        let reading = Reading {
            value: point.value.filter(|value| !value.is_nan()),
            subgroup: point.subgroup,
            n: point.n,
            part: point.part,
            components: (!point.components.is_empty()).then_some(point.components),
        };
        let metadata = point.metadata.filter(|metadata| !metadata.fields.is_empty()).map(Object);
        Ok(Self {
            place: Place::of(series_id, ts, arrival),
            reading,
            run_id: optional_id(point.run_id.as_deref())?,
            is_suspect: false,
            metadata,
        })
    }

    /// The point with what was found out about it, by its id.
    pub(super) fn shown(self, series_id: Uuid, outcome: Outcome) -> (Uuid, pb::SpcPoint) {
        let Reading { value, subgroup, n, part, components } = self.reading;
        let point = pb::SpcPoint {
            id: self.place.id.to_string(),
            series_id: series_id.to_string(),
            ts: Some(stamp(self.place.ts)),
            value,
            statistic: outcome.statistic,
            subgroup,
            n,
            part,
            components: components.unwrap_or_default(),
            run_id: self.run_id.map(|run| run.to_string()),
            calibration_suspect: self.is_suspect,
            metadata: Some(self.metadata.unwrap_or_default().into()),
            triggered_rules: outcome.rules,
            ..pb::SpcPoint::default()
        };
        (self.place.id, point)
    }
}

#[cfg(test)]
mod tests {
    use time::{Duration, macros::datetime};

    use super::*;

    #[test]
    fn ids_sort_by_time_and_arrival_and_tell_the_time() {
        let series = Uuid::from_u128(0x1234_5678_9abc_7def_8123_4567_89ab_cdef);
        let ts = datetime!(2026-01-02 03:04:05.678901 UTC);
        let places =
            [(ts, 7), (ts, 8), (ts, 1 << 35), (ts + Duration::MICROSECOND, 0), (ts + Duration::MILLISECOND, 0), (ts + Duration::DAY, 0)];
        let places = places.map(|(ts, arrival)| Place::of(series, ts, arrival));
        assert!(places.is_sorted_by(|a, b| a.id < b.id && a < b), "{places:?}");
        for place in places {
            assert_eq!((Place::ts_of(place.id), place.id.get_version_num()), (Some(place.ts), 7));
        }
        assert_eq!(Place::ts_of(Place::of(series, OffsetDateTime::UNIX_EPOCH, 0).id), Some(OffsetDateTime::UNIX_EPOCH));
        assert_ne!(Place::of(series, ts, 1).id, Place::of(Uuid::from_u128(1), ts, 1).id);
    }
}
