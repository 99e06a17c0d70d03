//! Contracts made up by tests.

use std::path::Path;

use prost_reflect::DescriptorPool;
use protox::{
    Compiler,
    file::{ChainFileResolver, File, FileResolver, GoogleFileResolver, IncludeFileResolver},
};
use spectra_mesh::Peer;

/// Messages to make services of.
const MESSAGES: &str = r"
    message Thing {
      message Part { string name = 1; }
      string id = 1;
      string name = 2;
      optional string note = 3;
      repeated string tags = 4;
      Part part = 5;
      int32 revision = 6;
      bool is_active = 7;
    }
    message GetThingRequest { string id = 1; Thing.Part part = 2; repeated string views = 3; int32 limit = 4; map<string, string> labels = 5; }
    message ChangeThingRequest { string id = 1; Thing thing_part = 2; google.protobuf.FieldMask update_mask = 3; bool dry_run = 4; }
    message CheckThingRequest { string id = 1; string reason = 2; }
    message Things { repeated Thing items = 1; }
    message WatchThingsRequest { optional string cursor = 1; string name = 2; }
    message Piece { bytes content = 1; }
    message ThingEvent { string cursor = 1; Thing thing = 2; }
";

/// A contract of one service with these methods.
pub(crate) fn pool(methods: &str) -> DescriptorPool {
    contract(&format!("service ThingService {{ {methods} }} {MESSAGES}"))
}

/// A contract of these declarations.
pub(crate) fn contract(declarations: &str) -> DescriptorPool {
    let source = format!(
        r#"syntax = "proto3";
           package test.v1;
           import "buf/validate/validate.proto";
           import "google/api/annotations.proto";
           import "google/api/field_behavior.proto";
           import "google/protobuf/duration.proto";
           import "google/protobuf/empty.proto";
           import "google/protobuf/field_mask.proto";
           import "google/protobuf/struct.proto";
           import "google/protobuf/timestamp.proto";
           import "google/protobuf/wrappers.proto";
           import "spectra/policy/v1/policy.proto";
           import "spectra/type/v1/file.proto";
           {declarations}"#
    );
    let mut resolver = ChainFileResolver::new();
    resolver.add(Source(source));
    resolver.add(IncludeFileResolver::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto")));
    resolver.add(GoogleFileResolver::new());
    let mut compiler = Compiler::with_file_resolver(resolver);
    compiler.include_imports(true).include_source_info(true).open_file(Source::NAME).unwrap_or_else(|fault| panic!("{fault:?}"));
    DescriptorPool::decode(&*compiler.encode_file_descriptor_set()).expect("what was compiled")
}

/// One method.
pub(crate) fn method(name: &str, input: &str, output: &str, rule: &str) -> String {
    format!("rpc {name}({input}) returns ({output}) {{ option (google.api.http) = {{{rule}}}; }}\n")
}

/// The service of every contract here; nobody answers there.
pub(crate) fn peers() -> [(&'static str, Peer); 1] {
    [("test.v1", Peer::at("test", "http://127.0.0.1:1").expect("a peer"))]
}

struct Source(String);

impl Source {
    const NAME: &str = "thing.proto";
}

impl FileResolver for Source {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        if name == Self::NAME { File::from_source(name, &self.0) } else { Err(protox::Error::file_not_found(name)) }
    }
}
