//! Thickness of a film from psi and Delta at one wavelength, in closed form: tan(psi) exp(i Delta) = Rp / Rs of three phases is
//! a quadratic equation for the film's round trip, whose root gives the thickness (Azzam and Bashara; ISO 23131).
//!
//! A film that does not absorb looks the same after each period, so that its thickness is known but for whole periods.

use num_complex::Complex64;
use serde::Serialize;
use serde_json::Value;

use crate::{
    Analysis, Flags, Refused,
    fields::{Answers, Fields, finite},
    fresnel::{Stack, minus, passive, writes_plus},
    numeric::count,
};

/// A thickness below this is none, in nanometres: far less than rounding and any atom.
const NOTHING: f64 = 1e-6;
/// How many periods of an absorbing film are tried.
const ORDERS: usize = 60;
/// What the model may miss angles by, in degrees.
const RESIDUAL: f64 = 0.5;

/// Pairs of psi and Delta, in radians.
#[derive(Clone, Debug)]
pub(crate) struct Ellipsometry {
    pairs: Vec<(f64, f64)>,
    listed: bool,
    stack: Stack,
    nominal: Option<f64>,
}

/// Nanometres and degrees.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Output {
    thickness_nm: Answers,
    /// Of a film that does not absorb.
    period_nm: Option<f64>,
    /// How far the model is from each pair.
    residual_deg: Answers,
}

impl Analysis for Ellipsometry {
    const INPUTS: &'static [&'static str] =
        &["wavelength_nm", "angle_deg", "n_film", "n_sub", "n_ambient", "psi_delta", "psi_deg", "delta_deg"];
    const PARAMS: &'static [&'static str] = &["convention", "nominal_nm"];
    const VERSION: &'static str = "1";
    const SURE: &'static [&'static str] = &["thickness_nm"];
    type Output = Output;

    fn read(inputs: &Fields<'_>, params: &Fields<'_>, flags: &mut Flags) -> Result<Self, Refused> {
        let film = inputs.index("n_film")?.ok_or_else(|| inputs.missing("n_film"))?;
        let substrate = inputs.index("n_sub")?.ok_or_else(|| inputs.missing("n_sub"))?;
        let plus = writes_plus(params, &[film, substrate])?;
        flags.raise_if(plus, "convention_n_plus_ik");
        let (film, substrate) = (minus(film, plus), minus(substrate, plus));
        passive(film, &inputs.place("n_film"))?;
        passive(substrate, &inputs.place("n_sub"))?;
        let ambient = inputs.optional_positive("n_ambient")?.unwrap_or(1.0);
        passive(Complex64::new(ambient, 0.0), &inputs.place("n_ambient"))?;
        let angle = inputs.number("angle_deg")?;
        if !(1.0..=89.9).contains(&angle) {
            return Err(Refused::at("out_of_range", inputs.place("angle_deg"), "must lie between 1 and 89.9 degrees"));
        }
        let (pairs, listed) = pairs(inputs, if plus { -1.0 } else { 1.0 })?;
        let stack = Stack::of(ambient, film, substrate, inputs.positive("wavelength_nm")?, angle.to_radians());
        Ok(Self { pairs, listed, stack, nominal: params.optional("nominal_nm")? })
    }

    fn method(&self) -> &'static str {
        "three_phase_inversion"
    }

    fn extract(&self, flags: &mut Flags) -> Result<Output, Refused> {
        let contrast = |[_, lower]: [Complex64; 2], upper: Complex64| lower.norm() > 1e-6 && upper.norm() > 1e-6;
        if !(contrast(self.stack.p, self.stack.p[0]) || contrast(self.stack.s, self.stack.s[0])) {
            return Err(Refused::new("no_contrast", "the film has the index of what is above or beneath it, and cannot be seen"));
        }
        let found = self.pairs.iter().map(|pair| self.invert(*pair, flags)).collect::<Result<Vec<_>, _>>()?;
        flags.raise_if(!self.stack.absorbs() && self.nominal.is_none(), "order_ambiguous");
        flags.raise_if(found.iter().any(|(_, residual)| *residual > RESIDUAL), "residual_large");
        let (thickness, residual): (Vec<f64>, Vec<f64>) = found.into_iter().unzip();
        Ok(Output {
            thickness_nm: Answers::of(thickness, self.listed),
            period_nm: (!self.stack.absorbs()).then(|| self.stack.period()),
            residual_deg: Answers::of(residual, self.listed),
        })
    }
}

impl Ellipsometry {
    /// The thickness that a pair tells, and how far the model then is from the pair, in degrees.
    fn invert(&self, (psi, delta): (f64, f64), flags: &mut Flags) -> Result<(f64, f64), Refused> {
        let rho = Complex64::from_polar(psi.tan(), delta);
        let candidates = self.candidates(rho, flags);
        let start = candidates.ok_or_else(|| Refused::new("no_solution", "no thickness of this film gives these angles"))?;
        let place = |thickness: f64| self.miss(thickness, psi, delta);
        let (thickness, residual) = polish(start, self.stack.scale(), place);
        let thickness = self.ordered(thickness);
        Ok((if thickness.abs() < NOTHING { 0.0 } else { thickness }, residual))
    }

    /// The real part of the best root: of all the one that is most nearly real.
    fn candidates(&self, rho: Complex64, flags: &mut Flags) -> Option<f64> {
        let ([a, b], [c, d]) = (self.stack.p, self.stack.s);
        let roots = quadratic(rho * a * b * d - b * c * d, rho * (d + a * b * c) - (b + a * c * d), rho * c - a);
        let orders = if self.stack.absorbs() { ORDERS } else { 1 };
        let tried = roots.into_iter().flatten().flat_map(|x| (0..=orders).map(move |turns| (x, count(turns))));
        let mut tried: Vec<Complex64> = tried
            .map(|(x, turns)| self.stack.thickness(x, turns))
            .filter(|thickness| thickness.re.is_finite() && thickness.im.is_finite())
            .filter(|thickness| !self.stack.absorbs() || thickness.re > -NOTHING * 1e3)
            .collect();
        tried.sort_by(|left, right| left.im.abs().total_cmp(&right.im.abs()));
        let best = *tried.first()?;
        if !self.stack.absorbs() {
            return Some(best.re);
        }
        // Where several orders are about as real, the thinnest film is told.
        let near: Vec<f64> = tried.iter().filter(|other| other.im.abs() <= 2.0 * best.im.abs() + 1e-9).map(|other| other.re).collect();
        flags.raise_if(near.len() > 1, "order_ambiguous");
        near.into_iter().min_by(f64::total_cmp)
    }

    /// Within the first period, or in the one that comes nearest to the nominal thickness.
    fn ordered(&self, thickness: f64) -> f64 {
        if self.stack.absorbs() {
            return thickness;
        }
        let period = self.stack.period();
        let first = thickness.rem_euclid(period);
        let first = if period - first < NOTHING { 0.0 } else { first };
        self.nominal.map_or(first, |nominal| first + period * ((nominal - first) / period).round().max(0.0))
    }

    /// By how much the model misses psi and Delta at a thickness, in degrees.
    fn miss(&self, thickness: f64, psi: f64, delta: f64) -> [f64; 2] {
        let (p, s) = self.stack.reflection(thickness);
        let rho = p / s;
        // Delta weighs by sin(2 psi): where one polarization is not reflected, it says nothing.
        let turned = (rho * Complex64::from_polar(1.0, -delta)).arg();
        [(rho.norm().atan() - psi).to_degrees(), turned.to_degrees() * (2.0 * psi).sin().abs()]
    }
}

/// Steps of Gauss and Newton towards the least miss, as noise leaves no thickness that fits both angles. What does not
/// gain is left: a root without noise is the answer already.
fn polish(start: f64, scale: f64, miss: impl Fn(f64) -> [f64; 2]) -> (f64, f64) {
    let size = |[psi, delta]: [f64; 2]| psi.hypot(delta);
    let (mut thickness, mut residual) = (start, size(miss(start)));
    for _ in 0..20 {
        if residual < 1e-9 {
            break;
        }
        let step = scale * 1e-7;
        let (here, up, down) = (miss(thickness), miss(thickness + step), miss(thickness - step));
        let slope = [(up[0] - down[0]) / (2.0 * step), (up[1] - down[1]) / (2.0 * step)];
        let change = (slope[0] * here[0] + slope[1] * here[1]) / (slope[0].powi(2) + slope[1].powi(2));
        let next = thickness - change.min(scale / 20.0).max(-scale / 20.0);
        let reached = size(miss(next));
        if reached.is_nan() || reached >= residual * (1.0 - 1e-9) {
            break;
        }
        (thickness, residual) = (next, reached);
    }
    (thickness, residual)
}

/// The roots of a x^2 + b x + c, of which zero is no round trip.
fn quadratic(a: Complex64, b: Complex64, c: Complex64) -> [Option<Complex64>; 2] {
    let root = (b * b - 4.0 * a * c).sqrt();
    // Of both signs the one that does not cancel.
    let sum = if (b.conj() * root).re >= 0.0 { b + root } else { b - root };
    let q = -sum / 2.0;
    [q / a, c / q].map(|x| Some(x).filter(|x| x.norm().is_finite() && x.norm() > 1e-300))
}

/// Pairs of psi and Delta in radians, as one list of pairs or as a list of each.
fn pairs(inputs: &Fields<'_>, sign: f64) -> Result<(Vec<(f64, f64)>, bool), Refused> {
    let (pairs, listed) = if let Some(list) = inputs.list("psi_delta")? {
        let read = |(index, value): (usize, &Value)| pair(value, &inputs.place(&format!("psi_delta[{index}]")));
        (list.iter().enumerate().map(read).collect::<Result<Vec<_>, _>>()?, true)
    } else {
        let psi = inputs.numbers("psi_deg")?.ok_or_else(|| inputs.missing("psi_delta"))?;
        let delta = inputs.numbers("delta_deg")?.ok_or_else(|| inputs.missing("delta_deg"))?;
        inputs.same_length("delta_deg", delta.len(), "psi_deg", psi.len())?;
        (psi.into_iter().zip(delta).collect(), inputs.value("psi_deg").is_some_and(Value::is_array))
    };
    inputs.few(if listed { "psi_delta" } else { "psi_deg" }, pairs.len())?;
    if pairs.is_empty() {
        return Err(Refused::new("insufficient_data", "no pair of psi and Delta is given"));
    }
    if pairs.iter().any(|(psi, delta)| !(0.0..=90.0).contains(psi) || !(-360.0..=360.0).contains(delta)) {
        return Err(Refused::at(
            "out_of_range",
            inputs.place("psi_delta"),
            "must hold psi between 0 and 90, and Delta between -360 and 360 degrees",
        ));
    }
    Ok((pairs.into_iter().map(|(psi, delta)| (psi.to_radians(), sign * delta.to_radians())).collect(), listed))
}

fn pair(value: &Value, place: &str) -> Result<(f64, f64), Refused> {
    match value.as_array().map(Vec::as_slice) {
        Some([psi, delta]) => Ok((finite(psi, place)?, finite(delta, place)?)),
        _ => Err(Refused::at("wrong_type", place, "must be a pair of psi and Delta")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Kind, Outcome, analyse};

    fn seen(film: Complex64, substrate: Complex64, angle: f64, thickness: f64) -> (f64, f64) {
        let (p, s) = Stack::of(1.0, film, substrate, 532.0, f64::to_radians(angle)).reflection(thickness);
        ((p / s).norm().atan().to_degrees(), (p / s).arg().to_degrees())
    }

    fn run(inputs: &Value, params: &Value) -> Result<Outcome, Refused> {
        analyse(Kind::Ellipsometry, inputs, params)
    }

    fn index(index: Complex64) -> Value {
        json!([index.re, index.im])
    }

    #[test]
    fn films_of_many_kinds_are_found_again() {
        let silicon = Complex64::new(4.15, -0.044);
        for (film, angle, thick) in [(1.46, 65.0, 180.0), (2.0, 70.0, 30.0), (2.35, 75.0, 110.0), (1.38, 55.0, 5.0)] {
            let film = Complex64::new(film, 0.0);
            let (psi, delta) = seen(film, silicon, angle, thick);
            let inputs = json!({"wavelength_nm": 532, "angle_deg": angle, "n_film": film.re, "n_sub": index(silicon), "psi_deg": psi, "delta_deg": delta});
            let found = run(&inputs, &json!({})).unwrap();
            let thickness = found.outputs["thickness_nm"].as_f64().unwrap();
            assert!((thickness - thick).abs() < 1e-6, "{thickness} is not {thick}");
            assert_eq!(found.flags.list(), ["order_ambiguous"]);
            let period = found.outputs["period_nm"].as_f64().unwrap();
            let nominal = run(&inputs, &json!({"nominal_nm": thick + 2.2 * period})).unwrap();
            assert!((nominal.outputs["thickness_nm"].as_f64().unwrap() - thick - 2.0 * period).abs() < 1e-6);
        }
    }

    #[test]
    fn an_absorbing_film_has_one_thickness_and_either_convention() {
        let (film, silicon) = (Complex64::new(2.2, -0.15), Complex64::new(4.15, -0.044));
        for thick in [15.0, 90.0, 260.0, 700.0] {
            let (psi, delta) = seen(film, silicon, 70.0, thick);
            let asked = |sign: f64| {
                let conjugate = |index: Complex64| json!([index.re, index.im * sign]);
                json!({"wavelength_nm": 532, "angle_deg": 70, "n_film": conjugate(film), "n_sub": conjugate(silicon), "psi_delta": [[psi, delta * sign]]})
            };
            for (sign, convention) in [(1.0, "N = n-ik, Delta in -180..180"), (-1.0, "N=n+ik")] {
                let found = run(&asked(sign), &json!({"convention": convention})).unwrap();
                let thickness = found.outputs["thickness_nm"][0].as_f64().unwrap();
                assert!((thickness - thick).abs() < 1e-5, "{thickness} is not {thick}");
                assert!(found.outputs["period_nm"].is_null());
            }
        }
    }

    #[test]
    fn a_film_that_light_does_not_pass_through_is_found_again() {
        let (film, glass) = (Complex64::new(0.6, 0.0), Complex64::new(1.52, 0.0));
        let (psi, delta) = seen(film, glass, 70.0, 40.0);
        let asked = json!({"wavelength_nm": 532, "angle_deg": 70, "n_film": 0.6, "n_sub": 1.52, "psi_deg": psi, "delta_deg": delta});
        let found = run(&asked, &json!({})).unwrap().outputs;
        assert!((found["thickness_nm"].as_f64().unwrap() - 40.0).abs() < 1e-5, "{found}");
        assert_eq!(found["period_nm"], Value::Null);
    }

    #[test]
    fn noise_moves_the_thickness_but_little() {
        let (film, silicon) = (Complex64::new(1.46, 0.0), Complex64::new(4.15, -0.044));
        let (psi, delta) = seen(film, silicon, 70.0, 80.0);
        let asked = json!({"wavelength_nm": 532, "angle_deg": 70, "n_film": 1.46, "n_sub": index(silicon), "psi_delta": [[psi + 0.05, delta - 0.1], [psi - 8.0, delta + 20.0]]});
        let found = run(&asked, &json!({})).unwrap();
        assert!((found.outputs["thickness_nm"][0].as_f64().unwrap() - 80.0).abs() < 0.2, "{found:?}");
        assert!(found.flags.list().contains(&"residual_large"), "{found:?}");
    }

    #[test]
    fn what_cannot_be_seen_is_refused() {
        let asked = |film: Value, substrate: Value, pairs: Value| json!({"wavelength_nm": 632.8, "angle_deg": 70, "n_film": film, "n_sub": substrate, "psi_delta": pairs});
        let code = |inputs| run(&inputs, &json!({})).unwrap_err().code;
        assert_eq!(code(asked(json!(1.5), json!(1.5), json!([[20, 100]]))), "no_contrast");
        assert_eq!(code(asked(json!(1.0), json!(1.5), json!([[20, 100]]))), "no_contrast");
        assert_eq!(code(asked(json!(1.5), json!(3.8), json!([[91, 100]]))), "out_of_range");
        assert_eq!(code(asked(json!(-1.5), json!(3.8), json!([[45, 100]]))), "out_of_range");
        assert_eq!(code(asked(json!(1.5), json!(3.8), json!([]))), "insufficient_data");
        assert_eq!(code(asked(json!([1.5, -0.1]), json!([3.8, 0.1]), json!([[45, 100]]))), "out_of_range");
    }
}
