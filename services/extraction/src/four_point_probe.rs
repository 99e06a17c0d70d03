//! Sheet resistance by four probes in a line.
//!
//! Rs = pi / ln 2 * V / I * F, with exact factors: the probes' spacings, the edge of a round wafer by one image of each
//! current probe (Smits, Bell System Technical Journal 37 (1958) 711; SEMI MF84), and the thickness over an insulating back
//! by the full series of images (Valdes, Uhlir; SEMI MF1529), which no closed form in common use equals.

use std::f64::consts::{LN_2, PI};

use num_complex::Complex64;
use serde::Serialize;
use serde_json::Value;

use crate::{
    Analysis, Flags, Refused,
    fields::Fields,
    numeric::{Line, count, mean},
};

/// Rs of an unbounded thin sheet is this times V / I.
const PI_OVER_LN2: f64 = PI / LN_2;
/// The temperature to which resistances are brought, in kelvins: 23 degrees Celsius.
const REFERENCE_TEMPERATURE: f64 = 296.15;

/// A resistance, and the samples that it may have been measured on.
#[derive(Clone, Debug)]
pub(crate) struct FourPointProbe {
    reading: Reading,
    /// The three distances between neighbouring probes, in metres.
    spacings: [f64; 3],
    /// The centre of the probes as seen from the centre of the wafer, in metres.
    offset: f64,
    /// The angle between the line of the probes and the line to the wafer's centre, in radians.
    angle: f64,
    cases: Vec<Case>,
    listed: bool,
    /// By what the resistance at the reference temperature is to be multiplied to give what was measured.
    warmth: Option<f64>,
}

/// V / I, and what it was made of.
#[derive(Clone, Copy, Debug)]
struct Reading {
    resistance: f64,
    offset: Option<f64>,
    asymmetry: Option<f64>,
}

/// A sample, in metres; unbounded where a size is not given.
#[derive(Clone, Copy, Debug)]
struct Case {
    diameter: Option<f64>,
    thickness: Option<f64>,
}

/// Ohms per square and ohm metres.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Output {
    sheet: Vec<Sheet>,
    pi_over_ln2: f64,
    /// Of the one sample, where no list of cases was given.
    #[serde(rename = "Rs")]
    sheet_resistance: Option<f64>,
    rho: Option<f64>,
    v_over_i: f64,
    voltage_offset: Option<f64>,
    reversal_asymmetry: Option<f64>,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Sheet {
    #[serde(rename = "Rs")]
    resistance: f64,
    rho: Option<f64>,
    #[serde(rename = "F_spacing")]
    spacing: f64,
    #[serde(rename = "F_diameter")]
    diameter: Option<f64>,
    #[serde(rename = "F_thickness")]
    thickness: Option<f64>,
    /// At the reference temperature, where the coefficient is known.
    #[serde(rename = "Rs_reference")]
    reference: Option<f64>,
}

impl Analysis for FourPointProbe {
    const INPUTS: &'static [&'static str] =
        &["v_over_i", "v", "i", "probe_spacing_m", "cases", "diameter_m", "thickness_m", "offset_m", "offset_angle_deg", "temperature_K"];
    const PARAMS: &'static [&'static str] = &["temperature_coefficient_per_K", "reference_temperature_K"];
    const VERSION: &'static str = "1";
    const SURE: &'static [&'static str] = &["sheet"];
    type Output = Output;

    fn read(inputs: &Fields<'_>, params: &Fields<'_>, flags: &mut Flags) -> Result<Self, Refused> {
        let spacings = spacings(inputs)?;
        let (cases, listed) = cases(inputs)?;
        let coefficient = params.within("temperature_coefficient_per_K", -1.0, 1.0, 0.0)?;
        let reference = params.optional_positive("reference_temperature_K")?.unwrap_or(REFERENCE_TEMPERATURE);
        let warmth = inputs.optional_positive("temperature_K")?.filter(|_| params.has("temperature_coefficient_per_K"));
        let warmth = warmth.map(|temperature| 1.0 + coefficient * (temperature - reference));
        if warmth.is_some_and(|warmth| warmth <= 0.0) {
            return Err(Refused::at(
                "out_of_range",
                inputs.place("temperature_K"),
                "is too far from the reference for a linear coefficient",
            ));
        }
        Ok(Self {
            reading: Reading::of(inputs, flags)?,
            spacings,
            offset: inputs.optional("offset_m")?.unwrap_or(0.0),
            angle: inputs.optional("offset_angle_deg")?.unwrap_or(0.0).to_radians(),
            cases,
            listed,
            warmth,
        })
    }

    fn method(&self) -> &'static str {
        "four_point_probe_images"
    }

    fn extract(&self, flags: &mut Flags) -> Result<Output, Refused> {
        let sheet = self.cases.iter().map(|case| self.sheet(*case, flags)).collect::<Result<Vec<_>, _>>()?;
        if sheet.iter().any(|sheet| !sheet.resistance.is_finite() || sheet.resistance <= 0.0) {
            return Err(Refused::new("beyond_numbers", "a resistance is beyond the range of numbers; check the units of the inputs"));
        }
        let one = sheet.first().filter(|_| !self.listed).copied();
        Ok(Output {
            sheet,
            pi_over_ln2: PI_OVER_LN2,
            sheet_resistance: one.map(|one| one.resistance),
            rho: one.and_then(|one| one.rho),
            v_over_i: self.reading.resistance,
            voltage_offset: self.reading.offset,
            reversal_asymmetry: self.reading.asymmetry,
        })
    }
}

impl FourPointProbe {
    fn sheet(&self, case: Case, flags: &mut Flags) -> Result<Sheet, Refused> {
        let unbounded = 2.0 * PI / self.logarithms(None);
        let diameter = case.diameter.map(|diameter| self.edge(diameter / 2.0)).transpose()?.map(|bounded| bounded / unbounded);
        flags.raise_if(diameter.is_some_and(|factor| factor < 0.99), "edge_proximity");
        let thickness = case.thickness.map(|thickness| thickness_factor(thickness / mean(&self.spacings)));
        flags.raise_if(thickness.is_some_and(|factor| factor < 0.99), "thick_sample");
        let resistance = unbounded * self.reading.resistance * diameter.unwrap_or(1.0) * thickness.unwrap_or(1.0);
        Ok(Sheet {
            resistance,
            rho: case.thickness.map(|thickness| resistance * thickness),
            spacing: unbounded / PI_OVER_LN2,
            diameter,
            thickness,
            reference: self.warmth.map(|warmth| resistance / warmth),
        })
    }

    /// The places of the probes in the wafer's plane, as seen from its centre, which lies along the real axis.
    fn probes(&self) -> [Complex64; 4] {
        let [a, b, c] = self.spacings;
        let middle = (a + b + c) / 2.0;
        let way = Complex64::from_polar(1.0, self.angle);
        [0.0, a, a + b, a + b + c].map(|place| self.offset + way * (place - middle))
    }

    /// Rs I / V within a circle, where the probes lie in it.
    fn edge(&self, radius: f64) -> Result<f64, Refused> {
        if self.probes().iter().any(|probe| probe.norm() >= radius) {
            return Err(Refused::new(
                "probe_off_wafer",
                "a probe lies at or beyond the edge of the wafer; check diameter, spacing and offset",
            ));
        }
        Ok(2.0 * PI / self.logarithms(Some(radius)))
    }

    /// 2 pi V / (Rs I): the logarithms of the distances to the current probes, and to their images behind the edge.
    fn logarithms(&self, radius: Option<f64>) -> f64 {
        let [source, high, low, sink] = self.probes();
        let far = |a: Complex64, b: Complex64| {
            // The image of a stands at r^2 / a; what depends on a alone drops out of the difference of voltages.
            let image = radius.map_or(0.0, |radius| (1.0 - (b / radius) * (a.conj() / radius)).norm().ln());
            (a - b).norm().ln() + image
        };
        far(sink, high) - far(source, high) + far(source, low) - far(sink, low)
    }
}

/// The factor of a thickness in units of the spacing, over an insulating back: 1 for a thin sheet.
fn thickness_factor(ratio: f64) -> f64 {
    if ratio <= 1.0 {
        // Poisson's sum of the image series: it converges by exp(-pi / ratio).
        let terms = (1..=14).map(|m| bessel_k0(PI * count(m) / ratio) - bessel_k0(2.0 * PI * count(m) / ratio));
        return LN_2 / (LN_2 + 2.0 * terms.sum::<f64>());
    }
    LN_2 / (ratio * (0.5 + 2.0 * images(2.0 * ratio)))
}

/// The sum of 1/sqrt(1 + (a n)^2) - 1/sqrt(4 + (a n)^2) over n from 1, by its terms and the formula of Euler and Maclaurin.
fn images(a: f64) -> f64 {
    const TERMS: usize = 40;
    let term = |n: f64| (1.0 + (a * n).powi(2)).sqrt().recip() - (4.0 + (a * n).powi(2)).sqrt().recip();
    let n = count(TERMS);
    let integral = (LN_2 - ((a * n).asinh() - (a * n / 2.0).asinh())) / a;
    let slope = -a * a * n * ((1.0 + (a * n).powi(2)).powf(-1.5) - (4.0 + (a * n).powi(2)).powf(-1.5));
    let third = -90.0 / (a.powi(3) * n.powi(6));
    (1..TERMS).map(|n| term(count(n))).sum::<f64>() + integral + term(n) / 2.0 - slope / 12.0 + third / 720.0
}

/// The modified Bessel function of the second kind, for x of 3 and more, by the trapezoids of its integral.
fn bessel_k0(x: f64) -> f64 {
    const STEP: f64 = 0.1;
    let tail: f64 = (1..60).map(|n| (-x * (STEP * count(n)).cosh()).exp()).sum();
    STEP * (0.5 * (-x).exp() + tail)
}

impl Reading {
    /// V / I as given; or of readings, by the line through both directions of the current, which leaves constant voltages out.
    fn of(inputs: &Fields<'_>, flags: &mut Flags) -> Result<Self, Refused> {
        if inputs.has("v_over_i") {
            if inputs.has("v") || inputs.has("i") {
                return Err(Refused::at("conflict", inputs.place("v_over_i"), "must not stand beside inputs.v and inputs.i"));
            }
            return Ok(Self { resistance: inputs.positive("v_over_i")?, offset: None, asymmetry: None });
        }
        if !inputs.has("v") {
            return Err(Refused::at("missing_field", inputs.place("v_over_i"), "is needed, or inputs.v and inputs.i"));
        }
        let v = inputs.samples("v")?;
        let i = inputs.samples_beside("i", "v", v.len())?;
        let pairs: Vec<_> = v.iter().copied().zip(i).filter(|(v, i)| v.is_finite() && i.is_finite() && i.abs() > 0.0).collect();
        flags.raise_if(pairs.len() < v.len(), "non_finite_dropped");
        let ratios = |way: f64| pairs.iter().filter(|(_, i)| i * way > 0.0).map(|(v, i)| v / i).collect::<Vec<_>>();
        let (forward, reverse) = (ratios(1.0), ratios(-1.0));
        let (i, v): (Vec<f64>, Vec<f64>) = pairs.iter().map(|(v, i)| (*i, *v)).unzip();
        let line = Line::through(&i, &v).filter(|_| !forward.is_empty() && !reverse.is_empty());
        flags.raise_if(line.is_none(), "no_current_reversal");
        let (resistance, offset) = match line {
            Some(line) => (line.slope, Some(line.intercept)),
            None if i.is_empty() => return Err(Refused::new("insufficient_data", "no pair of a voltage and a current can be used")),
            None => (mean(&[forward.clone(), reverse.clone()].concat()), None),
        };
        let asymmetry = offset.map(|_| (mean(&forward) - mean(&reverse)) / resistance);
        flags.raise_if(asymmetry.is_some_and(|asymmetry| asymmetry.abs() > 0.02), "reversal_asymmetry");
        flags.raise_if(resistance < 0.0, "polarity_reversed");
        if !(resistance.abs() > 0.0 && resistance.is_finite()) {
            return Err(Refused::new("no_voltage", "the voltage does not follow the current"));
        }
        Ok(Self { resistance: resistance.abs(), offset, asymmetry: asymmetry.map(f64::abs) })
    }
}

fn spacings(inputs: &Fields<'_>) -> Result<[f64; 3], Refused> {
    let place = inputs.place("probe_spacing_m");
    let spacings = match inputs.numbers("probe_spacing_m")?.as_deref() {
        None => return Err(inputs.missing("probe_spacing_m")),
        Some([one]) => [*one; 3],
        Some([a, b, c]) => [*a, *b, *c],
        Some(_) => return Err(Refused::at("wrong_type", place, "must be one spacing, or the three between neighbouring probes")),
    };
    if spacings.iter().any(|spacing| *spacing <= 0.0) {
        return Err(Refused::at("out_of_range", place, "must be above zero"));
    }
    Ok(spacings)
}

/// The samples, and whether they were given as a list.
fn cases(inputs: &Fields<'_>) -> Result<(Vec<Case>, bool), Refused> {
    let case = |fields: &Fields<'_>| {
        Ok(Case { diameter: fields.optional_positive("diameter_m")?, thickness: fields.optional_positive("thickness_m")? })
    };
    let Some(list) = inputs.list("cases")? else { return Ok((vec![case(inputs)?], false)) };
    inputs.few("cases", list.len())?;
    if list.is_empty() || inputs.has("diameter_m") || inputs.has("thickness_m") {
        let message = "must hold a sample, and stands for inputs.diameter_m and inputs.thickness_m";
        return Err(Refused::at("out_of_range", inputs.place("cases"), message));
    }
    let read = |(index, value): (usize, &Value)| {
        let known: [&'static str; 2] = ["diameter_m", "thickness_m"];
        let within = |refused: Refused| Refused { field: Some(format!("inputs.cases[{index}]")), ..refused };
        Fields::of("inputs.cases", value, &known).and_then(|fields| case(&fields)).map_err(within)
    };
    Ok((list.iter().enumerate().map(read).collect::<Result<_, _>>()?, true))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Kind, analyse};

    #[test]
    fn both_series_agree_and_have_the_limits_of_thin_and_thick() {
        for ratio in [0.6, 0.8, 1.0] {
            let direct = LN_2 / (ratio * (0.5 + 2.0 * images(2.0 * ratio)));
            assert!((thickness_factor(ratio) - direct).abs() < 2e-12, "{ratio}");
        }
        assert!((thickness_factor(1e-9) - 1.0).abs() < 1e-15);
        // A half-space: rho = 2 pi s V / I.
        let thick = 1e6 * thickness_factor(1e6) * PI_OVER_LN2;
        assert!((thick - 2.0 * PI).abs() < 1e-5, "{thick}");
        // The table of SEMI MF84.
        for (ratio, factor) in [(0.5, 0.997), (1.0, 0.921), (2.0, 0.634)] {
            assert!((thickness_factor(ratio) - factor).abs() < 5e-4, "{ratio}");
        }
    }

    #[test]
    fn the_edge_counts_more_the_nearer_it_is() {
        let within = |diameter: f64, offset: f64, angle: f64| {
            let inputs =
                json!({"v_over_i": 1.0, "probe_spacing_m": 1e-3, "diameter_m": diameter, "offset_m": offset, "offset_angle_deg": angle});
            analyse(Kind::FourPointProbe, &inputs, &json!({})).map(|found| found.outputs["sheet"][0]["F_diameter"].as_f64().unwrap())
        };
        let at = |offset, angle| within(0.05, offset, angle);
        let centre = at(0.0, 0.0).unwrap();
        let closed = LN_2 / (LN_2 + ((50.0_f64.powi(2) + 3.0) / (50.0_f64.powi(2) - 3.0)).ln());
        assert!((centre - closed).abs() < 1e-14);
        assert!((at(0.0, 37.0).unwrap() - centre).abs() < 1e-14, "a circle has no directions");
        assert!(at(0.015, 90.0).unwrap() < centre && at(0.024, 90.0).unwrap() < at(0.015, 90.0).unwrap());
        // On a straight edge the sheet is mirrored: the voltage doubles.
        assert!((within(100.0, 50.0 - 1e-6, 90.0).unwrap() - 0.5).abs() < 1e-4);
        assert_eq!(at(0.024, 0.0).unwrap_err().code, "probe_off_wafer");
    }

    #[test]
    fn the_reversal_of_the_current_takes_constant_voltages_out() {
        let i = [1e-3, -1e-3, 2e-3, -2e-3];
        let v = i.map(|i| 12.5 * i + 1e-4);
        let inputs = json!({"v": v, "i": i, "probe_spacing_m": [1e-3, 1e-3, 1e-3], "temperature_K": 300.15});
        let found = analyse(Kind::FourPointProbe, &inputs, &json!({"temperature_coefficient_per_K": 0.01})).unwrap();
        let rs = found.outputs["Rs"].as_f64().unwrap();
        assert!((rs - PI_OVER_LN2 * 12.5).abs() < 1e-9);
        assert!((found.outputs["sheet"][0]["Rs_reference"].as_f64().unwrap() - rs / 1.04).abs() < 1e-9);
        assert!((found.outputs["voltage_offset"].as_f64().unwrap() - 1e-4).abs() < 1e-12);
        let one = analyse(Kind::FourPointProbe, &json!({"v": [1.0], "i": [0.1], "probe_spacing_m": 1e-3}), &json!({})).unwrap();
        assert_eq!(one.flags.list(), ["no_current_reversal"]);
        for (inputs, field) in [
            (json!({"v_over_i": -1, "probe_spacing_m": 1e-3}), "inputs.v_over_i"),
            (json!({"v_over_i": 1, "probe_spacing_m": [1e-3, 2e-3]}), "inputs.probe_spacing_m"),
            (json!({"probe_spacing_m": 1e-3}), "inputs.v_over_i"),
            (json!({"v_over_i": 1, "probe_spacing_m": 1e-3, "cases": [{"size": 1}]}), "inputs.cases[0]"),
        ] {
            assert_eq!(analyse(Kind::FourPointProbe, &inputs, &json!({})).unwrap_err().field.as_deref(), Some(field));
        }
    }
}
