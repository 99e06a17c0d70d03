//! Who may call what, as the methods' options say.

use std::{collections::HashMap, sync::LazyLock};

use prost_reflect::{
    DescriptorPool, Kind, MethodDescriptor,
    prost_types::{MethodOptions, method_options::IdempotencyLevel},
};

pub use crate::generated::spectra::policy::v1::*;
use crate::{POOL, types::UserRole};

/// The policies of all methods, by gRPC path (`/package.Service/Method`). A method with a fault is
/// not among them, so that it cannot be called.
pub static POLICIES: LazyLock<HashMap<String, MethodPolicy>> = LazyLock::new(|| {
    methods(&POOL)
        .filter_map(|method| {
            let policy = method_policy(&method).filter(|policy| fault(Some(policy)).is_none())?;
            Some((path(&method), MethodPolicy::new(&method, policy)))
        })
        .collect()
});

/// What a gate knows about a method.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct MethodPolicy {
    /// The policy, as the contract says it.
    pub policy: Policy,
    /// Whether the method only reads (`NO_SIDE_EFFECTS`).
    pub reads: bool,
    /// Whether the caller sends a stream.
    pub client_streaming: bool,
    /// Whether the service answers with a stream.
    pub server_streaming: bool,
    /// Whether that stream is a file.
    pub gives_file: bool,
}

impl MethodPolicy {
    fn new(method: &MethodDescriptor, policy: Policy) -> Self {
        Self {
            policy,
            reads: reads(method),
            client_streaming: method.is_client_streaming(),
            server_streaming: method.is_server_streaming(),
            gives_file: method.is_server_streaming() && has_head(method),
        }
    }
}

/// Whether what a method answers says what a file is.
fn has_head(method: &MethodDescriptor) -> bool {
    let is_head = |kind: &Kind| kind.as_message().is_some_and(|message| message.full_name() == "spectra.type.v1.FileHead");
    method.output().fields().any(|field| is_head(&field.kind()))
}

/// Whether a method only reads (`NO_SIDE_EFFECTS`).
#[must_use]
pub fn reads(method: &MethodDescriptor) -> bool {
    let proto = method.method_descriptor_proto();
    proto.options.as_ref().map(MethodOptions::idempotency_level) == Some(IdempotencyLevel::NoSideEffects)
}

/// The policy of one method; none when the contract does not say it.
#[must_use]
pub fn method_policy(method: &MethodDescriptor) -> Option<Policy> {
    crate::option(&method.options(), "spectra.policy.v1.policy")
}

/// What is wrong with the policies of the contract, a sentence per method; a service starts only
/// when nothing is.
#[must_use]
pub fn faults() -> Vec<String> {
    faults_in(&POOL)
}

fn faults_in(pool: &DescriptorPool) -> Vec<String> {
    methods(pool)
        .filter_map(|method| {
            let fault = fault(method_policy(&method).as_ref())?;
            Some(format!("{} {fault}", path(&method)))
        })
        .collect()
}

fn fault(policy: Option<&Policy>) -> Option<&'static str> {
    let Some(policy) = policy else {
        return Some("has no policy");
    };
    let role = policy.role() != UserRole::Unspecified;
    let scope = !policy.scope.trim().is_empty();
    match policy.access() {
        Access::Unspecified => Some("does not say its access"),
        Access::Public if role || scope => Some("is public and yet asks for a role or a scope"),
        Access::Org if !role => Some("names no role"),
        Access::Org if !scope => Some("names no scope"),
        Access::Public | Access::Org => None,
    }
}

fn methods(pool: &DescriptorPool) -> impl Iterator<Item = MethodDescriptor> {
    pool.services().flat_map(|service| service.methods().collect::<Vec<_>>())
}

fn path(method: &MethodDescriptor) -> String {
    format!("/{}/{}", method.parent_service().full_name(), method.name())
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use prost_reflect::prost_types::FileDescriptorSet;

    use super::*;

    fn policy(access: Access, role: UserRole, scope: &str) -> Policy {
        Policy { access: access.into(), role: role.into(), scope: scope.into(), ..Policy::default() }
    }

    #[test]
    fn the_contract_has_no_faults() {
        assert_eq!(faults(), Vec::<String>::new());
        assert_eq!(POLICIES.len(), methods(&POOL).count());
    }

    #[test]
    fn policies_say_what_the_contract_says() {
        let create = &POLICIES["/spectra.lims.v1.SampleService/CreateSample"];
        assert_eq!(create.policy.role(), UserRole::Engineer);
        assert_eq!(create.policy.scope, "lims:write");
        assert!(create.policy.idempotent && create.policy.created && !create.reads);

        let watch = &POLICIES["/spectra.identity.v1.RevocationService/WatchRevocations"];
        assert_eq!(watch.policy, Policy { internal: true, ..policy(Access::Public, UserRole::Unspecified, "") });
        assert!(watch.reads && watch.server_streaming && !watch.client_streaming);
    }

    #[test]
    fn a_method_without_a_policy_is_a_fault() {
        // The typed form of descriptors knows no options of ours: this round trip drops every policy.
        let set = FileDescriptorSet::decode(crate::DESCRIPTORS).expect("the descriptors decode");
        let bare = DescriptorPool::from_file_descriptor_set(set).expect("the descriptors link");
        let faults = faults_in(&bare);
        assert_eq!(faults.len(), POLICIES.len());
        assert!(faults.iter().all(|fault| fault.ends_with(" has no policy")), "{faults:?}");
    }

    #[test]
    fn a_policy_is_whole_or_a_fault() {
        let (viewer, nobody) = (UserRole::Viewer, UserRole::Unspecified);
        assert!(fault(Some(&policy(Access::Org, viewer, "lims:read"))).is_none());
        assert!(fault(Some(&policy(Access::Public, nobody, ""))).is_none());

        for faulty in [
            policy(Access::Unspecified, viewer, "lims:read"),
            policy(Access::Org, nobody, "lims:read"),
            policy(Access::Org, viewer, ""),
            policy(Access::Org, viewer, " "),
            policy(Access::Public, viewer, ""),
            policy(Access::Public, nobody, "lims:read"),
            Policy { access: 99, ..policy(Access::Org, viewer, "lims:read") },
            Policy { role: 99, ..policy(Access::Org, viewer, "lims:read") },
        ] {
            assert!(fault(Some(&faulty)).is_some(), "{faulty:?}");
        }
    }
}
