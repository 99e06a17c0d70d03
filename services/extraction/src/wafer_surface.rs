//! The shape of a quantity over a wafer: a tilted bowl, and rings.

use serde::Serialize;

use crate::numeric::{count, mean, regression};

/// A place on a wafer, in millimetres from its centre, and what was measured there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Site {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) z: f64,
}

impl Site {
    /// The distance from the centre.
    pub(crate) fn radius(&self) -> f64 {
        self.x.hypot(self.y)
    }
}

/// z = c0 + cx x + cy y + cr2 (x^2 + y^2), with lengths in units of the wafer's radius.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Surface {
    c0: f64,
    cx: f64,
    cy: f64,
    cr2: f64,
    /// The coefficient of determination.
    r2: f64,
    rms: f64,
}

impl Surface {
    /// The least squares surface; none where the places do not tell its four coefficients.
    pub(crate) fn through(sites: &[Site], radius: f64) -> Option<Self> {
        let centre = mean(&sites.iter().map(|site| site.z).collect::<Vec<_>>());
        let row = |site: &Site| {
            let (x, y) = (site.x / radius, site.y / radius);
            [1.0, x, y, x * x + y * y]
        };
        // About the mean, so that a large level costs no digits.
        let found: [f64; 4] = (sites.len() >= 4).then(|| regression(sites.iter().map(|site| (row(site), site.z - centre)))).flatten()?;
        let left = |site: &Site| site.z - centre - row(site).iter().zip(found).map(|(known, c)| known * c).sum::<f64>();
        let rest: f64 = sites.iter().map(|site| left(site).powi(2)).sum();
        let all: f64 = sites.iter().map(|site| (site.z - centre).powi(2)).sum();
        let [c0, cx, cy, cr2] = found;
        let r2 = if all > 0.0 { (1.0 - rest / all).max(0.0) } else { 1.0 };
        Some(Self { c0: c0 + centre, cx, cy, cr2, r2, rms: (rest / count(sites.len())).sqrt() })
    }
}

/// Means over rings, from the centre outwards.
#[derive(Clone, Debug)]
pub(crate) struct Rings {
    /// Null where a ring has no site.
    pub(crate) means: Vec<Option<f64>>,
    /// The mean radius of each ring's sites, or the middle of a ring without any.
    pub(crate) radii: Vec<f64>,
    pub(crate) sites: Vec<usize>,
}

/// Rings of a wafer whose sites do not lie on circles.
const RINGS: usize = 4;

impl Rings {
    /// The circles on which the sites lie, where they do; else, or as asked for, rings of equal width.
    pub(crate) fn of(sites: &[Site], radius: f64, rings: Option<usize>) -> Self {
        let mut placed: Vec<(f64, f64)> = sites.iter().map(|site| (site.radius(), site.z)).collect();
        placed.sort_by(|a, b| a.0.total_cmp(&b.0));
        if rings.is_none() {
            let circles: Vec<&[(f64, f64)]> = placed.chunk_by(|a, b| b.0 - a.0 <= 1e-3 * radius).collect();
            if circles.len() <= (placed.len() / 6).max(RINGS) {
                return Self::over(circles.into_iter().map(<[_]>::to_vec), |_| 0.0);
            }
        }
        let rings = rings.unwrap_or(RINGS);
        let width = radius / count(rings);
        let within = |ring: usize| {
            let (from, to) = (width * count(ring), width * count(ring + 1));
            let last = ring + 1 == rings;
            placed.iter().copied().filter(|(r, _)| (*r >= from || ring == 0) && (*r < to || last)).collect::<Vec<_>>()
        };
        Self::over((0..rings).map(within), |ring| width * (count(ring) + 0.5))
    }

    fn over(rings: impl Iterator<Item = Vec<(f64, f64)>>, middle: impl Fn(usize) -> f64) -> Self {
        let mut told = Self { means: Vec::new(), radii: Vec::new(), sites: Vec::new() };
        for (ring, sites) in rings.enumerate() {
            let (radii, z): (Vec<f64>, Vec<f64>) = sites.into_iter().unzip();
            told.sites.push(z.len());
            told.radii.push(if radii.is_empty() { middle(ring) } else { mean(&radii) });
            told.means.push((!z.is_empty()).then(|| mean(&z)));
        }
        told
    }

    /// The outermost ring's mean less the innermost one's.
    pub(crate) fn edge_less_centre(&self) -> Option<f64> {
        let ((centre, edge), more) = (self.means.first()?.zip(*self.means.last()?)?, self.means.len() > 1);
        more.then_some(edge - centre)
    }
}
