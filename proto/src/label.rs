//! The short names of the contract's enums.

/// An enum of the contract by its short names in lower case, as JSON and the database know them.
pub trait Label: Copy + Into<i32> + TryFrom<i32> + Send + Sync + 'static {
    /// The short name; empty for the value that says nothing.
    fn label(self) -> &'static str;

    /// The value of this short name.
    fn from_label(label: &str) -> Option<Self>;
}

include!(concat!(env!("OUT_DIR"), "/labels.rs"));
