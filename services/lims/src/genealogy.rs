//! Genealogy: which samples came of which.

use spectra_mesh::{Labelled, stamp};
use spectra_proto::lims::{self as pb, LineageKind};
use time::OffsetDateTime;
use uuid::Uuid;

mod rpc;
mod store;

/// The family of a sample.
#[derive(Debug)]
struct Family {
    sample_id: Uuid,
    members: Vec<Member>,
    births: Vec<Birth>,
    is_cut: bool,
}

/// A sample in a family.
#[derive(Debug)]
struct Member {
    id: Uuid,
    name: String,
    lot_code: Option<String>,
    barcode: Option<String>,
    generation: i32,
    is_deleted: bool,
    created_at: OffsetDateTime,
}

/// How one sample came of another.
#[derive(Clone, Copy, Debug)]
struct Birth {
    parent_id: Uuid,
    child_id: Uuid,
    kind: Labelled<LineageKind>,
    created_by: Uuid,
    created_at: OffsetDateTime,
    /// The place, from 1 on, of whoever of the two is farther in the family.
    farther: i64,
}

impl From<Family> for pb::Genealogy {
    fn from(family: Family) -> Self {
        Self {
            sample_id: family.sample_id.to_string(),
            nodes: family.members.into_iter().map(Into::into).collect(),
            edges: family.births.into_iter().map(Into::into).collect(),
            is_cut: family.is_cut,
        }
    }
}

impl From<Member> for pb::GenealogyNode {
    fn from(member: Member) -> Self {
        Self {
            id: member.id.to_string(),
            name: member.name,
            lot_code: member.lot_code,
            barcode: member.barcode,
            generation: member.generation,
            is_deleted: member.is_deleted,
            created_at: Some(stamp(member.created_at)),
        }
    }
}

impl From<Birth> for pb::GenealogyEdge {
    fn from(birth: Birth) -> Self {
        Self {
            parent_id: birth.parent_id.to_string(),
            child_id: birth.child_id.to_string(),
            kind: birth.kind.number(),
            created_by: birth.created_by.to_string(),
            created_at: Some(stamp(birth.created_at)),
        }
    }
}
