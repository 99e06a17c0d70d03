//! Feature sets: which metrics of which results a model learns from.

use spectra_mesh::{Object, stamp};
use spectra_proto::analysis as pb;
use time::OffsetDateTime;
use uuid::Uuid;

mod rows;
mod rpc;
mod selection;
mod store;

pub(crate) use rows::selected_runs;

/// One version of a feature set.
#[derive(Debug)]
struct FeatureSet {
    organization_id: Uuid,
    id: Uuid,
    name: String,
    spec: Object,
    set_version: i32,
    created_by: Uuid,
    created_at: OffsetDateTime,
}

impl From<FeatureSet> for pb::FeatureSet {
    fn from(set: FeatureSet) -> Self {
        Self {
            id: set.id.to_string(),
            organization_id: set.organization_id.to_string(),
            name: set.name,
            spec: Some(set.spec.into()),
            set_version: set.set_version,
            created_by: set.created_by.to_string(),
            warnings: Vec::new(),
            created_at: Some(stamp(set.created_at)),
        }
    }
}
