//! Walks an encoded request along its plan.

use std::collections::HashSet;

use super::{
    Violation,
    place::Place,
    plan::{Field, FieldSet, Plan, Rule, Shape, Update},
    scalar::Size,
    wire::{Form, Malformed, Value, packed, records},
};

/// How many violations are told: enough to mend a form by.
const TOLD: usize = 64;

/// How deep messages may hold one another: as deep as they can be decoded.
const DEPTH: u32 = 100;

const SET_BY_SERVER: &str = "is set by the server and cannot be written";
const FIXED: &str = "cannot be changed after creation";

/// One check of one request.
pub(super) struct Check<'p> {
    plans: &'p [Plan],
    found: Vec<Violation>,
    depth: u32,
}

/// Which fields of a message the request sets.
#[derive(Clone, Copy)]
enum Scope {
    /// All: what is absent gets its default.
    Whole,
    /// Those that are present, with no mask to name them.
    Present,
    /// Those that the mask names: what is absent is cleared.
    Named(FieldSet),
}

/// What was met of a message so far.
struct Met<'w> {
    fields: FieldSet,
    tallies: Vec<Tally<'w>>,
}

/// What was met of a list or map so far.
#[derive(Clone, Default)]
struct Tally<'w> {
    count: usize,
    /// The items of a list that wants each once.
    items: HashSet<Value<'w>>,
}

impl<'p> Check<'p> {
    pub(super) fn new(plans: &'p [Plan]) -> Self {
        Self { plans, found: Vec::new(), depth: 0 }
    }

    pub(super) fn run(mut self, plan: &'p Plan, wire: &[u8]) -> Result<Vec<Violation>, Malformed> {
        self.message(plan, wire, &Place::Request, Scope::Whole)?;
        Ok(self.found)
    }

    /// The text of a place is made here, once there is something to tell of it.
    fn refuse(&mut self, at: &Place<'_>, message: impl Into<String>) {
        self.tell(|| Violation { field: at.to_string(), message: message.into() });
    }

    fn tell(&mut self, violation: impl FnOnce() -> Violation) {
        if self.found.len() < TOLD {
            self.found.push(violation());
        }
    }

    fn message(&mut self, plan: &'p Plan, wire: &[u8], at: &Place<'_>, scope: Scope) -> Result<(), Malformed> {
        if self.depth == DEPTH {
            self.refuse(at, "is nested too deeply");
            return Ok(());
        }
        self.depth += 1;
        // The mask follows the resource, so it is read ahead.
        let part = plan.update.map(|update| Ok((update, self.mask(plan, update, wire, at)?))).transpose()?;
        let mut met = Met { fields: 0, tallies: vec![Tally::default(); plan.tallies] };
        for record in records(wire) {
            let record = record?;
            let Some(index) = plan.position(record.number) else {
                continue;
            };
            let field = &plan.fields[index];
            let place = Place::Field(at, &field.name);
            if self.may_write(plan, index, &place, scope, &mut met.fields) {
                let inner = part.filter(|(update, _)| update.resource == index).map_or(Scope::Whole, |(_, scope)| scope);
                self.field(field, record.value, &place, inner, &mut met.tallies)?;
            }
        }
        self.sizes(plan, at, &met);
        self.absent(plan, at, scope, met.fields);
        if let Some((update, scope @ Scope::Named(_))) = part
            && (met.fields | plan.demanded) & (1 << update.resource) == 0
        {
            // A mask alone clears what it names.
            let place = Place::Field(at, &plan.fields[update.resource].name);
            self.message(&self.plans[update.plan], &[], &place, scope)?;
        }
        self.depth -= 1;
        Ok(())
    }

    /// Notes that a field is there and refuses it, once, where clients may not write it.
    fn may_write(&mut self, plan: &Plan, index: usize, at: &Place<'_>, scope: Scope, met: &mut FieldSet) -> bool {
        let bit = 1 << index;
        let first = *met & bit == 0;
        *met |= bit;
        let output_only = plan.output_only & bit != 0;
        if first && output_only {
            self.refuse(at, SET_BY_SERVER);
        } else if first && plan.immutable & bit != 0 && scope.changes(bit) {
            self.refuse(at, FIXED);
        }
        !output_only
    }

    fn field<'w>(
        &mut self,
        field: &'p Field,
        value: Value<'w>,
        at: &Place<'_>,
        scope: Scope,
        tallies: &mut [Tally<'w>],
    ) -> Result<(), Malformed> {
        match &field.shape {
            Shape::One => self.value(&field.rule, value, at, scope),
            Shape::List { tally, unique, .. } => {
                let tally = &mut tallies[*tally];
                match value {
                    Value::Bytes(list) if field.rule.form() != Form::Bytes => {
                        packed(field.rule.form(), list).try_for_each(|item| self.item(&field.rule, item?, at, *unique, tally))
                    }
                    _ => self.item(&field.rule, value, at, *unique, tally),
                }
            }
            Shape::Map { key, tally, .. } => {
                tallies[*tally].count += 1;
                self.entry(key, &field.rule, value.bytes()?, at)
            }
        }
    }

    fn value(&mut self, rule: &'p Rule, value: Value<'_>, at: &Place<'_>, scope: Scope) -> Result<(), Malformed> {
        if let &Rule::Message(index) = rule {
            return self.message(&self.plans[index], value.bytes()?, at, scope);
        }
        if let Some(fault) = rule.fault(value)? {
            self.refuse(at, fault);
        }
        Ok(())
    }

    fn item<'w>(
        &mut self,
        rule: &'p Rule,
        value: Value<'w>,
        list: &Place<'_>,
        unique: bool,
        tally: &mut Tally<'w>,
    ) -> Result<(), Malformed> {
        let place = Place::Item(list, tally.count);
        tally.count += 1;
        if unique && !tally.items.insert(value) {
            self.refuse(&place, "is in the list already");
        }
        self.value(rule, value, &place, Scope::Whole)
    }

    fn entry(&mut self, key_rule: &'p Rule, rule: &'p Rule, wire: &[u8], map: &Place<'_>) -> Result<(), Malformed> {
        let mut key = Value::default_of(key_rule.form());
        let mut has_value = false;
        for record in records(wire) {
            let record = record?;
            match record.number {
                1 => key = record.value,
                2 => {
                    has_value = true;
                    self.value(rule, record.value, &Place::Entry(map, key), Scope::Whole)?;
                }
                _ => {}
            }
        }
        let place = Place::Entry(map, key);
        if let Some(fault) = key_rule.fault(key)? {
            self.refuse(&place, format!("has a key that {fault}"));
        }
        if has_value { Ok(()) } else { self.value(rule, Value::default_of(rule.form()), &place, Scope::Whole) }
    }

    /// Holds the lists and maps that came to their sizes.
    fn sizes(&mut self, plan: &'p Plan, at: &Place<'_>, met: &Met<'_>) {
        if plan.tallies == 0 {
            return;
        }
        for field in plan.select(met.fields & !plan.output_only) {
            if let Some((size, tally)) = field.shape.counted()
                && let Some(fault) = size.fault(|| met.tallies[tally].count)
            {
                self.refuse(&Place::Field(at, &field.name), fault);
            }
        }
    }

    /// Refuses the absence of what the request sets and must not leave out, and the clearing of what it may not touch.
    fn absent(&mut self, plan: &'p Plan, at: &Place<'_>, scope: Scope, met: FieldSet) {
        let (cleared, missing) = match scope {
            Scope::Whole => (0, plan.demanded & !met),
            Scope::Present => (0, 0),
            Scope::Named(named) => (named & !met, 0),
        };
        let told = [
            (missing, "is required"),
            (cleared & plan.demanded, "cannot be cleared"),
            (cleared & plan.output_only, SET_BY_SERVER),
            (cleared & plan.immutable & !plan.output_only & !plan.demanded, FIXED),
        ];
        for (set, message) in told.into_iter().filter(|(set, _)| *set != 0) {
            for field in plan.select(set) {
                self.refuse(&Place::Field(at, &field.name), message);
            }
        }
    }

    /// The fields that the update mask in `wire` names, each of which must exist.
    fn mask(&mut self, plan: &'p Plan, update: Update, wire: &[u8], at: &Place<'_>) -> Result<Scope, Malformed> {
        let (mask, resource) = (&plan.fields[update.mask], &self.plans[update.plan]);
        let mut scope = Scope::Present;
        for record in records(wire) {
            let record = record?;
            if record.number != mask.number {
                continue;
            }
            for path in records(record.value.bytes()?) {
                let path = path?;
                if path.number != 1 {
                    continue;
                }
                let name = path.value.text()?;
                let bit = resource.named(name).map(|index| 1 << index);
                if bit.is_none() {
                    self.tell(|| Violation::unknown_path(Place::Field(at, &mask.name), name));
                }
                scope = scope.with(bit.unwrap_or(0));
            }
        }
        Ok(scope)
    }
}

impl Scope {
    /// This scope with a field that the mask names.
    fn with(self, bit: FieldSet) -> Self {
        match self {
            Self::Named(named) => Self::Named(named | bit),
            Self::Whole | Self::Present => Self::Named(bit),
        }
    }

    /// Whether a present field is changed by an update.
    fn changes(self, bit: FieldSet) -> bool {
        match self {
            Self::Whole => false,
            Self::Present => true,
            Self::Named(named) => named & bit != 0,
        }
    }
}

impl Shape {
    /// The size that a list or map must have, and the tally that counts it.
    fn counted(&self) -> Option<(&Size, usize)> {
        match self {
            Self::One => None,
            Self::List { size, tally, .. } | Self::Map { size, tally, .. } => Some((size, *tally)),
        }
    }
}
