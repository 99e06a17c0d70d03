//! Thickness of a film from its reflectance over wavelengths: by the distance of fringes, and by a fit of the whole spectrum
//! to the reflectance of three phases (ISO 23131).

use num_complex::Complex64;
use serde::Serialize;

use crate::{
    Analysis, Flags, Refused,
    fields::Fields,
    fresnel::{Stack, minus, passive, writes_plus},
    numeric::{count, fit, range, thinned},
};

/// How many samples the search and the fit take of a long spectrum.
const FITTED: usize = 500;
/// How many thicknesses the search tries at most.
const TRIED: f64 = 20_000.0;

/// A spectrum with the indices of what reflects.
#[derive(Clone, Debug)]
pub(crate) struct Reflectometry {
    samples: Vec<Sample>,
    points: usize,
    /// The thinnest and the thickest film that is looked for.
    bounds: (f64, Option<f64>),
}

/// One wavelength: what would reflect there, and what was seen.
#[derive(Clone, Copy, Debug)]
struct Sample {
    wavelength: f64,
    normal: f64,
    stack: Stack,
    reflectance: f64,
}

/// Nanometres.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Output {
    thickness_nm: f64,
    /// From the distance of the outermost extrema, where there are two and more.
    fringe_thickness_nm: Option<f64>,
    /// How many half fringes lie between them.
    extrema: usize,
    /// What a thickness grows by from one order to the next, in the middle of the spectrum.
    period_nm: f64,
    rms_residual: f64,
    points_used: usize,
    points_dropped: usize,
}

impl Analysis for Reflectometry {
    const INPUTS: &'static [&'static str] = &["wavelength_nm", "reflectance", "n_film", "n_sub", "n_ambient", "angle_deg"];
    const PARAMS: &'static [&'static str] = &["convention", "min_nm", "max_nm"];
    const VERSION: &'static str = "1";
    const SURE: &'static [&'static str] = &["thickness_nm", "period_nm", "rms_residual"];
    type Output = Output;

    fn read(inputs: &Fields<'_>, params: &Fields<'_>, flags: &mut Flags) -> Result<Self, Refused> {
        let wavelengths = inputs.samples("wavelength_nm")?;
        let points = wavelengths.len();
        let reflectance = inputs.samples_beside("reflectance", "wavelength_nm", points)?;
        let film = inputs.indices("n_film", points)?.ok_or_else(|| inputs.missing("n_film"))?;
        let substrate = inputs.indices("n_sub", points)?.ok_or_else(|| inputs.missing("n_sub"))?;
        let plus = writes_plus(params, &[film.as_slice(), substrate.as_slice()].concat())?;
        let ambient = inputs.optional_positive("n_ambient")?.unwrap_or(1.0);
        passive(Complex64::new(ambient, 0.0), &inputs.place("n_ambient"))?;
        let angle = inputs.within("angle_deg", 0.0, 85.0, 0.0)?.to_radians();
        let mut samples = Vec::new();
        for index in 0..points {
            let (wavelength, reflectance) = (wavelengths[index], reflectance[index]);
            let (film, substrate) = (minus(film[index], plus), minus(substrate[index], plus));
            passive(film, &inputs.place("n_film"))?;
            passive(substrate, &inputs.place("n_sub"))?;
            if wavelength <= 0.0 {
                return Err(Refused::at("out_of_range", inputs.place(&format!("wavelength_nm[{index}]")), "must be above zero"));
            }
            if wavelength.is_finite() && reflectance.is_finite() {
                let stack = Stack::of(ambient, film, substrate, wavelength, angle);
                samples.push(Sample { wavelength, normal: wavelength / (2.0 * stack.period()), stack, reflectance });
            }
        }
        flags.raise_if(samples.len() < points, "non_finite_dropped");
        flags.raise_if(samples.iter().any(|sample| !(0.0..=1.0).contains(&sample.reflectance)), "reflectance_out_of_range");
        samples.sort_by(|a, b| a.wavelength.total_cmp(&b.wavelength));
        let bounds = (params.optional_positive("min_nm")?.unwrap_or(0.0), params.optional_positive("max_nm")?);
        if bounds.1.is_some_and(|most| most <= bounds.0) {
            return Err(Refused::at("out_of_range", params.place("max_nm"), "must be above params.min_nm"));
        }
        Ok(Self { samples, points, bounds })
    }

    fn method(&self) -> &'static str {
        "three_phase_fit"
    }

    fn extract(&self, flags: &mut Flags) -> Result<Output, Refused> {
        if self.samples.len() < 5 {
            return Err(Refused::new("insufficient_data", "fewer than five samples of the spectrum can be used"));
        }
        let (first, last) = (self.samples[0], self.samples[self.samples.len() - 1]);
        // What a full fringe between the ends of the spectrum takes, in nanometres.
        let fringe = 0.5 / (first.normal / first.wavelength - last.normal / last.wavelength);
        if !(fringe > 0.0 && fringe.is_finite()) {
            return Err(Refused::new("insufficient_data", "the spectrum is no wider than one wavelength"));
        }
        let extrema = self.extrema();
        let spaced = |(a, b): (&Sample, &Sample)| count(extrema.len() - 1) / 4.0 / (a.normal / a.wavelength - b.normal / b.wavelength);
        let fringes = extrema.first().zip(extrema.last()).filter(|_| extrema.len() > 1).map(spaced);
        let samples = thinned(&self.samples, FITTED);
        let thickness = self.search(&samples, fringe)?;
        let (thickness, residual) = refine(&samples, thickness);
        flags.raise_if(thickness < fringe, "below_one_fringe");
        let contrast = range(&self.samples.iter().map(|sample| sample.reflectance).collect::<Vec<_>>());
        flags.raise_if(residual > 0.1 * (contrast.1 - contrast.0), "poor_fit");
        let middle = self.samples[self.samples.len() / 2];
        Ok(Output {
            thickness_nm: thickness,
            fringe_thickness_nm: fringes.filter(|value| value.is_finite()),
            extrema: extrema.len(),
            period_nm: middle.stack.period(),
            rms_residual: residual,
            points_used: self.samples.len(),
            points_dropped: self.points - self.samples.len(),
        })
    }
}

impl Reflectometry {
    /// Peaks and valleys that rise above a twentieth of the spectrum's contrast.
    fn extrema(&self) -> Vec<Sample> {
        let (least, most) = range(&self.samples.iter().map(|sample| sample.reflectance).collect::<Vec<_>>());
        let bar = (most - least) / 20.0;
        let mut found: Vec<Sample> = Vec::new();
        let (mut high, mut low, mut rising) = (self.samples[0], self.samples[0], None);
        for sample in &self.samples {
            high = if sample.reflectance > high.reflectance { *sample } else { high };
            low = if sample.reflectance < low.reflectance { *sample } else { low };
            let (fell, rose) = (high.reflectance - sample.reflectance > bar, sample.reflectance - low.reflectance > bar);
            let turned = match rising {
                None => fell || rose,
                Some(true) => fell,
                Some(false) => rose,
            };
            if !turned {
                continue;
            }
            if let Some(rising) = rising {
                found.push(if rising { high } else { low });
            }
            rising = Some(rising.map_or(rose, |rising: bool| !rising));
            (high, low) = (*sample, *sample);
        }
        found
    }

    /// The best of thicknesses that are an eighth of the shortest wave's period apart, up to where samples no longer tell
    /// fringes from one another.
    fn search(&self, samples: &[Sample], fringe: f64) -> Result<f64, Refused> {
        let told = fringe * count(samples.len()) / 4.0;
        let most = self.bounds.1.unwrap_or(told).min(told.max(self.bounds.0 * 2.0));
        let span = most - self.bounds.0;
        let step = (samples[0].stack.period() / 16.0).max(span / TRIED);
        let tried =
            std::iter::successors(Some(self.bounds.0), |thickness| Some(thickness + step)).take_while(|thickness| *thickness <= most);
        let cost = |thickness: f64| samples.iter().map(|sample| sample.miss(thickness).powi(2)).sum::<f64>();
        let best =
            tried.map(|thickness| (thickness, cost(thickness))).filter(|(_, cost)| cost.is_finite()).min_by(|a, b| a.1.total_cmp(&b.1));
        best.map(|(thickness, _)| thickness)
            .ok_or_else(|| Refused::new("beyond_numbers", "no thickness can be compared with this spectrum"))
    }
}

impl Sample {
    /// By how much a film of this thickness reflects otherwise.
    fn miss(&self, thickness: f64) -> f64 {
        self.stack.reflectance(thickness) - self.reflectance
    }
}

/// The thickness that fits best nearby, and the root mean square of what is left.
fn refine(samples: &[Sample], start: f64) -> (f64, f64) {
    let scale = samples[0].stack.period();
    let fitted = fit([start / scale], samples.len(), |[thickness]: &[f64; 1], left| {
        for (left, sample) in left.iter_mut().zip(samples) {
            *left = sample.miss(thickness.abs() * scale);
        }
    });
    fitted.map_or((start, f64::NAN), |fitted| (fitted.values[0].abs() * scale, fitted.rms))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{Kind, Outcome, analyse};

    fn run(thickness: f64, film: &dyn Fn(f64) -> f64, angle: f64) -> Outcome {
        let wavelengths: Vec<f64> = (0..301).map(|index| 400.0 + 1.5 * f64::from(index)).collect();
        let substrate = Complex64::new(3.9, -0.02);
        let seen = |wavelength: &f64| {
            Stack::of(1.0, Complex64::new(film(*wavelength), 0.0), substrate, *wavelength, f64::to_radians(angle)).reflectance(thickness)
        };
        let inputs = json!({
            "wavelength_nm": wavelengths, "reflectance": wavelengths.iter().map(seen).collect::<Vec<_>>(), "angle_deg": angle,
            "n_film": wavelengths.iter().map(|wavelength| film(*wavelength)).collect::<Vec<_>>(), "n_sub": [3.9, -0.02]
        });
        analyse(Kind::Reflectometry, &inputs, &json!({})).expect("a film")
    }

    #[test]
    fn films_thick_and_thin_are_found_again() {
        let cauchy = |wavelength: f64| 1.45 + 3500.0 / wavelength.powi(2);
        for (thickness, angle) in [(20.0, 0.0), (95.0, 0.0), (500.0, 0.0), (1234.5, 30.0), (7000.0, 0.0)] {
            let found = run(thickness, &cauchy, angle);
            let told = found.outputs["thickness_nm"].as_f64().unwrap();
            assert!((told - thickness).abs() < 1e-5, "{told} is not {thickness}");
            assert_eq!(found.flags.list().contains(&"below_one_fringe"), thickness < 150.0);
            if thickness > 1000.0 {
                let fringes = found.outputs["fringe_thickness_nm"].as_f64().unwrap();
                assert!((fringes / thickness - 1.0).abs() < 0.05, "{fringes} is not {thickness}");
            }
        }
    }

    #[test]
    fn spectra_that_tell_nothing_are_refused() {
        let code = |inputs: Value| analyse(Kind::Reflectometry, &inputs, &json!({})).unwrap_err().code;
        let spectrum = |wavelengths: Value| json!({"wavelength_nm": wavelengths, "reflectance": [0.1, 0.2, 0.3, 0.2, 0.1], "n_film": 1.5, "n_sub": 3.8});
        assert_eq!(code(spectrum(json!([500, 500, 500, 500, 500]))), "insufficient_data");
        assert_eq!(code(spectrum(json!([500, 510, 520, 530, null]))), "insufficient_data");
        assert_eq!(code(spectrum(json!([500, 510, 520, 530, -1]))), "out_of_range");
        assert_eq!(code(spectrum(json!([500, 510]))), "length_mismatch");
    }
}
