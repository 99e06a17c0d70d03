//! The well-known types with rules of their own: points in time and free JSON.

use spectra_proto::JSON_DEPTH;

use super::{
    scalar::Fault,
    text::control,
    wire::{Malformed, Value, records},
};

/// The first second of the year 0001 and the last of 9999, the range of a timestamp.
const SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// How many bytes free JSON may take when encoded.
const JSON_BYTES: usize = 256 * 1024;

/// What a piece of free JSON is on the outside.
#[derive(Debug, Clone, Copy)]
pub(super) enum Json {
    /// `google.protobuf.Struct`.
    Object,
    /// `google.protobuf.ListValue`.
    List,
    /// `google.protobuf.Value`.
    Any,
}

/// What is wrong with a `google.protobuf.Timestamp`.
pub(super) fn timestamp(wire: &[u8]) -> Result<Option<Fault>, Malformed> {
    let (mut seconds, mut nanos) = (0, 0);
    for record in records(wire) {
        let record = record?;
        match record.number {
            1 => seconds = record.value.int64()?,
            2 => nanos = record.value.int32()?,
            _ => {}
        }
    }
    Ok(if !SECONDS.contains(&seconds) {
        Some("must lie in the years 0001 to 9999".into())
    } else if !(0..1_000_000_000).contains(&nanos) {
        Some("must have from 0 to 999999999 nanoseconds".into())
    } else {
        None
    })
}

impl Json {
    /// What is wrong with free JSON.
    pub(super) fn fault(self, wire: &[u8]) -> Result<Option<Fault>, Malformed> {
        if wire.len() > JSON_BYTES {
            return Ok(Some("must take at most 256 KiB".into()));
        }
        let checked = match self {
            Self::Object => object(wire, JSON_DEPTH),
            Self::List => list(wire, JSON_DEPTH),
            Self::Any => any(wire, JSON_DEPTH),
        };
        match checked {
            Ok(()) => Ok(None),
            Err(Stop::Broken(fault)) => Ok(Some(fault)),
            Err(Stop::Malformed) => Err(Malformed),
        }
    }
}

/// Why a walk through free JSON ended early.
enum Stop {
    Broken(Fault),
    Malformed,
}

impl Stop {
    fn broken(fault: &'static str) -> Self {
        Self::Broken(fault.into())
    }
}

impl From<Malformed> for Stop {
    fn from(Malformed: Malformed) -> Self {
        Self::Malformed
    }
}

/// A `Struct`: entries of a name and a value. `left` is how many levels are left, this one included.
fn object(wire: &[u8], left: usize) -> Result<(), Stop> {
    let left = deeper(left)?;
    for record in records(wire) {
        let record = record?;
        if record.number == 1 {
            entry(record.value.bytes()?, left)?;
        }
    }
    Ok(())
}

fn entry(wire: &[u8], left: usize) -> Result<(), Stop> {
    let mut has_value = false;
    for record in records(wire) {
        let record = record?;
        match record.number {
            1 => readable(record.value)?,
            2 => {
                has_value = true;
                any(record.value.bytes()?, left)?;
            }
            _ => {}
        }
    }
    told(has_value)
}

/// A `ListValue`.
fn list(wire: &[u8], left: usize) -> Result<(), Stop> {
    let left = deeper(left)?;
    for record in records(wire) {
        let record = record?;
        if record.number == 1 {
            any(record.value.bytes()?, left)?;
        }
    }
    Ok(())
}

/// A `Value`, which is one of null, number, text, boolean, object and list, and not none of them.
fn any(wire: &[u8], left: usize) -> Result<(), Stop> {
    let mut has_kind = false;
    for record in records(wire) {
        let record = record?;
        let value = record.value;
        match record.number {
            1 | 4 => drop(value.int64()?),
            2 if value.double()?.is_finite() => {}
            2 => return Err(Stop::broken("must hold finite numbers only")),
            3 => readable(value)?,
            5 => object(value.bytes()?, left)?,
            6 => list(value.bytes()?, left)?,
            _ => continue,
        }
        has_kind = true;
    }
    told(has_kind)
}

/// Every name and item has a value that says what it is.
fn told(told: bool) -> Result<(), Stop> {
    if told { Ok(()) } else { Err(Stop::broken("must hold a value for each name and item, null at least")) }
}

fn readable(text: Value<'_>) -> Result<(), Stop> {
    control(text.text()?).map_or(Ok(()), |fault| Err(Stop::Broken(fault)))
}

fn deeper(left: usize) -> Result<usize, Stop> {
    left.checked_sub(1).ok_or_else(|| Stop::broken("must be at most 32 levels deep"))
}
