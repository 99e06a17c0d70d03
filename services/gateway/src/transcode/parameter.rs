//! Fields set by text, one at a time: the variables of a path and the parameters of a query.

use std::collections::HashSet;

use super::error::{Malformed, Read, echo};
use super::plan::{Field, Form, Kind, MessageId, Plans, Shape};
use super::scalar::put_enum_number;
use super::wire::{self, WireType, put_tag};

/// How many names a path may have.
const DEPTH: usize = 16;

/// Writes parameters into one message, and remembers which have been given.
#[derive(Debug)]
pub struct Parameters<'p> {
    plans: &'p Plans,
    message: MessageId,
    /// The paths of the fields and oneofs that are set.
    given: HashSet<String>,
}

impl<'p> Parameters<'p> {
    pub(super) fn new(plans: &'p Plans, message: MessageId) -> Self {
        Self { plans, message, given: HashSet::new() }
    }

    /// Appends to `out` the field at `path` (`filter.name`) with the value that `text` spells.
    ///
    /// A repeated field takes one element at a time; any other may be given once, and one of a oneof. The
    /// value stands even where it is the default, because it may have to outweigh one that a body gave.
    pub fn set(&mut self, path: &str, text: &str, out: &mut Vec<u8>) -> Result<(), Malformed> {
        let start = out.len();
        let set = self.walk(path, text, out);
        let set = set.map_err(|fault| fault.within(path));
        if set.is_err() {
            out.truncate(start);
        }
        set
    }

    /// Whether the single field of this name is set.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.given.contains(&format!(".{name}"))
    }

    fn walk(&mut self, path: &str, text: &str, out: &mut Vec<u8>) -> Read<()> {
        let unknown = || Malformed::new(format!("unknown parameter \"{}\"", echo(path)));
        let mut message = self.message;
        let mut bodies = Vec::new();
        let mut walked = String::new();
        let mut steps = path.split('.').peekable();
        while let Some(name) = steps.next() {
            let plan = self.plans.plan(message);
            let index = plan.named(name, 0).ok_or_else(unknown)?;
            let field = &plan.fields[index];
            if let Some(oneof) = field.oneof {
                self.choose(&format!("{walked}#{oneof}"), &field.name)?;
            }
            walked = format!("{walked}.{}", field.name);
            if steps.peek().is_none() {
                if field.shape == Shape::Single && !self.given.insert(walked) {
                    return Err(Malformed::new("the parameter is repeated"));
                }
                self.put(field, text, out)?;
                break;
            }
            message = self.nested(field).ok_or_else(unknown)?;
            put_tag(out, field.number, WireType::Bytes);
            bodies.push(wire::open(out));
            if bodies.len() == DEPTH {
                return Err(unknown());
            }
        }
        for body in bodies.into_iter().rev() {
            wire::close(out, body);
        }
        Ok(())
    }

    /// Of a oneof, all parameters must go into the same member.
    fn choose(&mut self, oneof: &str, member: &str) -> Read<()> {
        let choice = format!("{oneof}={member}");
        if !self.given.contains(&choice) && !self.given.insert(oneof.to_owned()) {
            return Err(Malformed::new("excludes a parameter that is given already"));
        }
        self.given.insert(choice);
        Ok(())
    }

    /// The message that a path may lead through.
    fn nested(&self, field: &Field) -> Option<MessageId> {
        match (field.shape, field.kind) {
            (Shape::Single, Kind::Message(id)) => Some(id),
            _ => None,
        }
        .filter(|id| self.plans.plan(*id).form == Form::Fields)
    }

    fn put(&self, field: &Field, text: &str, out: &mut Vec<u8>) -> Read<()> {
        put_tag(out, field.number, field.kind.wire_type());
        match field.kind {
            _ if field.shape == Shape::Map => {
                return Err(Malformed::new("cannot be given as a parameter"));
            }
            // A parameter has no type of its own, so a number is understood as one.
            Kind::Enum(_) if put_enum_number(text, out).is_ok() => {}
            kind => self.plans.put_text(kind, text, out)?,
        }
        Ok(())
    }
}
