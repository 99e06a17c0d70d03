//! From the points of a series to what is drawn of them.

use spectra_mesh::{Error, OrgTx, id, moment, stamp};
use spectra_proto::analysis as pb;
use time::OffsetDateTime;

use super::store::{Drawn, Mark, Sum, Window, open_alerts};
use crate::{
    spc_points::{LAST, readings},
    spc_series::{Series, Stage},
};

/// How many points are drawn unless more are asked for.
const USUAL: i32 = 2000;
/// Up to so many points are read one by one; of more, their sums.
const READ: usize = 50_000;
/// How many marked points are listed.
const LISTED: i64 = 1000;

/// Points as they are drawn, and how many there are.
struct Picture {
    points: Vec<pb::SpcChartPoint>,
    total: i64,
    is_reduced: bool,
}

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
    let Picture { points, total, is_reduced } = picture(tx, &window, most).await?;
    let stages = Stage::all(tx, series.id, series.chart_type.0).await?;
    let ends = stages.iter().skip(1).map(|stage| Some(stage.starts_at)).chain([None]);
    let stages: Vec<_> = stages.iter().zip(ends).map(|(stage, end)| stage.shown(end)).collect();
    let mut lines = stages.last().cloned().unwrap_or_default();
    if !lines.frozen
        && let Some(seen) = series.seems(&readings(tx, series.id, from, to).await?)?
    {
        let (centre, sigma) = (Some(seen.centre), Some(seen.sigma));
        lines = pb::SpcStage { centre, sigma, ctrl_lcl: seen.ctrl_lcl, ctrl_ucl: seen.ctrl_ucl, ..lines };
    }
    Ok(pb::SpcChart {
        centre: lines.centre,
        sigma: lines.sigma,
        ctrl_lcl: lines.ctrl_lcl,
        ctrl_ucl: lines.ctrl_ucl,
        frozen: lines.frozen,
        zones: lines.zones,
        points,
        total: i32::try_from(total).unwrap_or(i32::MAX),
        is_reduced,
        violations: window.marked(tx, Mark::Signals, LISTED).await?,
        exclusions: window.marked(tx, Mark::Excluded, LISTED).await?,
        suspects: window.marked(tx, Mark::Suspect, LISTED).await?,
        stages,
        open_alerts: i32::try_from(open_alerts(tx, series.id).await?).unwrap_or(i32::MAX),
        series: Some(series.into()),
    })
}

/// What is drawn of the points in a window.
async fn picture(tx: &mut OrgTx, window: &Window, most: usize) -> Result<Picture, Error> {
    let sums = window.sums(tx).await?;
    let about: i64 = sums.iter().map(|sum| i64::from(sum.points)).sum();
    if usize::try_from(about).is_ok_and(|about| about <= READ) {
        let points = window.points(tx, READ).await?;
        let total = i64::try_from(points.len()).map_err(Error::broken)?;
        let is_reduced = points.len() > most;
        let points = if is_reduced { reduced(points, most) } else { points.into_iter().map(Into::into).collect() };
        return Ok(Picture { points, total, is_reduced });
    }
    // Of the sums at the edges, only the part within the window counts.
    let whole = |sum: &Sum| sum.from_ts >= window.from && sum.to_ts < window.to;
    let (first, last) = (sums.iter().position(whole), sums.iter().rposition(whole));
    let (Some(first), Some(last)) = (first, last) else {
        let points = window.points(tx, READ).await?;
        return Ok(Picture { total: about, points: reduced(points, most), is_reduced: true });
    };
    let before = Window { to: sums[first].from_ts, ..*window }.points(tx, READ).await?;
    let after = match sums.get(last + 1) {
        Some(next) => Window { from: next.from_ts, ..*window }.points(tx, READ).await?,
        None => Vec::new(),
    };
    let inner = &sums[first..=last];
    let within: i64 = inner.iter().map(|sum| i64::from(sum.points)).sum();
    let total = within + i64::try_from(before.len() + after.len()).map_err(Error::broken)?;
    let edge = most / 20;
    let mut points = reduced(before, edge);
    points.extend(summed(inner, most - 2 * edge));
    points.extend(reduced(after, edge));
    Ok(Picture { points, total, is_reduced: true })
}

/// The lowest and the highest of each stretch of points, in the order of time.
fn reduced(points: Vec<Drawn>, most: usize) -> Vec<pb::SpcChartPoint> {
    if points.len() <= most {
        return points.into_iter().map(Into::into).collect();
    }
    let stretch = points.len().div_ceil((most / 2).max(1));
    let mut kept = Vec::with_capacity(most);
    for stretch in points.chunks(stretch) {
        let there = || stretch.iter().enumerate().filter_map(|(index, point)| Some((index, point.plotted()?)));
        let lowest = there().min_by(|(_, a), (_, b)| a.total_cmp(b)).map(|(index, _)| index);
        let highest = there().max_by(|(_, a), (_, b)| a.total_cmp(b)).map(|(index, _)| index);
        // Of nothing but missing points, the first shows the gap.
        let (low, high) = lowest.zip(highest).unwrap_or_default();
        kept.push(stretch[low.min(high)].clone().into());
        if low != high {
            kept.push(stretch[low.max(high)].clone().into());
        }
    }
    kept
}

/// The lowest and the highest of each stretch of sums.
fn summed(sums: &[Sum], most: usize) -> Vec<pb::SpcChartPoint> {
    let stretch = sums.len().div_ceil((most / 2).max(1)).max(1);
    let mut kept = Vec::with_capacity(most);
    for stretch in sums.chunks(stretch) {
        let lowest = stretch.iter().filter_map(|sum| sum.lowest).min_by(|(a, _), (b, _)| a.total_cmp(b));
        let highest = stretch.iter().filter_map(|sum| sum.highest).max_by(|(a, _), (b, _)| a.total_cmp(b));
        let Some((low, high)) = lowest.zip(highest) else { continue };
        let (first, second) = if low.1 <= high.1 { (low, high) } else { (high, low) };
        kept.push(bare(first));
        if first != second {
            kept.push(bare(second));
        }
    }
    kept
}

/// A point of which a sum knows no more.
fn bare((value, ts): (f64, OffsetDateTime)) -> pb::SpcChartPoint {
    pb::SpcChartPoint { ts: Some(stamp(ts)), value: Some(value), ..pb::SpcChartPoint::default() }
}
