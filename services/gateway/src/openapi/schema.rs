//! Messages and enums as JSON Schema.

use std::collections::BTreeMap;

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use spectra_proto::api::FieldBehavior;

use super::{
    comments::{Comments, example},
    json::{Json, Object, object},
    known,
    names::Names,
    rules::Rules,
};
use crate::transcode::enumeration;

/// Which way a message goes. One schema could not say all three: an answer holds every field, a request those that a
/// client may set, some of which it must, and a change any of them. So generated types ask for no more than is needed
/// and offer no less than is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// To the client.
    Answer,
    /// From the client, as something new.
    Input,
    /// From the client, as what changes of something.
    Change,
}

/// The schemas that the document has come to need.
#[derive(Debug)]
pub(super) struct Schemas<'c> {
    pub(super) comments: &'c Comments,
    names: Names,
    made: BTreeMap<String, Object>,
}

impl<'c> Schemas<'c> {
    /// No schemas yet.
    pub(super) fn new(comments: &'c Comments) -> Self {
        Self { comments, names: Names::default(), made: BTreeMap::new() }
    }

    /// All of them, by name.
    pub(super) fn finish(self) -> Object {
        self.made.into_iter().collect()
    }

    /// Adds a schema that no message of the contract has.
    pub(super) fn add(&mut self, name: &str, schema: Object) -> Object {
        let name = self.names.of(&format!("gateway.{name}"), name);
        self.made.insert(name.clone(), schema);
        reference(&name)
    }

    /// A message.
    pub(super) fn message(&mut self, message: &MessageDescriptor, way: Way) -> Object {
        if let Some(known) = known::schema(message) {
            return known;
        }
        let suffix = match way {
            Way::Answer => "",
            Way::Input => "Input",
            Way::Change => "Change",
        };
        // No message has such a name.
        let owner = format!("{}-{suffix}", message.full_name());
        self.named(&owner, &format!("{}{suffix}", local_name(message)), message, way, &[])
    }

    /// What a body holds of a request, some of whose fields stand elsewhere.
    pub(super) fn request(&mut self, message: &MessageDescriptor, elsewhere: &[&str]) -> Object {
        let owner = [&[message.full_name(), "without"], elsewhere].concat().join(".");
        self.named(&owner, local_name(message), message, Way::Input, elsewhere)
    }

    fn named(&mut self, owner: &str, wish: &str, message: &MessageDescriptor, way: Way, elsewhere: &[&str]) -> Object {
        let name = self.names.of(owner, wish);
        if !self.made.contains_key(&name) {
            // It may hold itself.
            self.made.insert(name.clone(), Object::default());
            let schema = self.object(message, way, elsewhere);
            self.made.insert(name.clone(), schema);
        }
        reference(&name)
    }

    fn object(&mut self, message: &MessageDescriptor, way: Way, elsewhere: &[&str]) -> Object {
        let (mut properties, mut required) = (Object::default(), Vec::new());
        for field in message.fields().filter(|field| !elsewhere.contains(&field.name()) && goes(field, way)) {
            let must = match way {
                Way::Answer => true,
                Way::Input => Rules::of(&field).demand(&field),
                Way::Change => false,
            };
            if must {
                required.push(field.name().to_owned());
            }
            properties.set(field.name(), self.property(&field, way));
        }
        object! {
            "type": "object",
            "description": self.comments.of(message),
            "required": Some(required).filter(|required| !required.is_empty()),
            "properties": properties,
            // A field that is not known is refused; answers may come to hold more.
            "additionalProperties": (way != Way::Answer).then_some(false),
        }
    }

    /// A field with its comment.
    fn property(&mut self, field: &FieldDescriptor, way: Way) -> Object {
        let rules = Rules::of(field);
        let may_be_null = match way {
            Way::Answer => field.supports_presence() && !rules.required,
            // What need not be sent may as well be null.
            Way::Input | Way::Change => !rules.demand(field),
        };
        let schema = self.value(field, way);
        let schema = if may_be_null { or_null(schema) } else { schema };
        let comment = self.comments.of(field);
        let example = comment.and_then(example).filter(|_| field.kind() == Kind::String && !field.is_list());
        schema
            .with("description", comment)
            .with("examples", example.map(|example| [example]))
            .with("readOnly", is_output_only(field).then_some(true))
    }

    /// What a field holds when it is set.
    pub(super) fn value(&mut self, field: &FieldDescriptor, way: Way) -> Object {
        let rules = Rules::of(field);
        if let (true, Kind::Message(entry)) = (field.is_map(), field.kind()) {
            let names = rules.element("keys").limit(Object::default());
            let values = self.single(&entry.map_entry_value_field().kind(), &rules.element("values"), way);
            let map = object! { "type": "object", "additionalProperties": values, "propertyNames": Some(names).filter(|names| !names.is_empty()) };
            return rules.limit(map);
        }
        if field.is_list() {
            let items = self.single(&field.kind(), &rules.element("items"), way);
            return rules.limit(object! { "type": "array", "items": items });
        }
        self.single(&field.kind(), &rules, way)
    }

    fn single(&mut self, kind: &Kind, rules: &Rules, way: Way) -> Object {
        match kind {
            // What is in a change is whole.
            Kind::Message(message) => self.message(message, if way == Way::Change { Way::Input } else { way }),
            Kind::Enum(kind) => self.enumeration(kind),
            Kind::Double | Kind::Float if rules.finite() => rules.limit(object! { "type": "number", "format": known::format(kind) }),
            _ => rules.limit(known::scalar(kind)),
        }
    }

    /// An enum by its short names. Its zero says nothing: it is null where a field is optional, and never sent elsewhere.
    pub(super) fn enumeration(&mut self, kind: &EnumDescriptor) -> Object {
        if kind.full_name() == "google.protobuf.NullValue" {
            return object! { "type": "null" };
        }
        let values = enumeration::names(kind);
        let told = |(value, name): &(_, String)| self.comments.of(value).map(|comment| format!("- `{name}`: {comment}"));
        let told: Vec<_> = values.iter().filter_map(told).collect();
        let description = [self.comments.of(kind).unwrap_or_default(), &told.join("\n")].join("\n\n");
        let names: Vec<_> = values.into_iter().map(|(_, name)| name).collect();
        let name = self.names.of(kind.full_name(), kind.full_name().rsplit('.').next().unwrap_or_default());
        self.made.insert(name.clone(), object! { "type": "string", "enum": names, "description": description.trim().to_owned() });
        reference(&name)
    }
}

/// The name of a message within its package.
fn local_name(message: &MessageDescriptor) -> &str {
    let name = message.full_name();
    name.strip_prefix(message.package_name()).map_or(name, |name| name.trim_start_matches('.'))
}

fn reference(name: &str) -> Object {
    object! { "$ref": format!("#/components/schemas/{name}") }
}

/// The schema that takes null as well.
fn or_null(schema: Object) -> Object {
    let null = object! { "type": "null" };
    match (schema.get("type"), schema.get("anyOf")) {
        (Some(kind), _) => {
            let kinds = [kind.clone(), "null".into()];
            schema.with("type", kinds)
        }
        (None, Some(Json::List(choices))) => {
            let choices = [choices.as_slice(), &[null.into()]].concat();
            schema.with("anyOf", choices)
        }
        (None, _) if schema.get("$ref").is_some() => object! { "anyOf": [schema, null] },
        // Free JSON takes it already.
        (None, _) => schema,
    }
}

/// Whether a field goes this way at all.
fn goes(field: &FieldDescriptor, way: Way) -> bool {
    match way {
        Way::Answer => true,
        Way::Input => !is_output_only(field),
        Way::Change => !is_output_only(field) && !behaves(field, FieldBehavior::Immutable),
    }
}

/// Whether the server alone sets a field.
pub(super) fn is_output_only(field: &FieldDescriptor) -> bool {
    behaves(field, FieldBehavior::OutputOnly)
}

fn behaves(field: &FieldDescriptor, behavior: FieldBehavior) -> bool {
    spectra_proto::behaviors(field).contains(&(behavior as i32))
}

#[cfg(test)]
mod tests;
