//! What a request says in its path, its query and its headers.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use super::{
    json::{Object, object},
    known,
    rules::Rules,
    schema::{Schemas, Way, is_output_only},
};
use crate::routes::template::{Segment, Template};

/// The path as OpenAPI writes it, and its parameters, by their names there with the fields that they fill.
///
/// A parameter there is one segment: a variable of several has a parameter for each that is open, as has a segment
/// that fills no field.
pub(super) fn path(template: &Template) -> (String, Vec<(String, Option<&str>)>) {
    let (mut path, mut parameters) = (String::new(), Vec::<(String, Option<&str>)>::new());
    for (segment, variable) in template.parts() {
        path.push('/');
        if let Segment::Literal(text) = segment {
            path.push_str(text);
            continue;
        }
        let wish = variable.map_or("segment", |variable| &variable.field);
        let before = parameters.iter().filter(|(name, _)| name.split('-').next() == Some(wish)).count();
        let name = if before == 0 { wish.to_owned() } else { format!("{wish}-{}", before + 1) };
        path.extend(["{", &name, "}"]);
        parameters.push((name, variable.filter(|variable| variable.is_one_segment()).map(|variable| variable.field.as_str())));
    }
    if path.is_empty() {
        path.push('/');
    }
    path.extend(template.verb().into_iter().flat_map(|verb| [":", verb]));
    (path, parameters)
}

/// A parameter of the path.
pub(super) fn in_path(schemas: &mut Schemas<'_>, input: &MessageDescriptor, name: &str, field: Option<&str>) -> Object {
    let field = field.and_then(|path| find(input, path));
    let schema = field.as_ref().map_or_else(|| object! { "type": "string" }, |field| schemas.value(field, Way::Input));
    let comment = field.as_ref().and_then(|field| schemas.comments.of(field));
    object! { "name": name, "in": "path", "required": true, "description": comment, "schema": schema }
}

/// The parameters of the query: every field that neither the path nor the body fills.
pub(super) fn in_query(schemas: &mut Schemas<'_>, input: &MessageDescriptor, is_elsewhere: &dyn Fn(&str) -> bool) -> Vec<Object> {
    let mut query = Query { schemas, is_elsewhere, parameters: Vec::new() };
    query.add(input, "", &[]);
    query.parameters
}

struct Query<'q, 's> {
    schemas: &'q mut Schemas<'s>,
    is_elsewhere: &'q dyn Fn(&str) -> bool,
    parameters: Vec<Object>,
}

impl Query<'_, '_> {
    /// Adds the fields of a message at `prefix`, within the messages `around` it.
    fn add(&mut self, message: &MessageDescriptor, prefix: &str, around: &[&str]) {
        let around = [around, &[message.full_name()]].concat();
        for field in message.fields().filter(|field| !field.is_map() && !is_output_only(field)) {
            let name = format!("{prefix}{}", field.name());
            match field.kind() {
                _ if (self.is_elsewhere)(&name) => {}
                Kind::Message(inner) if !known::is_text(&inner) => {
                    // A message that holds itself could be named without end.
                    if !field.is_list() && known::schema(&inner).is_none() && !around.contains(&inner.full_name()) {
                        self.add(&inner, &format!("{name}."), &around);
                    }
                }
                _ => {
                    let parameter = self.parameter(&field, name, around.len() == 1);
                    self.parameters.push(parameter);
                }
            }
        }
    }

    fn parameter(&mut self, field: &FieldDescriptor, name: String, outermost: bool) -> Object {
        let must = outermost && Rules::of(field).demand(field);
        object! {
            "name": name,
            "in": "query",
            "required": must.then_some(true),
            "description": self.schemas.comments.of(field),
            "schema": self.schemas.value(field, Way::Input),
            "style": field.is_list().then_some("form"),
            "explode": field.is_list().then_some(true),
        }
    }
}

/// The field at a path of names.
fn find(message: &MessageDescriptor, path: &str) -> Option<FieldDescriptor> {
    match path.split_once('.') {
        None => message.get_field_by_name(path),
        Some((name, rest)) => match message.get_field_by_name(name)?.kind() {
            Kind::Message(inner) => find(&inner, rest),
            _ => None,
        },
    }
}
