//! The field rules of the contract, checked on the encoded message.
//!
//! Rules are compiled from the descriptors once. A check walks the bytes in one pass and builds no
//! message: the unit of work has encoded the request already, for the digest that replay compares.

use std::{collections::HashMap, fmt::Display, sync::LazyLock};

use prost_reflect::DescriptorPool;

mod check;
mod compile;
mod known;
mod place;
mod plan;
mod scalar;
mod stated;
#[cfg(test)]
pub(crate) mod tests;
mod text;
pub(crate) mod wire;

use check::Check;
use place::Quoted;
use plan::Plan;

/// The rules of the product's contract.
pub static RULES: LazyLock<Rules> =
    LazyLock::new(|| Rules::compile(&spectra_proto::POOL).expect("a test compiles the rules of this very contract"));

/// A field that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The path from the request to the field, such as `sample.name` or `points[3].value`; empty for the request itself.
    pub field: String,
    /// The rest of a sentence that begins with the field and says what to do, such as `must have at most 200 characters`.
    pub message: String,
}

/// The compiled rules of every message of a contract.
#[derive(Debug)]
pub struct Rules {
    plans: Vec<Plan>,
    by_name: HashMap<String, usize>,
}

impl Rules {
    /// Compiles the rules of every message in `pool`; tells the first rule that cannot be enforced as it stands.
    pub fn compile(pool: &DescriptorPool) -> Result<Self, String> {
        let (plans, by_name) = compile::plans(pool)?;
        Ok(Self { plans, by_name })
    }

    /// The rules that a request breaks, the first 64 of them; `message` is its full name, `wire` its encoding.
    ///
    /// `wire` is expected to come from an encoder, which writes a field without repetition once; of a
    /// field that comes twice, each occurrence must obey.
    #[must_use]
    pub fn check(&self, message: &str, wire: &[u8]) -> Vec<Violation> {
        let Some(&index) = self.by_name.get(message) else {
            return vec![Violation::of_request("is no message of the contract")];
        };
        let checked = Check::new(&self.plans).run(&self.plans[index], wire);
        checked.unwrap_or_else(|wire::Malformed| vec![Violation::unreadable()])
    }
}

impl Violation {
    /// The violation of a request that cannot be looked into.
    fn of_request(message: &str) -> Self {
        Self { field: String::new(), message: message.to_owned() }
    }

    /// The violation of bytes that are no message.
    pub(crate) fn unreadable() -> Self {
        Self::of_request("is not a valid message")
    }

    /// The violation of a mask at `field` that names what is not there.
    pub(crate) fn unknown_path(field: impl Display, path: &str) -> Self {
        Self { field: field.to_string(), message: format!("names no field `{}`", Quoted(path)) }
    }
}
