//! JSON text to protobuf wire bytes and back, each in one pass, with no tree of the message between them.
//!
//! At start every message of the contract is compiled into a plan ([`Plans`]); the text, or the wire, is then
//! walked by the plan. The JSON is that of proto3 with four decisions: names as in the proto, enums as short
//! lower-case names, every field present, 64-bit integers as strings.

pub(crate) mod enumeration;
mod error;
mod json;
mod lookup;
mod mask;
mod number;
mod parameter;
mod plan;
mod read;
mod scalar;
mod text;
mod time;
mod wire;
mod write;

pub use error::{Corrupt, Malformed};
pub use parameter::Parameters;
pub use plan::{FieldId, MessageId, Plans};

use read::Reader;
use write::Writer;

impl Plans {
    /// Reads JSON as `message`, and appends its wire bytes to `out`.
    ///
    /// Returns the fields that the outermost object names, null ones too, by their names in the proto: what an
    /// update changes. `out` is left as it was when the text is refused.
    pub fn read_json<'p>(&'p self, message: MessageId, text: &[u8], out: &mut Vec<u8>) -> Result<Vec<&'p str>, Malformed> {
        let start = out.len();
        let read = Reader::new(self, text, out).and_then(|reader| reader.read_message(message));
        restored(read, out, start)
    }

    /// Reads JSON as the value of one field, and appends that field, with its tag, to `out`.
    ///
    /// Returns the fields that the outermost object names, as `read_json` does.
    pub fn read_json_field<'p>(&'p self, field: FieldId, text: &[u8], out: &mut Vec<u8>) -> Result<Vec<&'p str>, Malformed> {
        let start = out.len();
        let field = &self.plan(field.message).fields[field.index];
        let read = Reader::new(self, text, out).and_then(|reader| reader.read_field(field));
        restored(read, out, start)
    }

    /// Writes the message that `wire` holds as JSON, and appends it to `out`, which is left as it was on an error.
    pub fn write_json(&self, message: MessageId, wire: &[u8], out: &mut Vec<u8>) -> Result<(), Corrupt> {
        let start = out.len();
        let written = Writer::new(self, out).message(message, wire);
        restored(written, out, start)
    }

    /// Writes one field of the message that `wire` holds as JSON, without its name, and appends it to `out`.
    pub fn write_json_field(&self, field: FieldId, wire: &[u8], out: &mut Vec<u8>) -> Result<(), Corrupt> {
        let start = out.len();
        let plan = self.plan(field.message);
        let written = Writer::new(self, out).only(plan, field.index, wire);
        restored(written, out, start)
    }

    /// Begins to set fields of `message` by text.
    #[must_use]
    pub fn parameters(&self, message: MessageId) -> Parameters<'_> {
        Parameters::new(self, message)
    }
}

/// On an error, takes back what has been appended.
fn restored<T, E>(result: Result<T, E>, out: &mut Vec<u8>, start: usize) -> Result<T, E> {
    result.inspect_err(|_| out.truncate(start))
}
