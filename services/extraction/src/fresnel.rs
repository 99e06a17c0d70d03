//! Light on a film on a substrate, after Azzam and Bashara: N = n - ik, waves as exp(+i omega t), angles of Nebraska.

use std::f64::consts::PI;

use num_complex::Complex64;

use crate::{Refused, fields::Fields};

/// An ambient, a film and a substrate, under light of one wavelength and one angle.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stack {
    /// Coefficients of the ambient's and of the substrate's face of the film, for light in the plane of incidence.
    pub(crate) p: [Complex64; 2],
    /// The same for light across the plane of incidence.
    pub(crate) s: [Complex64; 2],
    /// N cos(angle) in the film.
    normal: Complex64,
    wavelength: f64,
}

impl Stack {
    /// From indices of refraction; wavelength in nanometres, angle in radians.
    pub(crate) fn of(ambient: f64, film: Complex64, substrate: Complex64, wavelength: f64, angle: f64) -> Self {
        let along = ambient * angle.sin();
        // The component across the faces; of both roots the one that fades away from the light.
        let across = |index: Complex64| {
            let root = (index * index - along * along).sqrt();
            if root.im > 0.0 { -root } else { root }
        };
        let layers = [Complex64::new(ambient, 0.0), film, substrate].map(|index| (index, across(index)));
        let p = |a: (Complex64, Complex64), b: (Complex64, Complex64)| {
            let (left, right) = (b.0 * b.0 * a.1, a.0 * a.0 * b.1);
            (left - right) / (left + right)
        };
        let s = |a: (Complex64, Complex64), b: (Complex64, Complex64)| (a.1 - b.1) / (a.1 + b.1);
        let [above, within, below] = layers;
        Self { p: [p(above, within), p(within, below)], s: [s(above, within), s(within, below)], normal: within.1, wavelength }
    }

    /// What a thickness does to light on its way there and back through the film.
    fn round_trip(&self, thickness: f64) -> Complex64 {
        (Complex64::new(0.0, -4.0 * PI * thickness / self.wavelength) * self.normal).exp()
    }

    /// The coefficients of reflection of a film of this thickness, in nanometres.
    pub(crate) fn reflection(&self, thickness: f64) -> (Complex64, Complex64) {
        let x = self.round_trip(thickness);
        let whole = |[upper, lower]: [Complex64; 2]| (upper + lower * x) / (1.0 + upper * lower * x);
        (whole(self.p), whole(self.s))
    }

    /// The reflectance for light without polarization.
    pub(crate) fn reflectance(&self, thickness: f64) -> f64 {
        let (p, s) = self.reflection(thickness);
        f64::midpoint(p.norm_sqr(), s.norm_sqr())
    }

    /// The thickness, perhaps not a real one, whose round trip is x with this many turns more.
    pub(crate) fn thickness(&self, x: Complex64, turns: f64) -> Complex64 {
        let phase = Complex64::new(0.0, 1.0) * (x.ln() - Complex64::new(0.0, 2.0 * PI * turns));
        phase * self.wavelength / (4.0 * PI * self.normal)
    }

    /// The thickness after which a film that does not absorb looks the same again, in nanometres.
    pub(crate) fn period(&self) -> f64 {
        self.wavelength / (2.0 * self.normal.re)
    }

    /// The thickness over which a film changes what is seen, in nanometres: its period, or how deep light fades in one that it
    /// does not pass through.
    pub(crate) fn scale(&self) -> f64 {
        self.wavelength / (2.0 * self.normal.norm())
    }

    /// Whether the film takes light away.
    pub(crate) fn absorbs(&self) -> bool {
        self.normal.im < -1e-12 * self.normal.re
    }
}

/// Brings an index into the form n - ik; `plus` says that it was written n + ik.
pub(crate) fn minus(index: Complex64, plus: bool) -> Complex64 {
    if plus { index.conj() } else { index }
}

/// Whether indices are written n + ik: as the convention says, or else as their signs do, for none of these gives light.
pub(crate) fn writes_plus(params: &Fields<'_>, indices: &[Complex64]) -> Result<bool, Refused> {
    let Some(text) = params.text("convention")? else { return Ok(indices.iter().any(|index| index.im > 0.0)) };
    let text: String = text.chars().filter(|letter| !letter.is_whitespace()).collect::<String>().to_lowercase();
    // Engineers write j, and omega is a w.
    let text = text.replace('j', "i").replace(['\u{3c9}', '\u{2126}'], "w").replace('\u{2212}', "-");
    let said = |words: &[&str]| words.iter().any(|word| text.contains(word));
    match () {
        () if said(&["n-ik", "exp(+iwt)", "exp(iwt)", "nebraska", "muller"]) => Ok(false),
        () if said(&["n+ik", "exp(-iwt)"]) => Ok(true),
        () => Err(Refused::at("unknown_option", params.place("convention"), "must say `N=n-ik` or `N=n+ik`")),
    }
}

/// Refuses an index that no medium without gain has.
pub(crate) fn passive(index: Complex64, place: &str) -> Result<(), Refused> {
    if index.re > 0.0 && index.im <= 0.0 && index.norm() < 1e3 {
        return Ok(());
    }
    Err(Refused::at("out_of_range", place, "must have a real part above zero, and the sign of absorption that the convention has"))
}
