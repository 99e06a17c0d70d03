//! Spacings of lattice planes by Bragg's law, and the constant of a cubic lattice from them: lambda = 2 d sin(theta).

use serde::Serialize;
use serde_json::Value;

use crate::{
    Analysis, Flags, Refused,
    fields::{Fields, finite},
    numeric::{deviation, fit, mean},
};

/// A shift of the zero beyond this is worth a word, in degrees.
const SHIFT: f64 = 0.01;

/// Reflections: angles in degrees, a wavelength in angstroms.
#[derive(Clone, Debug)]
pub(crate) struct XrdBragg {
    two_theta: Vec<f64>,
    /// The root of h^2 + k^2 + l^2 of each reflection.
    orders: Option<Vec<f64>>,
    wavelength: f64,
    second: Option<f64>,
    zero_shift: f64,
}

/// Angstroms and degrees.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Output {
    #[serde(rename = "d_A")]
    spacings: Vec<f64>,
    #[serde(rename = "a_A")]
    constants: Option<Vec<f64>>,
    /// As measured, less the shift of the zero.
    two_theta_deg: Vec<f64>,
    #[serde(rename = "a_mean_A")]
    mean: Option<f64>,
    #[serde(rename = "a_sd_A")]
    deviation: Option<f64>,
    /// The constant that fits best together with a shift of the zero.
    #[serde(rename = "a_refined_A")]
    refined: Option<f64>,
    zero_shift_fit_deg: Option<f64>,
    /// How far the second line of a doublet lies from the first.
    ka2_split_deg: Option<Vec<Option<f64>>>,
}

impl Analysis for XrdBragg {
    const INPUTS: &'static [&'static str] = &["two_theta_deg", "hkl", "wavelength_A", "wavelength_ka2_A"];
    const PARAMS: &'static [&'static str] = &["zero_shift_deg"];
    const VERSION: &'static str = "1";
    const SURE: &'static [&'static str] = &["d_A", "two_theta_deg"];
    type Output = Output;

    fn read(inputs: &Fields<'_>, params: &Fields<'_>, _: &mut Flags) -> Result<Self, Refused> {
        let measured = inputs.numbers("two_theta_deg")?.ok_or_else(|| inputs.missing("two_theta_deg"))?;
        inputs.few("two_theta_deg", measured.len())?;
        if measured.is_empty() {
            return Err(Refused::new("insufficient_data", "no reflection is given"));
        }
        let zero_shift = params.within("zero_shift_deg", -5.0, 5.0, 0.0)?;
        let two_theta: Vec<f64> = measured.iter().map(|angle| angle - zero_shift).collect();
        if let Some(index) = two_theta.iter().position(|angle| !(*angle > 0.0 && *angle < 180.0)) {
            return Err(Refused::at(
                "out_of_range",
                inputs.place(&format!("two_theta_deg[{index}]")),
                "must lie between 0 and 180 degrees",
            ));
        }
        let orders = match inputs.list("hkl")? {
            None => None,
            Some(list) => {
                inputs.same_length("hkl", list.len(), "two_theta_deg", two_theta.len())?;
                let orders = list.iter().enumerate().map(|(index, hkl)| order(hkl, &format!("inputs.hkl[{index}]")));
                Some(orders.collect::<Result<_, _>>()?)
            }
        };
        let wavelength = inputs.positive("wavelength_A")?;
        Ok(Self { two_theta, orders, wavelength, second: inputs.optional_positive("wavelength_ka2_A")?, zero_shift })
    }

    fn method(&self) -> &'static str {
        "bragg_cubic"
    }

    fn extract(&self, flags: &mut Flags) -> Result<Output, Refused> {
        let spacing = |two_theta: f64| self.wavelength / (2.0 * (two_theta.to_radians() / 2.0).sin());
        let spacings: Vec<f64> = self.two_theta.iter().map(|angle| spacing(*angle)).collect();
        let orders = self.orders.as_ref();
        let constants = orders.map(|orders| spacings.iter().zip(orders).map(|(d, order)| d * order).collect::<Vec<_>>());
        let refined = constants.as_ref().and_then(|constants| self.refine(mean(constants)));
        flags.raise_if(refined.is_some_and(|(_, shift)| shift.abs() > SHIFT), "zero_shift_suspected");
        flags.raise_if(self.zero_shift.abs() > 0.0, "zero_shift_corrected");
        let split = self.second.map(|second| {
            let line = |d: &f64| Some(2.0 * (second / (2.0 * d)).asin().to_degrees()).filter(|angle| angle.is_finite());
            spacings.iter().zip(&self.two_theta).map(|(d, first)| line(d).map(|second| second - first)).collect()
        });
        Ok(Output {
            mean: constants.as_deref().map(mean),
            deviation: constants.as_deref().map(deviation),
            spacings,
            constants,
            two_theta_deg: self.two_theta.clone(),
            refined: refined.map(|(constant, _)| constant),
            zero_shift_fit_deg: refined.map(|(_, shift)| shift),
            ka2_split_deg: split,
        })
    }
}

impl XrdBragg {
    /// The lattice constant and the shift of the zero, in degrees, that fit the angles of three and more reflections best.
    fn refine(&self, start: f64) -> Option<(f64, f64)> {
        let orders =
            self.orders.as_ref().filter(|orders| orders.len() >= 3 && orders.iter().any(|order| (order - orders[0]).abs() > 0.1))?;
        let fitted = fit([0.0, 0.0], orders.len(), |[change, shift]: &[f64; 2], left| {
            let constant = start * (1.0 + 1e-3 * change);
            for (left, (two_theta, order)) in left.iter_mut().zip(self.two_theta.iter().zip(orders)) {
                let sine = (self.wavelength * order / (2.0 * constant)).clamp(-1.0, 1.0);
                *left = two_theta - shift - 2.0 * sine.asin().to_degrees();
            }
        })?;
        let [change, shift] = fitted.values;
        Some((start * (1.0 + 1e-3 * change), shift))
    }
}

/// The root of h^2 + k^2 + l^2 of Miller indices.
fn order(hkl: &Value, place: &str) -> Result<f64, Refused> {
    let Some([h, k, l]) = hkl.as_array().map(Vec::as_slice) else {
        return Err(Refused::at("wrong_type", place, "must be three Miller indices"));
    };
    let indices = [finite(h, place)?, finite(k, place)?, finite(l, place)?];
    let square: f64 = indices.iter().map(|index| index * index).sum();
    let fine = indices.iter().all(|index| index.fract().abs() <= 0.0 && index.abs() <= 1000.0) && square > 0.0;
    if fine { Ok(square.sqrt()) } else { Err(Refused::at("out_of_range", place, "must be whole Miller indices, not all zero")) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::{Kind, analyse};

    #[test]
    fn a_shift_of_the_zero_is_found_and_taken_out() {
        let hkl = [[1, 1, 1], [2, 2, 0], [3, 1, 1], [4, 0, 0], [3, 3, 1]];
        let angle = |hkl: [i32; 3]| {
            let order = hkl.iter().map(|index| f64::from(index * index)).sum::<f64>().sqrt();
            2.0 * (1.540_592_9 * order / (2.0 * 5.653_25)).asin().to_degrees()
        };
        let shifted = hkl.map(|hkl| angle(hkl) + 0.05);
        let inputs = json!({"two_theta_deg": shifted, "hkl": hkl, "wavelength_A": 1.540_592_9, "wavelength_ka2_A": 1.544_427});
        let found = analyse(Kind::XrdBragg, &inputs, &json!({})).unwrap();
        assert!((found.outputs["a_refined_A"].as_f64().unwrap() - 5.653_25).abs() < 1e-8);
        assert!((found.outputs["zero_shift_fit_deg"].as_f64().unwrap() - 0.05).abs() < 1e-8);
        assert_eq!(found.flags.list(), ["zero_shift_suspected"]);
        let corrected = analyse(Kind::XrdBragg, &inputs, &json!({"zero_shift_deg": 0.05})).unwrap();
        assert!((corrected.outputs["a_mean_A"].as_f64().unwrap() - 5.653_25).abs() < 1e-9);
        assert_eq!(corrected.flags.list(), ["zero_shift_corrected"]);
        // d lambda / lambda = cot(theta) d theta.
        let split = corrected.outputs["ka2_split_deg"][0].as_f64().unwrap();
        let expected = 2.0 * (3.8341e-3_f64 / 1.540_592_9 * (angle([1, 1, 1]) / 2.0).to_radians().tan()).to_degrees();
        assert!((split - expected).abs() < 1e-3);
    }

    #[test]
    fn impossible_reflections_are_refused() {
        let refused = |inputs| analyse(Kind::XrdBragg, &inputs, &json!({})).unwrap_err().field.unwrap_or_default();
        assert_eq!(refused(json!({"two_theta_deg": [30, 180], "wavelength_A": 1.54})), "inputs.two_theta_deg[1]");
        assert_eq!(refused(json!({"two_theta_deg": [30], "hkl": [[0, 0, 0]], "wavelength_A": 1.54})), "inputs.hkl[0]");
        assert_eq!(refused(json!({"two_theta_deg": [30], "hkl": [[1, 0.5, 0]], "wavelength_A": 1.54})), "inputs.hkl[0]");
        assert_eq!(refused(json!({"two_theta_deg": [30], "hkl": [], "wavelength_A": 1.54})), "inputs.hkl");
        assert_eq!(refused(json!({"two_theta_deg": [30, null], "wavelength_A": 1.54})), "inputs.two_theta_deg[1]");
        assert_eq!(refused(json!({"two_theta_deg": []})), "inputs.two_theta_deg");
    }
}
