//! The contracts of the mesh, compiled: messages and stubs for Rust, descriptors for the rest.

use std::sync::LazyLock;

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, ReflectMessage};

mod generated;
mod label;
pub mod policy;
mod secret;

pub use generated::buf::validate;
pub use generated::google::api;
pub use generated::spectra::{analysis::v1 as analysis, identity::v1 as identity, lims::v1 as lims, r#type::v1 as types};
pub use label::Label;

/// Every contract as an encoded `google.protobuf.FileDescriptorSet`, with its options and comments.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/contract.bin"));

/// The contracts, to be walked at run time.
pub static POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(DESCRIPTORS).expect("the build encoded these descriptors"));

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
