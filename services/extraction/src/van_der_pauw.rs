//! Sheet resistance of a flat sample of any shape, with four contacts at its edge (van der Pauw, Philips Research Reports 13
//! (1958) 1; ASTM F76): exp(-pi Ra / Rs) + exp(-pi Rb / Rs) = 1.

use std::f64::consts::{LN_2, PI};

use serde::Serialize;
use serde_json::Value;

use crate::{
    Analysis, Flags, Refused,
    fields::{Answers, Fields, finite},
    numeric::{mean, range},
};

/// Beyond this the sample is far from even, or a contact is bad.
const RATIO: f64 = 10.0;
/// How far readings that should agree may be apart.
const AGREEMENT: f64 = 0.03;

/// Pairs of resistances, in ohms, each of two neighbouring contacts.
#[derive(Clone, Debug)]
pub(crate) struct VanDerPauw {
    cases: Vec<[f64; 2]>,
    listed: bool,
    thickness: Option<f64>,
}

/// Ohms per square.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Output {
    #[serde(rename = "Rs")]
    sheet_resistance: Answers,
    f_factor: Answers,
    ratio: Answers,
    rho: Option<Answers>,
}

impl Analysis for VanDerPauw {
    const INPUTS: &'static [&'static str] = &["cases", "r_a", "r_b", "thickness_m"];
    const PARAMS: &'static [&'static str] = &[];
    const VERSION: &'static str = "1";
    const SURE: &'static [&'static str] = &["Rs", "f_factor"];
    type Output = Output;

    fn read(inputs: &Fields<'_>, _: &Fields<'_>, flags: &mut Flags) -> Result<Self, Refused> {
        let thickness = inputs.optional_positive("thickness_m")?;
        let Some(list) = inputs.list("cases")? else {
            if !inputs.has("r_a") && !inputs.has("r_b") {
                return Err(Refused::at("missing_field", inputs.place("r_a"), "is needed, and inputs.r_b; or inputs.cases"));
            }
            let pair = [averaged(inputs, "r_a", flags)?, averaged(inputs, "r_b", flags)?];
            return Ok(Self { cases: vec![pair], listed: false, thickness });
        };
        if list.is_empty() || inputs.has("r_a") || inputs.has("r_b") {
            return Err(Refused::at("out_of_range", inputs.place("cases"), "must hold a pair, and stands for inputs.r_a and inputs.r_b"));
        }
        inputs.few("cases", list.len())?;
        let cases = list.iter().enumerate().map(|(index, value)| pair(value, &format!("inputs.cases[{index}]")));
        Ok(Self { cases: cases.collect::<Result<_, _>>()?, listed: true, thickness })
    }

    fn method(&self) -> &'static str {
        "van_der_pauw"
    }

    fn extract(&self, flags: &mut Flags) -> Result<Output, Refused> {
        let many = |of: &dyn Fn(&[f64; 2]) -> f64| Answers::of(self.cases.iter().map(of).collect(), self.listed);
        let ratio = |[a, b]: &[f64; 2]| a.max(*b) / a.min(*b);
        flags.raise_if(self.cases.iter().any(|case| ratio(case) > RATIO), "resistance_ratio_over_10");
        Ok(Output {
            sheet_resistance: many(&|[a, b]| sheet_resistance(*a, *b)),
            f_factor: many(&|[a, b]| sheet_resistance(*a, *b) * LN_2 / PI / f64::midpoint(*a, *b)),
            ratio: many(&ratio),
            rho: self.thickness.map(|thickness| many(&|[a, b]| sheet_resistance(*a, *b) * thickness)),
        })
    }
}

/// Solves van der Pauw's equation. In the unit of the greater resistance, the left side less one falls and is convex, so that
/// Newton's steps from where it is above zero never pass the solution.
pub(crate) fn sheet_resistance(a: f64, b: f64) -> f64 {
    let (less, most) = (a.min(b), a.max(b));
    let ratio = less / most;
    let mut y = LN_2;
    for _ in 0..2000 {
        let (far, near) = ((-y).exp(), (-y * ratio).exp());
        // near - 1 without cancellation, as it is small for a small ratio.
        let step = (far + (-y * ratio).exp_m1()) / (far + ratio * near);
        y += step;
        if step.abs() <= 1e-16 * y {
            break;
        }
    }
    PI * most / y
}

/// One resistance, or the mean of readings with the current reversed and with contacts exchanged.
pub(crate) fn averaged(inputs: &Fields<'_>, name: &str, flags: &mut Flags) -> Result<f64, Refused> {
    let readings = inputs.numbers(name)?.ok_or_else(|| inputs.missing(name))?;
    if readings.is_empty() || readings.iter().any(|reading| *reading <= 0.0) {
        return Err(Refused::at("out_of_range", inputs.place(name), "must hold resistances above zero"));
    }
    let (least, most) = range(&readings);
    let mean = mean(&readings);
    flags.raise_if((most - least) / mean > AGREEMENT, "reversal_disagreement");
    Ok(mean)
}

fn pair(value: &Value, place: &str) -> Result<[f64; 2], Refused> {
    let Some([a, b]) = value.as_array().map(Vec::as_slice) else {
        return Err(Refused::at("wrong_type", place, "must be a pair of resistances"));
    };
    let pair = [finite(a, place)?, finite(b, place)?];
    if pair.iter().any(|resistance| *resistance <= 0.0) {
        return Err(Refused::at("out_of_range", place, "must hold resistances above zero"));
    }
    Ok(pair)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Kind, analyse};

    #[test]
    fn the_equation_holds_over_all_ratios() {
        for ratio in [1.0, 1.5, 10.0, 1e3, 1e9, 1e100] {
            let rs = sheet_resistance(ratio, 1.0);
            assert!(((-PI * ratio / rs).exp() + (-PI / rs).exp_m1()).abs() < 1e-14, "{ratio}");
            assert!((sheet_resistance(1.0, ratio) - rs).abs() <= 1e-15 * rs);
        }
        assert!((sheet_resistance(3.0, 3.0) - PI / LN_2 * 3.0).abs() < 1e-13);
    }

    #[test]
    fn readings_are_averaged_and_looked_at() {
        let found = analyse(Kind::VanDerPauw, &json!({"r_a": [99, 101, 100, 100], "r_b": 100, "thickness_m": 1e-6}), &json!({})).unwrap();
        let rs = found.outputs["Rs"].as_f64().unwrap();
        assert!((rs - PI / LN_2 * 100.0).abs() < 1e-9 && (found.outputs["rho"].as_f64().unwrap() - rs * 1e-6).abs() < 1e-12);
        assert!(found.flags.list().is_empty());
        let apart = analyse(Kind::VanDerPauw, &json!({"r_a": [90, 110], "r_b": 1}), &json!({})).unwrap();
        assert_eq!(apart.flags.list(), ["reversal_disagreement", "resistance_ratio_over_10"]);
        for (inputs, field) in [
            (json!({"r_a": 1}), "inputs.r_b"),
            (json!({"r_a": 1, "r_b": -1}), "inputs.r_b"),
            (json!({"cases": [[1, 2], [1]]}), "inputs.cases[1]"),
            (json!({"cases": [[1, null]]}), "inputs.cases[0]"),
            (json!({"cases": []}), "inputs.cases"),
        ] {
            assert_eq!(analyse(Kind::VanDerPauw, &inputs, &json!({})).unwrap_err().field.as_deref(), Some(field));
        }
    }
}
