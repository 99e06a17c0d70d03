//! The contract as an OpenAPI 3.1 document, and the pages that show it.
//!
//! All of it is read from the descriptors: routes from `google.api.http`, words from the comments, limits from
//! `buf.validate`, who may call from the policies.

use std::collections::HashSet;

use http::Method;
use prost_reflect::{DescriptorPool, MethodDescriptor, ServiceDescriptor};

mod answers;
mod comments;
mod json;
mod known;
mod names;
mod operation;
pub(crate) mod page;
mod parameters;
mod rules;
mod schema;
mod shared;
#[cfg(test)]
mod tests;

use crate::{contract, routes::rpc};
use comments::Comments;
use json::{Object, object};
use names::Names;
use operation::{Route, has_revision};
use schema::Schemas;

/// What the document says before all else: the decisions that hold everywhere.
const ABOUT: &str = "\
The system of record for semiconductor-characterisation labs.\n\n\
JSON is that of proto3 with four decisions: names are `snake_case` (camelCase is understood in requests), enums are short \
lower-case names, every field is present in an answer, and 64-bit integers are text. In a request, null is the same as \
leaving a field out; in a PUT or PATCH, which mean the same, it clears the field. A field or parameter that is not known \
is refused.\n\n\
Refusals are `application/problem+json`; `code` is for programs, `detail` for people.";

/// The methods of a path item that a route of any method stands for.
const ANY: [Method; 5] = [Method::GET, Method::PUT, Method::POST, Method::DELETE, Method::PATCH];

/// The document of a contract that can be served.
pub(crate) fn document(pool: &DescriptorPool) -> Vec<u8> {
    let comments = Comments::read(pool);
    let mut paths = Paths { schemas: Schemas::new(&comments), ids: Names::default(), items: Vec::new() };
    let (mut tags, mut names) = (Vec::new(), Names::default());
    for service in pool.services() {
        let tag = names.of(service.full_name(), service.name());
        if paths.add(&service, &tag) {
            tags.push(object! { "name": tag, "description": comments.of(&service) });
        }
    }
    let (schemas, paths) = (paths.schemas, paths.items.into_iter().collect::<Object>());
    let document = object! {
        "openapi": "3.1.1",
        "info": object! {
            "title": "SPECTRA-Lab",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": object! { "name": env!("CARGO_PKG_LICENSE"), "identifier": env!("CARGO_PKG_LICENSE") },
        },
        "servers": [object! { "url": "/", "description": "Where this document comes from." }],
        "security": [object! { "bearer": Vec::<Object>::new() }],
        "tags": tags,
        "components": shared::components(pool, schemas, &paths),
        "paths": paths,
    };
    // Text and numbers always are JSON.
    serde_json::to_vec(&document).unwrap_or_default()
}

/// The paths, with all that they need.
struct Paths<'c> {
    schemas: Schemas<'c>,
    ids: Names,
    items: Vec<(String, Object)>,
}

impl Paths<'_> {
    /// Adds the routes of a service; whether there are any.
    fn add(&mut self, service: &ServiceDescriptor, tag: &str) -> bool {
        let mut any = false;
        let methods = contract::offered(service);
        let revised: HashSet<_> = methods.iter().filter(|method| has_revision(method)).flat_map(reads).collect();
        for method in &methods {
            for (index, rule) in rpc::rules(method).iter().enumerate() {
                // A contract that is served has been read before.
                let Ok((verb, template)) = rpc::pattern(rule) else { continue };
                let revised = revised.contains(&**template.text());
                for verb in verb.map_or(ANY.to_vec(), |verb| vec![verb]) {
                    self.route(&Route { method, rule, verb: &verb, template: &template, revised }, index, tag);
                    any = true;
                }
            }
        }
        any
    }

    /// Adds a route, the one of this index of its method.
    fn route(&mut self, route: &Route<'_>, index: usize, tag: &str) {
        let method = route.method;
        let verb = route.verb.as_str().to_ascii_lowercase();
        let ending = if index == 0 { String::new() } else { format!("_{}", index + 1) };
        let owner = format!("{}{ending}_{verb}", method.full_name().replace('.', "_"));
        let id = self.ids.of(&owner, &format!("{}_{}{ending}", method.parent_service().name(), method.name()));
        let operation = route.operation(&mut self.schemas, id, tag);
        let (path, _) = parameters::path(route.template);
        match self.items.iter_mut().find(|(known, _)| *known == path) {
            Some((_, item)) => item.set(verb, operation),
            None => self.items.push((path, Object::default().with(verb, operation))),
        }
    }
}

/// The paths at which a method is read.
fn reads(method: &MethodDescriptor) -> Vec<String> {
    let patterns = rpc::rules(method).into_iter().filter_map(|rule| rpc::pattern(&rule).ok());
    patterns.filter(|(verb, _)| *verb == Some(Method::GET)).map(|(_, template)| template.text().to_string()).collect()
}
