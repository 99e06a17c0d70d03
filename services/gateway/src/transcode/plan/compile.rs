//! From descriptors to plans.

use std::collections::HashMap;

use prost_reflect::{DescriptorPool, FieldDescriptor, MessageDescriptor};

use super::{Field, Form, Kind, Message, MessageId, Plans, Shape};
use crate::transcode::enumeration::Enumeration;

impl Plans {
    /// Compiles the plans of all messages in `pool`.
    #[must_use]
    pub fn new(pool: &DescriptorPool) -> Self {
        let names = pool.all_enums().enumerate();
        let ids = pool.all_messages().enumerate();
        let compiler = Compiler {
            enums: pool.all_enums().map(|e| Enumeration::new(&e)).collect(),
            enum_ids: names.map(|(id, e)| (e.full_name().to_owned(), id)).collect(),
            message_ids: ids.map(|(id, m)| (m.full_name().to_owned(), MessageId(id))).collect(),
        };
        Self { messages: pool.all_messages().map(|m| compiler.message(&m)).collect(), enums: compiler.enums, by_name: compiler.message_ids }
    }
}

/// What a plan refers to.
struct Compiler {
    enums: Vec<Enumeration>,
    enum_ids: HashMap<String, usize>,
    message_ids: HashMap<String, MessageId>,
}

impl Compiler {
    fn message(&self, descriptor: &MessageDescriptor) -> Message {
        // The descriptor yields its fields by number; the proto it was made from has them as declared.
        let declared = &descriptor.descriptor_proto().field;
        let declared = declared.iter().filter_map(|f| descriptor.get_field_by_name(f.name()));
        let declared: Vec<FieldDescriptor> = declared.collect();
        let oneofs = oneofs(descriptor, &declared);
        let mut plan = Message {
            form: form(descriptor.full_name()),
            fields: Vec::with_capacity(declared.len()),
            by_number: Vec::with_capacity(declared.len()),
            by_name: HashMap::new(),
            oneofs: Vec::new(),
        };
        for (index, field) in declared.iter().enumerate() {
            let oneof = oneofs.iter().position(|members| members.contains(&index));
            plan.fields.push(self.field(field, oneof));
            plan.by_number.push((field.number(), index));
            plan.by_name.insert(field.name().to_owned(), index);
        }
        for (index, field) in declared.iter().enumerate() {
            let camel_case = field.json_name().to_owned();
            plan.by_name.entry(camel_case).or_insert(index);
        }
        plan.by_number.sort_unstable();
        plan.oneofs = oneofs;
        plan
    }

    fn field(&self, field: &FieldDescriptor, oneof: Option<usize>) -> Field {
        let kind = self.kind(field);
        let shape = match () {
            () if field.is_map() => Shape::Map,
            () if field.is_list() => Shape::List,
            () => Shape::Single,
        };
        let explicit = field.supports_presence();
        let has_null = match field.kind() {
            prost_reflect::Kind::Message(m) => m.full_name() == "google.protobuf.Value",
            prost_reflect::Kind::Enum(e) => e.full_name() == "google.protobuf.NullValue",
            _ => false,
        };
        Field {
            number: field.number(),
            name: field.name().to_owned(),
            key: format!(",\"{}\":", field.name()).into_bytes(),
            kind,
            shape,
            gathers: shape != Shape::Single || matches!(kind, Kind::Message(_)),
            explicit,
            oneof,
            // Output has null for each member of a oneof that is not set, and must read back as such.
            takes_null: has_null && shape == Shape::Single && oneof.is_none(),
            absent: match shape {
                Shape::List => b"[]".to_vec(),
                Shape::Map => b"{}".to_vec(),
                Shape::Single if explicit => b"null".to_vec(),
                Shape::Single => self.default_json(kind),
            },
        }
    }

    fn default_json(&self, kind: Kind) -> Vec<u8> {
        match kind {
            Kind::Enum(id) => self.enums[id].token(0).unwrap_or(b"0").to_vec(),
            Kind::Bool => b"false".to_vec(),
            Kind::String | Kind::Bytes => b"\"\"".to_vec(),
            Kind::Message(_) => b"null".to_vec(),
            _ if kind.is_quoted() => b"\"0\"".to_vec(),
            _ => b"0".to_vec(),
        }
    }

    fn kind(&self, field: &FieldDescriptor) -> Kind {
        match field.kind() {
            prost_reflect::Kind::Double => Kind::Double,
            prost_reflect::Kind::Float => Kind::Float,
            prost_reflect::Kind::Int32 => Kind::Int32,
            prost_reflect::Kind::Int64 => Kind::Int64,
            prost_reflect::Kind::Uint32 => Kind::Uint32,
            prost_reflect::Kind::Uint64 => Kind::Uint64,
            prost_reflect::Kind::Sint32 => Kind::Sint32,
            prost_reflect::Kind::Sint64 => Kind::Sint64,
            prost_reflect::Kind::Fixed32 => Kind::Fixed32,
            prost_reflect::Kind::Fixed64 => Kind::Fixed64,
            prost_reflect::Kind::Sfixed32 => Kind::Sfixed32,
            prost_reflect::Kind::Sfixed64 => Kind::Sfixed64,
            prost_reflect::Kind::Bool => Kind::Bool,
            prost_reflect::Kind::String => Kind::String,
            prost_reflect::Kind::Bytes => Kind::Bytes,
            prost_reflect::Kind::Enum(e) => Kind::Enum(self.enum_ids[e.full_name()]),
            prost_reflect::Kind::Message(m) => Kind::Message(self.message_ids[m.full_name()]),
        }
    }
}

/// The members of each oneof, by their place among the declared fields; `optional` makes none.
fn oneofs(descriptor: &MessageDescriptor, declared: &[FieldDescriptor]) -> Vec<Vec<usize>> {
    let place = |number| declared.iter().position(|field| field.number() == number);
    descriptor
        .oneofs()
        .filter(|oneof| !oneof.is_synthetic())
        .map(|oneof| oneof.fields().filter_map(|f| place(f.number())).collect())
        .collect()
}

fn form(full_name: &str) -> Form {
    match full_name.strip_prefix("google.protobuf.") {
        Some("Timestamp") => Form::Timestamp,
        Some("Duration") => Form::Duration,
        Some("FieldMask") => Form::FieldMask,
        Some("Struct") => Form::Struct,
        Some("Value") => Form::Value,
        Some("ListValue") => Form::ListValue,
        Some("Any") => Form::Any,
        Some("Empty") => Form::Empty,
        Some(
            "DoubleValue" | "FloatValue" | "Int64Value" | "UInt64Value" | "Int32Value" | "UInt32Value" | "BoolValue" | "StringValue"
            | "BytesValue",
        ) => Form::Wrapper,
        _ => Form::Fields,
    }
}
