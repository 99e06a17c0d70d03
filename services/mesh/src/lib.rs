//! What a service is, apart from its subject: who calls, the tenant's transaction, errors, replay,
//! listening, draining, calling a peer. Nothing here knows a resource.
//!
//! A call passes two doors. The [`gate`] sees its headers: token, role, scope. The unit of work,
//! [`Db::read`], [`Db::list`] and [`Db::write`], sees its message: rules, replay, audit, commit.

pub mod audit;
pub mod authority;
mod bookmark;
pub mod clock;
mod db;
pub mod deadline;
mod digest;
mod error;
pub mod gate;
mod id;
pub mod keys;
mod label;
mod object;
mod outbox;
mod page;
mod part;
pub mod patch;
mod peer;
mod random;
mod replay;
mod revocations;
mod rpc;
pub mod serve;
mod shares;
pub mod signed;
mod stamp;
pub mod telemetry;
pub mod token;
mod unbroken;
mod upload;
pub mod validate;

pub use db::{Db, OrgTx, Pools, SystemDb, SystemTx, UpkeepTx};
pub use digest::{fingerprint, hex, sha256, unhex};
pub use error::{Error, INTERNAL, Refusal};
pub use gate::{Caller, Permit};
pub use id::{id, new_id, optional_id};
pub use label::Labelled;
pub use object::{List, Object};
pub use outbox::{Cursor, Events, Feed, Outbox, announce};
pub use page::{Page, Rows};
pub use part::part;
pub use peer::{Channel, Peer, Unanswered};
pub use random::random;
pub use revocations::Revocations;
pub use rpc::{Reply, checked, permit};
pub use shares::Shares;
pub use stamp::{moment, stamp};
pub use unbroken::{Unbroken, unbroken};
pub use upload::Upload;
