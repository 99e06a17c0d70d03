//! The Hall effect of a flat sample: sheet density, type and mobility of carriers (ASTM F76).
//!
//! The voltages of both diagonals, of both directions of the current and of the field, differ by what is not the Hall
//! effect: half of the difference between the fields leaves the misalignment of contacts out, the mean over diagonals and
//! directions the rest.

use serde::Serialize;

use crate::{
    Analysis, Flags, Refused,
    constants::ELEMENTARY_CHARGE,
    fields::Fields,
    numeric::{mean, range},
    van_der_pauw::{self, averaged},
};

/// A Hall voltage with its current and field, in volts, amperes and teslas.
#[derive(Clone, Debug)]
pub(crate) struct Hall {
    /// A Hall voltage of each arrangement of contacts.
    voltages: Vec<f64>,
    /// What of the voltages does not turn with the field.
    misalignment: Option<f64>,
    current: f64,
    field: f64,
    sheet_resistance: Option<f64>,
    thickness: Option<f64>,
}

/// Per square metre, per cubic metre, square metres per volt and second.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Output {
    /// `electrons` or `holes`.
    carriers: &'static str,
    v_hall: f64,
    n_s: f64,
    n_s_cm2: f64,
    n: Option<f64>,
    /// As given, or by van der Pauw of the resistances given.
    sheet_resistance: Option<f64>,
    mobility_m2: Option<f64>,
    mobility_cm2: Option<f64>,
    hall_coefficient_sheet: f64,
    hall_coefficient: Option<f64>,
    misalignment_v: Option<f64>,
    /// The spread of the arrangements' voltages, as a part of their mean.
    spread: Option<f64>,
}

impl Analysis for Hall {
    const INPUTS: &'static [&'static str] =
        &["v_hall", "v_positive_field", "v_negative_field", "current_A", "field_T", "sheet_resistance", "r_a", "r_b", "thickness_m"];
    const PARAMS: &'static [&'static str] = &[];
    const VERSION: &'static str = "1";
    const SURE: &'static [&'static str] = &["v_hall", "n_s", "hall_coefficient_sheet"];
    type Output = Output;

    fn read(inputs: &Fields<'_>, _: &Fields<'_>, flags: &mut Flags) -> Result<Self, Refused> {
        let (current, field) = (inputs.number("current_A")?, inputs.number("field_T")?);
        for (name, value) in [("current_A", current), ("field_T", field)] {
            if value.abs() <= 0.0 {
                return Err(Refused::at("out_of_range", inputs.place(name), "must not be zero"));
            }
        }
        let (voltages, misalignment) = voltages(inputs, flags)?;
        let sheet_resistance = match inputs.optional_positive("sheet_resistance")? {
            None if inputs.has("r_a") || inputs.has("r_b") => {
                Some(van_der_pauw::sheet_resistance(averaged(inputs, "r_a", flags)?, averaged(inputs, "r_b", flags)?))
            }
            Some(_) if inputs.has("r_a") || inputs.has("r_b") => {
                return Err(Refused::at("conflict", inputs.place("sheet_resistance"), "must not stand beside inputs.r_a and inputs.r_b"));
            }
            given => given,
        };
        Ok(Self { voltages, misalignment, current, field, sheet_resistance, thickness: inputs.optional_positive("thickness_m")? })
    }

    fn method(&self) -> &'static str {
        "astm_f76"
    }

    fn extract(&self, flags: &mut Flags) -> Result<Output, Refused> {
        let v_hall = mean(&self.voltages);
        if v_hall.abs() <= 0.0 {
            return Err(Refused::new("no_hall_voltage", "the Hall voltage is zero: what is measured does not turn with the field"));
        }
        let (least, most) = range(&self.voltages);
        let spread = (self.voltages.len() > 1).then(|| (most - least) / v_hall.abs());
        flags.raise_if(spread.is_some_and(|spread| spread > 0.1), "reversal_disagreement");
        flags.raise_if(least < 0.0 && most > 0.0, "sign_uncertain");
        flags.raise_if(self.misalignment.is_some_and(|offset| offset.abs() > 10.0 * v_hall.abs()), "misalignment_dominates");
        flags.raise_if(self.sheet_resistance.is_none(), "sheet_resistance_missing");
        // Ohms per tesla; its sign is the carriers'.
        let coefficient = v_hall / self.current / self.field;
        let density = 1.0 / (ELEMENTARY_CHARGE * coefficient.abs());
        let mobility = self.sheet_resistance.map(|resistance| coefficient.abs() / resistance);
        Ok(Output {
            carriers: if coefficient > 0.0 { "holes" } else { "electrons" },
            v_hall,
            n_s: density,
            n_s_cm2: density * 1e-4,
            n: self.thickness.map(|thickness| density / thickness),
            sheet_resistance: self.sheet_resistance,
            mobility_m2: mobility,
            mobility_cm2: mobility.map(|mobility| mobility * 1e4),
            hall_coefficient_sheet: coefficient,
            hall_coefficient: self.thickness.map(|thickness| coefficient * thickness),
            misalignment_v: self.misalignment,
            spread,
        })
    }
}

/// The Hall voltages as given; or of readings in both fields, in the same order, each with the sign that its current has in
/// its arrangement.
fn voltages(inputs: &Fields<'_>, flags: &mut Flags) -> Result<(Vec<f64>, Option<f64>), Refused> {
    if let Some(voltages) = inputs.numbers("v_hall")? {
        if inputs.has("v_positive_field") || inputs.has("v_negative_field") {
            return Err(Refused::at("conflict", inputs.place("v_hall"), "must not stand beside voltages of both fields"));
        }
        flags.raise("no_field_reversal");
        return if voltages.is_empty() { Err(inputs.missing("v_hall")) } else { Ok((voltages, None)) };
    }
    let positive = inputs.numbers("v_positive_field")?;
    let positive =
        positive.ok_or_else(|| Refused::at("missing_field", inputs.place("v_hall"), "is needed, or the voltages of both fields"))?;
    let negative = inputs.numbers("v_negative_field")?.ok_or_else(|| inputs.missing("v_negative_field"))?;
    inputs.same_length("v_negative_field", negative.len(), "v_positive_field", positive.len())?;
    if positive.is_empty() {
        return Err(inputs.missing("v_positive_field"));
    }
    flags.raise_if(positive.len() < 4, "arrangements_missing");
    let pairs = || positive.iter().zip(&negative);
    let voltages = pairs().map(|(positive, negative)| (positive - negative) / 2.0).collect();
    let rest: Vec<f64> = pairs().map(|(positive, negative)| f64::midpoint(*positive, *negative).abs()).collect();
    Ok((voltages, Some(mean(&rest))))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Kind, analyse};

    #[test]
    fn carriers_are_counted_and_their_sign_is_told() {
        // 1e16 electrons per square metre, 0.1 m2/Vs: Rs = 1 / (q n mu).
        let (density, mobility, current, field) = (1e16, 0.1, 1e-4, 0.5);
        let rs = 1.0 / (ELEMENTARY_CHARGE * density * mobility);
        let hall = -current * field / (ELEMENTARY_CHARGE * density);
        let offsets = [3e-4, -2e-4, 1e-4, 5e-4];
        let inputs = json!({
            "v_positive_field": offsets.map(|offset| offset + hall), "v_negative_field": offsets.map(|offset| offset - hall),
            "current_A": current, "field_T": field, "sheet_resistance": rs, "thickness_m": 1e-6
        });
        let found = analyse(Kind::Hall, &inputs, &json!({})).unwrap();
        let close = |name: &str, expected: f64| {
            let value = found.outputs[name].as_f64().unwrap();
            assert!((value - expected).abs() <= 1e-9 * expected.abs(), "{name}: {value} is not {expected}");
        };
        assert_eq!((&found.outputs["carriers"], found.flags.list().is_empty()), (&json!("electrons"), true));
        close("n_s", density);
        close("n_s_cm2", 1e12);
        close("n", 1e22);
        close("mobility_cm2", 1000.0);
        close("v_hall", hall);
        close("misalignment_v", 2.75e-4);
        let holes = analyse(Kind::Hall, &json!({"v_hall": 1e-3, "current_A": -1e-3, "field_T": -0.3}), &json!({})).unwrap();
        assert_eq!(holes.outputs["carriers"], "holes");
        assert_eq!(holes.flags.list(), ["no_field_reversal", "sheet_resistance_missing"]);
    }

    #[test]
    fn resistances_of_the_same_sample_tell_the_mobility() {
        let told = |more: serde_json::Value| {
            let mut inputs = json!({"V_H": 1e-3, "I": 1e-3, "B": 0.5});
            inputs.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            analyse(Kind::Hall, &inputs, &json!({}))
        };
        let rs = van_der_pauw::sheet_resistance(120.0, 80.0);
        let found = told(json!({"r_a": [119.9, 120.1], "r_b": 80})).unwrap().outputs;
        assert!((found["sheet_resistance"].as_f64().unwrap() / rs - 1.0).abs() < 1e-12);
        assert_eq!(found["mobility_m2"], told(json!({"Rs": found["sheet_resistance"]})).unwrap().outputs["mobility_m2"]);
        assert_eq!(told(json!({"r_a": 1})).unwrap_err().field.as_deref(), Some("inputs.r_b"));
        assert_eq!(told(json!({"r_a": 1, "r_b": 1, "Rs": 1})).unwrap_err().field.as_deref(), Some("inputs.Rs"));
    }

    #[test]
    fn what_tells_nothing_is_refused() {
        for (inputs, code) in [
            (json!({"v_hall": 0, "current_A": 1, "field_T": 1}), "no_hall_voltage"),
            (json!({"v_hall": 1, "current_A": 0, "field_T": 1}), "out_of_range"),
            (json!({"v_positive_field": [1, 2], "v_negative_field": [1], "current_A": 1, "field_T": 1}), "length_mismatch"),
            (json!({"current_A": 1, "field_T": 1}), "missing_field"),
        ] {
            assert_eq!(analyse(Kind::Hall, &inputs, &json!({})).unwrap_err().code, code);
        }
        let unsure = json!({"v_positive_field": [1, 2, 1, 1], "v_negative_field": [2, 1, 1, 0.5], "current_A": 1, "field_T": 1});
        let flags = analyse(Kind::Hall, &unsure, &json!({})).unwrap().flags;
        assert_eq!(flags.list(), ["reversal_disagreement", "sign_uncertain", "misalignment_dominates", "sheet_resistance_missing"]);
    }
}
