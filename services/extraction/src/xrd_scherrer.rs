//! Sizes of crystallites from the width of reflections (Scherrer): D = K lambda / (beta cos(theta)), with the width that the
//! instrument itself has taken out, by which NIST SRM 660 calibrates.

use serde::Serialize;

use crate::{
    Analysis, Flags, Refused,
    fields::{Answers, Fields},
    numeric::Line,
};

/// Scherrer's factor for spheres, by the width at half height.
const SHAPE: f64 = 0.9;

/// Reflections: full widths at half height and angles in degrees, a wavelength in angstroms.
#[derive(Clone, Debug)]
pub(crate) struct XrdScherrer {
    two_theta: Vec<f64>,
    observed: Vec<f64>,
    instrument: Option<Vec<f64>>,
    listed: bool,
    wavelength: f64,
    second: Option<f64>,
    shape: f64,
    profile: Profile,
}

/// How widths add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Profile {
    /// By their squares.
    Gaussian,
    /// As they are.
    Lorentzian,
}

/// Nanometres and degrees.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Output {
    size_nm: Answers,
    #[serde(rename = "size_A")]
    size_angstrom: Answers,
    beta_deg: Answers,
    /// By Williamson and Hall: the size with the strain told apart.
    williamson_hall: Option<WilliamsonHall>,
}

#[derive(Clone, Debug, Serialize)]
struct WilliamsonHall {
    size_nm: Option<f64>,
    strain: f64,
    r2: f64,
}

impl Analysis for XrdScherrer {
    const INPUTS: &'static [&'static str] = &["two_theta_deg", "fwhm_deg", "fwhm_instrument_deg", "wavelength_A", "wavelength_ka2_A"];
    const PARAMS: &'static [&'static str] = &["shape_factor", "profile", "zero_shift_deg"];
    const VERSION: &'static str = "1";
    const SURE: &'static [&'static str] = &["size_nm", "size_A", "beta_deg"];
    type Output = Output;

    fn read(inputs: &Fields<'_>, params: &Fields<'_>, flags: &mut Flags) -> Result<Self, Refused> {
        let angles = inputs.numbers("two_theta_deg")?.ok_or_else(|| inputs.missing("two_theta_deg"))?;
        let observed = inputs.numbers("fwhm_deg")?.ok_or_else(|| inputs.missing("fwhm_deg"))?;
        inputs.same_length("fwhm_deg", observed.len(), "two_theta_deg", angles.len())?;
        inputs.few("two_theta_deg", angles.len())?;
        if angles.is_empty() {
            return Err(Refused::new("insufficient_data", "no reflection is given"));
        }
        let zero_shift = params.within("zero_shift_deg", -5.0, 5.0, 0.0)?;
        let two_theta: Vec<f64> = angles.iter().map(|angle| angle - zero_shift).collect();
        between(inputs, "two_theta_deg", &two_theta, 0.0, 180.0)?;
        between(inputs, "fwhm_deg", &observed, 0.0, 90.0)?;
        let instrument = match inputs.numbers("fwhm_instrument_deg")? {
            Some(widths) if widths.len() == 1 => Some(vec![widths[0]; angles.len()]),
            other => other,
        };
        flags.raise_if(instrument.is_none(), "instrument_broadening_missing");
        if let Some(widths) = &instrument {
            inputs.same_length("fwhm_instrument_deg", widths.len(), "two_theta_deg", angles.len())?;
            between(inputs, "fwhm_instrument_deg", widths, -f64::MIN_POSITIVE, 90.0)?;
        }
        let profile = match params.text("profile")?.unwrap_or("gaussian").to_ascii_lowercase().as_str() {
            "gaussian" => Profile::Gaussian,
            "lorentzian" => Profile::Lorentzian,
            _ => return Err(Refused::at("unknown_option", params.place("profile"), "must be gaussian or lorentzian")),
        };
        Ok(Self {
            two_theta,
            observed,
            instrument,
            listed: inputs.value("two_theta_deg").is_some_and(serde_json::Value::is_array),
            wavelength: inputs.positive("wavelength_A")?,
            second: inputs.optional_positive("wavelength_ka2_A")?,
            shape: params.within("shape_factor", 0.1, 3.0, SHAPE)?,
            profile,
        })
    }

    fn method(&self) -> &'static str {
        match self.profile {
            Profile::Gaussian => "scherrer_gaussian",
            Profile::Lorentzian => "scherrer_lorentzian",
        }
    }

    fn extract(&self, flags: &mut Flags) -> Result<Output, Refused> {
        let beta = (0..self.observed.len()).map(|index| self.sample_width(index)).collect::<Result<Vec<_>, _>>()?;
        let theta: Vec<f64> = self.two_theta.iter().map(|angle| angle.to_radians() / 2.0).collect();
        let reach: Vec<f64> = theta.iter().zip(&beta).map(|(theta, beta)| beta.to_radians() * theta.cos()).collect();
        let sizes: Vec<f64> = reach.iter().map(|reach| self.shape * self.wavelength / reach).collect();
        // The second line of the doublet widens a reflection that it is not parted from.
        let split = |theta: f64| self.second.map(|second| 2.0 * ((second / self.wavelength - 1.0).abs() * theta.tan()).to_degrees());
        let widened = theta.iter().zip(&self.observed).any(|(theta, width)| split(*theta).is_some_and(|split| split > 0.1 * width));
        flags.raise_if(widened, "ka2_not_stripped");
        flags.raise_if(sizes.iter().any(|size| *size > 2000.0), "size_beyond_method");
        let list = |values| Answers::of(values, self.listed);
        Ok(Output {
            size_nm: list(sizes.iter().map(|size| size / 10.0).collect()),
            williamson_hall: self.williamson_hall(&theta, &reach),
            size_angstrom: list(sizes),
            beta_deg: list(beta),
        })
    }
}

impl XrdScherrer {
    /// What is left of a reflection's width without the instrument's.
    fn sample_width(&self, index: usize) -> Result<f64, Refused> {
        let observed = self.observed[index];
        let instrument = self.instrument.as_ref().map_or(0.0, |widths| widths[index]);
        if observed <= instrument {
            let message = format!("is {observed}, no more than the instrument's own width of {instrument}: it tells no size");
            return Err(Refused::at("broadening_not_above_instrument", format!("inputs.fwhm_deg[{index}]"), message));
        }
        Ok(match self.profile {
            Profile::Gaussian => ((observed - instrument) * (observed + instrument)).sqrt(),
            Profile::Lorentzian => observed - instrument,
        })
    }

    /// beta cos(theta) = K lambda / D + 4 strain sin(theta), of three and more reflections.
    fn williamson_hall(&self, theta: &[f64], reach: &[f64]) -> Option<WilliamsonHall> {
        let x: Vec<f64> = theta.iter().map(|theta| 4.0 * theta.sin()).collect();
        let line = (x.len() >= 3).then(|| Line::through(&x, reach)).flatten()?;
        let size = Some(self.shape * self.wavelength / line.intercept / 10.0).filter(|size| size.is_finite() && *size > 0.0);
        Some(WilliamsonHall { size_nm: size, strain: line.slope, r2: line.r2 })
    }
}

fn between(inputs: &Fields<'_>, name: &str, values: &[f64], above: f64, below: f64) -> Result<(), Refused> {
    match values.iter().position(|value| !(*value > above && *value < below)) {
        None => Ok(()),
        Some(index) => {
            let message = format!("must lie between {} and {below} degrees", above.max(0.0));
            Err(Refused::at("out_of_range", inputs.place(&format!("{name}[{index}]")), message))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{Kind, Outcome, analyse};

    fn run(inputs: &Value, params: &Value) -> Result<Outcome, Refused> {
        analyse(Kind::XrdScherrer, inputs, params)
    }

    #[test]
    fn widths_are_parted_by_either_profile() {
        let inputs = json!({"two_theta_deg": 38.2, "fwhm_deg": 0.5, "fwhm_instrument_deg": 0.3, "wavelength_A": 1.5406});
        let size = |beta: f64| 0.9 * 0.154_06 / (beta.to_radians() * 19.1_f64.to_radians().cos());
        for (profile, beta) in [("gaussian", 0.4), ("lorentzian", 0.2)] {
            let found = run(&inputs, &json!({"profile": profile})).unwrap();
            assert!((found.outputs["beta_deg"].as_f64().unwrap() - beta).abs() < 1e-12);
            assert!((found.outputs["size_nm"].as_f64().unwrap() / size(beta) - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn strain_is_told_from_size() {
        let angles = [30.0, 50.0, 70.0, 90.0];
        let widths = angles.map(|angle: f64| {
            let theta = angle.to_radians() / 2.0;
            ((0.9 * 1.5406 / 250.0 + 4.0 * 1e-3 * theta.sin()) / theta.cos()).to_degrees()
        });
        let found = run(&json!({"two_theta_deg": angles, "fwhm_deg": widths, "wavelength_A": 1.5406}), &json!({})).unwrap();
        let told = &found.outputs["williamson_hall"];
        assert!((told["size_nm"].as_f64().unwrap() - 25.0).abs() < 1e-9 && (told["strain"].as_f64().unwrap() - 1e-3).abs() < 1e-12);
        assert_eq!(found.flags.list(), ["instrument_broadening_missing"]);
    }

    #[test]
    fn a_width_of_the_instrument_tells_no_size() {
        for width in [0.1, 0.2] {
            let inputs = json!({"two_theta_deg": [40], "fwhm_deg": [width], "fwhm_instrument_deg": 0.2, "wavelength_A": 1.54});
            let refused = run(&inputs, &json!({})).unwrap_err();
            assert_eq!((refused.code, refused.field.as_deref()), ("broadening_not_above_instrument", Some("inputs.fwhm_deg[0]")));
        }
        let doublet = json!({"two_theta_deg": 100, "fwhm_deg": 0.3, "wavelength_A": 1.5406, "wavelength_ka2_A": 1.5444});
        assert!(run(&doublet, &json!({})).unwrap().flags.list().contains(&"ka2_not_stripped"));
    }
}
