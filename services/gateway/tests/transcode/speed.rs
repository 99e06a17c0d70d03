//! What a page of resources costs, against prost-reflect; run by hand, optimised:
//! `cargo test --release --test transcode -- --ignored --nocapture speed`.

use std::hint::black_box;
use std::time::Instant;

use prost_reflect::prost::Message as _;
use prost_reflect::{DeserializeOptions, DynamicMessage, SerializeOptions};
use serde_json::{Deserializer, Serializer};

use super::contract::{PLANS, descriptor, id};

const RESOURCES: usize = 100;

/// A page as the services answer it: sixteen fields each, a struct and two times among them.
fn page() -> String {
    let sample = |index: usize| {
        format!(
            r#"{{"id":"0190a5f2-7c1e-7000-8000-{index:012}","organization_id":"0190a5f2-7c1e-7000-8000-0000000000aa",
            "name":"Sample-{index}","material_type":"silicon","lot_code":"LOT-2025-{index:03}",
            "barcode":"BARCODE-{index:05}","location":"Storage Cabinet \"A\"","status":"calm","thickness":525.{index},
            "metadata":{{"orientation":"100","diameter_mm":200,"doping":1.5e15,"tags":["p-type","polished"],
            "supplier":{{"name":"Wafer Works","grade":null,"certified":true}}}},"size":"{index}",
            "is_deleted":false,"created_at":"2025-01-31T12:34:56.789Z","updated_at":"2025-02-01T00:00:{:02}Z",
            "revision":{index}}}"#,
            index % 60
        )
    };
    let samples: Vec<String> = (0..RESOURCES).map(sample).collect();
    format!(r#"{{"items":[{}],"next_page_token":"token"}}"#, samples.join(","))
}

#[test]
#[ignore = "a measurement, to be run by hand"]
fn speed() {
    let (list, oracle) = (id("SampleList"), descriptor("SampleList"));
    let (mut wire, mut text) = (Vec::new(), Vec::new());
    PLANS.read_json(list, page().as_bytes(), &mut wire).expect("the page");
    PLANS.write_json(list, &wire, &mut text).expect("the page");
    println!("{RESOURCES} resources, {} bytes of wire, {} of JSON", wire.len(), text.len());

    let options = SerializeOptions::new().use_proto_field_name(true).skip_default_fields(false);
    let canonical = DynamicMessage::decode(oracle.clone(), &*wire).expect("the page");
    let canonical = {
        let mut out = Serializer::new(Vec::new());
        canonical.serialize_with_options(&mut out, &options).expect("the page");
        out.into_inner()
    };
    let mut out = Vec::new();
    let ours = measure("JSON to wire, one pass", || {
        out.clear();
        PLANS.read_json(list, &text, &mut out).expect("the page");
        black_box(&out);
    });
    let theirs = measure("JSON to wire, dynamic", || {
        let mut text = Deserializer::from_slice(&canonical);
        let strict = DeserializeOptions::new();
        let message = DynamicMessage::deserialize_with_options(oracle.clone(), &mut text, &strict);
        black_box(message.expect("the page").encode_to_vec());
    });
    println!("{:.1} times as fast", theirs / ours);
    let ours = measure("wire to JSON, one pass", || {
        out.clear();
        PLANS.write_json(list, &wire, &mut out).expect("the page");
        black_box(&out);
    });
    let theirs = measure("wire to JSON, dynamic", || {
        let message = DynamicMessage::decode(oracle.clone(), &*wire).expect("the page");
        let mut out = Serializer::new(Vec::new());
        message.serialize_with_options(&mut out, &options).expect("the page");
        black_box(out.into_inner());
    });
    println!("{:.1} times as fast", theirs / ours);
}

/// The best of many rounds, in nanoseconds: what disturbs a round only ever adds to it.
fn measure(what: &str, mut work: impl FnMut()) -> f64 {
    let round = |work: &mut dyn FnMut()| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64() * 1e9
    };
    let best = (0..2000).map(|_| round(&mut work)).fold(f64::INFINITY, f64::min);
    println!("{what}: {best:.0} ns");
    best
}
