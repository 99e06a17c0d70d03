//! Reads the rules from the descriptors' options and makes plans of them.

use std::collections::HashMap;

use prost_reflect::{DescriptorPool, ExtensionDescriptor, FieldDescriptor, Kind, MessageDescriptor, Value};

use spectra_proto::api::FieldBehavior;

use super::{
    known::Json,
    plan::{Field, FieldSet, Plan, Rule, Shape, Update},
    scalar::{Size, Unit},
    stated::{self, Stated, not_enforced, possible},
    wire::Form,
};

const OUTPUT_ONLY: i32 = FieldBehavior::OutputOnly as i32;
const IMMUTABLE: i32 = FieldBehavior::Immutable as i32;

const ITEMS: Unit = ("item", "items");
const PAIRS: Unit = ("entry", "entries");

/// The plan of every message, and where each is found by its full name.
pub(super) fn plans(pool: &DescriptorPool) -> Result<(Vec<Plan>, HashMap<String, usize>), String> {
    let messages: Vec<_> = pool.all_messages().filter(|message| !message.is_map_entry()).collect();
    let by_name = messages.iter().map(|it| it.full_name().to_owned()).zip(0..).collect();
    let compiler = Compiler { by_name: &by_name, rules: pool.get_extension_by_name("buf.validate.field") };
    let plans = messages.iter().map(|message| compiler.plan(message)).collect::<Result<_, _>>()?;
    Ok((plans, by_name))
}

struct Compiler<'a> {
    by_name: &'a HashMap<String, usize>,
    rules: Option<ExtensionDescriptor>,
}

impl Compiler<'_> {
    fn plan(&self, message: &MessageDescriptor) -> Result<Plan, String> {
        let mut plan = Plan { fields: Vec::new(), demanded: 0, output_only: 0, immutable: 0, tallies: 0, update: None };
        let mut descriptors: Vec<_> = message.fields().collect();
        descriptors.sort_by_key(FieldDescriptor::number);
        if descriptors.len() > FieldSet::BITS as usize {
            return Err(format!("{}: has more than {} fields", message.full_name(), FieldSet::BITS));
        }
        for (index, descriptor) in descriptors.iter().enumerate() {
            let bit = 1 << index;
            let (field, demanded) =
                self.field(descriptor, &mut plan.tallies).map_err(|fault| format!("{}: {fault}", descriptor.full_name()))?;
            for behavior in spectra_proto::behaviors(descriptor) {
                match behavior {
                    OUTPUT_ONLY => plan.output_only |= bit,
                    IMMUTABLE => plan.immutable |= bit,
                    other => return Err(format!("{}: has the field behavior {other}, which is not enforced here", descriptor.full_name())),
                }
            }
            if demanded && plan.output_only & bit == 0 {
                plan.demanded |= bit;
            }
            plan.fields.push(field);
        }
        plan.update = update(&plan.fields).map_err(|fault| format!("{}: {fault}", message.full_name()))?;
        Ok(plan)
    }

    /// The rules of a field, and whether a request must not leave it out.
    fn field(&self, field: &FieldDescriptor, tallies: &mut usize) -> Result<(Field, bool), String> {
        let stated = match &self.rules {
            Some(rules) if field.options().has_extension(rules) => Stated::read(&field.options().get_extension(rules))?,
            _ => Stated::default(),
        };
        let required = stated.required;
        let mut tally = || {
            *tallies += 1;
            *tallies - 1
        };
        let (rule, shape) = if field.is_map() {
            self.map(field, stated, tally())?
        } else if field.is_list() {
            self.list(field, stated, tally())?
        } else {
            (self.rule(&field.kind(), stated)?, Shape::One)
        };
        let demanded = match &shape {
            Shape::One => required || (!field.supports_presence() && rule.refuses_default()),
            Shape::List { size, .. } | Shape::Map { size, .. } => size.min > 0,
        };
        Ok((Field { number: field.number(), name: field.name().into(), shape, rule }, demanded))
    }

    fn list(&self, field: &FieldDescriptor, stated: Stated, tally: usize) -> Result<(Rule, Shape), String> {
        let (mut size, mut unique, mut items) = (Size::any(ITEMS), false, Stated::default());
        let required = stated.required;
        for (name, value) in stated.rules_for("repeated")? {
            match (&*name, &value) {
                ("min_items", Value::U64(min)) => size.min = *min,
                ("max_items", Value::U64(max)) => size.max = *max,
                ("unique", Value::Bool(on)) => unique = *on,
                ("items", rules) => items = Stated::read_element(rules)?,
                _ => return Err(not_enforced(&name)),
            }
        }
        let rule = self.rule(&field.kind(), items)?;
        if unique && matches!(rule, Rule::Message(_) | Rule::Timestamp | Rule::Json(_)) {
            return Err("has the rule `unique`, which is for numbers, texts and bytes".to_owned());
        }
        size.min = size.min.max(required.into());
        let size = possible(size)?;
        Ok((rule, Shape::List { size, tally, unique }))
    }

    fn map(&self, field: &FieldDescriptor, stated: Stated, tally: usize) -> Result<(Rule, Shape), String> {
        let Kind::Message(entry) = field.kind() else {
            return Err("is a map without entries".to_owned());
        };
        let (mut size, mut keys, mut values) = (Size::any(PAIRS), Stated::default(), Stated::default());
        let required = stated.required;
        for (name, value) in stated.rules_for("map")? {
            match (&*name, &value) {
                ("min_pairs", Value::U64(min)) => size.min = *min,
                ("max_pairs", Value::U64(max)) => size.max = *max,
                ("keys", rules) => keys = Stated::read_element(rules)?,
                ("values", rules) => values = Stated::read_element(rules)?,
                _ => return Err(not_enforced(&name)),
            }
        }
        let key_kind = entry.map_entry_key_field().kind();
        if !matches!(key_kind, Kind::String | Kind::Int32 | Kind::Int64) {
            return Err("has keys that are neither string, int32 nor int64".to_owned());
        }
        let key = self.rule(&key_kind, keys)?;
        let rule = self.rule(&entry.map_entry_value_field().kind(), values)?;
        size.min = size.min.max(required.into());
        let size = possible(size)?;
        Ok((rule, Shape::Map { size, tally, key }))
    }

    /// What one value of this kind obeys.
    fn rule(&self, kind: &Kind, stated: Stated) -> Result<Rule, String> {
        Ok(match kind {
            Kind::String => Rule::Text(stated::text(stated.rules_for("string")?)?),
            Kind::Bytes => Rule::Bytes(stated::bytes(stated.rules_for("bytes")?)?),
            Kind::Int32 => Rule::Int32(stated::range(stated.rules_for("int32")?, Value::as_i32)?),
            Kind::Int64 => Rule::Int64(stated::range(stated.rules_for("int64")?, Value::as_i64)?),
            Kind::Double => Rule::Double(stated::double(stated.rules_for("double")?)?),
            Kind::Enum(descriptor) => Rule::Enum(stated::enumeration(descriptor, stated.rules_for("enum")?)?),
            other => {
                // Of the other types the contract can say that they are required, and no more.
                stated.rules_for("")?;
                self.unruled(other)?
            }
        })
    }

    fn unruled(&self, kind: &Kind) -> Result<Rule, String> {
        Ok(match kind {
            Kind::Message(message) => match message.full_name() {
                "google.protobuf.Timestamp" => Rule::Timestamp,
                "google.protobuf.Struct" => Rule::Json(Json::Object),
                "google.protobuf.ListValue" => Rule::Json(Json::List),
                "google.protobuf.Value" => Rule::Json(Json::Any),
                "google.protobuf.FieldMask" => Rule::Mask,
                name => Rule::Message(*self.by_name.get(name).ok_or("is of a message that the contract lacks")?),
            },
            Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => Rule::Number(Form::Fixed32),
            Kind::Fixed64 | Kind::Sfixed64 => Rule::Number(Form::Fixed64),
            _ => Rule::Number(Form::Varint),
        })
    }
}

/// The parts of an update, if the fields are those of one: a mask beside the one message that it is about.
fn update(fields: &[Field]) -> Result<Option<Update>, String> {
    let masks: Vec<_> = fields.iter().enumerate().filter(|(_, field)| matches!(field.rule, Rule::Mask)).collect();
    let resources: Vec<_> = fields
        .iter()
        .enumerate()
        .filter_map(|(index, field)| match (&field.shape, &field.rule) {
            (Shape::One, &Rule::Message(plan)) => Some((index, plan)),
            _ => None,
        })
        .collect();
    match (&*masks, &*resources) {
        ([], _) => Ok(None),
        (&[(mask, Field { shape: Shape::One, name, .. })], &[(resource, plan)]) if &**name == "update_mask" => {
            Ok(Some(Update { mask, resource, plan }))
        }
        _ => Err("has a field mask that is not an `update_mask` beside one message".to_owned()),
    }
}
