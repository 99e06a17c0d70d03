//! What HTTP needs to know of a method of the contract.

use std::{collections::HashMap, sync::Arc};

use http::{Method, uri::PathAndQuery};
use prost_reflect::MethodDescriptor;
use spectra_mesh::Peer;
use spectra_proto::{
    api::{HttpRule, http_rule::Pattern},
    policy::{Access, method_policy},
};

use super::template::Template;
use crate::{
    again::Again,
    body,
    transcode::{FieldId, MessageId, Plans},
};

/// What a stream's messages and its request call the place from which it goes on.
pub(crate) const CURSOR: &str = "cursor";

/// A method, and who serves it.
#[derive(Debug)]
pub(crate) struct Rpc {
    /// The full name, such as `spectra.lims.v1.SampleService.GetSample`.
    pub(crate) name: String,
    /// Its path in gRPC.
    pub(crate) path: PathAndQuery,
    /// The service that owns it.
    pub(crate) peer: Peer,
    pub(crate) input: MessageId,
    pub(crate) output: MessageId,
    /// When it may be called again although it may have been done.
    pub(crate) again: Arc<Again>,
    /// How many bytes a stream of the caller's holds at most; none when the method takes one message.
    pub(crate) takes: Option<u64>,
    /// What is known of the answer when it is a stream of messages.
    pub(crate) stream: Option<Stream>,
    /// Whether the answer says nothing.
    pub(crate) silent: bool,
    /// Whether success makes a resource.
    pub(crate) created: bool,
    /// Whether anyone may call it.
    pub(crate) public: bool,
    /// The number of changes to the resource that the answer is, which makes its `ETag`.
    pub(crate) revision: Option<FieldId>,
    /// The id of the resource that the answer is.
    pub(crate) id: Option<FieldId>,
    /// Where that resource is read.
    pub(crate) home: Option<Template>,
}

/// A stream of messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stream {
    /// The place in it where a message stands.
    pub(crate) cursor: Option<FieldId>,
    /// Whether the request says from where it goes on.
    pub(crate) resumes: bool,
}

/// Where resources are read, by the full name of their message.
pub(crate) type Homes = HashMap<String, Template>;

impl Rpc {
    /// Reads a method from its descriptor.
    pub(crate) fn read(method: &MethodDescriptor, plans: &Plans, peer: Peer, homes: &Homes) -> Result<Arc<Self>, String> {
        let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
        let message = |name: &str| plans.message(name).ok_or_else(|| format!("the message {name} is not planned"));
        let policy = method_policy(method).unwrap_or_default();
        let output = method.output();
        let (id, streams) = (message(output.full_name())?, method.is_server_streaming());
        // A policy without a limit means that of one message.
        let limit = u64::try_from(policy.upload_bytes).ok().filter(|bytes| *bytes > 0).unwrap_or(body::LIMIT as u64);
        Ok(Arc::new(Self {
            takes: method.is_client_streaming().then_some(limit),
            stream: streams
                .then(|| Stream { cursor: plans.field(id, CURSOR), resumes: method.input().get_field_by_name(CURSOR).is_some() }),
            name: method.full_name().to_owned(),
            path: PathAndQuery::try_from(path).map_err(|fault| format!("has no path in gRPC: {fault}"))?,
            peer,
            input: message(method.input().full_name())?,
            output: id,
            again: Arc::new(Again::of(method)),
            silent: output.full_name() == "google.protobuf.Empty",
            created: policy.created,
            public: policy.access() == Access::Public,
            revision: plans.field(id, "revision"),
            id: plans.field(id, "id"),
            home: homes.get(output.full_name()).cloned(),
        }))
    }

    /// How the method is called by its name over HTTP: not at all when it streams, and in a GET when it reads.
    pub(crate) fn verbs(&self) -> impl Iterator<Item = Method> + use<> {
        let unary = self.takes.is_none() && self.stream.is_none();
        let reads = unary && self.again.always();
        unary.then_some(Method::POST).into_iter().chain(reads.then_some(Method::GET))
    }
}

/// The rules of a method, the additional ones too; none when it is not reached over HTTP.
pub(crate) fn rules(method: &MethodDescriptor) -> Vec<HttpRule> {
    let Some(mut first) = spectra_proto::option::<HttpRule>(&method.options(), "google.api.http") else { return Vec::new() };
    let others = std::mem::take(&mut first.additional_bindings);
    std::iter::once(first).chain(others).collect()
}

/// The method and the path template of a rule. No method stands for any.
pub(crate) fn pattern(rule: &HttpRule) -> Result<(Option<Method>, Template), String> {
    let (method, path) = match rule.pattern.as_ref().ok_or("an HTTP rule has no pattern")? {
        Pattern::Get(path) => (Some(Method::GET), path),
        Pattern::Put(path) => (Some(Method::PUT), path),
        Pattern::Post(path) => (Some(Method::POST), path),
        Pattern::Delete(path) => (Some(Method::DELETE), path),
        Pattern::Patch(path) => (Some(Method::PATCH), path),
        Pattern::Custom(custom) if custom.kind == "*" => (None, &custom.path),
        Pattern::Custom(custom) => {
            let method = Method::from_bytes(custom.kind.as_bytes());
            (Some(method.map_err(|_| format!("`{}` is no HTTP method", custom.kind))?), &custom.path)
        }
    };
    Ok((method, Template::parse(path)?))
}

/// Where each resource is read: the first route that gets its whole message by `id`.
pub(crate) fn homes<'m>(methods: impl Iterator<Item = &'m MethodDescriptor>) -> Homes {
    let mut homes = Homes::new();
    for method in methods {
        for rule in rules(method) {
            if rule.response_body.is_empty()
                && let Ok((Some(Method::GET), template)) = pattern(&rule)
                && template.ends_in_id()
            {
                homes.entry(method.output().full_name().to_owned()).or_insert(template);
            }
        }
    }
    homes
}
