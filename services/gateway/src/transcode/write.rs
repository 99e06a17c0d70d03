//! Wire to JSON: one pass over each message to note where its fields stand, one to write them in order.

mod known;
mod scalar;

use super::error::{Corrupt, Written};
use super::plan::{Field, Form, Kind, Message, MessageId, Plans, Shape};
use super::wire::{Value, Wire};

/// How deep containers may nest: what a request may hold, and room for the resource and the page around it.
const DEPTH: usize = 100;

/// The state of one pass.
pub(super) struct Writer<'p, 'w, 'o> {
    plans: &'p Plans,
    out: &'o mut Vec<u8>,
    /// What was noted of the fields of each open message, outermost first.
    slots: Vec<Slot<'w>>,
    /// The entries of each open map.
    entries: Vec<Entry<'w>>,
    depth: usize,
}

/// Where a field stands on the wire.
#[derive(Clone, Copy)]
enum Slot<'w> {
    Absent,
    /// One value, and where its record starts.
    One {
        value: Value<'w>,
        start: usize,
    },
    /// From the start of its first record to the end of its last.
    Many {
        start: usize,
        end: usize,
    },
}

/// One entry of a map.
#[derive(Clone, Copy)]
struct Entry<'w> {
    key: Value<'w>,
    value: Slot<'w>,
    /// The body that holds them both.
    body: &'w [u8],
}

impl<'p, 'w, 'o> Writer<'p, 'w, 'o> {
    pub(super) fn new(plans: &'p Plans, out: &'o mut Vec<u8>) -> Self {
        Self { plans, out, slots: Vec::new(), entries: Vec::new(), depth: 0 }
    }

    /// A message of any form.
    pub(super) fn message(&mut self, id: MessageId, wire: &'w [u8]) -> Written<()> {
        let plan = self.plans.plan(id);
        match plan.form {
            Form::Fields | Form::Empty => {
                self.open(b'{')?;
                self.members(plan, wire, true)?;
                self.close(b'}');
                Ok(())
            }
            Form::Wrapper => self.only(plan, 0, wire),
            Form::Timestamp => self.timestamp(wire),
            Form::Duration => self.duration(wire),
            Form::FieldMask => super::mask::write(Wire::new(wire), self.out),
            Form::Struct => self.all(plan, Self::map, wire),
            Form::ListValue => self.all(plan, Self::list, wire),
            Form::Value => self.any_json(plan, wire),
            Form::Any => self.any(wire),
        }
    }

    /// One field of a message, without its name.
    pub(super) fn only(&mut self, plan: &'p Message, index: usize, wire: &'w [u8]) -> Written<()> {
        let base = self.note(plan, wire)?;
        let slot = self.slots[base + index];
        self.slots.truncate(base);
        self.field(&plan.fields[index], slot, wire)
    }

    /// Every field of a message; `first` says that no member stands before them.
    fn members(&mut self, plan: &'p Message, wire: &'w [u8], first: bool) -> Written<()> {
        let base = self.note(plan, wire)?;
        let mut comma = usize::from(first);
        for (index, field) in plan.fields.iter().enumerate() {
            self.out.extend_from_slice(&field.key[comma..]);
            comma = 0;
            let slot = self.slots[base + index];
            let written = self.field(field, slot, wire);
            written.map_err(|fault| fault.within(&field.name))?;
        }
        self.slots.truncate(base);
        Ok(())
    }

    /// Notes where each field stands, in slots from the returned one on.
    ///
    /// Declared order, values for what is absent, and the last of several cannot be had from the wire as it
    /// comes. Noting costs one look at each tag, and makes the order on the wire indifferent.
    fn note(&mut self, plan: &'p Message, wire: &'w [u8]) -> Written<usize> {
        let base = self.slots.len();
        self.slots.resize(base + plan.fields.len(), Slot::Absent);
        let mut cursor = Wire::new(wire);
        while !cursor.is_empty() {
            let start = wire.len() - cursor.left();
            let (number, value) = cursor.record()?;
            let Some(index) = plan.numbered(number) else {
                continue;
            };
            let field = &plan.fields[index];
            if let Some(oneof) = field.oneof {
                for other in plan.oneofs[oneof].iter().filter(|other| **other != index) {
                    self.slots[base + other] = Slot::Absent;
                }
            }
            let slot = &mut self.slots[base + index];
            let end = wire.len() - cursor.left();
            *slot = match *slot {
                // Of several scalars the last counts; a message's parts, and the elements of a list, all do.
                Slot::One { start, .. } | Slot::Many { start, .. } if field.gathers => Slot::Many { start, end },
                _ if field.shape != Shape::Single => Slot::Many { start, end },
                _ => Slot::One { value, start },
            };
        }
        Ok(base)
    }

    fn field(&mut self, field: &'p Field, slot: Slot<'w>, wire: &'w [u8]) -> Written<()> {
        match slot {
            Slot::Absent => {
                self.out.extend_from_slice(&field.absent);
                Ok(())
            }
            Slot::One { value, .. } => self.value(field.kind, value),
            Slot::Many { start, end } => {
                let records = &wire[start..end];
                match field.shape {
                    Shape::Single => self.merged(field, records),
                    Shape::List => self.list(field, records),
                    Shape::Map => self.map(field, records),
                }
            }
        }
    }

    /// A single message in parts, which the wire means to be read as if they were one.
    #[cold]
    fn merged(&mut self, field: &'p Field, records: &'w [u8]) -> Written<()> {
        let mut whole = Vec::new();
        for part in Records::of(field, records) {
            let Value::Bytes(part) = part? else {
                return Err(mistyped());
            };
            whole.extend_from_slice(part);
        }
        let mut writer = Writer::new(self.plans, self.out);
        writer.depth = self.depth;
        writer.value(field.kind, Value::Bytes(&whole))
    }

    /// A list, packed or not, or in parts of both kinds.
    fn list(&mut self, field: &'p Field, records: &'w [u8]) -> Written<()> {
        let wire_type = field.kind.wire_type();
        let packable = !matches!(field.kind.default(), Value::Bytes(_));
        self.open(b'[')?;
        let mut first = true;
        for record in Records::of(field, records) {
            match record? {
                Value::Bytes(packed) if packable => {
                    let mut packed = Wire::new(packed);
                    while !packed.is_empty() {
                        let value = packed.element(wire_type)?;
                        self.comma(&mut first);
                        self.value(field.kind, value)?;
                    }
                }
                value => {
                    self.comma(&mut first);
                    self.value(field.kind, value)?;
                }
            }
        }
        self.close(b']');
        Ok(())
    }

    /// A map, its keys in order, so that equal messages have equal text whatever order they came in.
    fn map(&mut self, field: &'p Field, records: &'w [u8]) -> Written<()> {
        let Some((plan, key_field, value_field)) = self.plans.entry(field) else {
            return Err(mistyped());
        };
        self.open(b'{')?;
        let base = self.entries.len();
        for record in Records::of(field, records) {
            let Value::Bytes(body) = record? else {
                return Err(mistyped());
            };
            let entry = self.entry(plan, key_field, body)?;
            self.entries.push(Entry { key: key_field.kind.canonical(entry.key), ..entry });
        }
        let entries = &mut self.entries[base..];
        if !entries.is_sorted_by(|a, b| a.key < b.key) {
            entries.sort_by_key(|entry| entry.key);
        }
        let end = self.entries.len();
        let mut first = true;
        for index in base..end {
            let entry = self.entries[index];
            // Of several entries for one key the last counts; the sort kept them in order.
            if index + 1 < end && self.entries[index + 1].key == entry.key {
                continue;
            }
            self.comma(&mut first);
            self.key(key_field.kind, entry.key)?;
            self.out.push(b':');
            self.entry_value(value_field, entry)?;
        }
        self.entries.truncate(base);
        self.close(b'}');
        Ok(())
    }

    fn entry(&mut self, plan: &'p Message, key: &Field, body: &'w [u8]) -> Written<Entry<'w>> {
        let mut cursor = Wire::new(body);
        // Nearly every one is a key and a value, in this order.
        if !cursor.is_empty()
            && let (1, key) = cursor.record()?
            && !cursor.is_empty()
            && let (2, value) = cursor.record()?
            && cursor.is_empty()
        {
            let value = Slot::One { value, start: 0 };
            return Ok(Entry { key, value, body });
        }
        let base = self.note(plan, body)?;
        let slots = &self.slots[base..];
        let entry = Entry {
            key: match slots.first() {
                Some(Slot::One { value, .. }) => *value,
                _ => key.kind.default(),
            },
            value: slots.get(1).copied().unwrap_or(Slot::Absent),
            body,
        };
        self.slots.truncate(base);
        Ok(entry)
    }

    fn key(&mut self, kind: Kind, key: Value<'w>) -> Written<()> {
        if kind == Kind::String || kind.is_quoted() {
            return self.value(kind, key);
        }
        self.out.push(b'"');
        self.value(kind, key)?;
        self.out.push(b'"');
        Ok(())
    }

    /// An entry without a value has the default one, which of a message is an empty message.
    fn entry_value(&mut self, field: &'p Field, entry: Entry<'w>) -> Written<()> {
        match entry.value {
            Slot::Absent => self.value(field.kind, field.kind.default()),
            slot => self.field(field, slot, entry.body),
        }
    }

    fn open(&mut self, bracket: u8) -> Written<()> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(Corrupt::new("the message is nested too deep"));
        }
        self.out.push(bracket);
        Ok(())
    }

    fn close(&mut self, bracket: u8) {
        self.depth -= 1;
        self.out.push(bracket);
    }

    fn comma(&mut self, first: &mut bool) {
        if !std::mem::take(first) {
            self.out.push(b',');
        }
    }
}

/// The records of one field among others.
struct Records<'w> {
    wire: Wire<'w>,
    number: u32,
}

impl<'w> Records<'w> {
    fn of(field: &Field, wire: &'w [u8]) -> Self {
        let number = field.number;
        let wire = Wire::new(wire);
        Self { wire, number }
    }
}

impl<'w> Iterator for Records<'w> {
    type Item = Written<Value<'w>>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.wire.is_empty() {
            match self.wire.record() {
                Ok((number, _)) if number != self.number => {}
                Ok((_, value)) => return Some(Ok(value)),
                Err(fault) => {
                    self.wire = Wire::new(&[]);
                    return Some(Err(fault));
                }
            }
        }
        None
    }
}

fn mistyped() -> Corrupt {
    Corrupt::new("the wire type is not the field's")
}
