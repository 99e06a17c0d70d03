//! The lines that points are drawn between, and what is plotted of each.

use std::sync::Arc;

use spectra_proto::analysis as pb;
use spectra_spc::{ChartType, Plan};
use time::OffsetDateTime;

use super::store::Drawn;
use crate::spc_series::{Drawn as Lines, Plots, Series, Stage};

/// What the points of a series are held against, stage by stage.
pub(super) struct Ruler {
    plots: Plots,
    /// When each stage begins, what it is drawn by, and its lines; the first one comes first.
    stages: Vec<Ruled>,
}

/// A stage as far as its points are drawn.
struct Ruled {
    starts_at: OffsetDateTime,
    /// Frozen, or what the points amount to; none without either.
    plan: Option<Arc<Plan>>,
    is_frozen: bool,
    lines: Lines,
}

impl Ruler {
    /// The lines of the stages, where the last one may have those that its points amount to.
    pub(super) fn of(series: &Series, stages: &[Stage], estimated: Option<Arc<Plan>>) -> Self {
        let mut ruled: Vec<_> = stages.iter().map(|stage| Ruled::of(stage, None, series)).collect();
        if let Some((last, stage)) = ruled.last_mut().zip(stages.last()) {
            *last = Ruled::of(stage, estimated, series);
        }
        Self { plots: series.plots(), stages: ruled }
    }

    /// What is plotted of a point.
    pub(super) fn plots(&self) -> Plots {
        self.plots
    }

    /// The lines of the stage in force.
    pub(super) fn in_force(&self) -> Lines {
        self.stages.last().map(|stage| stage.lines.clone()).unwrap_or_default()
    }

    /// The stages as they are shown, those without limits without lines.
    pub(super) fn shown(&self, stages: &[Stage]) -> Vec<pb::SpcStage> {
        let ends = stages.iter().skip(1).map(|stage| Some(stage.starts_at)).chain([None]);
        let lines = self.stages.iter().map(|ruled| if ruled.is_frozen { ruled.lines.clone() } else { Lines::default() });
        stages.iter().zip(ends).zip(lines).map(|((stage, end), lines)| stage.shown(end, lines)).collect()
    }

    /// Gives a point what is plotted of it, and of counts the lines by how many items were looked at.
    pub(super) fn measure(&self, point: &mut Drawn) {
        if self.plots == Plots::Rates {
            point.statistic = point.plotted(self.plots);
        }
        let Some(plan) = self.stage_at(point.ts).and_then(|place| self.stages[place].plan.as_ref()) else { return };
        if plan.lines().is_some() || point.plotted(self.plots).is_none() {
            return;
        }
        let lines = plan.lines_of_count(f64::from(point.n.unwrap_or(1)));
        point.lines = lines.and_then(|lines| Some(vec![lines.centre, lines.sigma, lines.lcl?, lines.ucl?]));
    }

    /// Gives single values the moving range from the one before, which is none across a gap or a stage.
    pub(super) fn range(&self, points: &mut [Drawn]) {
        if !self.stages.iter().filter_map(|stage| stage.plan.as_ref()).any(|plan| plan.chart() == ChartType::IMr) {
            return;
        }
        let mut before: Option<(Option<usize>, Option<f64>)> = None;
        for point in points {
            let stage = self.stage_at(point.ts);
            let last = before.filter(|(of, _)| *of == stage).and_then(|(_, value)| value);
            let range = last.zip(point.value).map(|(last, value)| (value - last).abs()).filter(|range| range.is_finite());
            point.spread = point.spread.take().or_else(|| range.map(|range| vec![range]));
            before = Some((stage, point.value));
        }
    }

    /// Gives a stage of counts the lines that all of its points have.
    pub(super) fn agree(&mut self, points: &[Drawn]) {
        let bare: Vec<_> = self.stages.iter().map(|stage| stage.plan.as_ref().is_some_and(|plan| plan.lines().is_none())).collect();
        for (place, _) in bare.into_iter().enumerate().filter(|(_, bare)| *bare) {
            let of_stage = points.iter().filter(|point| point.lines.is_some() && self.stage_at(point.ts) == Some(place));
            let mut sizes = of_stage.map(|point| point.n.unwrap_or(1));
            let Some(first) = sizes.next().filter(|first| sizes.all(|size| size == *first)) else { continue };
            let stage = &mut self.stages[place];
            let Some(plan) = &stage.plan else { continue };
            if let Some(lines) = plan.lines_of_count(f64::from(first)) {
                stage.lines = Lines::between(plan, &lines);
            }
        }
    }

    /// The place of the stage that a time belongs to.
    fn stage_at(&self, ts: OffsetDateTime) -> Option<usize> {
        self.stages.partition_point(|stage| stage.starts_at <= ts).checked_sub(1)
    }
}

impl Ruled {
    fn of(stage: &Stage, estimated: Option<Arc<Plan>>, series: &Series) -> Self {
        let lines = match (&stage.plan, &estimated) {
            (Some(plan), _) => Lines::of(plan),
            (None, Some(plan)) => Lines::estimated(plan, series.subgroup_size),
            (None, None) => Lines::default(),
        };
        Self { starts_at: stage.starts_at, is_frozen: stage.plan.is_some(), plan: stage.plan.clone().or(estimated), lines }
    }
}
