//! Rebasing: new limits from a time on, given or estimated, with the reason on record.

use spectra_mesh::{Error, OrgTx, Refusal, id, moment};
use spectra_proto::{analysis as pb, types::Reason};
use time::OffsetDateTime;

use super::{
    Series,
    definition::{Definition, Sound},
    estimate::{Estimated, phase_one},
    stages::Source,
};
use crate::spc_points::{self, LAST, Open};

/// Freezes new limits of a series, in a new stage.
pub(super) async fn rebase(tx: &mut OrgTx, asked: &pb::RebaseSpcSeriesRequest) -> Result<Series, Error> {
    let series_id = id(&asked.id)?;
    tx.because(Some(&asked.reason)).await?;
    let open = Open::lock(tx, series_id).await?;
    let current: pb::SpcSeries = open.series.clone().into();
    tx.expect("series", current.revision)?;
    let starts_at = starts_at(&open, asked)?;
    if let Some(last) = open.last_stage().filter(|last| last.starts_at >= starts_at) {
        let message = format!("stage {} of the series begins at that time or later", last.number);
        return Err(Refusal::new(Reason::SpcStageOrder, message).about("series_id", series_id).about("stage", last.number).into());
    }
    let (sound, source) = match given(asked) {
        Some(limits) => (limits.over(&current).sound().map_err(unprefixed)?, Source::default()),
        None => estimated(tx, &open.series, &current, asked).await?,
    };
    let source = Source { reason: Some(asked.reason.clone()), ..source };
    Series::next_stage(tx, series_id, current.stage, starts_at, &sound, source).await?;
    if open.has_points_from(starts_at) {
        let mut open = Open::lock(tx, series_id).await?;
        let openings = spc_points::rejudge(tx, &mut open).await?;
        spc_points::tell(tx, &open, &openings).await?;
        open.close(tx).await?;
    }
    Series::find(tx, series_id).await
}

/// From when on the new limits hold: behind the newest point, unless an earlier time is asked for, or one that has come.
fn starts_at(open: &Open, asked: &pb::RebaseSpcSeriesRequest) -> Result<OffsetDateTime, Error> {
    let Some(asked) = asked.starts_at else { return Ok(open.behind()) };
    let starts_at = moment(asked).filter(|starts_at| *starts_at <= open.behind().max(open.now()));
    starts_at.ok_or_else(|| Error::invalid("starts_at", "must not be later than now, or than the newest point"))
}

/// Limits that somebody gives.
struct Given<'a>(&'a pb::RebaseSpcSeriesRequest);

fn given(asked: &pb::RebaseSpcSeriesRequest) -> Option<Given<'_>> {
    let some = [asked.ctrl_lcl, asked.ctrl_ucl, asked.centre, asked.sigma].iter().any(Option::is_some);
    some.then_some(Given(asked))
}

impl Given<'_> {
    /// The definition of the series with these limits.
    fn over(&self, current: &pb::SpcSeries) -> Definition {
        let Self(asked) = self;
        Definition {
            ctrl_lcl: asked.ctrl_lcl,
            ctrl_ucl: asked.ctrl_ucl,
            centre: asked.centre,
            sigma: asked.sigma,
            ..Definition::of(current)
        }
    }
}

/// Limits from the points of a window that are not excluded.
async fn estimated(
    tx: &mut OrgTx,
    series: &Series,
    current: &pb::SpcSeries,
    asked: &pb::RebaseSpcSeriesRequest,
) -> Result<(Sound, Source), Error> {
    let from = asked.from.and_then(moment).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let to = asked.to.and_then(moment).unwrap_or(LAST);
    let readings = spc_points::readings(tx, series.id, from, to).await?;
    let bare = Definition { ctrl_lcl: None, ctrl_ucl: None, centre: None, sigma: None, ..Definition::of(current) };
    let sound = bare.sound()?;
    let few = |points: usize| {
        let message = "too few points of the window count, or they differ too little, to estimate limits from";
        Error::from(Refusal::new(Reason::SpcTooFewPoints, message).about("series_id", series.id).about("points", points))
    };
    let Estimated { limits, frozen, estimator, points } =
        phase_one(series.chart_type.0, series.subgroup_size, &readings, &sound, asked.estimator.as_deref())?
            .ok_or_else(|| few(readings.len()))?;
    let definition = Definition {
        ctrl_lcl: limits.ctrl_lcl,
        ctrl_ucl: limits.ctrl_ucl,
        centre: Some(limits.centre),
        sigma: Some(limits.sigma),
        ..sound.definition
    };
    let source = Source { estimator: Some(estimator), from: Some(from), to: Some(to), points: i32::try_from(points).ok(), reason: None };
    Ok((Sound { definition, frozen: Some(frozen), ruleset: sound.ruleset, settings: sound.settings }, source))
}

/// The limits are fields of the request itself here.
fn unprefixed(error: Error) -> Error {
    match error {
        Error::Invalid(violations) => Error::Invalid(
            violations
                .into_iter()
                .map(|mut violation| {
                    violation.field = violation.field.trim_start_matches("series.").to_owned();
                    violation
                })
                .collect(),
        ),
        other => other,
    }
}
