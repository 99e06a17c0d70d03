//! The rules, each broken and kept, on a contract of the tests' own.

use std::{path::PathBuf, sync::LazyLock};

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage};
use protox::{
    Compiler, Error,
    file::{ChainFileResolver, File, FileResolver, GoogleFileResolver, IncludeFileResolver},
};

use super::Rules;

mod any_bytes;
mod free_json;
mod stated;
mod updates;
mod values;

/// What every contract of the tests begins with.
const HEAD: &str = r#"
    syntax = "proto3";
    package test.v1;
    import "buf/validate/validate.proto";
    import "google/api/field_behavior.proto";
    import "google/protobuf/field_mask.proto";
    import "google/protobuf/struct.proto";
    import "google/protobuf/timestamp.proto";
"#;

/// A contract with a field for every rule.
const CONTRACT: &str = r#"
    message Thing {
      string id = 1 [(google.api.field_behavior) = OUTPUT_ONLY, (buf.validate.field).string.uuid = true];
      string name = 2 [(buf.validate.field).string = { min_len: 1 max_len: 12 pattern: "\\S" }];
      optional string note = 3 [(buf.validate.field).string = { min_len: 2 max_len: 20 }];
      repeated string tags = 4 [(buf.validate.field).repeated = { max_items: 3 unique: true items: { string: { max_len: 5 } } }];
      optional int32 level = 5 [(buf.validate.field).int32 = { gte: 1 lte: 10 }];
      optional double mass = 6 [(buf.validate.field).double = { gt: 0 lt: 100 finite: true }];
      google.protobuf.Timestamp due = 7;
      google.protobuf.Struct data = 8;
      optional string owner_id = 9 [(buf.validate.field).string.uuid = true];
      repeated Point points = 10;
      optional Color color = 11;
      string lot = 12 [(google.api.field_behavior) = IMMUTABLE];
      repeated string log = 13 [(google.api.field_behavior) = OUTPUT_ONLY];
      repeated int32 steps = 14 [(buf.validate.field).repeated.min_items = 1];
    }
    message Point {
      double value = 1 [(buf.validate.field).double.finite = true];
      optional Point next = 2;
      map<string, Point> around = 3;
    }
    enum Color { COLOR_UNSPECIFIED = 0; COLOR_RED = 1; COLOR_BLUE = 2; COLOR_GREY = 7; }

    message CreateThingRequest { Thing thing = 1 [(buf.validate.field).required = true]; }
    message UpdateThingRequest {
      string id = 1 [(buf.validate.field).string.uuid = true];
      Thing thing = 2 [(buf.validate.field).required = true];
      google.protobuf.FieldMask update_mask = 3;
    }
    message ChangeThingRequest { google.protobuf.FieldMask update_mask = 1; Thing thing = 2; }

    message Values {
      optional string email = 1 [(buf.validate.field).string.email = true];
      optional string code = 2 [(buf.validate.field).string.pattern = "^[a-z]+-\\d+$"];
      optional string free = 3;
      optional bytes bytes = 4 [(buf.validate.field).bytes = { min_len: 2 max_len: 4 }];
      optional int64 size = 5 [(buf.validate.field).int64 = { gt: 0 lt: 1000000000000 }];
      optional int32 below = 6 [(buf.validate.field).int32.lt = 0];
      optional double ratio = 7 [(buf.validate.field).double = { gte: 0 lte: 1 }];
      optional double finite = 8 [(buf.validate.field).double.finite = true];
      optional double any = 9;
      optional Color defined = 10 [(buf.validate.field).enum.defined_only = true];
      optional Color not_grey = 11 [(buf.validate.field).enum = { not_in: [7] }];
      repeated Color colors = 12;
      repeated double weights = 13 [(buf.validate.field).repeated.items.double.gte = 0];
      repeated int32 numbers = 14 [(buf.validate.field).repeated = { unique: true items: { int32: { lte: 9 } } }];
      map<string, string> labels = 15 [(buf.validate.field).map = {
        max_pairs: 2 keys: { string: { min_len: 1 max_len: 5 } } values: { string: { max_len: 3 } }
      }];
      map<int32, Color> by_number = 16;
      google.protobuf.Timestamp at = 17;
      oneof choice {
        string word = 18 [(buf.validate.field).string.min_len = 2];
        int32 count = 19 [(buf.validate.field).int32.gte = 1];
      }
    }

    message Free {
      google.protobuf.Struct object = 1;
      google.protobuf.ListValue list = 2;
      google.protobuf.Value value = 3;
    }

    message Sized {
      repeated double some = 1 [(buf.validate.field).repeated = { min_items: 2 max_items: 3 }];
      map<string, string> pairs = 2 [(buf.validate.field).map = { min_pairs: 2 max_pairs: 3 }];
    }

    enum Switch { SWITCH_OFF = 0; SWITCH_ON = 1; }
    message Needed {
      string name = 1 [(buf.validate.field).string.min_len = 1];
      string id = 2 [(buf.validate.field).string.uuid = true];
      optional string word = 3 [(buf.validate.field).required = true];
      int32 count = 4 [(buf.validate.field).int32.gte = 1];
      Color color = 5 [(buf.validate.field).enum.not_in = 0];
      google.protobuf.Timestamp at = 6 [(buf.validate.field).required = true];
      repeated string items = 7 [(buf.validate.field).required = true];
      bool sure = 8 [(buf.validate.field).required = true];
      bytes hash = 9 [(buf.validate.field).bytes.min_len = 1];
      map<string, string> pairs = 10 [(buf.validate.field).map.min_pairs = 1];
      Color shade = 11;
      Switch switch = 13;
      int32 offset = 12 [(buf.validate.field).int32.gte = -1];
    }
"#;

pub(crate) static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| pool(CONTRACT).expect("the contract of the tests"));

static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::compile(&POOL).expect("the rules of the tests"));

/// The descriptors of these messages, which may use the options of the product's contracts.
fn pool(messages: &str) -> Result<DescriptorPool, Error> {
    struct Source(String);

    impl FileResolver for Source {
        fn open_file(&self, name: &str) -> Result<File, Error> {
            if name == "test.proto" { File::from_source(name, &self.0) } else { Err(Error::file_not_found(name)) }
        }
    }

    let mut files = ChainFileResolver::new();
    files.add(Source(format!("{HEAD} {messages}")));
    files.add(IncludeFileResolver::new(PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../proto"))));
    files.add(GoogleFileResolver::new());
    let mut compiler = Compiler::with_file_resolver(files);
    compiler.include_imports(true).open_file("test.proto")?;
    Ok(DescriptorPool::decode(&*compiler.encode_file_descriptor_set()).expect("the compiler wrote it"))
}

/// A message of the tests' contract, written in protobuf's text format, and encoded.
fn encoded(message: &str, text: &str) -> Vec<u8> {
    let descriptor = POOL.get_message_by_name(&format!("test.v1.{message}")).expect("a message of the contract");
    DynamicMessage::parse_text_format(descriptor, text).expect(text).encode_to_vec()
}

/// An encoded record: `content`, which may be text or a message, as the value of a field.
fn record(number: usize, content: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    for head in [number << 3 | 2, content.len()] {
        prost::encode_length_delimiter(head, &mut wire).expect("a vector has room");
    }
    [&wire, content].concat()
}

/// What is told of encoded bytes, a line for each violation.
fn told_of(message: &str, wire: &[u8]) -> Vec<String> {
    let violations = RULES.check(&format!("test.v1.{message}"), wire);
    violations.into_iter().map(|it| format!("{} {}", it.field, it.message)).collect()
}

/// What is told of a message in text format.
fn told(message: &str, text: &str) -> Vec<String> {
    told_of(message, &encoded(message, text))
}

/// Holds that a message keeps every rule.
#[track_caller]
fn fine(message: &str, text: &str) {
    assert_eq!(told(message, text), Vec::<String>::new(), "{text}");
}

/// Holds that a message breaks this rule and no other.
#[track_caller]
fn broken(message: &str, text: &str, violation: &str) {
    assert_eq!(told(message, text), [violation], "{text}");
}
