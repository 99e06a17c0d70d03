//! How one HTTP route fills the request of a method, and what it shows of the answer.

use std::sync::Arc;

use http::Method;
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor};
use spectra_proto::api::{FieldBehavior, HttpRule};

use super::{rpc::Rpc, template::Template};
use crate::transcode::{FieldId, Plans};

/// The field of an update that names what changes.
pub(crate) const MASK: &str = "update_mask";

/// What the paths of sessions begin with: their answers hold tokens, so nobody may keep one.
const TOKENS: &str = "auth";

/// A route of a method.
#[derive(Debug)]
pub(crate) struct Binding {
    /// The method.
    pub(crate) rpc: Arc<Rpc>,
    /// What the body fills.
    pub(crate) body: Body,
    /// Whether the names in the body become the update's mask.
    pub(crate) masked: bool,
    /// The only field of the answer that is shown.
    pub(crate) shown: Option<FieldId>,
    /// Whether nobody may keep the answer.
    pub(crate) fleeting: bool,
}

/// What of the request the body fills.
#[derive(Debug)]
pub(crate) enum Body {
    /// Nothing.
    None,
    /// All that the path leaves.
    Whole,
    /// One field.
    Field(BodyField),
}

/// The field that a body fills.
#[derive(Debug)]
pub(crate) struct BodyField {
    pub(crate) id: FieldId,
    /// Its name in the contract, which services put before the names within.
    pub(crate) name: String,
    /// Its other spelling.
    pub(crate) camel_case: String,
    /// Whether its value is an object: null is none.
    pub(crate) object: bool,
    /// Members of the object that the server alone sets.
    pub(crate) output_only: Vec<String>,
}

impl Binding {
    /// Reads a rule of a method.
    pub(crate) fn read(
        rpc: &Arc<Rpc>,
        method: &MethodDescriptor,
        rule: &HttpRule,
        verb: Option<&Method>,
        template: &Template,
        plans: &Plans,
    ) -> Result<Self, String> {
        let input = method.input();
        for variable in template.variables() {
            if !is_scalar(&input, &variable.field) {
                return Err(format!("`{}`: the variable `{}` is no scalar field of {}", template, variable.field, input.full_name()));
            }
        }
        let field = |message, descriptor: &MessageDescriptor, name: &str| {
            let field = plans.field(message, name).zip(descriptor.get_field_by_name(name));
            field.ok_or_else(|| format!("`{template}`: {} has no field `{name}`", descriptor.full_name()))
        };
        let body = match rule.body.as_str() {
            "" => Body::None,
            "*" => Body::Whole,
            name => {
                let (id, descriptor) = field(rpc.input, &input, name)?;
                Body::Field(BodyField {
                    id,
                    name: name.to_owned(),
                    camel_case: descriptor.json_name().to_owned(),
                    object: !descriptor.is_list() && matches!(descriptor.kind(), Kind::Message(_)),
                    output_only: output_only(&descriptor),
                })
            }
        };
        let shown = match rule.response_body.as_str() {
            "" => None,
            name => Some(field(rpc.output, &method.output(), name)?.0),
        };
        let updates = is_change(verb) && matches!(&body, Body::Field(field) if field.object);
        Ok(Self {
            rpc: Arc::clone(rpc),
            body,
            masked: updates && has_mask(&input),
            shown,
            fleeting: template.literals().next() == Some(TOKENS),
        })
    }

    /// Whether a query may not set this: the body does.
    pub(crate) fn withholds(&self, parameter: &str) -> bool {
        match &self.body {
            Body::None => false,
            Body::Whole => true,
            Body::Field(field) => parameter.split('.').next().is_some_and(|first| first == field.name || first == field.camel_case),
        }
    }

    /// The name that a service puts before those of the body's own fields.
    pub(crate) fn body_name(&self) -> Option<&str> {
        match &self.body {
            Body::Field(field) => Some(&field.name),
            Body::None | Body::Whole => None,
        }
    }
}

fn output_only(field: &FieldDescriptor) -> Vec<String> {
    let Kind::Message(message) = field.kind() else { return Vec::new() };
    let sealed = message.fields().filter(|field| spectra_proto::behaviors(field).contains(&(FieldBehavior::OutputOnly as i32)));
    sealed.map(|field| field.name().to_owned()).collect()
}

/// Whether a route of this method changes what its body is about.
pub(crate) fn is_change(verb: Option<&Method>) -> bool {
    matches!(verb, Some(&Method::PUT | &Method::PATCH))
}

/// Whether a request says by a mask what it changes.
pub(crate) fn has_mask(input: &MessageDescriptor) -> bool {
    let is_mask = |kind| matches!(kind, Kind::Message(message) if message.full_name() == "google.protobuf.FieldMask");
    input.get_field_by_name(MASK).is_some_and(|field| !field.is_list() && is_mask(field.kind()))
}

/// Whether a path of names leads through single messages to a single value.
fn is_scalar(message: &MessageDescriptor, path: &str) -> bool {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let Some(field) = message.get_field_by_name(name).filter(|field| !field.is_list() && !field.is_map()) else { return false };
    match (field.kind(), rest) {
        (Kind::Message(inner), Some(rest)) => is_scalar(&inner, rest),
        (Kind::Message(_), None) | (_, Some(_)) => false,
        (_, None) => true,
    }
}
