//! Every kind of value, told to a service and told back.

use serde_json::{Value, json};
use tonic::{Request, Response, Status};

use crate::{
    generated::{
        every::v1::{Every, SampleList},
        ground::v1::kind_service_server::KindService,
    },
    stage::Stage,
};

pub(crate) struct Kinds;

#[tonic::async_trait]
impl KindService for Kinds {
    async fn echo(&self, request: Request<Every>) -> Result<Response<Every>, Status> {
        Ok(Response::new(request.into_inner()))
    }

    async fn page(&self, request: Request<SampleList>) -> Result<Response<SampleList>, Status> {
        Ok(Response::new(request.into_inner()))
    }
}

const PATH: &str = "/ground/kinds";

/// What is told comes back, and null where nothing is told.
#[tokio::test]
async fn every_kind_of_value_comes_back() {
    let stage = Stage::start().await;
    let told = json!({
        "scalars": {
            "double_field": 0.1, "float_field": -1.5, "int32_field": i32::MIN, "int64_field": "-9223372036854775808",
            "uint32_field": u32::MAX, "uint64_field": "18446744073709551615", "sint32_field": -1, "sint64_field": "-1",
            "fixed32_field": 7, "fixed64_field": "8", "sfixed32_field": -9, "sfixed64_field": "-10", "bool_field": true,
            "string_field": "\u{1F600}\u{0}\u{2028}\"\\/", "bytes_field": "AP+/", "mood": "very_angry", "plain": "one", "nothing": null,
        },
        "lists": { "doubles": [1.0, "NaN", "-Infinity"], "moods": ["calm", 77], "messages": [{ "bool_field": true }], "unpacked": [1, 2] },
        "maps": {
            "int32_double": { "-1": 0.5 }, "bool_plain": { "true": "zero" }, "string_message": { "": { "int32_field": 1 } },
            "string_value": { "a": [null, { "b": 1.0 }] }, "string_timestamp": { "t": "1970-01-01T00:00:00Z" },
        },
        "known": {
            "timestamp": "9999-12-31T23:59:59.999999999Z", "duration": "-3.000000001s", "field_mask": "a_b.c,d",
            "struct": { "a": { "b": [1.5, "x", false, null] } }, "value": "text", "list_value": [[], {}], "empty": {},
            "any": { "@type": "type.googleapis.com/google.protobuf.Duration", "value": "1s" },
            "double_value": 0.0, "float_value": 1.0, "int64_value": "0", "uint64_value": "1", "int32_value": 0, "uint32_value": 1,
            "bool_value": false, "string_value": "", "bytes_value": "",
            "anys": [{ "@type": "type.googleapis.com/every.v1.Choices", "text": "t" }],
        },
        "choices": { "mood": "calm", "beside": "b", "right_hand": "r" },
        "optionals": { "int32_field": 0, "string_field": "", "mood": "below" },
        "children": [{ "child": { "child": {} } }],
        "by_name": { "x": { "odd_json_name": "odd" } },
    });
    let answer = stage.caller().post(PATH, told.clone()).await.expect(200);
    let mut differences = Vec::new();
    compare("", &told, &answer, &mut differences);
    assert_eq!(differences, Vec::<String>::new(), "{answer}");
    for (unset, value) in [
        ("/scalars/nothing", json!(null)),
        ("/optionals/double_field", json!(null)),
        ("/choices/text", json!(null)),
        ("/lists/strings", json!([])),
        ("/maps/int64_float", json!({})),
        ("/child", json!(null)),
        ("/children/0/child/child/lists", json!(null)),
    ] {
        assert_eq!(answer.pointer(unset), Some(&value), "{unset}");
    }
}

#[tokio::test]
async fn a_page_of_resources_comes_back() {
    let stage = Stage::start().await;
    let sample =
        |number: i32| json!({ "id": number.to_string(), "name": "W", "status": "calm", "metadata": { "n": number }, "thickness": 0.5 });
    let told = json!({ "items": (0..1000).map(sample).collect::<Vec<_>>(), "next_page_token": "t" });
    let answer = stage.caller().post("/ground/pages", told.clone()).await.expect(200);
    let mut differences = Vec::new();
    compare("", &told, &answer, &mut differences);
    assert_eq!(differences, Vec::<String>::new());
}

/// Where `answer` does not say what was told; it may say more.
fn compare(path: &str, told: &Value, answer: &Value, differences: &mut Vec<String>) {
    match (told, answer) {
        (Value::Object(told), Value::Object(answer)) => {
            for (name, value) in told {
                compare(&format!("{path}/{name}"), value, answer.get(name).unwrap_or(&json!("(absent)")), differences);
            }
        }
        (Value::Array(told), Value::Array(answer)) if told.len() == answer.len() => {
            for (index, (told, answer)) in told.iter().zip(answer).enumerate() {
                compare(&format!("{path}/{index}"), told, answer, differences);
            }
        }
        // One is 1, however it is written.
        _ if told == answer || told.as_f64().is_some_and(|told| answer.as_f64() == Some(told)) => {}
        _ => differences.push(format!("{path}: {told} became {answer}")),
    }
}

#[tokio::test]
async fn what_is_no_value_is_refused_at_its_place() {
    let stage = Stage::start().await;
    for (told, field) in [
        (json!({ "scalars": { "int32_field": 1.5 } }), "scalars.int32_field"),
        (json!({ "scalars": { "mood": "happy" } }), "scalars.mood"),
        (json!({ "lists": { "bools": [true, "true"] } }), "lists.bools[1]"),
        (json!({ "maps": { "int32_double": { "x": 1 } } }), "maps.int32_double"),
        (json!({ "known": { "timestamp": "yesterday" } }), "known.timestamp"),
        (json!({ "known": { "any": { "@type": "type.googleapis.com/none.v1.None" } } }), "known.any"),
        (json!({ "choices": { "text": "a", "number": "1" } }), "choices.text"),
        (json!({ "children": [{}, { "unknown": 1 }] }), "children[1].unknown"),
    ] {
        let problem = stage.caller().post(PATH, told.clone()).await.refused(400, "malformed");
        let at = problem["errors"][0]["field"].as_str().unwrap_or_default();
        assert!(at.starts_with(field), "{told}: {problem}");
    }
}
