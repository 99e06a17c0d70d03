//! What every list has in common, from the descriptors: whose records it holds, and how they are counted.

use std::collections::BTreeSet;

use prost_reflect::{DynamicMessage, FieldDescriptor, MethodDescriptor, ReflectMessage, Value};
use spectra_tests::{DEMO, Mesh, TEST, grpc};

use crate::records::{Records, answering, call};

/// How many items a page of the walks holds at most.
const LIMIT: i32 = 2;

/// The methods that answer page by page.
fn lists() -> Vec<MethodDescriptor> {
    let all = answering().into_iter().map(|(method, _)| method);
    let lists: Vec<_> = all.filter(|method| method.input().get_field_by_name("page_token").is_some()).collect();
    assert!(lists.len() >= 9, "only {} lists", lists.len());
    lists
}

/// The same request without its filters: what is optional is left out.
fn unfiltered(mut request: DynamicMessage) -> DynamicMessage {
    for field in request.descriptor().fields().filter(FieldDescriptor::supports_presence) {
        request.clear_field(&field);
    }
    request
}

#[tokio::test]
async fn lists_hold_ones_own_organization_alone() {
    let mesh = Mesh::start().await;
    let (foreign, own) = (Records::make(&mesh, DEMO).await, Records::make(&mesh, TEST).await);
    let token = mesh.token("admin", TEST).await;
    for method in lists() {
        let path = grpc::path(&method);
        let listed = call(&mesh, &method, &unfiltered(own.example(&method)), Some(&token)).await.expect(&path);
        assert!(!listed.get_field_by_name("items").unwrap().as_list().unwrap().is_empty(), "{path} lists nothing");
        let listed = serde_json::to_string(&listed).expect("JSON");
        for (kind, id) in foreign.all() {
            assert!(!listed.contains(id), "{path} shows another organization's {kind}");
        }
    }
}

#[tokio::test]
async fn as_many_are_counted_as_are_walked() {
    let mesh = Mesh::start().await;
    let mut records = Records::make(&mesh, DEMO).await;
    for _ in 0..2 {
        records = Records::make(&mesh, DEMO).await;
    }
    let token = mesh.token("admin", DEMO).await;
    for method in lists() {
        let path = grpc::path(&method);
        let filtered = records.example(&method);
        let walked = walk(&mesh, &method, unfiltered(filtered.clone()), &token).await;
        assert!(walked >= 3, "{path} lists {walked}: too few to tell pages apart");
        assert!(walk(&mesh, &method, filtered, &token).await >= 1, "{path} lists nothing of what it is filtered by");
    }
}

/// Walks a list from page to page, each of which must count what there is in all.
async fn walk(mesh: &Mesh, method: &MethodDescriptor, mut asked: DynamicMessage, token: &str) -> i64 {
    let path = grpc::path(method);
    asked.set_field_by_name("limit", Value::I32(LIMIT));
    asked.set_field_by_name("count", Value::Bool(true));
    let (mut ids, mut walked, mut totals, mut pages) = (BTreeSet::new(), 0, BTreeSet::new(), 0);
    loop {
        let page = call(mesh, method, &asked, Some(token)).await.expect(&path);
        let items = page.get_field_by_name("items").unwrap();
        for item in items.as_list().unwrap() {
            walked += 1;
            ids.insert(item.as_message().unwrap().get_field_by_name("id").unwrap().as_str().unwrap().to_owned());
        }
        let pagination = page.get_field_by_name("pagination").unwrap();
        let pagination = pagination.as_message().unwrap();
        totals.insert((number(pagination, "total"), number(pagination, "pages")));
        pages += 1;
        let next = pagination.get_field_by_name("next_page_token").unwrap().as_str().unwrap().to_owned();
        if next.is_empty() {
            break;
        }
        asked.set_field_by_name("page_token", Value::String(next));
    }
    assert_eq!(ids.len(), usize::try_from(walked).unwrap(), "{path} shows an item twice");
    assert_eq!(totals, BTreeSet::from([(walked, pages)]), "{path}: what every page counts, in items and in pages");
    walked
}

/// A number that must be there, of whichever width the contract gives it.
fn number(message: &DynamicMessage, name: &str) -> i64 {
    assert!(message.has_field_by_name(name), "no {name} in {message}");
    let value = message.get_field_by_name(name).unwrap();
    value.as_i64().or_else(|| value.as_i32().map(i64::from)).expect("a number")
}
