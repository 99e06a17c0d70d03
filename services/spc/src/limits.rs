use serde::{Deserialize, Serialize};

use crate::{
    Code, Error,
    error::{finite, positive},
};

/// What a chart holds its points against.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum Limits {
    /// Of the process: each point's centre line and limits follow from its size.
    Process {
        /// The process mean, proportion, or rate per unit.
        centre: f64,
        /// The standard deviation of single values. Of p', u' charts the sigma of z; p, np, c and u charts leave it aside, as
        /// theirs follows from the centre.
        sigma: f64,
    },
    /// Of what is plotted, the same at every point: limits that somebody gave or froze.
    Plotted {
        /// The centre line.
        centre: f64,
        /// The standard deviation of what is plotted: the zones are its multiples.
        sigma: f64,
        /// The lower control limit, where there is one.
        lcl: Option<f64>,
        /// The upper control limit, where there is one.
        ucl: Option<f64>,
    },
}

impl Limits {
    /// The process's mean and standard deviation.
    #[must_use]
    pub fn process(centre: f64, sigma: f64) -> Self {
        Self::Process { centre, sigma }
    }

    /// Given control limits: the centre line is in the middle and sigma a sixth of the way, unless they are given too.
    pub fn given(lcl: Option<f64>, ucl: Option<f64>, centre: Option<f64>, sigma: Option<f64>) -> Result<Self, Error> {
        let lacking = || Error::new(Code::InvalidLimits, "limits", "must be both limits, or else a centre and a sigma");
        // Halved before they are added, so that the largest numbers do not overflow.
        let both = lcl.zip(ucl);
        let centre = centre.or_else(|| both.map(|(low, high)| f64::midpoint(low, high))).ok_or_else(lacking)?;
        let sigma = sigma.or_else(|| both.map(|(low, high)| high / 6.0 - low / 6.0)).ok_or_else(lacking)?;
        Self::Plotted { centre, sigma, lcl, ucl }.checked()
    }

    /// An upper limit alone, for statistics that have no other side.
    #[must_use]
    pub fn upper(ucl: f64) -> Self {
        Self::Plotted { centre: 0.0, sigma: 0.0, lcl: None, ucl: Some(ucl) }
    }

    /// The centre line; of a process, its mean.
    #[must_use]
    pub fn centre(&self) -> f64 {
        match *self {
            Self::Process { centre, .. } | Self::Plotted { centre, .. } => centre,
        }
    }

    /// Sigma: of single values, or of what is plotted.
    #[must_use]
    pub fn sigma(&self) -> f64 {
        match *self {
            Self::Process { sigma, .. } | Self::Plotted { sigma, .. } => sigma,
        }
    }

    pub(crate) fn checked(self) -> Result<Self, Error> {
        finite(self.centre(), "centre")?;
        if self.sigma() != 0.0 {
            positive(self.sigma(), "sigma")?;
        }
        if let Self::Plotted { lcl, ucl, .. } = self {
            for (limit, name) in [(lcl, "ctrl_lcl"), (ucl, "ctrl_ucl")] {
                limit.map(|limit| finite(limit, name)).transpose()?;
            }
            if lcl.zip(ucl).is_some_and(|(low, high)| low > high) {
                return Err(Error::new(Code::InvalidLimits, "ctrl_lcl", "must not be above ctrl_ucl"));
            }
        }
        Ok(self)
    }
}

/// The lines of one point, in the unit of what is plotted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lines {
    /// The centre line.
    pub centre: f64,
    /// The standard deviation: zones are its multiples.
    pub sigma: f64,
    /// The lower control limit as it is drawn.
    pub lcl: Option<f64>,
    /// The upper control limit as it is drawn.
    pub ucl: Option<f64>,
    /// Whether the limits were given, and not computed of centre and sigma.
    pub(crate) given: bool,
}

impl Lines {
    /// Lines so many sigmas off the centre. `floor` is what the statistic cannot fall below.
    #[inline]
    pub(crate) fn around(centre: f64, sigma: f64, width: f64, floor: Option<f64>) -> Self {
        let low = centre - width * sigma;
        let lcl = floor.map_or(low, |floor| low.max(floor));
        Self { centre, sigma, lcl: Some(lcl), ucl: Some(centre + width * sigma), given: false }
    }

    /// Whether a single point is off by so many sigmas; `limit` when it is the control limit that counts, if it was given.
    #[inline]
    pub(crate) fn outlying(&self, point: f64, sigmas: f64, limit: bool) -> bool {
        if limit && self.given {
            return self.beyond(point);
        }
        let reach = sigmas * self.sigma;
        point > self.centre + reach || point < self.centre - reach
    }

    /// Whether a point lies beyond what is drawn.
    #[inline]
    pub(crate) fn beyond(&self, point: f64) -> bool {
        self.ucl.is_some_and(|ucl| point > ucl) || self.lcl.is_some_and(|lcl| point < lcl)
    }
}
