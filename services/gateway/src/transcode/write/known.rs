//! The well-known types, as JSON has them.

use super::scalar::low_half;
use super::{Slot, Writer};
use crate::transcode::error::{Corrupt, Written};
use crate::transcode::plan::{Field, Form, Message};
use crate::transcode::text::write_string;
use crate::transcode::time::{Instant, write_duration, write_timestamp};
use crate::transcode::wire::{Value, Wire};

impl<'p, 'w> Writer<'p, 'w, '_> {
    pub(super) fn timestamp(&mut self, wire: &[u8]) -> Written<()> {
        write_timestamp(self.out, instant(wire)?)
    }

    pub(super) fn duration(&mut self, wire: &[u8]) -> Written<()> {
        write_duration(self.out, instant(wire)?)
    }

    /// A message that is nothing but a list or a map.
    pub(super) fn all(
        &mut self,
        plan: &'p Message,
        write: fn(&mut Self, &'p Field, &'w [u8]) -> Written<()>,
        wire: &'w [u8],
    ) -> Written<()> {
        let field = plan.fields.first();
        field.map_or(Ok(()), |field| write(self, field, wire))
    }

    /// A `Value`: the one member of its oneof that is set. None is null.
    pub(super) fn any_json(&mut self, plan: &'p Message, wire: &'w [u8]) -> Written<()> {
        let mut cursor = Wire::new(wire);
        if !cursor.is_empty() {
            let (number, value) = cursor.record()?;
            // Nearly every one is a single record, of which there is nothing to note.
            if let (true, Some(index)) = (cursor.is_empty(), plan.numbered(number)) {
                return self.value(plan.fields[index].kind, value);
            }
        }
        let base = self.note(plan, wire)?;
        let set = |slot: &Slot<'_>| !matches!(slot, Slot::Absent);
        let index = self.slots[base..].iter().position(set);
        let member = index.map(|index| (&plan.fields[index], self.slots[base + index]));
        self.slots.truncate(base);
        let Some((field, slot)) = member else {
            self.out.extend_from_slice(b"null");
            return Ok(());
        };
        self.field(field, slot, wire)
    }

    /// An `Any`: its type, and the members of the message, or what stands for a well-known one.
    pub(super) fn any(&mut self, wire: &'w [u8]) -> Written<()> {
        let (mut url, mut body): (&[u8], &[u8]) = (b"", b"");
        let mut cursor = Wire::new(wire);
        while !cursor.is_empty() {
            match cursor.record()? {
                (1, Value::Bytes(bytes)) => url = bytes,
                (2, Value::Bytes(bytes)) => body = bytes,
                _ => {}
            }
        }
        self.open(b'{')?;
        if !(url.is_empty() && body.is_empty()) {
            let name = str::from_utf8(url).ok().and_then(|url| url.rsplit_once('/'));
            let id = name.and_then(|(_, name)| self.plans.message(name));
            let id = id.ok_or_else(|| Corrupt::new("an Any is of an unknown type"))?;
            self.out.extend_from_slice(b"\"@type\":");
            write_string(self.out, url)?;
            let plan = self.plans.plan(id);
            if plan.form == Form::Fields {
                self.members(plan, body, false)?;
            } else {
                self.out.extend_from_slice(b",\"value\":");
                self.message(id, body)?;
            }
        }
        self.close(b'}');
        Ok(())
    }
}

/// What timestamps and durations hold.
fn instant(wire: &[u8]) -> Written<Instant> {
    let (mut seconds, mut nanos) = (0, 0);
    let mut cursor = Wire::new(wire);
    while !cursor.is_empty() {
        match cursor.record()? {
            (1, Value::Varint(value)) => seconds = value.cast_signed(),
            (2, Value::Varint(value)) => nanos = low_half(value).cast_signed(),
            _ => {}
        }
    }
    Ok(Instant { seconds, nanos })
}
