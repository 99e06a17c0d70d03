//! JSON to wire: one pass over the text, led by the plan of the message that it should be.

mod known;

use std::borrow::Cow;

use super::error::{Malformed, Read, echo};
use super::json::Json;
use super::number;
use super::plan::{Field, Form, Kind, Message, MessageId, Plans, Shape};
use super::scalar::{put_enum, put_enum_number};
use super::wire::{self, WireType, put_bytes, put_tag, put_varint};
use crate::body::LIMIT;

/// The state of one pass.
pub(super) struct Reader<'p, 't, 'o> {
    plans: &'p Plans,
    json: Json<'t>,
    out: &'o mut Vec<u8>,
    /// A bit per field and oneof of each open message, outermost first: whether the text had it.
    seen: Vec<u64>,
    /// The keys, and where they stand, of each open object whose names are free.
    keys: Vec<(Cow<'t, str>, usize)>,
    /// The fields that the outermost object names.
    named: Vec<&'p str>,
}

impl<'p, 't, 'o> Reader<'p, 't, 'o> {
    pub(super) fn new(plans: &'p Plans, text: &'t [u8], out: &'o mut Vec<u8>) -> Read<Self> {
        Ok(Self { plans, json: Json::new(text)?, out, seen: Vec::new(), keys: Vec::new(), named: Vec::new() })
    }

    /// Reads the text as the message itself, and appends its body.
    pub(super) fn read_message(mut self, message: MessageId) -> Read<Vec<&'p str>> {
        self.message(message)?;
        self.json.end()?;
        Ok(self.named)
    }

    /// Reads the text as one field of a message, and appends that field.
    pub(super) fn read_field(mut self, field: &'p Field) -> Read<Vec<&'p str>> {
        if field.takes_null || !self.json.null()? {
            self.value(field).map_err(|fault| fault.within(&field.name))?;
        }
        self.json.end()?;
        Ok(self.named)
    }

    /// The body of a message.
    fn message(&mut self, id: MessageId) -> Read<()> {
        let plan = self.plans.plan(id);
        match plan.form {
            Form::Fields | Form::Empty => {
                self.json.open(b'{')?;
                self.members(plan, None)
            }
            Form::Wrapper => plan.fields.iter().try_for_each(|field| self.single(field)),
            Form::Timestamp => self.timestamp(),
            Form::Duration => self.duration(),
            Form::FieldMask => self.field_mask(),
            Form::Struct => self.r#struct(),
            Form::Value => self.any_json(),
            Form::ListValue => self.list_value(),
            Form::Any => self.any(),
        }
    }

    /// The members of an object that is open already, and its end; `aside` is a key that was dealt with before.
    fn members(&mut self, plan: &'p Message, aside: Option<&str>) -> Read<()> {
        let base = self.seen.len();
        let bits = plan.fields.len() + plan.oneofs.len() + 1;
        self.seen.resize(base + bits.div_ceil(64), 0);
        let (mut first, mut guess) = (true, 0);
        while let Some(key) = self.json.key(&mut first)? {
            if aside == Some(&key) {
                if !self.mark(base, bits - 1) {
                    return Err(self.repeated(&key));
                }
                self.json.skip()?;
            } else if let Some(index) = plan.named(&key, guess) {
                guess = index + 1;
                let member = self.member(plan, index, base);
                member.map_err(|fault| fault.within(&plan.fields[index].name))?;
            } else {
                let fault = format!("unknown field \"{}\"", echo(&key));
                return Err(Malformed::new(fault).within(&key));
            }
        }
        if self.json.is_outermost() {
            let named = plan.fields.iter().enumerate();
            let named = named.filter(|(index, _)| is_marked(&self.seen[base..], *index));
            self.named.extend(named.map(|(_, field)| field.name.as_str()));
        }
        self.seen.truncate(base);
        Ok(())
    }

    fn member(&mut self, plan: &'p Message, index: usize, base: usize) -> Read<()> {
        let field = &plan.fields[index];
        if !self.mark(base, index) {
            return Err(self.repeated(&field.name));
        }
        if !field.takes_null && self.json.null()? {
            return Ok(());
        }
        if let Some(oneof) = field.oneof
            && !self.mark(base, plan.fields.len() + oneof)
        {
            let members = plan.oneofs[oneof].iter();
            let names: Vec<_> = members.map(|i| plan.fields[*i].name.as_str()).collect();
            let fault = format!("only one may be set of {}", names.join(", "));
            return Err(self.json.fault_at(&fault, self.json.key_at()));
        }
        self.value(field)
    }

    /// Sets a bit; false if it was set already.
    fn mark(&mut self, base: usize, bit: usize) -> bool {
        let fresh = !is_marked(&self.seen[base..], bit);
        self.seen[base + bit / 64] |= 1 << (bit % 64);
        fresh
    }

    fn repeated(&self, key: &str) -> Malformed {
        let fault = format!("the key \"{}\" is repeated", echo(key));
        self.json.fault_at(&fault, self.json.key_at())
    }

    /// The value of a member, of whatever shape, with its tag.
    fn value(&mut self, field: &'p Field) -> Read<()> {
        match field.shape {
            Shape::Single => self.single(field),
            Shape::List if field.kind.wire_type() == WireType::Bytes => self.list(field),
            Shape::List => self.packed(field),
            Shape::Map => self.map(field),
        }
    }

    /// One value; a default is left out where the wire does not tell it from unset.
    #[inline]
    fn single(&mut self, field: &'p Field) -> Read<()> {
        let start = self.out.len();
        put_tag(self.out, field.number, field.kind.wire_type());
        let value = self.out.len();
        self.element(field.kind)?;
        // Of scalars just the default is all zeros on the wire: before a text or bytes stands their length.
        if !field.explicit && self.out[value..].iter().all(|byte| *byte == 0) {
            self.out.truncate(start);
        }
        Ok(())
    }

    fn list(&mut self, field: &'p Field) -> Read<()> {
        self.elements(|reader| {
            put_tag(reader.out, field.number, WireType::Bytes);
            reader.element(field.kind)
        })
    }

    fn packed(&mut self, field: &'p Field) -> Read<()> {
        self.unless_empty(field.number, |reader| reader.elements(|reader| reader.element(field.kind)))
    }

    /// A length and what it counts; nothing at all where that is nothing.
    fn unless_empty(&mut self, number: u32, body: impl FnOnce(&mut Self) -> Read<()>) -> Read<()> {
        let start = self.out.len();
        put_tag(self.out, number, WireType::Bytes);
        let first = wire::open(self.out);
        body(self)?;
        if self.out.len() == first {
            self.out.truncate(start);
        } else {
            wire::close(self.out, first);
        }
        Ok(())
    }

    fn elements(&mut self, mut element: impl FnMut(&mut Self) -> Read<()>) -> Read<()> {
        self.json.open(b'[')?;
        let mut first = true;
        for index in 0.. {
            if !self.json.item(&mut first)? {
                break;
            }
            element(self).and_then(|()| self.within_limit()).map_err(|fault| fault.at(index))?;
        }
        Ok(())
    }

    /// Ends the reading of what has grown too large: a free number takes five times the space of its text.
    fn within_limit(&self) -> Read<()> {
        if self.out.len() > LIMIT { Err(Malformed::too_large()) } else { Ok(()) }
    }

    fn map(&mut self, field: &'p Field) -> Read<()> {
        let Some((_, key_field, value_field)) = self.plans.entry(field) else {
            return Err(self.json.mistyped("a map"));
        };
        self.free_members(|reader, key| {
            put_tag(reader.out, field.number, WireType::Bytes);
            let entry = wire::open(reader.out);
            reader.map_key(key_field, key)?;
            reader.single(value_field)?;
            wire::close(reader.out, entry);
            Ok(())
        })
    }

    /// The members of an object whose keys are data. Each may stand there once.
    fn free_members(&mut self, mut member: impl FnMut(&mut Self, &str) -> Read<()>) -> Read<()> {
        self.json.open(b'{')?;
        let base = self.keys.len();
        let mut first = true;
        while let Some(key) = self.json.key(&mut first)? {
            let at = self.json.key_at();
            member(self, &key).and_then(|()| self.within_limit()).map_err(|fault| fault.within(&key))?;
            self.keys.push((key, at));
        }
        // Sorted once at the end, so that an object of many keys costs n log n, whatever they are.
        let keys = &mut self.keys[base..];
        keys.sort_unstable();
        if let Some([_, (key, at)]) = keys.array_windows().find(|[a, b]| a.0 == b.0) {
            let fault = format!("the key \"{}\" is repeated", echo(key));
            return Err(self.json.fault_at(&fault, *at).within(key));
        }
        self.keys.truncate(base);
        Ok(())
    }

    fn map_key(&mut self, field: &Field, key: &str) -> Read<()> {
        if !matches!(field.kind, Kind::String | Kind::Bool) && !number::is_plain(key) {
            return Err(Malformed::new("the key must be a whole number"));
        }
        put_tag(self.out, field.number, field.kind.wire_type());
        self.text(field.kind, key)
    }

    /// A value without its tag; null only where it spells one.
    #[inline]
    fn element(&mut self, kind: Kind) -> Read<()> {
        match kind {
            Kind::String => {
                let text = self.json.string()?;
                put_bytes(self.out, text.as_bytes());
                Ok(())
            }
            Kind::Bool => {
                let value = self.json.boolean()?;
                put_varint(self.out, value.into());
                Ok(())
            }
            Kind::Message(id) => {
                let body = wire::open(self.out);
                self.message(id)?;
                wire::close(self.out, body);
                Ok(())
            }
            Kind::Bytes => {
                let text = self.json.string()?;
                self.text(kind, &text)
            }
            Kind::Enum(id) => self.enumeration(id),
            _ if self.json.peek() == Some(b'"') => {
                let text = self.json.string()?;
                self.text(kind, &text)
            }
            _ => {
                let text = self.json.number()?;
                self.text(kind, text)
            }
        }
    }

    fn enumeration(&mut self, id: usize) -> Read<()> {
        match self.json.peek() {
            Some(b'"') => {
                let name = self.json.string()?;
                self.text(Kind::Enum(id), &name)
            }
            Some(b'n') if self.plans.enums[id].zero_is_null => {
                self.json.null()?;
                put_enum(0, self.out);
                Ok(())
            }
            Some(b'-' | b'0'..=b'9') => {
                let number = self.json.number()?;
                put_enum_number(number, self.out)?;
                Ok(())
            }
            _ => Err(self.json.mistyped("a name")),
        }
    }

    fn text(&mut self, kind: Kind, text: &str) -> Read<()> {
        self.plans.put_text(kind, text, self.out)?;
        Ok(())
    }
}

fn is_marked(bits: &[u64], bit: usize) -> bool {
    bits[bit / 64] >> (bit % 64) & 1 == 1
}
