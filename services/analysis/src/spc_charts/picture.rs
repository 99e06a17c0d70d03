//! What is drawn of the points in a window, whatever their number.

use spectra_mesh::{Error, OrgTx, stamp};
use spectra_proto::analysis as pb;
use time::OffsetDateTime;

use super::{
    lines::Ruler,
    store::{Drawn, Sum, Window},
};
use crate::spc_series::Plots;

/// Up to so many points are read one by one; of more, their sums.
const READ: usize = 50_000;

/// Points as they are drawn, and how many there are.
pub(super) struct Picture {
    pub(super) points: Vec<pb::SpcChartPoint>,
    pub(super) total: i64,
    pub(super) is_reduced: bool,
}

/// What is drawn of the points in a window.
pub(super) async fn picture(tx: &mut OrgTx, window: &Window, ruler: &mut Ruler, most: usize) -> Result<Picture, Error> {
    let sums = window.sums(tx).await?;
    let about: i64 = sums.iter().map(|sum| i64::from(sum.points)).sum();
    if usize::try_from(about).is_ok_and(|about| about <= READ) {
        let points = measured(tx, window, ruler).await?;
        ruler.agree(&points);
        let total = i64::try_from(points.len()).map_err(Error::broken)?;
        let is_reduced = points.len() > most;
        return Ok(Picture { points: reduced(points, ruler.plots(), most), total, is_reduced });
    }
    // Of the sums at the edges, only the part within the window counts.
    let whole = |sum: &Sum| sum.from_ts >= window.from && sum.to_ts < window.to;
    let (first, last) = (sums.iter().position(whole), sums.iter().rposition(whole));
    let (Some(first), Some(last)) = (first, last) else {
        let points = measured(tx, window, ruler).await?;
        return Ok(Picture { total: about, points: reduced(points, ruler.plots(), most), is_reduced: true });
    };
    let before = measured(tx, &Window { to: sums[first].from_ts, ..*window }, ruler).await?;
    let after = match sums.get(last + 1) {
        Some(next) => measured(tx, &Window { from: next.from_ts, ..*window }, ruler).await?,
        None => Vec::new(),
    };
    let inner = &sums[first..=last];
    let within: i64 = inner.iter().map(|sum| i64::from(sum.points)).sum();
    let total = within + i64::try_from(before.len() + after.len()).map_err(Error::broken)?;
    // No stretch is shown by fewer than two points.
    let edge = (most / 20).max(2);
    let mut points = reduced(before, ruler.plots(), edge);
    let after = reduced(after, ruler.plots(), edge);
    points.extend(summed(inner, ruler.plots(), most - points.len() - after.len()));
    points.extend(after);
    Ok(Picture { points, total, is_reduced: true })
}

/// The points of a window with what belongs to each.
async fn measured(tx: &mut OrgTx, window: &Window, ruler: &Ruler) -> Result<Vec<Drawn>, Error> {
    let mut points = window.points(tx, READ).await?;
    for point in &mut points {
        ruler.measure(point);
    }
    ruler.range(&mut points);
    Ok(points)
}

/// The lowest and the highest of each stretch of points, in the order of time.
fn reduced(mut points: Vec<Drawn>, plots: Plots, most: usize) -> Vec<pb::SpcChartPoint> {
    if points.len() > most && plots == Plots::Statistics {
        points.retain(|point| point.statistic.is_some());
    }
    if points.len() <= most {
        return points.into_iter().map(Into::into).collect();
    }
    let stretch = points.len().div_ceil((most / 2).max(1));
    let mut kept = Vec::with_capacity(most);
    for stretch in points.chunks(stretch) {
        let there = || stretch.iter().enumerate().filter_map(|(index, point)| Some((index, point.plotted(plots)?)));
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
fn summed(sums: &[Sum], plots: Plots, most: usize) -> Vec<pb::SpcChartPoint> {
    let stretch = sums.len().div_ceil((most / 2).max(1)).max(1);
    let mut kept = Vec::with_capacity(most);
    for stretch in sums.chunks(stretch) {
        let lowest = stretch.iter().filter_map(|sum| sum.lowest).min_by(|(a, _), (b, _)| a.total_cmp(b));
        let highest = stretch.iter().filter_map(|sum| sum.highest).max_by(|(a, _), (b, _)| a.total_cmp(b));
        let Some((low, high)) = lowest.zip(highest) else { continue };
        let (first, second) = if low.1 <= high.1 { (low, high) } else { (high, low) };
        kept.push(bare(first, plots));
        if first != second {
            kept.push(bare(second, plots));
        }
    }
    kept
}

/// A point of which a sum knows no more than what is plotted.
fn bare((plotted, ts): (f64, OffsetDateTime), plots: Plots) -> pb::SpcChartPoint {
    let point = pb::SpcChartPoint { ts: Some(stamp(ts)), ..pb::SpcChartPoint::default() };
    match plots {
        Plots::Values => pb::SpcChartPoint { value: Some(plotted), ..point },
        Plots::Rates | Plots::Statistics => pb::SpcChartPoint { statistic: Some(plotted), ..point },
    }
}
