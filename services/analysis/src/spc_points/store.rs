//! The statements over points.

use std::collections::BTreeSet;

use spectra_mesh::{Error, OrgTx, Page, id, moment, optional_id, page};
use spectra_proto::analysis as pb;
use time::{OffsetDateTime, macros::datetime};
use uuid::Uuid;

use super::{
    Point,
    reading::{Draft, Place, Reading},
};
use crate::spc_series::{Counted, Series};

/// Behind every time that a point may have.
pub(crate) const LAST: OffsetDateTime = datetime!(9999-12-31 00:00 UTC);

/// What was found out about a point.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Outcome {
    /// What is plotted, where that is not the value itself.
    pub(super) statistic: Option<f64>,
    pub(super) rules: Vec<String>,
    /// Centre line, sigma, lower and upper control limit, where they are not the same at every point of the stage.
    pub(super) lines: Option<Vec<f64>>,
    /// The range, standard deviation or moving range, with its own centre line and control limits where they are not the stage's.
    pub(super) spread: Option<Vec<f64>>,
}

/// A stored point as far as it is judged.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) place: Place,
    pub(super) reading: Reading,
    pub(super) outcome: Outcome,
}

impl Point {
    /// A page of the points of a series, the latest time first.
    pub(super) async fn page(tx: &mut OrgTx, asked: &pb::ListSpcPointsRequest, page: &Page) -> Result<pb::ListSpcPointsResponse, Error> {
        let series = Series::find(tx, id(&asked.series_id)?).await?;
        let (items, pagination) = page!(
            tx,
            page,
            Self,
            r#"SELECT id, series_id, ts AS created_at, value, statistic, subgroup, n, part, components, run_id, triggered_rules, excluded,
                      excluded_reason, calibration_suspect, metadata
                 FROM spc_points
                WHERE organization_id = $1 AND series_id = $6 AND ts >= $7 AND ts < $8
                  AND ($9::uuid IS NULL OR run_id = $9)
                  AND ($10::boolean IS NULL OR calibration_suspect = $10)"#,
            series.id,
            asked.from.and_then(moment).unwrap_or(OffsetDateTime::UNIX_EPOCH),
            asked.to.and_then(moment).unwrap_or(LAST),
            optional_id(asked.run_id.as_deref())?,
            asked.calibration_suspect,
        )?;
        Ok(pb::ListSpcPointsResponse { items, pagination })
    }

    /// The point asked for.
    pub(super) async fn find(tx: &mut OrgTx, series_id: Uuid, point_id: Uuid) -> Result<Self, Error> {
        let missing = || Error::not_found("point");
        let found = sqlx::query_as!(
            Self,
            "SELECT id, series_id, ts AS created_at, value, statistic, subgroup, n, part, components, run_id, triggered_rules, excluded,
                    excluded_reason, calibration_suspect, metadata
               FROM spc_points WHERE organization_id = $1 AND series_id = $2 AND ts = $3 AND id = $4",
            tx.org(),
            series_id,
            Place::ts_of(point_id).ok_or_else(missing)?,
            point_id,
        )
        .fetch_optional(tx.conn())
        .await?;
        found.ok_or_else(missing)
    }
}

/// Makes sure that there are the runs that points were measured in; gives those of them whose measurements are in question.
pub(super) async fn suspect_runs(tx: &mut OrgTx, drafts: &[Draft]) -> Result<BTreeSet<Uuid>, Error> {
    let runs: BTreeSet<_> = drafts.iter().filter_map(|draft| draft.run_id).collect();
    if runs.is_empty() {
        return Ok(runs);
    }
    let runs: Vec<_> = runs.into_iter().collect();
    let found = sqlx::query!(
        r#"SELECT id, runs.calibration_suspect AS "suspect!" FROM runs WHERE organization_id = $1 AND id = ANY($2)"#,
        tx.org(),
        &runs,
    );
    let found = found.fetch_all(tx.conn()).await?;
    if found.len() < runs.len() {
        return Err(Error::not_found("run"));
    }
    Ok(found.into_iter().filter(|run| run.suspect).map(|run| run.id).collect())
}

/// Marks the points of runs whose measurements are in question.
pub(crate) async fn suspect(tx: &mut OrgTx, run_ids: &[Uuid]) -> Result<(), Error> {
    // All are held first, in the order in which whoever judges points anew rewrites them, so that no two wait for each other.
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "held!" FROM (
               SELECT FROM spc_points WHERE organization_id = $1 AND run_id = ANY($2) AND NOT calibration_suspect
                ORDER BY series_id, ts, id FOR UPDATE) AS held"#,
        tx.org(),
        run_ids,
    )
    .fetch_one(tx.conn())
    .await?;
    sqlx::query!(
        "UPDATE spc_points SET calibration_suspect = true WHERE organization_id = $1 AND run_id = ANY($2) AND NOT calibration_suspect",
        tx.org(),
        run_ids,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Stores points with what was found out about them. A column that none of them has is sent empty, and read as one of nulls.
pub(super) async fn insert(tx: &mut OrgTx, series_id: Uuid, drafts: &[Draft], outcomes: &[Outcome]) -> Result<(), Error> {
    let ids: Vec<_> = drafts.iter().map(|draft| draft.place.id).collect();
    let times: Vec<_> = drafts.iter().map(|draft| draft.place.ts).collect();
    let values = column(drafts.iter().map(|draft| draft.reading.value));
    let statistics = column(outcomes.iter().map(|outcome| outcome.statistic));
    let subgroups = column(drafts.iter().map(|draft| draft.reading.subgroup));
    let sizes = column(drafts.iter().map(|draft| draft.reading.n));
    let parts = column(drafts.iter().map(|draft| draft.reading.part.clone()));
    let components = column(drafts.iter().map(|draft| draft.reading.components.as_deref().map(listed)));
    let runs = column(drafts.iter().map(|draft| draft.run_id));
    let rules = column(outcomes.iter().map(|outcome| (!outcome.rules.is_empty()).then(|| outcome.rules.join(","))));
    let suspects = column(drafts.iter().map(|draft| draft.is_suspect.then_some(true)));
    let lines = column(outcomes.iter().map(|outcome| outcome.lines.as_deref().map(listed)));
    let spreads = column(outcomes.iter().map(|outcome| outcome.spread.as_deref().map(listed)));
    let metadata = column(drafts.iter().map(|draft| draft.metadata.as_ref().map(spectra_mesh::Object::canonical)));
    sqlx::query!(
        "INSERT INTO spc_points (organization_id, series_id, id, ts, value, statistic, subgroup, n, part, components, run_id, triggered_rules, metadata,
                                 calibration_suspect, lines, spread)
         SELECT $1, $2, id, ts, value, statistic, subgroup, n, part, components::float8[], run_id,
                coalesce(string_to_array(rules, ','), '{}'), coalesce(metadata::jsonb, '{}'),
                coalesce(suspect, false), lines::float8[], spread::float8[]
           FROM unnest($3::uuid[], $4::timestamptz[], $5::float8[], $6::float8[], $7::int[], $8::int[], $9::text[], $10::text[], $11::uuid[],
                       $12::text[], $13::text[], $14::boolean[], $15::text[], $16::text[])
             AS sent (id, ts, value, statistic, subgroup, n, part, components, run_id, rules, metadata, suspect, lines, spread)",
        tx.org(),
        series_id,
        &ids,
        &times,
        &values as _,
        &statistics as _,
        &subgroups as _,
        &sizes as _,
        &parts as _,
        &components as _,
        &runs as _,
        &rules as _,
        &metadata as _,
        &suspects as _,
        &lines as _,
        &spreads as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Writes down what was found out anew about stored points.
pub(super) async fn rewrite(tx: &mut OrgTx, series_id: Uuid, found: &[(Place, Outcome)]) -> Result<(), Error> {
    if found.is_empty() {
        return Ok(());
    }
    let ids: Vec<_> = found.iter().map(|(place, _)| place.id).collect();
    let times: Vec<_> = found.iter().map(|(place, _)| place.ts).collect();
    let statistics: Vec<_> = found.iter().map(|(_, outcome)| outcome.statistic).collect();
    let rules: Vec<_> = found.iter().map(|(_, outcome)| outcome.rules.join(",")).collect();
    let lines = column(found.iter().map(|(_, outcome)| outcome.lines.as_deref().map(listed)));
    let spreads = column(found.iter().map(|(_, outcome)| outcome.spread.as_deref().map(listed)));
    sqlx::query!(
        "UPDATE spc_points p
            SET statistic = f.statistic, triggered_rules = string_to_array(f.rules, ','), lines = f.lines::float8[], spread = f.spread::float8[]
           FROM unnest($3::uuid[], $4::timestamptz[], $5::float8[], $6::text[], $7::text[], $8::text[])
             AS f (id, ts, statistic, rules, lines, spread)
          WHERE p.organization_id = $1 AND p.series_id = $2 AND p.ts = f.ts AND p.id = f.id",
        tx.org(),
        series_id,
        &ids,
        &times,
        &statistics as _,
        &rules,
        &lines as _,
        &spreads as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Points of a series from a place on and before another, in their order.
pub(super) async fn forward(tx: &mut OrgTx, series_id: Uuid, from: Place, before: Place, limit: usize) -> Result<Vec<Row>, Error> {
    let rows = sqlx::query!(
        "SELECT id, ts, value, subgroup, n, part, components, statistic, triggered_rules, lines, spread FROM spc_points
          WHERE organization_id = $1 AND series_id = $2 AND (ts, id) >= ($3, $4) AND (ts, id) < ($5, $6) ORDER BY ts, id LIMIT $7",
        tx.org(),
        series_id,
        from.ts,
        from.id,
        before.ts,
        before.id,
        i64::try_from(limit).map_err(Error::broken)?,
    );
    let rows = rows.fetch_all(tx.conn()).await?;
    let row = rows.into_iter().map(|row| Row {
        place: Place { ts: row.ts, id: row.id },
        reading: Reading { value: row.value, subgroup: row.subgroup, n: row.n, part: row.part, components: row.components },
        outcome: Outcome { statistic: row.statistic, rules: row.triggered_rules, lines: row.lines, spread: row.spread },
    });
    Ok(row.collect())
}

/// The last point from a place on and before another that was judged and does not signal a rule.
pub(super) async fn silent_before(
    tx: &mut OrgTx,
    series_id: Uuid,
    gathers: bool,
    rule: &str,
    from: Place,
    before: Place,
) -> Result<Option<Place>, Error> {
    let found = sqlx::query!(
        "SELECT ts, id FROM spc_points
          WHERE organization_id = $1 AND series_id = $2 AND (ts, id) >= ($3, $4) AND (ts, id) < ($5, $6)
            AND (statistic IS NOT NULL OR value IS NOT NULL AND NOT $7) AND NOT $8 = ANY(triggered_rules)
          ORDER BY ts DESC, id DESC LIMIT 1",
        tx.org(),
        series_id,
        from.ts,
        from.id,
        before.ts,
        before.id,
        gathers,
        rule,
    );
    Ok(found.fetch_optional(tx.conn()).await?.map(|row| Place { ts: row.ts, id: row.id }))
}

/// The place so many points that were judged before another, or of the first of them behind `floor`; the place itself when there is none
/// before. What is plotted of a missing point is nothing.
pub(super) async fn back(tx: &mut OrgTx, series_id: Uuid, before: Place, floor: OffsetDateTime, points: i64) -> Result<Place, Error> {
    let first = sqlx::query!(
        r#"SELECT ts AS "ts!", id AS "id!" FROM (
               SELECT ts, id FROM spc_points
                WHERE organization_id = $1 AND series_id = $2 AND (ts, id) < ($3, $4) AND ts >= $5
                  AND coalesce(statistic, value) IS NOT NULL
                ORDER BY ts DESC, id DESC LIMIT $6) AS before
            ORDER BY ts, id LIMIT 1"#,
        tx.org(),
        series_id,
        before.ts,
        before.id,
        floor,
        points,
    );
    let first = first.fetch_optional(tx.conn()).await?;
    Ok(first.map_or(before, |row| Place { ts: row.ts, id: row.id }))
}

/// How many points limits are estimated from at most.
const ESTIMATED: i64 = 100_000;

/// The newest points of a span of time as far as limits are estimated from them, in their order.
///
/// Their sums tell from which time on so many are, so that no more than these are read and sorted.
pub(crate) async fn readings(tx: &mut OrgTx, series_id: Uuid, from: OffsetDateTime, to: OffsetDateTime) -> Result<Vec<Counted>, Error> {
    let rows = sqlx::query!(
        "SELECT value, subgroup, n, excluded FROM spc_points
          WHERE organization_id = $1 AND series_id = $2 AND ts < $4 AND ts >= greatest($3, (
                SELECT max(from_ts) FROM (
                    SELECT from_ts, sum(points) OVER (ORDER BY from_ts DESC, from_id DESC) AS behind FROM spc_spans
                     WHERE organization_id = $1 AND series_id = $2 AND from_ts < $4) AS summed
                 WHERE behind >= $5::bigint + 1000))
          ORDER BY ts DESC, id DESC LIMIT $5",
        tx.org(),
        series_id,
        from,
        to,
        ESTIMATED,
    );
    let rows = rows.fetch_all(tx.conn()).await?;
    let counted = rows.into_iter().rev().map(|row| Counted {
        value: row.value.filter(|_| !row.excluded).unwrap_or(f64::NAN),
        subgroup: row.subgroup,
        n: row.n.unwrap_or(1),
    });
    Ok(counted.collect())
}

/// The values of a column; nothing when all of them are null.
fn column<T>(values: impl Iterator<Item = Option<T>>) -> Vec<Option<T>> {
    let values: Vec<_> = values.collect();
    if values.iter().any(Option::is_some) { values } else { Vec::new() }
}

/// An array as the database writes it.
fn listed(values: &[f64]) -> String {
    let values: Vec<_> = values.iter().map(|value| if value.is_nan() { "NaN".to_owned() } else { format!("{value:?}") }).collect();
    format!("{{{}}}", values.join(","))
}
