//! From the contract to routes, once at start.

use std::{collections::BTreeSet, sync::Arc};

use http::Method;
use prost_reflect::{DescriptorPool, MethodDescriptor, ServiceDescriptor};
use spectra_mesh::Peer;
use spectra_proto::policy::method_policy;

use crate::{
    openapi::page::{self, Describe, Page},
    routes::{
        Route, Routes,
        binding::Binding,
        rpc::{self, Homes, Rpc},
        template::Template,
    },
    transcode::Plans,
};

/// Where a route leads.
#[derive(Debug)]
pub(crate) enum Target {
    /// To a method of the contract.
    Rpc(Arc<Binding>),
    /// To a method of the contract by its name.
    Connect(Arc<Rpc>),
    /// To the sign that this process lives.
    Health,
    /// To the sign that the whole mesh answers.
    Ready,
    /// To what this is.
    Index,
    /// To what people read of the contract.
    Page(Page),
}

/// Why a contract cannot be served over HTTP: each fault in a sentence.
#[derive(Debug, thiserror::Error)]
#[error("the contract cannot be served over HTTP: {}", .0.join("; "))]
pub struct Unfit(pub Vec<String>);

/// The methods of a service that the gateway offers; of the others, which services alone call, it knows nothing.
pub(crate) fn offered(service: &ServiceDescriptor) -> Vec<MethodDescriptor> {
    service.methods().filter(|method| !method_policy(method).unwrap_or_default().internal).collect()
}

/// The routes of every method of the contract that says one, and the gateway's own, which show the document of the contract.
pub(crate) fn routes(pool: &DescriptorPool, plans: &Plans, peers: &[(&str, Peer)], describe: Describe) -> Result<Routes<Target>, Unfit> {
    let mut routes = Routes::default();
    let mut faults = Vec::new();
    let signs = [("/", Target::Index), ("/health", Target::Health), ("/health/ready", Target::Ready)];
    let pages = page::all(describe).into_iter().map(|(path, page)| (path, Target::Page(page)));
    for (path, target) in signs.into_iter().chain(pages) {
        let own = Template::parse(path)
            .and_then(|template| routes.add(Route { method: Some(Method::GET), template, owner: "the gateway".to_owned(), target }));
        faults.extend(own.err());
    }
    let methods: Vec<_> = pool.services().flat_map(|service| offered(&service)).collect();
    let homes = rpc::homes(methods.iter());
    for method in &methods {
        let bound = bind(method, plans, peers, &homes, &mut routes);
        faults.extend(bound.err().map(|fault| format!("{}: {fault}", method.full_name())));
    }
    if faults.is_empty() { Ok(routes) } else { Err(Unfit(faults)) }
}

/// Adds the routes of a method.
fn bind(
    method: &MethodDescriptor,
    plans: &Plans,
    peers: &[(&str, Peer)],
    homes: &Homes,
    routes: &mut Routes<Target>,
) -> Result<(), String> {
    let rules = rpc::rules(method);
    let service = method.parent_service();
    let owner = peers.iter().find(|(package, _)| *package == service.package_name());
    let Some((_, peer)) = owner else {
        let unnamed = format!("no service is named for {}", service.package_name());
        return if rules.is_empty() { Ok(()) } else { Err(unnamed) };
    };
    let rpc = Rpc::read(method, plans, peer.clone(), homes)?;
    for verb in rpc.verbs() {
        let (template, target) = (Template::parse(rpc.path.as_str())?, Target::Connect(Arc::clone(&rpc)));
        routes.add(Route { method: Some(verb), template, owner: rpc.name.clone(), target })?;
    }
    for rule in rules {
        let (verb, template) = rpc::pattern(&rule)?;
        let binding = Binding::read(&rpc, method, &rule, verb.as_ref(), &template, plans)?;
        routes.add(Route { method: verb, template, owner: rpc.name.clone(), target: Target::Rpc(Arc::new(binding)) })?;
    }
    Ok(())
}

/// What the paths of the contract begin with: all but the last of a route's leading literals, the shortest alone.
pub(crate) fn prefixes(routes: &Routes<Target>) -> Vec<String> {
    let mut all = BTreeSet::new();
    for route in routes.iter().filter(|route| matches!(route.target, Target::Rpc(_))) {
        let literals: Vec<_> = route.template.literals().collect();
        if let Some((_, before)) = literals.split_last() {
            all.insert(format!("/{}", before.join("/")));
        }
    }
    let mut prefixes: Vec<String> = Vec::new();
    for prefix in all {
        // Sorted, so a shorter one stands before those that it begins.
        if !prefixes.iter().any(|shorter| prefix.strip_prefix(shorter.as_str()).is_some_and(|rest| rest.starts_with('/'))) {
            prefixes.push(prefix);
        }
    }
    prefixes
}

#[cfg(test)]
mod tests;
