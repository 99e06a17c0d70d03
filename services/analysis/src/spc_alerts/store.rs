//! The statements over alerts.

use spectra_mesh::{Error, Labelled, Object, OrgTx, Page, id, new_id, optional_id, page};
use spectra_proto::{
    Label,
    analysis::{self as pb, AlertSeverity},
    types::UserRole,
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Alert, rules::Resolvable};
use crate::{identity::Signed, spc_points::Place};

/// What an alert says when it is opened.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(crate) point_id: Uuid,
    pub(crate) rule: String,
    pub(crate) window_from: OffsetDateTime,
    pub(crate) window_to: OffsetDateTime,
    pub(crate) severity: AlertSeverity,
    pub(crate) summary: String,
    pub(crate) details: Object,
}

/// Opens alerts of a series, with what is to be done about them.
pub(crate) async fn open(tx: &mut OrgTx, series_id: Uuid, openings: &[Opening]) -> Result<Vec<Alert>, Error> {
    if openings.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<_> = openings.iter().map(|_| new_id()).collect();
    let points: Vec<_> = openings.iter().map(|opening| opening.point_id).collect();
    let rules: Vec<_> = openings.iter().map(|opening| opening.rule.clone()).collect();
    let from: Vec<_> = openings.iter().map(|opening| opening.window_from).collect();
    let to: Vec<_> = openings.iter().map(|opening| opening.window_to).collect();
    let severities: Vec<_> = openings.iter().map(|opening| opening.severity.label().to_owned()).collect();
    let summaries: Vec<_> = openings.iter().map(|opening| opening.summary.clone()).collect();
    let details: Vec<_> = openings.iter().map(|opening| opening.details.canonical()).collect();
    Ok(sqlx::query_as!(
        Alert,
        "INSERT INTO spc_alerts (organization_id, id, series_id, point_id, rule, window_from, window_to, severity, summary, details,
                                 reaction_plan)
         SELECT $1, id, $2, point_id, rule, window_from, window_to, severity::alert_severity, summary, details::jsonb,
                (SELECT s.reaction_plan FROM spc_series s WHERE s.organization_id = $1 AND s.id = $2)
           FROM unnest($3::uuid[], $4::uuid[], $5::text[], $6::timestamptz[], $7::timestamptz[], $8::text[], $9::text[], $10::text[])
             AS opened (id, point_id, rule, window_from, window_to, severity, summary, details)
         RETURNING *",
        tx.org(),
        series_id,
        &ids,
        &points,
        &rules,
        &from,
        &to,
        &severities,
        &summaries,
        &details,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// An alert of an episode, as it is looked at when points are judged again.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) id: Uuid,
    pub(crate) rule: String,
    pub(crate) point_id: Uuid,
    pub(crate) window_to: OffsetDateTime,
    pub(crate) is_open: bool,
    /// Whether nobody has looked after it, and it keeps no run from being made.
    pub(crate) is_untouched: bool,
}

/// The alerts of a series, of one rule or of all, that were opened at points from a place on and before another, the first ones first, so
/// many or all; not those that were withdrawn.
pub(crate) async fn told(
    tx: &mut OrgTx,
    series_id: Uuid,
    rule: Option<&str>,
    from: Place,
    before: Place,
    limit: Option<i64>,
) -> Result<Vec<Told>, Error> {
    let told = sqlx::query_as!(
        Told,
        r#"SELECT a.id, a.rule, a.point_id, a.window_to, a.closed_at IS NULL AS "is_open!",
                  a.closed_at IS NULL AND a.acknowledged_at IS NULL AND NOT (s.hold AND a.severity = 'critical') AS "is_untouched!"
             FROM spc_alerts a JOIN spc_series s ON s.organization_id = a.organization_id AND s.id = a.series_id
            WHERE a.organization_id = $1 AND a.series_id = $2 AND ($3::text IS NULL OR a.rule = $3)
              AND (a.window_to, a.point_id) >= ($4, $5) AND (a.window_to, a.point_id) < ($6, $7)
              AND (a.closed_at IS NULL OR a.closed_by IS NOT NULL)
            ORDER BY a.window_to, a.point_id, a.created_at, a.id LIMIT $8"#,
        tx.org(),
        series_id,
        rule,
        from.ts,
        from.id,
        before.ts,
        before.id,
        limit,
    );
    Ok(told.fetch_all(tx.conn()).await?)
}

/// The first of them.
pub(crate) async fn first(tx: &mut OrgTx, series_id: Uuid, rule: &str, from: Place, before: Place) -> Result<Option<Told>, Error> {
    Ok(told(tx, series_id, Some(rule), from, before, Some(1)).await?.pop())
}

/// Closes alerts in nobody's name, but for those that somebody looks after by now.
pub(crate) async fn withdraw(tx: &mut OrgTx, alerts: &[Uuid], resolution: &str) -> Result<(), Error> {
    if alerts.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "UPDATE spc_alerts SET closed_at = clock_timestamp(), resolution = $3
          WHERE organization_id = $1 AND id = ANY($2) AND closed_at IS NULL AND acknowledged_at IS NULL",
        tx.org(),
        alerts,
        resolution,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

impl Alert {
    /// The alert asked for.
    pub(super) async fn find(tx: &mut OrgTx, asked: &str) -> Result<Self, Error> {
        let found = sqlx::query_as!(Self, "SELECT * FROM spc_alerts WHERE organization_id = $1 AND id = $2", tx.org(), id(asked)?)
            .fetch_optional(tx.conn())
            .await?;
        found.ok_or_else(|| Error::not_found("alert"))
    }

    /// A page of the alerts that match the filters.
    pub(super) async fn page(tx: &mut OrgTx, asked: &pb::ListSpcAlertsRequest, page: &Page) -> Result<pb::ListSpcAlertsResponse, Error> {
        let (items, pagination) = page!(
            tx,
            page,
            Self,
            "SELECT * FROM spc_alerts
              WHERE organization_id = $1
                AND ($6::uuid IS NULL OR series_id = $6)
                AND ($7::boolean IS NULL OR (closed_at IS NULL) = $7)
                AND ($8::alert_severity IS NULL OR severity = $8)
                AND ($9::text IS NULL OR rule = $9)",
            optional_id(asked.series_id.as_deref())?,
            asked.open,
            asked.severity.and_then(Labelled::of) as Option<Labelled<AlertSeverity>>,
            asked.rule,
        )?;
        Ok(pb::ListSpcAlertsResponse { items, pagination })
    }

    /// Says that the caller looks after an alert.
    pub(super) async fn acknowledge(tx: &mut OrgTx, asked: &pb::AcknowledgeSpcAlertRequest) -> Result<Self, Error> {
        let alert = Self::lock(tx, &asked.id).await?;
        alert.may_acknowledge()?;
        let user = tx.caller().user;
        Ok(sqlx::query_as!(
            Self,
            "UPDATE spc_alerts SET acknowledged_at = clock_timestamp(), acknowledged_by = $3, acknowledged_comment = $4
              WHERE organization_id = $1 AND id = $2 RETURNING *",
            tx.org(),
            alert.id,
            user,
            asked.comment,
        )
        .fetch_one(tx.conn())
        .await?)
    }

    /// Ends an alert, which is still what was signed if it was signed for.
    pub(super) async fn resolve(
        tx: &mut OrgTx,
        asked: &pb::ResolveSpcAlertRequest,
        signed: Result<Option<Signed>, Error>,
    ) -> Result<Self, Error> {
        let signed = signed?;
        let alert = Self::lock(tx, &asked.id).await?;
        if let Resolvable::Signed(record) = alert.resolvable(tx, &asked.comment).await? {
            let stands = |signed: &Signed| signed.content_hash == record.content_hash() && signed.signer_role >= UserRole::Pi;
            if !signed.as_ref().is_some_and(stands) {
                return Err(Error::Unavailable("the series or the role of the caller changed meanwhile; try again"));
            }
        }
        let user = tx.caller().user;
        Ok(sqlx::query_as!(
            Self,
            "UPDATE spc_alerts
                SET closed_at = clock_timestamp(), closed_by = $3, resolution = $4, manifest = $5, signature = $6, signature_key = $7
              WHERE organization_id = $1 AND id = $2 RETURNING *",
            tx.org(),
            alert.id,
            user,
            asked.comment,
            signed.as_ref().map(|signed| &*signed.manifest),
            signed.as_ref().map(|signed| &*signed.signature),
            signed.as_ref().map(|signed| &*signed.key_id),
        )
        .fetch_one(tx.conn())
        .await?)
    }

    /// How the caller may end the alert.
    pub(super) async fn resolvable(&self, tx: &mut OrgTx, comment: &str) -> Result<Resolvable, Error> {
        let holds = sqlx::query_scalar!("SELECT hold FROM spc_series WHERE organization_id = $1 AND id = $2", tx.org(), self.series_id)
            .fetch_one(tx.conn())
            .await?;
        self.may_resolve(holds, tx.caller().role, comment)
    }

    /// An alert that nobody else changes meanwhile, at the revision that the caller meant.
    async fn lock(tx: &mut OrgTx, asked: &str) -> Result<Self, Error> {
        let found = sqlx::query_as!(
            Self,
            "SELECT * FROM spc_alerts WHERE organization_id = $1 AND id = $2 FOR NO KEY UPDATE",
            tx.org(),
            id(asked)?,
        )
        .fetch_optional(tx.conn())
        .await?;
        let alert = found.ok_or_else(|| Error::not_found("alert"))?;
        tx.expect("alert", alert.revision)?;
        Ok(alert)
    }
}
