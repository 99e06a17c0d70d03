//! How one HTTP route fills the request of a method, and what it shows of the answer.

use std::sync::Arc;

use http::Method;
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor};
use spectra_proto::api::{FieldBehavior, HttpRule};

use super::{rpc::Rpc, template::Template};
use crate::transcode::{FieldId, MessageId, Plans};

/// The field of an update that names what changes.
pub(crate) const MASK: &str = "update_mask";

/// What a request for a file may hold, and what one that is given begins with.
pub(crate) const RANGE: &str = "spectra.type.v1.ByteRange";
pub(crate) const HEAD: &str = "spectra.type.v1.FileHead";

/// The fields of an upload that tell what the headers of its body say too.
pub(crate) const FILENAME: &str = "filename";
pub(crate) const CONTENT_TYPE: &str = "content_type";
pub(crate) const SHA256: &str = "sha256";

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
    /// What of the answer is shown.
    pub(crate) shown: Shown,
    /// The part of a file that the request asks for.
    pub(crate) range: Option<(FieldId, String)>,
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
    /// The bytes of a file, a piece in each message.
    File(File),
}

/// What becomes of a file that comes up.
#[derive(Debug)]
pub(crate) struct File {
    /// The field of the bytes.
    pub(crate) content: FieldId,
    /// Its name.
    pub(crate) name: String,
    /// Whether the request tells the file's name, its media type, and its digest.
    pub(crate) named: bool,
    pub(crate) typed: bool,
    pub(crate) summed: bool,
}

/// What of an answer is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shown {
    /// All of it.
    Whole,
    /// One field.
    Field(FieldId),
    /// The file that it holds, or that its messages hold piece by piece.
    File {
        /// The field of what the file is.
        head: FieldId,
        /// The field of its bytes.
        content: FieldId,
    },
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
        let fault = |what: String| format!("`{template}`: {what}");
        let body = body(rpc, method, &rule.body, plans).map_err(fault)?;
        let updates = is_change(verb) && matches!(&body, Body::Field(field) if field.object);
        Ok(Self {
            rpc: Arc::clone(rpc),
            body,
            masked: updates && rpc.takes.is_none() && has_mask(&input),
            shown: shown(rpc, method, &rule.response_body, plans).map_err(fault)?,
            range: holds(&input, RANGE).and_then(|field| Some((plans.field(rpc.input, field.name())?, field.name().to_owned()))),
            fleeting: template.literals().next() == Some(TOKENS),
        })
    }

    /// Whether a query may not set this: the body does, or a header.
    pub(crate) fn withholds(&self, parameter: &str) -> bool {
        let first = parameter.split('.').next().unwrap_or_default();
        let is_bodys = match &self.body {
            Body::None => false,
            Body::Whole => true,
            Body::Field(field) => first == field.name || first == field.camel_case,
            Body::File(file) => first == file.name,
        };
        is_bodys || self.range.as_ref().is_some_and(|(_, range)| first == range)
    }

    /// The name that a service puts before those of the body's own fields.
    pub(crate) fn body_name(&self) -> Option<&str> {
        match &self.body {
            Body::Field(field) => Some(&field.name),
            Body::None | Body::Whole | Body::File(_) => None,
        }
    }
}

/// What the body of a rule fills.
fn body(rpc: &Rpc, method: &MethodDescriptor, name: &str, plans: &Plans) -> Result<Body, String> {
    let input = method.input();
    match name {
        "" if rpc.takes.is_some() => return Err("a stream needs a body to come in".to_owned()),
        "" => return Ok(Body::None),
        "*" => return Ok(Body::Whole),
        _ => {}
    }
    let (id, field) = named(rpc.input, &input, name, plans)?;
    if rpc.takes.is_some() && is_bytes(&field) {
        if rpc.stream.is_some() {
            return Err("a file is answered once, not by a stream".to_owned());
        }
        let tells = |name| input.get_field_by_name(name).is_some_and(|field| field.kind() == Kind::String && !field.is_list());
        let (named, typed, summed) = (tells(FILENAME), tells(CONTENT_TYPE), tells(SHA256));
        return Ok(Body::File(File { content: id, name: name.to_owned(), named, typed, summed }));
    }
    Ok(Body::Field(BodyField {
        id,
        name: name.to_owned(),
        camel_case: field.json_name().to_owned(),
        object: !field.is_list() && matches!(field.kind(), Kind::Message(_)),
        output_only: output_only(&field),
    }))
}

/// What a rule shows of the answer.
fn shown(rpc: &Rpc, method: &MethodDescriptor, name: &str, plans: &Plans) -> Result<Shown, String> {
    if name.is_empty() {
        return Ok(Shown::Whole);
    }
    let output = method.output();
    let (id, field) = named(rpc.output, &output, name, plans)?;
    let head = holds(&output, HEAD).filter(|_| is_bytes(&field)).and_then(|head| plans.field(rpc.output, head.name()));
    Ok(head.map_or(Shown::Field(id), |head| Shown::File { head, content: id }))
}

fn named(id: MessageId, message: &MessageDescriptor, name: &str, plans: &Plans) -> Result<(FieldId, FieldDescriptor), String> {
    let field = plans.field(id, name).zip(message.get_field_by_name(name));
    field.ok_or_else(|| format!("{} has no field `{name}`", message.full_name()))
}

pub(crate) fn is_bytes(field: &FieldDescriptor) -> bool {
    field.kind() == Kind::Bytes && !field.is_list()
}

/// Whether what a rule shows of an answer is the bytes of a file.
pub(crate) fn is_file(method: &MethodDescriptor, shown: &str) -> bool {
    let output = method.output();
    output.get_field_by_name(shown).is_some_and(|field| is_bytes(&field)) && holds(&output, HEAD).is_some()
}

/// The single field of a message that is a message of this name.
pub(crate) fn holds(message: &MessageDescriptor, full_name: &str) -> Option<FieldDescriptor> {
    let is = |field: &FieldDescriptor| matches!(field.kind(), Kind::Message(message) if message.full_name() == full_name);
    message.fields().find(|field| !field.is_list() && is(field))
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
