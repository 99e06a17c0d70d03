use serde_json::{Value, json};

use super::*;
use crate::fixture;

const MESSAGES: &str = r#"
    // How a thing stands.
    enum Standing {
      // Never sent.
      STANDING_UNSPECIFIED = 0;
      // In use.
      STANDING_USED = 1;
      STANDING_LOST = 2;
    }
    // A thing.
    // It has parts.
    message Thing {
      message Part { string name = 1; Thing within = 2; }
      // Its id.
      string id = 1 [(google.api.field_behavior) = OUTPUT_ONLY];
      // What it is called, such as `Bolt`.
      string name = 2 [(buf.validate.field).string = {min_len: 1 max_len: 9 pattern: "\\S"}];
      optional string note = 3 [(buf.validate.field).string.email = true];
      repeated string tags = 4 [(buf.validate.field).repeated = {min_items: 1 max_items: 5 unique: true items: {string: {max_len: 3}}}];
      Part part = 5;
      google.protobuf.Timestamp since = 6 [(buf.validate.field).required = true];
      Standing standing = 7;
      optional Standing before = 8;
      string kind = 9 [(google.api.field_behavior) = IMMUTABLE];
    }
    message Numbers {
      int32 small = 1 [(buf.validate.field).int32 = {gt: 0 lte: 10}];
      int64 large = 2 [(buf.validate.field).int64 = {gte: 5}];
      uint64 natural = 3;
      double any = 4;
      double length = 5 [(buf.validate.field).double = {finite: true}];
      double share = 6 [(buf.validate.field).double = {gte: 0 lte: 1}];
    }
    message Known {
      bytes raw = 1 [(buf.validate.field).bytes.max_len = 4];
      google.protobuf.Duration wait = 2;
      google.protobuf.FieldMask mask = 3;
      google.protobuf.Struct object = 4;
      google.protobuf.ListValue list = 5;
      google.protobuf.Value value = 6;
      google.protobuf.Int64Value wrapped = 7;
      map<string, int32> counts = 8 [(buf.validate.field).map = {max_pairs: 7 keys: {string: {max_len: 4}} values: {int32: {gte: 1}}}];
      map<string, Standing> standings = 9;
    }
"#;

/// The schemas that a message needs, by name.
fn schemas(message: &str, way: Way) -> Value {
    let pool = fixture::contract(MESSAGES);
    let comments = Comments::read(&pool);
    let mut schemas = Schemas::new(&comments);
    schemas.message(&pool.get_message_by_name(&format!("test.v1.{message}")).expect("a message"), way);
    serde_json::to_value(schemas.finish()).expect("JSON")
}

#[test]
fn an_answer_holds_every_field() {
    let all = schemas("Thing", Way::Answer);
    let thing = &all["Thing"];
    assert_eq!(thing["description"], "A thing. It has parts.");
    assert_eq!(thing["required"], json!(["id", "name", "note", "tags", "part", "since", "standing", "before", "kind"]));
    assert_eq!(thing["additionalProperties"], Value::Null);
    let fields = &thing["properties"];
    assert_eq!(fields["id"], json!({"type": "string", "description": "Its id.", "readOnly": true}));
    assert_eq!(fields["note"], json!({"type": ["string", "null"], "format": "email"}));
    assert_eq!(fields["part"], json!({"anyOf": [{"$ref": "#/components/schemas/Thing.Part"}, {"type": "null"}]}));
    assert_eq!(fields["since"], json!({"type": "string", "format": "date-time"}), "a required one is never null");
    assert_eq!(fields["standing"], json!({"$ref": "#/components/schemas/Standing"}));
    assert_eq!(fields["before"], json!({"anyOf": [{"$ref": "#/components/schemas/Standing"}, {"type": "null"}]}));
    assert_eq!(
        all["Standing"],
        json!({"type": "string", "enum": ["used", "lost"], "description": "How a thing stands.\n\n- `used`: In use."})
    );
    assert!(all["Thing.Part"]["properties"]["within"]["anyOf"].is_array(), "a message may hold itself");
}

#[test]
fn an_input_holds_what_a_client_may_set() {
    let all = schemas("Thing", Way::Input);
    let thing = &all["ThingInput"];
    assert_eq!(thing["required"], json!(["name", "tags", "since", "standing"]));
    assert_eq!(thing["additionalProperties"], false);
    let fields = &thing["properties"];
    assert_eq!(fields["id"], Value::Null);
    let name = json!({"type": "string", "minLength": 1, "maxLength": 9, "pattern": "\\S", "description": "What it is called, such as `Bolt`.", "examples": ["Bolt"]});
    assert_eq!(fields["name"], name);
    let tags = json!({"type": "array", "items": {"type": "string", "maxLength": 3}, "minItems": 1, "maxItems": 5, "uniqueItems": true});
    assert_eq!(fields["tags"], tags);
    assert_eq!(fields["kind"], json!({"type": ["string", "null"]}), "null is the same as nothing");
    assert_eq!(fields["part"]["anyOf"][0]["$ref"], "#/components/schemas/Thing.PartInput");
}

#[test]
fn a_change_need_not_hold_anything() {
    let all = schemas("Thing", Way::Change);
    let thing = &all["ThingChange"];
    assert_eq!(thing["required"], Value::Null);
    assert_eq!((&thing["properties"]["id"], &thing["properties"]["kind"]), (&Value::Null, &Value::Null));
    assert_eq!(thing["properties"]["note"]["type"], json!(["string", "null"]), "null clears");
    assert_eq!(thing["properties"]["part"]["anyOf"][0]["$ref"], "#/components/schemas/Thing.PartInput", "what changes is given whole");
}

/// What changes a thing, and a message of the contract that is called so, are two.
#[test]
fn a_message_is_not_taken_for_what_changes_another() {
    let pool = fixture::contract(&format!("{MESSAGES} message ThingChange {{ bool big = 1; }}"));
    let message = |name: &str| pool.get_message_by_name(&format!("test.v1.{name}")).expect("a message");
    let comments = Comments::read(&pool);
    let mut schemas = Schemas::new(&comments);
    let first = schemas.message(&message("Thing"), Way::Change);
    let second = schemas.message(&message("ThingChange"), Way::Answer);
    assert_ne!(first, second);
}

#[test]
fn numbers_have_their_bounds() {
    let all = schemas("Numbers", Way::Input);
    assert_eq!(all["NumbersInput"]["required"], json!(["small", "large"]));
    let fields = &all["NumbersInput"]["properties"];
    assert_eq!(fields["small"], json!({"type": "integer", "format": "int32", "exclusiveMinimum": 0, "maximum": 10}));
    assert_eq!(fields["large"], json!({"type": "string", "format": "int64", "pattern": "^-?[0-9]+$", "x-minimum": 5}));
    assert_eq!(fields["natural"]["format"], "uint64");
    let words = json!({"type": "string", "enum": ["NaN", "Infinity", "-Infinity"]});
    assert_eq!(fields["any"], json!({"anyOf": [{"type": "number", "format": "double"}, words, {"type": "null"}]}));
    assert_eq!(fields["length"], json!({"type": ["number", "null"], "format": "double"}));
    assert_eq!(fields["share"], json!({"type": ["number", "null"], "format": "double", "minimum": 0.0, "maximum": 1.0}));
}

#[test]
fn known_types_are_what_json_has_for_them() {
    let fields = &schemas("Known", Way::Answer)["Known"]["properties"];
    assert_eq!(fields["raw"], json!({"type": "string", "contentEncoding": "base64", "maxLength": 8}));
    assert_eq!(fields["wait"]["type"], json!(["string", "null"]));
    assert_eq!(fields["mask"], json!({"type": ["string", "null"]}));
    assert_eq!(fields["object"], json!({"type": ["object", "null"], "additionalProperties": true}));
    assert_eq!(fields["list"], json!({"type": ["array", "null"], "items": {}}));
    assert_eq!(fields["value"], json!({}));
    assert_eq!(fields["wrapped"], json!({"type": ["string", "null"], "format": "int64", "pattern": "^-?[0-9]+$"}));
    let counts = json!({
        "type": "object", "additionalProperties": {"type": "integer", "format": "int32", "minimum": 1},
        "propertyNames": {"maxLength": 4}, "maxProperties": 7,
    });
    assert_eq!(fields["counts"], counts);
    assert_eq!(fields["standings"]["additionalProperties"], json!({"$ref": "#/components/schemas/Standing"}));
}
