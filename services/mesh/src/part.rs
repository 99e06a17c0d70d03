//! Parts of files.

use spectra_proto::types::{ByteRange, Reason, file_head::Part};

use crate::{Error, Refusal};

/// The part of a file that a caller asks for: none when it is all of it, or of another file than this one.
pub fn part(asked: Option<&ByteRange>, etag: &str, size: i64) -> Result<Option<Part>, Error> {
    let Some(range) = asked.filter(|range| range.etag.as_ref().is_none_or(|meant| meant == etag)) else { return Ok(None) };
    let (first, length) = match (range.first, range.length) {
        (Some(first), length) => (first, length.unwrap_or(i64::MAX)),
        (None, Some(last)) => (size - last.clamp(0, size), last),
        (None, None) => return Ok(None),
    };
    if first < 0 || first >= size || length <= 0 {
        return Err(Refusal::new(Reason::RangeNotSatisfiable, "the file has no such part").about("size", size).into());
    }
    Ok(Some(Part { first, length: length.min(size - first) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_lies_within_the_file() {
        let of = |first, length, etag: Option<&str>| {
            let asked = ByteRange { first, length, etag: etag.map(str::to_owned) };
            part(Some(&asked), "e", 10).map(|part| part.map(|part| (part.first, part.length)))
        };
        for (first, length, expected) in [
            (Some(0), Some(1), (0, 1)),
            (Some(3), None, (3, 7)),
            (Some(9), Some(i64::MAX), (9, 1)),
            (None, Some(4), (6, 4)),
            (None, Some(i64::MAX), (0, 10)),
        ] {
            assert_eq!(of(first, length, None).expect("a part"), Some(expected));
        }
        for (first, length) in
            [(Some(10), None), (Some(-1), Some(3)), (Some(0), Some(0)), (None, Some(0)), (None, Some(-5)), (Some(0), Some(-1))]
        {
            let Err(Error::Refused(refusal)) = of(first, length, None) else { panic!("{first:?} {length:?}") };
            assert_eq!(refusal.reason(), Reason::RangeNotSatisfiable);
        }
        assert_eq!(of(Some(0), Some(1), Some("e")).expect("a part"), Some((0, 1)));
        assert_eq!(of(Some(0), Some(1), Some("another")).expect("all of it"), None);
        assert_eq!(of(None, None, None).expect("all of it"), None);
    }
}
