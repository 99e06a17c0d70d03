//! One route of a method as an operation.

use http::Method;
use prost_reflect::{Kind, MethodDescriptor};
use spectra_proto::{
    Label,
    api::HttpRule,
    policy::{self, Access, Policy, method_policy},
    types::Reason,
};

use super::{
    answers,
    comments::first_sentence,
    json::{Json, Object, object},
    parameters,
    rules::Rules,
    schema::{Schemas, Way, is_output_only},
    shared,
};
use crate::routes::{
    binding::{self, has_mask, is_change},
    template::Template,
};

/// A route of a method.
pub(super) struct Route<'r> {
    pub(super) method: &'r MethodDescriptor,
    pub(super) rule: &'r HttpRule,
    pub(super) verb: &'r Method,
    pub(super) template: &'r Template,
    /// Whether a resource with a revision is read at the same path.
    pub(super) revised: bool,
}

/// What the rest of the operation hangs on.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Traits {
    pub(super) policy: Policy,
    pub(super) public: bool,
    /// Whether the method has no side effects.
    pub(super) reads: bool,
    pub(super) has_body: bool,
    pub(super) has_revision: bool,
    /// Whether the request names something that may not be there.
    pub(super) names: bool,
    /// Whether the request has fields at all.
    pub(super) has_fields: bool,
    pub(super) deletes: bool,
    /// Whether `If-Match` is heeded.
    pub(super) conditional: bool,
    /// Whether the answer is a file, and whether a part of it may be asked for.
    pub(super) is_file: bool,
    pub(super) ranged: bool,
    /// Whether a file comes up, and is held against the digest that is sent with it.
    pub(super) is_summed: bool,
}

impl Route<'_> {
    /// The operation, under this id and tag.
    pub(super) fn operation(&self, schemas: &mut Schemas<'_>, id: String, tag: &str) -> Object {
        let body = self.body(schemas);
        let traits = self.traits(body.is_some());
        let comment = schemas.comments.of(self.method);
        let parameters = self.parameters(schemas, &traits);
        object! {
            "operationId": id,
            "tags": [tag],
            "summary": comment.map_or(self.method.name(), first_sentence),
            "description": comment,
            "parameters": parameters,
            "requestBody": body,
            "responses": answers::of(self, &traits, schemas),
            "security": traits.public.then_some(Vec::<Json>::new()),
            "x-required-role": Some(traits.policy.role().label()).filter(|role| !role.is_empty()),
            "x-required-scope": Some(traits.policy.scope.as_str()).filter(|scope| !scope.is_empty()),
            "x-idempotent": (!traits.reads).then_some(traits.policy.idempotent),
            "x-refusals": Some(refusals(comment.unwrap_or_default())).filter(|codes| !codes.is_empty()),
        }
    }

    fn traits(&self, has_body: bool) -> Traits {
        let policy = method_policy(self.method).unwrap_or_default();
        let reads = policy::reads(self.method);
        let has_revision = has_revision(self.method);
        let in_path = !self.template.variables().is_empty();
        Traits {
            public: policy.access() == Access::Public,
            reads,
            has_body,
            has_revision,
            names: in_path || has_body || self.method.input().fields().any(|field| is_id(&field)),
            has_fields: self.method.input().fields().len() > 0,
            deletes: *self.verb == Method::DELETE,
            conditional: !reads && in_path && (has_revision || self.revised),
            is_file: binding::is_file(self.method, &self.rule.response_body),
            ranged: binding::holds(&self.method.input(), binding::RANGE).is_some(),
            is_summed: self.brings_file() && self.method.input().get_field_by_name(binding::SHA256).is_some(),
            policy,
        }
    }

    /// Whether the body is a file.
    fn brings_file(&self) -> bool {
        let field = self.method.input().get_field_by_name(&self.rule.body);
        self.method.is_client_streaming() && field.is_some_and(|field| binding::is_bytes(&field))
    }

    fn parameters(&self, schemas: &mut Schemas<'_>, traits: &Traits) -> Vec<Object> {
        let input = self.method.input();
        let (_, named) = parameters::path(self.template);
        let mut all: Vec<_> = named.iter().map(|(name, field)| parameters::in_path(schemas, &input, name, *field)).collect();
        let in_path = |name: &str| self.template.variables().iter().any(|variable| variable.field == name);
        if self.rule.body != "*" {
            let range = binding::holds(&input, binding::RANGE);
            let in_header = |name: &str| range.as_ref().is_some_and(|range| range.name() == name);
            all.extend(parameters::in_query(schemas, &input, &|name| in_path(name) || in_header(name) || name == self.rule.body));
        }
        all.extend(shared::headers(traits, *self.verb == Method::GET));
        all
    }

    /// What the body holds; none where it could hold nothing.
    fn body(&self, schemas: &mut Schemas<'_>) -> Option<Object> {
        let input = self.method.input();
        if self.brings_file() {
            return Some(self.file(schemas));
        }
        let (schema, required) = match self.rule.body.as_str() {
            "" => return None,
            "*" => {
                let in_path: Vec<_> = self.template.variables().iter().map(|variable| variable.field.as_str()).collect();
                let mut left = input.fields().filter(|field| !in_path.contains(&field.name()) && !is_output_only(field)).peekable();
                left.peek()?;
                let must = left.any(|field| Rules::of(&field).demand(&field));
                (schemas.request(&input, &in_path), must)
            }
            name => {
                let field = input.get_field_by_name(name)?;
                let way = if is_change(Some(self.verb)) && has_mask(&input) { Way::Change } else { Way::Input };
                let schema = match field.kind() {
                    Kind::Message(message) if !field.is_list() => schemas.message(&message, way),
                    _ => schemas.value(&field, way),
                };
                (schema, true)
            }
        };
        if self.method.is_client_streaming() {
            let lines = object! { "application/x-ndjson": object! { "schema": schema } };
            return Some(object! { "description": "A stream; each line is one message.", "required": false, "content": lines });
        }
        Some(object! { "required": required, "content": object! { "application/json": object! { "schema": schema } } })
    }

    /// A file as the body: as it is, or as a part of a form that says the rest too.
    fn file(&self, schemas: &mut Schemas<'_>) -> Object {
        let in_path = |name: &str| self.template.variables().iter().any(|variable| variable.field == name);
        let input = self.method.input();
        let fields = input.fields().filter(|field| !in_path(field.name()) && field.name() != self.rule.body && !field.is_map());
        let said = fields.filter(|field| !matches!(field.kind(), Kind::Message(_)));
        let mut properties: Vec<_> = said.map(|field| (field.name().to_owned(), schemas.value(&field, Way::Input))).collect();
        properties.push(("file".to_owned(), answers::binary()));
        let form = object! { "type": "object", "required": ["file"], "properties": properties.into_iter().collect::<Object>() };
        let content = object! {
            "multipart/form-data": object! { "schema": form },
            "application/octet-stream": object! { "schema": answers::binary() },
        };
        object! { "description": "The file, in a form or as it is.", "required": true, "content": content }
    }
}

/// Whether the answer tells how often the resource was changed, which makes its `ETag`.
pub(super) fn has_revision(method: &MethodDescriptor) -> bool {
    !method.is_server_streaming() && method.output().get_field_by_name("revision").is_some()
}

/// Whether a field names something by its id.
fn is_id(field: &prost_reflect::FieldDescriptor) -> bool {
    Rules::of(field).says("uuid")
}

/// The codes of the refusals that a comment names.
fn refusals(comment: &str) -> Vec<&'static str> {
    let words = comment.split(|letter: char| !letter.is_ascii_uppercase() && letter != '_').filter(|word| word.len() > 2);
    words.filter_map(|word| Reason::from_label(&word.to_ascii_lowercase())).map(Label::label).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_name_refusals() {
        let comment = "Starts a run. Refused with RUN_STATE unless queued, with NOT_FOUND, and in NO other way. The URL is READ_ONLY.";
        assert_eq!(refusals(comment), ["run_state", "not_found"]);
    }
}
