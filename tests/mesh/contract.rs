//! The gate and the tenancy of every method, from the descriptors: a method that is declared is
//! covered, and one without an example request fails.

use prost_reflect::{Kind, MessageDescriptor, MethodDescriptor};
use spectra_proto::{
    Label,
    api::FieldBehavior::{self, Immutable, OutputOnly},
    policy::{Access, POLICIES},
    types::UserRole,
    validate::{FieldRules, field_rules, string_rules},
};
use spectra_tests::{DEMO, Mesh, TEST, grpc};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::records::{Records, answering, call, guarded, ids, nobodys};

const ROLES: [UserRole; 5] = [UserRole::Viewer, UserRole::Technician, UserRole::Engineer, UserRole::Pi, UserRole::Admin];

/// The tests of this file call every method but these.
#[test]
fn what_is_not_covered_here_is_named() {
    let of = |wanted: fn(&MethodDescriptor) -> bool| {
        let mut paths: Vec<_> = grpc::methods().filter(wanted).map(|method| grpc::path(&method)).collect();
        paths.sort();
        paths
    };
    let streams = of(|method| method.is_client_streaming() || method.is_server_streaming());
    // Who may open a stream is tried here; what it then tells, where its resource is.
    assert_eq!(
        streams,
        [
            "/spectra.analysis.v1.ResultService/DownloadResultArrays",
            "/spectra.analysis.v1.ResultService/UploadResult",
            "/spectra.analysis.v1.RunService/WatchRuns",
            "/spectra.analysis.v1.SpcPointService/ImportSpcPoints",
            "/spectra.identity.v1.RevocationService/WatchRevocations",
            "/spectra.lims.v1.AttachmentService/CreateAttachment",
            "/spectra.lims.v1.AttachmentService/DownloadAttachment",
        ]
    );
    let open = of(|method| POLICIES[&grpc::path(method)].policy.access() != Access::Org);
    assert_eq!(
        open,
        [
            "/spectra.identity.v1.KeyService/ListKeys",
            "/spectra.identity.v1.RevocationService/WatchRevocations",
            "/spectra.identity.v1.SessionService/RefreshSession",
            "/spectra.identity.v1.SessionService/SignIn",
        ]
    );
}

#[tokio::test]
async fn every_method_asks_who_calls_and_in_which_role() {
    let mesh = Mesh::start().await;
    let records = Records::make(&mesh, DEMO).await;
    let token = mesh.token("admin", DEMO).await;
    let broken = format!("{}x", &token[..token.len() - 2]);
    let mut calls = 0;
    for (method, policy) in guarded() {
        let path = grpc::path(&method);
        let asked = records.example(&method);
        for token in [None, Some(""), Some("x.y.z"), Some(broken.as_str())] {
            let refused = call(&mesh, &method, &asked, token).await.expect_err(&path);
            assert_eq!(refused.code(), Code::Unauthenticated, "{path} with {token:?}");
            calls += 1;
        }
        for role in ROLES.into_iter().filter(|role| *role < policy.policy.role()) {
            let token = mesh.token(role.label(), DEMO).await;
            let refused = call(&mesh, &method, &asked, Some(&token)).await.expect_err(&path);
            assert_eq!(refused.code(), Code::PermissionDenied, "{path} as {role:?}: {refused:?}");
            let info = refused.get_details_error_info().expect("ErrorInfo");
            assert_eq!((info.reason.as_str(), info.domain.as_str()), ("ROLE_REQUIRED", "spectra"), "{path}");
            assert_eq!(info.metadata["required_role"], policy.policy.role().label(), "{path}");
            calls += 1;
        }
    }
    println!("{calls} refused calls over {} methods", guarded().len());
}

/// Each id of each request in turn is another organization's while the others are one's own.
#[tokio::test]
async fn another_organizations_ids_are_nobodys_ids() {
    let mesh = Mesh::start().await;
    let (foreign, own) = (Records::make(&mesh, DEMO).await, Records::make(&mesh, TEST).await);
    let token = mesh.token("admin", TEST).await;
    let mut compared = 0;
    for (method, _) in answering() {
        for nth in 0..ids(&method) {
            let place = format!("id {nth} of {}", grpc::path(&method));
            let theirs = own.example_but(nth, &method, |kind| foreign.id(kind));
            let unknown = own.example_but(nth, &method, |_| nobodys());
            let theirs = call(&mesh, &method, &theirs, Some(&token)).await;
            let unknown = call(&mesh, &method, &unknown, Some(&token)).await;
            match (theirs, unknown) {
                (Err(theirs), Err(unknown)) => {
                    assert_eq!(theirs.code(), Code::NotFound, "{place}: {theirs:?}");
                    let told = |status: &Status| (status.code(), status.message().to_owned(), status.details().to_vec());
                    assert_eq!(told(&theirs), told(&unknown), "{place}");
                }
                // A list filtered by an id that nobody has is an empty list.
                (Ok(theirs), Ok(unknown)) if method.name().starts_with("List") => assert_eq!(theirs, unknown, "{place}"),
                (theirs, unknown) => panic!("{place}: {theirs:?} for another's id, {unknown:?} for nobody's"),
            }
            compared += 1;
        }
    }
    assert!(compared > 30, "only {compared} ids were compared");
    println!("{compared} ids compared");
}

/// The comparison above says something: what it refuses for one id is served when the id is one's own.
#[tokio::test]
async fn ones_own_ids_are_found() {
    let mesh = Mesh::start().await;
    let own = Records::make(&mesh, TEST).await;
    let token = mesh.token("admin", TEST).await;
    // What ends or removes a record comes after those that need it.
    let ends = |method: &MethodDescriptor| !["Get", "List", "Create", "Update"].iter().any(|keeps| method.name().starts_with(keeps));
    let mut methods = answering();
    methods.sort_by_key(|(method, _)| (method.name() == "SignOut", ends(method), method.name().starts_with("Delete")));
    for (method, _) in methods {
        // A record may be in a state that forbids the call, and is found for all that.
        if let Err(refused) = call(&mesh, &method, &own.example(&method), Some(&token)).await {
            assert_eq!(refused.code(), Code::FailedPrecondition, "{}: {refused:?}", grpc::path(&method));
            assert!(ends(&method) || method.name() == "UpdateSop", "{}: {refused:?}", grpc::path(&method));
        }
    }
}

/// An id that no example holds is compared nowhere.
#[test]
fn examples_hold_every_id_that_a_request_may_hold() {
    let mut held = 0;
    for (method, _) in answering() {
        // What is fixed when a record is made is no part of a change.
        let closed: &[_] = if method.name().starts_with("Update") { &[OutputOnly, Immutable] } else { &[OutputOnly] };
        assert_eq!(ids(&method), places(&method.input(), closed), "ids in the example request of {}", grpc::path(&method));
        held += ids(&method);
    }
    assert!(held > 30, "only {held} ids");
}

/// How many ids a message may hold, those in its messages too, but for fields that are `closed`.
fn places(message: &MessageDescriptor, closed: &[FieldBehavior]) -> usize {
    let open = message.fields().filter(|field| !closed.iter().any(|closed| spectra_proto::behaviors(field).contains(&(*closed as i32))));
    open.map(|field| match field.kind() {
        Kind::Message(inner) if inner.full_name().starts_with("spectra.") => places(&inner, closed),
        Kind::String => ids_of(spectra_proto::option(&field.options(), "buf.validate.field")),
        _ => 0,
    })
    .sum()
}

/// How many ids a field holds by its rules: one, or as many as a list of them must have.
fn ids_of(rules: Option<FieldRules>) -> usize {
    match rules.and_then(|rules| rules.r#type) {
        Some(field_rules::Type::String(text)) => usize::from(matches!(text.well_known, Some(string_rules::WellKnown::Uuid(true)))),
        Some(field_rules::Type::Repeated(list)) => {
            usize::try_from(list.min_items().max(1)).expect("a short list") * ids_of(list.items.map(|rules| *rules))
        }
        _ => 0,
    }
}
