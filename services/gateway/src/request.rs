//! From the parts of an HTTP request to the message of a call.

use std::borrow::Cow;

use prost::Message as _;
use spectra_proto::types::ByteRange;

use crate::{
    body::{self, LIMIT},
    problem::{Answered, Problem},
    query,
    routes::{
        binding::{Binding, Body, BodyField, MASK},
        rpc::CURSOR,
        template::Template,
    },
    transcode::{Malformed, Parameters, Plans},
};

/// What a request says outside its body.
pub(crate) struct Address<'r> {
    pub(crate) template: &'r Template,
    /// The values of the template's variables.
    pub(crate) captures: &'r [Cow<'r, str>],
    pub(crate) query: &'r str,
    /// The event after which a stream goes on; it is later than whatever the query says, which a browser asks for
    /// again as it stands.
    pub(crate) resumed: Option<&'r str>,
    /// The part of a file that is wanted.
    pub(crate) range: Option<ByteRange>,
}

impl Address<'_> {
    /// Appends to `wire` what it says of the request. More parameters may then be set.
    pub(crate) fn put<'p>(&self, plans: &'p Plans, binding: &Binding, wire: &mut Vec<u8>) -> Answered<Parameters<'p>> {
        let pairs = query::pairs(self.query).ok_or_else(|| Problem::malformed("the query is not percent-encoded UTF-8"))?;
        let mut parameters = plans.parameters(binding.rpc.input);
        for (variable, value) in self.template.variables().iter().zip(self.captures) {
            parameters.set(&variable.field, value, wire).map_err(|fault| unreadable(&fault))?;
        }
        let resumed = self.resumed.filter(|_| binding.rpc.stream.is_some_and(|stream| stream.resumes));
        if let Some(cursor) = resumed {
            parameters.set(CURSOR, cursor, wire).map_err(|fault| unreadable(&fault))?;
        }
        for (name, value) in &pairs {
            if resumed.is_some() && name == CURSOR {
                continue;
            }
            if binding.withholds(name) {
                return Err(Problem::malformed_field(
                    &format!("{name:.64}"),
                    "unknown parameter; what it says belongs into the body, or a header",
                ));
            }
            parameters.set(name, value, wire).map_err(|fault| unreadable(&fault))?;
        }
        if let (Some(range), Some((field, _))) = (&self.range, &binding.range) {
            plans.put_bytes_field(*field, &range.encode_to_vec(), wire);
        }
        Ok(parameters)
    }
}

/// The wire bytes of the request that `address` and `body` make.
pub(crate) fn message(plans: &Plans, binding: &Binding, address: &Address<'_>, body: &[u8]) -> Answered<Vec<u8>> {
    let mut wire = Vec::with_capacity(body.len() + 64);
    let named = fill(plans, binding, address.template, body, &mut wire)?;
    let mut parameters = address.put(plans, binding, &mut wire)?;
    // A mask in the query is the client's own word for what changes.
    if binding.masked && !parameters.has(MASK) {
        parameters.set(MASK, &named.join(","), &mut wire).map_err(|fault| unreadable(&fault))?;
    }
    if wire.len() > LIMIT {
        return Err(body::too_large(LIMIT as u64));
    }
    Ok(wire)
}

/// Reads the body into the request, and tells the fields that it names.
pub(crate) fn fill<'p>(
    plans: &'p Plans,
    binding: &Binding,
    template: &Template,
    body: &[u8],
    wire: &mut Vec<u8>,
) -> Answered<Vec<&'p str>> {
    match &binding.body {
        Body::Field(_) if body.is_empty() => Err(Problem::malformed("a body is needed here: a JSON value")),
        // An action without parameters needs no body.
        _ if body.is_empty() => Ok(Vec::new()),
        // A file is never read as a whole.
        Body::None | Body::File(_) => nothing(plans, body).map(|()| Vec::new()),
        Body::Whole => {
            let named = plans.read_json(binding.rpc.input, body, wire).map_err(|fault| unreadable(&fault))?;
            let twice = template.variables().iter().find(|variable| named.contains(&variable.field.as_str()));
            match twice {
                Some(variable) => Err(Problem::malformed_field(&variable.field, "the path says it already")),
                None => Ok(named),
            }
        }
        Body::Field(field) => {
            let named = one(plans, field, body, wire)?;
            // A service cannot tell a default that was sent from one that was not; it judges what a mask names.
            let sealed = named.iter().find(|name| !binding.masked && field.output_only.iter().any(|sealed| sealed == *name));
            sealed.map_or(Ok(()), |name| Err(Problem::invalid_field(name, "is set by the server and cannot be written")))?;
            Ok(named)
        }
    }
}

fn one<'p>(plans: &'p Plans, field: &BodyField, body: &[u8], wire: &mut Vec<u8>) -> Answered<Vec<&'p str>> {
    let before = wire.len();
    let named = plans.read_json_field(field.id, body, wire).map_err(|fault| Problem::unreadable(&fault, Some(&field.name)))?;
    if field.object && wire.len() == before {
        return Err(Problem::malformed("the body must be an object, not null"));
    }
    Ok(named)
}

/// A call without a body takes an empty object, as some clients always send one; anything else would be lost.
fn nothing(plans: &Plans, body: &[u8]) -> Answered<()> {
    let empty = plans.message("google.protobuf.Empty").ok_or_else(|| Problem::malformed("this call takes no body"))?;
    plans.read_json(empty, body, &mut Vec::new()).map(drop).map_err(|fault| unreadable(&fault))
}

fn unreadable(fault: &Malformed) -> Box<Problem> {
    Problem::unreadable(fault, None)
}

#[cfg(test)]
mod tests;
