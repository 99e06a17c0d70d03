//! Which path and method lead where: a tree of path segments, in which the more exact template wins.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use http::Method;

use crate::percent;

pub(crate) mod binding;
pub(crate) mod rpc;
pub(crate) mod template;
#[cfg(test)]
mod tests;

use template::{Piece, Segment, Template};

/// One way in.
#[derive(Debug)]
pub(crate) struct Route<T> {
    /// The method; none takes any.
    pub(crate) method: Option<Method>,
    /// The paths.
    pub(crate) template: Template,
    /// Whose route this is, for people.
    pub(crate) owner: String,
    /// Where it leads.
    pub(crate) target: T,
}

/// All the ways in.
#[derive(Debug)]
pub(crate) struct Routes<T> {
    all: Vec<Route<T>>,
    root: Node,
    /// The verbs of all templates: a colon before anything else is part of the segment.
    verbs: HashSet<String>,
}

/// A place in the tree of segments; routes are told by their index.
#[derive(Debug, Default)]
struct Node {
    literals: HashMap<String, Node>,
    one: Option<Box<Node>>,
    /// The routes that take all that follows.
    rest: Vec<usize>,
    /// The routes that end here.
    here: Vec<usize>,
}

/// Where a request leads, and what its path holds.
#[derive(Debug)]
pub(crate) struct Found<'t, 'p, T> {
    /// The route.
    pub(crate) route: &'t Route<T>,
    /// The values of the template's variables, in their order.
    pub(crate) captures: Vec<Cow<'p, str>>,
}

/// Why a request leads nowhere.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Miss {
    /// The path is not percent-encoded UTF-8.
    Unreadable,
    /// No template fits the path.
    Path,
    /// The path takes other methods: these, as `Allow` lists them.
    Method(String),
}

impl<T> Default for Routes<T> {
    fn default() -> Self {
        Self { all: Vec::new(), root: Node::default(), verbs: HashSet::new() }
    }
}

impl<T> Routes<T> {
    /// Adds a route. Refused when another one takes the same method on the same paths.
    pub(crate) fn add(&mut self, route: Route<T>) -> Result<(), String> {
        let mut node = &mut self.root;
        let mut rest = false;
        for segment in route.template.segments() {
            match segment {
                Segment::Literal(text) => node = node.literals.entry(text.clone()).or_default(),
                Segment::One => node = node.one.get_or_insert_default(),
                Segment::Rest => rest = true,
            }
        }
        let leaf = if rest { &mut node.rest } else { &mut node.here };
        let twin = leaf.iter().filter_map(|index| self.all.get(*index));
        if let Some(twin) = twin.into_iter().find(|twin| twin.method == route.method && twin.template.verb() == route.template.verb()) {
            return Err(format!("`{}` of {} and `{}` of {} take the same requests", twin.name(), twin.owner, route.name(), route.owner));
        }
        self.verbs.extend(route.template.verb().map(str::to_owned));
        leaf.push(self.all.len());
        self.all.push(route);
        Ok(())
    }

    /// Every route, in the order of adding.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Route<T>> {
        self.all.iter()
    }

    /// Finds the route of a request; HEAD goes where GET goes. Of several templates that fit, the one that is
    /// literal at the first difference wins, as long as it takes the method.
    pub(crate) fn find<'t, 'p>(&'t self, method: &Method, path: &'p str) -> Result<Found<'t, 'p, T>, Miss> {
        let path = path.strip_prefix('/').ok_or(Miss::Path)?;
        let mut pieces = split(path).ok_or(Miss::Unreadable)?;
        let mut allowed = Vec::new();
        if let Some(last) = pieces.last_mut()
            && let Some((before, verb)) = last.raw.rsplit_once(':')
            && self.verbs.contains(verb)
        {
            let whole = std::mem::replace(last, Piece { raw: before, text: percent::decode(before).unwrap_or_default() });
            if let Some(found) = self.seek(method, &pieces, Some(verb), &mut allowed) {
                return Ok(found);
            }
            if let Some(last) = pieces.last_mut() {
                *last = whole;
            }
        }
        self.seek(method, &pieces, None, &mut allowed)
            .ok_or_else(|| if allowed.is_empty() { Miss::Path } else { Miss::Method(allow(&allowed)) })
    }

    /// The methods that a path takes besides `method`, as `Allow` lists them.
    pub(crate) fn others(&self, method: &Method, path: &str) -> String {
        // No contract binds TRACE, so that it misses, and is told what there is.
        let Err(Miss::Method(allow)) = self.find(&Method::TRACE, path) else { return String::new() };
        allow.split(", ").filter(|name| *name != method.as_str()).collect::<Vec<_>>().join(", ")
    }

    fn seek<'t, 'p>(
        &'t self,
        method: &Method,
        pieces: &[Piece<'p>],
        verb: Option<&str>,
        allowed: &mut Vec<&'t Option<Method>>,
    ) -> Option<Found<'t, 'p, T>> {
        let route = self.root.walk(pieces, &mut |leaf| {
            let routes = || leaf.iter().filter_map(|index| self.all.get(*index)).filter(|route| route.template.verb() == verb);
            let exact = routes().find(|route| route.method.as_ref() == Some(method));
            let found = exact.or_else(|| routes().find(|route| route.takes(method)));
            if found.is_none() {
                allowed.extend(routes().map(|route| &route.method));
            }
            found
        })?;
        Some(Found { route, captures: route.template.captures(pieces) })
    }
}

impl<T> Route<T> {
    /// The method and the template, for people.
    fn name(&self) -> String {
        format!("{} {}", self.method.as_ref().map_or("*", Method::as_str), self.template)
    }

    fn takes(&self, method: &Method) -> bool {
        match &self.method {
            None => true,
            Some(own) => own == method || (*own == Method::GET && *method == Method::HEAD),
        }
    }
}

impl Node {
    /// Shows `visit` the routes that fit, the most exact first, until it has found what it seeks.
    fn walk<R>(&self, pieces: &[Piece<'_>], visit: &mut impl FnMut(&[usize]) -> Option<R>) -> Option<R> {
        let found = match pieces {
            [] => visit(&self.here),
            [first, others @ ..] => {
                let literal = self.literals.get(first.text.as_ref()).and_then(|node| node.walk(others, visit));
                let one = self.one.as_ref().filter(|_| literal.is_none() && !first.text.is_empty());
                literal.or_else(|| one.and_then(|node| node.walk(others, visit)))
            }
        };
        found.or_else(|| visit(&self.rest))
    }
}

/// The segments of what follows a path's first slash; a slash at the end does not count.
fn split(path: &str) -> Option<Vec<Piece<'_>>> {
    let path = path.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(path);
    if path.is_empty() {
        return Some(Vec::new());
    }
    path.split('/').map(|raw| Some(Piece { raw, text: percent::decode(raw)? })).collect()
}

/// The value of `Allow` for a path that takes these methods.
fn allow(methods: &[&Option<Method>]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for method in methods {
        match method {
            Some(method) => names.push(method.as_str()),
            None => names.extend(["GET", "POST", "PUT", "PATCH", "DELETE"]),
        }
    }
    if names.contains(&"GET") {
        names.push("HEAD");
    }
    names.push("OPTIONS");
    names.sort_unstable();
    names.dedup();
    names.join(", ")
}
