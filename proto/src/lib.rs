//! The contracts of the mesh, compiled: messages and stubs for Rust, descriptors for the rest.

use std::sync::LazyLock;

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, ReflectMessage, Value};

mod generated;
mod label;
pub mod policy;
mod secret;
mod short_name;

pub use generated::buf::validate;
pub use generated::google::api;
pub use generated::spectra::{analysis::v1 as analysis, identity::v1 as identity, lims::v1 as lims, r#type::v1 as types};
pub use label::Label;
pub use short_name::short_name;

/// How many objects and lists of free JSON may hold one another, the outermost counted. An object is
/// three messages on the wire, of which protobuf's decoders read a hundred, whatever the language: what
/// is deeper could be stored and then be read by no gRPC client.
pub const JSON_DEPTH: usize = 32;

/// Every contract as an encoded `google.protobuf.FileDescriptorSet`, with its options and comments.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/contract.bin"));

/// The same without the comments, which are most of the memory that descriptors take.
pub const BARE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/bare.bin"));

/// The contracts without their comments, to be walked at run time.
pub static POOL: LazyLock<DescriptorPool> = LazyLock::new(bare);

/// The same for whoever walks them only once, and gives their memory back.
#[must_use]
#[expect(clippy::missing_panics_doc, reason = "the build encoded these descriptors")]
pub fn bare() -> DescriptorPool {
    DescriptorPool::decode(BARE).expect("the build encoded these descriptors")
}

/// The contracts with their comments, for whoever writes them down.
#[must_use]
#[expect(clippy::missing_panics_doc, reason = "the build encoded these descriptors")]
pub fn commented() -> DescriptorPool {
    DescriptorPool::decode(DESCRIPTORS).expect("the build encoded these descriptors")
}

/// The option of this full name among `options`; none when it is unset or is no `T`.
#[must_use]
pub fn option<T: Message + Default>(options: &DynamicMessage, name: &str) -> Option<T> {
    let descriptor = options.descriptor();
    let extension = descriptor.parent_pool().get_extension_by_name(name)?;
    if extension.containing_message() != descriptor || !options.has_extension(&extension) {
        return None;
    }
    let value = options.get_extension(&extension);
    value.as_message()?.transcode_to().ok()
}

/// What a field may be used for: the numbers of `google.api.FieldBehavior` that its contract states.
#[must_use]
pub fn behaviors(field: &FieldDescriptor) -> Vec<i32> {
    let Some(extension) = field.parent_pool().get_extension_by_name("google.api.field_behavior") else { return Vec::new() };
    let options = field.options();
    let stated = options.get_extension(&extension);
    stated.as_list().unwrap_or_default().iter().filter_map(Value::as_enum_number).collect()
}
