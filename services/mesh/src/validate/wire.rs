//! Reads the records of an encoded message one by one, without decoding what they hold.

/// The bytes are not the encoding of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// A value as it travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    /// Text, bytes, a message or packed numbers.
    Bytes(&'a [u8]),
}

/// How a value travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Varint,
    Fixed64,
    Fixed32,
    Bytes,
}

impl<'a> Value<'a> {
    /// The value of a field that was not sent.
    pub(crate) fn default_of(form: Form) -> Self {
        match form {
            Form::Varint => Self::Varint(0),
            Form::Fixed64 => Self::Fixed64(0),
            Form::Fixed32 => Self::Fixed32(0),
            Form::Bytes => Self::Bytes(&[]),
        }
    }

    /// How this value travels.
    pub(crate) fn form(self) -> Form {
        match self {
            Self::Varint(_) => Form::Varint,
            Self::Fixed64(_) => Form::Fixed64,
            Self::Fixed32(_) => Form::Fixed32,
            Self::Bytes(_) => Form::Bytes,
        }
    }

    pub(crate) fn bytes(self) -> Result<&'a [u8], Malformed> {
        if let Self::Bytes(bytes) = self { Ok(bytes) } else { Err(Malformed) }
    }

    pub(crate) fn text(self) -> Result<&'a str, Malformed> {
        str::from_utf8(self.bytes()?).map_err(|_| Malformed)
    }

    pub(crate) fn int64(self) -> Result<i64, Malformed> {
        if let Self::Varint(bits) = self { Ok(bits.cast_signed()) } else { Err(Malformed) }
    }

    /// A decoder keeps the low half of a longer number, and so does this.
    #[expect(clippy::cast_possible_truncation, reason = "the wire format says that the low half counts")]
    pub(crate) fn int32(self) -> Result<i32, Malformed> {
        Ok(self.int64()? as i32)
    }

    pub(crate) fn double(self) -> Result<f64, Malformed> {
        if let Self::Fixed64(bits) = self { Ok(f64::from_bits(bits)) } else { Err(Malformed) }
    }
}

/// A field's number with one of its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    pub(crate) number: u32,
    pub(crate) value: Value<'a>,
    /// The whole record, with its tag.
    pub(crate) raw: &'a [u8],
}

/// The records of `message`, in the order in which they stand. Nothing follows a [`Malformed`] one.
///
/// Groups, which proto3 cannot write, are malformed.
pub(crate) fn records(message: &[u8]) -> impl Iterator<Item = Result<Record<'_>, Malformed>> {
    let mut rest = message;
    until_malformed(move || {
        let start = rest;
        (!start.is_empty()).then(|| {
            let tag = varint(&mut rest)?;
            let number = u32::try_from(tag >> 3).map_err(|_| Malformed)?;
            let form = match tag & 7 {
                0 => Form::Varint,
                1 => Form::Fixed64,
                2 => Form::Bytes,
                5 => Form::Fixed32,
                _ => return Err(Malformed),
            };
            if !(1..1 << 29).contains(&number) {
                return Err(Malformed);
            }
            let value = value(form, &mut rest)?;
            let raw = start.get(..start.len() - rest.len()).ok_or(Malformed)?;
            Ok(Record { number, value, raw })
        })
    })
}

/// The numbers of a packed list.
pub(crate) fn packed(form: Form, list: &[u8]) -> impl Iterator<Item = Result<Value<'_>, Malformed>> {
    let mut rest = list;
    until_malformed(move || (!rest.is_empty()).then(|| value(form, &mut rest)))
}

/// What `next` yields, up to and with the first fault.
fn until_malformed<T>(mut next: impl FnMut() -> Option<Result<T, Malformed>>) -> impl Iterator<Item = Result<T, Malformed>> {
    let mut ended = false;
    std::iter::from_fn(move || {
        let item = if ended { None } else { next() };
        ended = matches!(item, None | Some(Err(_)));
        item
    })
}

fn value<'a>(form: Form, rest: &mut &'a [u8]) -> Result<Value<'a>, Malformed> {
    Ok(match form {
        Form::Varint => Value::Varint(varint(rest)?),
        Form::Fixed64 => Value::Fixed64(u64::from_le_bytes(array(rest)?)),
        Form::Fixed32 => Value::Fixed32(u32::from_le_bytes(array(rest)?)),
        Form::Bytes => {
            let length = usize::try_from(varint(rest)?).map_err(|_| Malformed)?;
            let (bytes, after) = rest.split_at_checked(length).ok_or(Malformed)?;
            *rest = after;
            Value::Bytes(bytes)
        }
    })
}

fn array<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Malformed> {
    let (bytes, after) = rest.split_first_chunk().ok_or(Malformed)?;
    *rest = after;
    Ok(*bytes)
}

fn varint(rest: &mut &[u8]) -> Result<u64, Malformed> {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let (&byte, after) = rest.split_first().ok_or(Malformed)?;
        *rest = after;
        let bits = u64::from(byte & 0x7f);
        // The tenth byte has room for one bit.
        if bits << shift >> shift != bits {
            return Err(Malformed);
        }
        number |= bits << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_in_order() {
        let wire = [0x08, 0x96, 0x01, 0x12, 0x02, b'o', b'k', 0x1d, 1, 0, 0, 0, 0x21, 2, 0, 0, 0, 0, 0, 0, 0];
        let read: Vec<_> = records(&wire).map(|record| record.map(|it| (it.number, it.value, it.raw.len()))).collect();
        assert_eq!(
            read,
            [Ok((1, Value::Varint(150), 3)), Ok((2, Value::Bytes(b"ok"), 4)), Ok((3, Value::Fixed32(1), 5)), Ok((4, Value::Fixed64(2), 9)),]
        );
    }

    #[test]
    fn varints_hold_all_of_64_bits_and_no_more() {
        let mut most = [0xff; 11];
        most[0] = 0x08;
        most[10] = 0x01;
        assert_eq!(records(&most).next().map(|it| it.map(|it| it.value)), Some(Ok(Value::Varint(u64::MAX))));
        most[10] = 0x02;
        assert_eq!(records(&most).next(), Some(Err(Malformed)));
        most[10] = 0x81;
        assert_eq!(records(&most).next(), Some(Err(Malformed)));
    }

    #[test]
    fn what_is_cut_off_or_cannot_be_is_malformed_and_ends_the_reading() {
        let faulty: [&[u8]; 8] = [
            &[0x08],                                                             // a tag without a value
            &[0x08, 0x80],                                                       // a number that goes on
            &[0x0a, 0x02, b'x'],                                                 // a text cut short
            &[0x0d, 1, 2, 3],                                                    // four bytes, of which three are there
            &[0x09, 1, 2, 3, 4, 5, 6, 7],                                        // eight bytes, of which seven are there
            &[0x0b, 0x0c],                                                       // a group
            &[0x00, 0x00],                                                       // field number zero
            &[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], // a length beyond memory
        ];
        for wire in faulty {
            assert_eq!(records(wire).collect::<Vec<_>>(), [Err(Malformed)], "{wire:?}");
        }
    }

    #[test]
    fn packed_numbers_are_read_one_by_one() {
        let numbers: Vec<_> = packed(Form::Varint, &[1, 0x96, 0x01]).collect();
        assert_eq!(numbers, [Ok(Value::Varint(1)), Ok(Value::Varint(150))]);
        let doubles: Vec<_> = packed(Form::Fixed64, &1.5_f64.to_le_bytes()).map(|it| it.and_then(Value::double)).collect();
        assert_eq!(doubles, [Ok(1.5)]);
        assert_eq!(packed(Form::Fixed32, &[1, 2, 3]).collect::<Vec<_>>(), [Err(Malformed)]);
    }
}
