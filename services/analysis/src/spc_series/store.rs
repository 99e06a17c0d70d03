//! The statements over series.

use spectra_mesh::{Error, Labelled, OrgTx, Page, Refusal, id, new_id, optional_id, page, patch};
use spectra_proto::{
    analysis::{self as pb, SpcEntityType},
    types::{Reason, UserRole},
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Series,
    definition::{Definition, Sound},
    stages::{FIRST, Source, Stage, version},
};
use crate::{
    spc_alerts,
    spc_points::{Ledger, Open},
};

impl Series {
    /// The series asked for.
    pub(crate) async fn find(tx: &mut OrgTx, series_id: Uuid) -> Result<Self, Error> {
        let found = sqlx::query_as!(
            Self,
            r#"SELECT s.*, t.points, s.gauge_grr FROM spc_series s
                 JOIN spc_states t ON t.organization_id = s.organization_id AND t.series_id = s.id
                WHERE s.organization_id = $1 AND s.id = $2"#,
            tx.org(),
            series_id,
        )
        .fetch_optional(tx.conn())
        .await?;
        found.ok_or_else(|| Error::not_found("series"))
    }

    /// A page of the series that match the filters.
    pub(super) async fn page(tx: &mut OrgTx, asked: &pb::ListSpcSeriesRequest, page: &Page) -> Result<pb::ListSpcSeriesResponse, Error> {
        let (items, pagination) = page!(
            tx,
            page,
            Self,
            r#"SELECT s.*, t.points, s.gauge_grr FROM spc_series s
                 JOIN spc_states t ON t.organization_id = s.organization_id AND t.series_id = s.id
                WHERE s.organization_id = $1
                  AND ($6::text IS NULL OR s.path = $6)
                  AND ($7::text IS NULL OR s.metric = $7)
                  AND ($8::spc_entity_type IS NULL OR s.entity_type = $8)
                  AND ($9::uuid IS NULL OR s.entity_id = $9)
                  AND ($10::uuid IS NULL OR s.instrument_id = $10)
                  AND ($11::boolean IS NULL OR s.is_active = $11)"#,
            asked.path,
            asked.metric,
            asked.entity_type.and_then(Labelled::of) as Option<Labelled<SpcEntityType>>,
            optional_id(asked.entity_id.as_deref())?,
            optional_id(asked.instrument_id.as_deref())?,
            asked.is_active,
        )?;
        Ok(pb::ListSpcSeriesResponse { items, pagination })
    }

    /// Begins a series, with its first stage.
    pub(super) async fn create(tx: &mut OrgTx, series: &pb::SpcSeries, entity: Result<(), Error>) -> Result<Self, Error> {
        entity?;
        described(series)?;
        let sound = Definition::of(series).sound()?;
        let (definition, frozen) = (&sound.definition, sound.frozen.is_some());
        let entity_id = optional_id(series.entity_id.as_deref())?;
        if series.entity_type() == SpcEntityType::Instrument
            && let Some(instrument_id) = entity_id
        {
            has_instrument(tx, instrument_id).await?;
        }
        let series_id = new_id();
        sqlx::query!(
            "INSERT INTO spc_series
                    (organization_id, id, name, path, entity_type, entity_id, method, instrument_id, metric, chart_type, subgroup_size,
                     spec_lcl, spec_ucl, target, ctrl_lcl, ctrl_ucl, centre, sigma, limits_frozen_at, ruleset, ruleset_version,
                     ruleset_options, chart_options, hold, is_active, reaction_plan)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
                     CASE WHEN $19 THEN now() END, $20, $21, $22, $23, $24, $25, $26)",
            tx.org(),
            series_id,
            series.name,
            series.path,
            Labelled(series.entity_type()) as _,
            entity_id,
            series.method,
            optional_id(series.instrument_id.as_deref())?,
            series.metric,
            Labelled(definition.chart) as _,
            series.subgroup_size.unwrap_or(1),
            series.spec_lcl,
            series.spec_ucl,
            series.target,
            definition.ctrl_lcl,
            definition.ctrl_ucl,
            definition.centre,
            definition.sigma,
            frozen,
            definition.ruleset as _,
            version(&sound),
            &definition.ruleset_options,
            &definition.chart_options,
            series.hold,
            series.is_active.unwrap_or(true),
            series.reaction_plan,
        )
        .execute(tx.conn())
        .await?;
        Stage::insert(tx, series_id, 1, FIRST, &sound, Source::default()).await?;
        Ledger::begin(tx, series_id).await?;
        Self::find(tx, series_id).await
    }

    /// Changes what the mask names of a series; a change of how it is judged is a new stage once it has points.
    pub(super) async fn update(tx: &mut OrgTx, asked: pb::UpdateSpcSeriesRequest) -> Result<Self, Error> {
        let series_id = id(&asked.id)?;
        let open = Open::lock(tx, series_id).await?;
        tx.expect("series", open.series.revision)?;
        let current: pb::SpcSeries = open.series.clone().into();
        let mut series = patch::apply(&current, &asked.series.unwrap_or_default(), asked.update_mask.as_ref())?;
        let is_active = series.is_active.ok_or_else(|| Error::invalid("series.is_active", "cannot be cleared"))?;
        follow(&current, &mut series);
        described(&series)?;
        if current.hold && !series.hold {
            may_let_go(tx, series_id).await?;
        }
        let was = Definition::of(&current);
        let sound = Definition::of(&series).sound()?;
        sqlx::query!(
            "UPDATE spc_series
                SET name = $3, path = $4, spec_lcl = $5, spec_ucl = $6, target = $7, hold = $8, is_active = $9, reaction_plan = $10
              WHERE organization_id = $1 AND id = $2",
            tx.org(),
            series_id,
            series.name,
            series.path,
            series.spec_lcl,
            series.spec_ucl,
            series.target,
            series.hold,
            is_active,
            series.reaction_plan,
        )
        .execute(tx.conn())
        .await?;
        if was != sound.definition {
            let stage = current.stage;
            if open.has_points_in_force() {
                Self::next_stage(tx, series_id, stage, open.behind(), &sound, Source::default()).await?;
            } else {
                // Nothing was judged by it yet.
                Stage::replace(tx, series_id, stage, &sound, Source::default()).await?;
                Self::adopt(tx, series_id, stage, &sound).await?;
            }
        }
        Self::find(tx, series_id).await
    }

    /// Begins the next stage of a series.
    pub(super) async fn next_stage(
        tx: &mut OrgTx,
        series_id: Uuid,
        stage: i32,
        starts_at: OffsetDateTime,
        sound: &Sound,
        source: Source,
    ) -> Result<(), Error> {
        Stage::insert(tx, series_id, stage + 1, starts_at, sound, source).await?;
        Self::adopt(tx, series_id, stage + 1, sound).await
    }

    /// Shows the limits and rules of a stage as those of the series.
    async fn adopt(tx: &mut OrgTx, series_id: Uuid, stage: i32, sound: &Sound) -> Result<(), Error> {
        let definition = &sound.definition;
        sqlx::query!(
            "UPDATE spc_series
                SET stage = $3, ctrl_lcl = $4, ctrl_ucl = $5, centre = $6, sigma = $7,
                    limits_frozen_at = CASE WHEN $8 THEN clock_timestamp() END,
                    ruleset = $9, ruleset_version = $10, ruleset_options = $11, chart_options = $12
              WHERE organization_id = $1 AND id = $2",
            tx.org(),
            series_id,
            stage,
            definition.ctrl_lcl,
            definition.ctrl_ucl,
            definition.centre,
            definition.sigma,
            sound.frozen.is_some(),
            definition.ruleset as _,
            version(sound),
            &definition.ruleset_options,
            &definition.chart_options,
        )
        .execute(tx.conn())
        .await?;
        Ok(())
    }
}

/// Centre line and sigma that follow from control limits follow their change.
fn follow(current: &pb::SpcSeries, series: &mut pb::SpcSeries) {
    let moved = (current.ctrl_lcl, current.ctrl_ucl) != (series.ctrl_lcl, series.ctrl_ucl);
    if moved && series.centre == current.centre {
        series.centre = None;
    }
    if moved && series.sigma == current.sigma {
        series.sigma = None;
    }
}

/// What a series says of itself holds together, apart from how it is judged.
fn described(series: &pb::SpcSeries) -> Result<(), Error> {
    use spectra_proto::analysis::SpcChartType as Chart;
    if series.spec_lcl.zip(series.spec_ucl).is_some_and(|(low, high)| low >= high) {
        return Err(Error::invalid("series.spec_lcl", "must be below spec_ucl"));
    }
    let chart = Definition::of(series).chart;
    let size = series.subgroup_size.unwrap_or(1);
    let means = matches!(chart, Chart::XbarR | Chart::XbarS);
    if means && size < 2 {
        return Err(Error::invalid("series.subgroup_size", "must be 2 or more on a chart of means"));
    }
    if size > 1 && !means && !matches!(chart, Chart::Ewma | Chart::Cusum) {
        return Err(Error::invalid("series.subgroup_size", "must be 1 on this chart"));
    }
    let method = series.entity_type() == SpcEntityType::Method;
    if method && series.entity_id.is_some() {
        return Err(Error::invalid("series.entity_id", "must be left out of a method, which has a name in `method`"));
    }
    let names_something = series.entity_id.is_some() || series.instrument_id.is_some() || series.method.is_some();
    if series.hold && !names_something {
        return Err(Error::invalid("series.hold", "needs an instrument, a method or an entity to hold runs of"));
    }
    Ok(())
}

/// Makes sure that the caller may let go of what a series holds: while a critical alert is open, that is for who may resolve it.
async fn may_let_go(tx: &mut OrgTx, series_id: Uuid) -> Result<(), Error> {
    if tx.caller().role >= UserRole::Pi {
        return Ok(());
    }
    let Some(alert_id) = spc_alerts::holding(tx, series_id).await? else { return Ok(()) };
    let message = "a critical alert of the series is open; a pi or an admin resolves it, or lets go of what it holds";
    Err(Refusal::new(Reason::SpcHold, message).about("alert_id", alert_id).about("series_id", series_id).into())
}

async fn has_instrument(tx: &mut OrgTx, instrument_id: Uuid) -> Result<(), Error> {
    let found = sqlx::query_scalar!("SELECT id FROM instruments WHERE organization_id = $1 AND id = $2", tx.org(), instrument_id)
        .fetch_optional(tx.conn())
        .await?;
    found.map(|_| ()).ok_or_else(|| Error::not_found("entity"))
}
