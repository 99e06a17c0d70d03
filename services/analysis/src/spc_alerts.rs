//! Alerts of series: one for each rule and episode.

use spectra_mesh::{Labelled, Object, stamp};
use spectra_proto::analysis::{self as pb, AlertSeverity};
use time::OffsetDateTime;
use uuid::Uuid;

mod hold;
mod rpc;
mod rules;
mod store;

pub(crate) use hold::{Unheld, Watched, hold, holding};
pub(crate) use store::{Opening, Told, first, open, told, withdraw};

/// An alert, from its first signal until somebody resolves it.
#[derive(Debug)]
pub(crate) struct Alert {
    organization_id: Uuid,
    pub(crate) id: Uuid,
    series_id: Uuid,
    point_id: Uuid,
    rule: String,
    window_from: OffsetDateTime,
    window_to: OffsetDateTime,
    severity: Labelled<AlertSeverity>,
    summary: String,
    details: Object,
    opened_at: OffsetDateTime,
    acknowledged_at: Option<OffsetDateTime>,
    acknowledged_by: Option<Uuid>,
    acknowledged_comment: Option<String>,
    closed_at: Option<OffsetDateTime>,
    closed_by: Option<Uuid>,
    resolution: Option<String>,
    manifest: Option<String>,
    signature: Option<Vec<u8>>,
    signature_key: Option<String>,
    revision: i32,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    reaction_plan: Option<String>,
}

impl From<Alert> for pb::SpcAlert {
    fn from(alert: Alert) -> Self {
        Self {
            id: alert.id.to_string(),
            organization_id: alert.organization_id.to_string(),
            series_id: alert.series_id.to_string(),
            point_id: alert.point_id.to_string(),
            rule: alert.rule,
            window_from: Some(stamp(alert.window_from)),
            window_to: Some(stamp(alert.window_to)),
            severity: alert.severity.number(),
            summary: alert.summary,
            details: Some(alert.details.into()),
            opened_at: Some(stamp(alert.opened_at)),
            acknowledged_at: alert.acknowledged_at.map(stamp),
            acknowledged_by: alert.acknowledged_by.map(|user| user.to_string()),
            acknowledged_comment: alert.acknowledged_comment,
            closed_at: alert.closed_at.map(stamp),
            closed_by: alert.closed_by.map(|user| user.to_string()),
            resolution: alert.resolution,
            manifest: alert.manifest,
            signature: alert.signature,
            signature_key: alert.signature_key,
            revision: alert.revision,
            created_at: Some(stamp(alert.created_at)),
            updated_at: Some(stamp(alert.updated_at)),
            reaction_plan: alert.reaction_plan,
        }
    }
}
