//! From the points of a series to what is drawn of them.

use spectra_mesh::{Error, OrgTx, id, moment};
use spectra_proto::analysis as pb;
use time::OffsetDateTime;

use super::{
    lines::Ruler,
    picture::{Picture, picture},
    store::{Mark, Window, open_alerts},
};
use crate::{
    spc_points::{LAST, readings},
    spc_series::{Series, Stage},
};

/// How many points are drawn unless more are asked for.
const USUAL: i32 = 2000;
/// How many marked points are listed.
const LISTED: i64 = 1000;

/// The chart of a series.
pub(super) async fn chart(tx: &mut OrgTx, asked: &pb::GetSpcChartRequest) -> Result<pb::SpcChart, Error> {
    let series = Series::find(tx, id(&asked.id)?).await?;
    let from = asked.from.and_then(moment).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let to = asked.to.and_then(moment).unwrap_or(LAST);
    if from >= to {
        return Err(Error::invalid("from", "must be before `to`"));
    }
    let window = Window { series_id: series.id, from, to };
    let most = usize::try_from(asked.max_points.unwrap_or(USUAL)).map_err(Error::broken)?;
    let stages = Stage::all(tx, &series).await?;
    let estimated = match stages.last() {
        Some(stage) if stage.plan.is_none() => series.seems(&readings(tx, series.id, from, to).await?)?,
        _ => None,
    };
    let mut ruler = Ruler::of(&series, &stages, estimated);
    let Picture { points, total, is_reduced } = picture(tx, &window, &mut ruler, most).await?;
    let lines = ruler.in_force();
    Ok(pb::SpcChart {
        centre: lines.centre,
        sigma: lines.sigma,
        ctrl_lcl: lines.lcl,
        ctrl_ucl: lines.ucl,
        frozen: stages.last().is_some_and(|stage| stage.plan.is_some()),
        zones: lines.zones,
        spread_centre: lines.spread.map(|lines| lines.centre),
        spread_lcl: lines.spread.and_then(|lines| lines.lcl),
        spread_ucl: lines.spread.and_then(|lines| lines.ucl),
        points,
        total: i32::try_from(total).unwrap_or(i32::MAX),
        is_reduced,
        violations: marked(tx, &window, &ruler, Mark::Signals).await?,
        exclusions: marked(tx, &window, &ruler, Mark::Excluded).await?,
        suspects: marked(tx, &window, &ruler, Mark::Suspect).await?,
        stages: ruler.shown(&stages),
        open_alerts: i32::try_from(open_alerts(tx, series.id).await?).unwrap_or(i32::MAX),
        series: Some(series.into()),
    })
}

/// The newest points with a mark.
async fn marked(tx: &mut OrgTx, window: &Window, ruler: &Ruler, mark: Mark) -> Result<Vec<pb::SpcChartPoint>, Error> {
    let mut points = window.marked(tx, mark, LISTED).await?;
    for point in &mut points {
        ruler.measure(point);
    }
    Ok(points.into_iter().map(Into::into).collect())
}
