//! The illuminated characteristic of a solar cell, after IEC 60904-1 and ASTM E948: short-circuit current, open-circuit
//! voltage, fill factor, efficiency, and the five parameters of the diode that it is.

use std::cmp::Ordering;

use serde::Serialize;

use crate::{
    Analysis, Flags, Refused,
    constants::thermal_voltage,
    diode_model::Diode,
    fields::Fields,
    numeric::{Line, crossing, fit, interpolate, thinned, vertex},
    sweep::{Branch, Sweep},
};

/// The temperature of standard test conditions, in kelvins.
const STANDARD_TEMPERATURE: f64 = 298.15;
/// The irradiance of standard test conditions, in watts per square metre.
const STANDARD_IRRADIANCE: f64 = 1000.0;

/// A current over voltages, in light.
#[derive(Clone, Debug)]
pub(crate) struct SolarCellIv {
    v: Vec<f64>,
    i: Vec<f64>,
    area: Option<f64>,
    irradiance: f64,
    temperature: f64,
}

/// What a characteristic tells: volts, amperes, watts, ohms.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Output {
    #[serde(rename = "Isc")]
    short_circuit: f64,
    #[serde(rename = "Voc")]
    open_circuit: f64,
    #[serde(rename = "Vmp")]
    best_voltage: f64,
    #[serde(rename = "Imp")]
    best_current: f64,
    #[serde(rename = "Pmax")]
    power: f64,
    #[serde(rename = "FF")]
    fill_factor: f64,
    #[serde(rename = "Jsc_A_m2")]
    current_density: Option<f64>,
    #[serde(rename = "PCE")]
    efficiency: Option<f64>,
    #[serde(rename = "PCE_pct")]
    efficiency_pct: Option<f64>,
    #[serde(rename = "Rs")]
    series: Option<f64>,
    #[serde(rename = "Rsh")]
    shunt: Option<f64>,
    #[serde(rename = "Rs_slope")]
    series_slope: Option<f64>,
    #[serde(rename = "Rsh_slope")]
    shunt_slope: Option<f64>,
    fit: Option<Five>,
    #[serde(rename = "Pmax_back")]
    power_back: Option<f64>,
    #[serde(rename = "FF_back")]
    fill_factor_back: Option<f64>,
    /// (Pmax of the falling branch - Pmax of the rising one) / the greater of both.
    hysteresis_index: Option<f64>,
    points_used: usize,
    points_dropped: usize,
}

/// The five parameters of one diode.
#[derive(Clone, Copy, Debug, Serialize)]
struct Five {
    #[serde(rename = "Iph")]
    photo: f64,
    #[serde(rename = "I0")]
    saturation: f64,
    n: f64,
    #[serde(rename = "Rs")]
    series: f64,
    #[serde(rename = "Rsh")]
    shunt: f64,
    /// The root mean square of what is left, as a part of the short-circuit current.
    rms: f64,
}

/// What is read off one branch.
#[derive(Clone, Copy, Debug)]
struct Curve {
    short_circuit: f64,
    open_circuit: f64,
    best: (f64, f64),
    series: Option<f64>,
    shunt: Option<f64>,
}

impl Analysis for SolarCellIv {
    const INPUTS: &'static [&'static str] = &["v", "i", "area_m2", "area_cm2", "irradiance_W_m2", "temperature_K"];
    const PARAMS: &'static [&'static str] = &[];
    const VERSION: &'static str = "1";
    const SURE: &'static [&'static str] = &["Isc", "Voc", "Vmp", "Imp", "Pmax", "FF"];
    type Output = Output;

    fn read(inputs: &Fields<'_>, _: &Fields<'_>, flags: &mut Flags) -> Result<Self, Refused> {
        let v = inputs.samples("v")?;
        let i = inputs.samples_beside("i", "v", v.len())?;
        let area = match (inputs.optional_positive("area_m2")?, inputs.optional_positive("area_cm2")?) {
            (Some(_), Some(_)) => return Err(Refused::at("conflict", inputs.place("area_cm2"), "must not stand beside inputs.area_m2")),
            (metres, centimetres) => metres.or(centimetres.map(|area| area * 1e-4)),
        };
        let (irradiance, temperature) = (inputs.optional_positive("irradiance_W_m2")?, inputs.optional_positive("temperature_K")?);
        flags.raise_if(area.is_none(), "area_missing");
        flags.raise_if(irradiance.is_none(), "irradiance_assumed");
        flags.raise_if(irradiance.is_some_and(|given| (given / STANDARD_IRRADIANCE - 1.0).abs() > 0.02), "not_standard_irradiance");
        flags.raise_if(temperature.is_none(), "temperature_assumed");
        Ok(Self {
            v,
            i,
            area,
            irradiance: irradiance.unwrap_or(STANDARD_IRRADIANCE),
            temperature: temperature.unwrap_or(STANDARD_TEMPERATURE),
        })
    }

    fn method(&self) -> &'static str {
        "iec_60904_1"
    }

    fn extract(&self, flags: &mut Flags) -> Result<Output, Refused> {
        let sweep = Sweep::of(&self.v, &self.i, 4, flags)?;
        let signs = signs(&sweep.first, flags)?;
        let branch = sweep.first.mirrored(signs.0, signs.1);
        let curve = Curve::of(&branch, flags)?;
        let back = sweep.back.as_ref().and_then(|back| Curve::of(&back.mirrored(signs.0, signs.1), flags).ok());
        let five = self.five(&branch, &curve).filter(|five| five.rms < 0.02);
        flags.raise_if(five.is_none(), "fit_failed");
        let power = curve.best.0 * curve.best.1;
        let fill_factor = power / (curve.short_circuit * curve.open_circuit);
        flags.raise_if(!(0.25..=0.9).contains(&fill_factor), "fill_factor_out_of_range");
        let efficiency = self.area.map(|area| power / (area * self.irradiance));
        flags.raise_if(efficiency.is_some_and(|efficiency| efficiency > 0.5), "efficiency_out_of_range");
        // Which branch rises is told by the first step of the sweep.
        let rising = self.v.windows(2).filter_map(|pair| pair[0].partial_cmp(&pair[1])).find(|way| way.is_ne()).is_none_or(Ordering::is_lt);
        let power_back = back.map(|back| back.best.0 * back.best.1);
        Ok(Output {
            short_circuit: curve.short_circuit,
            open_circuit: curve.open_circuit,
            best_voltage: curve.best.0,
            best_current: curve.best.1,
            power,
            fill_factor,
            current_density: self.area.map(|area| curve.short_circuit / area),
            efficiency,
            efficiency_pct: efficiency.map(|efficiency| 100.0 * efficiency),
            series: five.map(|five| five.series).or(curve.series),
            shunt: five.map(|five| five.shunt).or(curve.shunt),
            series_slope: curve.series,
            shunt_slope: curve.shunt,
            fit: five,
            power_back,
            fill_factor_back: back.map(|back| back.best.0 * back.best.1 / (back.short_circuit * back.open_circuit)),
            hysteresis_index: power_back.map(|back| if rising { back - power } else { power - back } / power.max(back)),
            points_used: sweep.used,
            points_dropped: sweep.points - sweep.used,
        })
    }
}

/// By which signs voltage and current become those of a generator: positive at the point of greatest power.
fn signs(branch: &Branch, flags: &mut Flags) -> Result<(f64, f64), Refused> {
    let most =
        |v: f64, i: f64| branch.pairs().map(|(x, y)| if x * v > 0.0 && y * i > 0.0 { x * y * v * i } else { 0.0 }).fold(0.0, f64::max);
    let at_zero = interpolate(&branch.x, &branch.y, 0.0).unwrap_or(branch.y[0]);
    let current = if at_zero < 0.0 { -1.0 } else { 1.0 };
    let voltage = if reaches_open_circuit(branch, 1.0, current) { 1.0 } else { -1.0 };
    if most(voltage, current) <= 0.0 || at_zero.abs() <= 0.0 {
        return Err(Refused::new("no_photocurrent", "no power comes out of the cell at any voltage of the sweep"));
    }
    flags.raise_if(current < 0.0, "current_sign_flipped");
    flags.raise_if(voltage < 0.0, "voltage_sign_flipped");
    Ok((voltage, current))
}

/// Whether the current changes its sign on this side of zero, or at least falls towards it.
fn reaches_open_circuit(branch: &Branch, voltage: f64, current: f64) -> bool {
    let side = branch.mirrored(voltage, current).only(|v, _| v >= 0.0);
    let other = branch.mirrored(-voltage, current).only(|v, _| v > 0.0);
    side.y.iter().any(|i| *i <= 0.0) || other.y.iter().all(|i| *i > 0.0)
}

impl Curve {
    /// Reads a branch of rising voltage and falling current.
    fn of(branch: &Branch, flags: &mut Flags) -> Result<Self, Refused> {
        let reached = branch.pairs().zip(branch.pairs().skip(1)).find(|(a, b)| b.0 > 0.0 && a.1 > 0.0 && b.1 <= 0.0);
        let Some((before, after)) = reached else {
            return Err(Refused::new("voc_not_reached", "the current does not come to zero within the sweep: sweep to a higher voltage"));
        };
        let open_circuit = crossing(before, after, 0.0);
        let short_circuit = interpolate(&branch.x, &branch.y, 0.0);
        flags.raise_if(short_circuit.is_none(), "isc_extrapolated");
        let near = branch.only(|v, _| v.abs() <= 0.2 * open_circuit);
        let start = Line::through(&near.x, &near.y).filter(|_| near.len() >= 3);
        // Where points are dense, noise would rule the slope of two.
        let around = branch.only(|v, _| (v - open_circuit).abs() <= 0.005 * open_circuit);
        let end = Line::through(&around.x, &around.y).filter(|_| around.len() >= 5);
        let short_circuit = short_circuit.or(start.map(|line| line.intercept)).unwrap_or(branch.y[0]);
        let positive = |resistance: f64| Some(resistance).filter(|value| value.is_finite() && *value > 0.0);
        Ok(Self {
            short_circuit,
            open_circuit,
            best: best(branch, flags),
            series: end.and_then(|line| positive(-1.0 / line.slope)).or(positive((before.0 - after.0) / (after.1 - before.1))),
            shunt: start.and_then(|line| positive(-1.0 / line.slope)),
        })
    }
}

/// Voltage and current of the greatest power: the vertex of the parabola through the three greatest neighbours.
fn best(branch: &Branch, flags: &mut Flags) -> (f64, f64) {
    let power: Vec<f64> = branch.pairs().map(|(v, i)| v * i).collect();
    let greatest = (0..power.len()).max_by(|a, b| power[*a].total_cmp(&power[*b])).unwrap_or_default();
    let sample = (branch.x[greatest], branch.y[greatest]);
    if greatest == 0 || greatest + 1 == power.len() {
        flags.raise("maximum_power_at_sweep_end");
        return sample;
    }
    let three = |values: &[f64]| [values[greatest - 1], values[greatest], values[greatest + 1]];
    vertex(three(&branch.x), three(&power)).map_or(sample, |(v, power)| (v, power / v))
}

impl SolarCellIv {
    /// Fits the diode of five parameters, from several idealities, as the way to the best may be long from one.
    fn five(&self, branch: &Branch, curve: &Curve) -> Option<Five> {
        let thermal = thermal_voltage(self.temperature);
        // Far beyond the open circuit the forward current would weigh more than all that makes the cell.
        let points: Vec<_> = branch.pairs().filter(|(_, i)| *i > -curve.short_circuit).collect();
        let points = thinned(&points, 1000);
        let diode = |p: &[f64; 5]| Diode {
            photo: p[0].exp(),
            saturation: p[1].exp(),
            slope_voltage: p[2].exp() * thermal,
            series: p[3].exp(),
            shunt: p[4].exp(),
        };
        let scale = curve.short_circuit;
        let left = |p: &[f64; 5], left: &mut [f64]| {
            let diode = diode(p);
            for (left, (v, i)) in left.iter_mut().zip(&points) {
                *left = (-diode.current(*v) - i) / scale;
            }
        };
        let shunt = curve.shunt.map_or(1e-3 * scale / curve.open_circuit, |shunt| 1.0 / shunt);
        let start = |n: f64| {
            let a = n * thermal;
            let saturation = scale.ln() - curve.open_circuit / a;
            let series = (curve.series.unwrap_or_default() - a / scale).max(0.01 * a / scale);
            [scale.ln(), saturation, n.ln(), series.ln(), shunt.ln()]
        };
        let fits = [1.0, 1.4, 2.0].into_iter().filter_map(|n| fit(start(n), points.len(), left));
        let found = fits.min_by(|a, b| a.rms.total_cmp(&b.rms))?;
        let diode = diode(&found.values);
        let five = Five {
            photo: diode.photo,
            saturation: diode.saturation,
            n: diode.slope_voltage / thermal,
            series: diode.series,
            shunt: 1.0 / diode.shunt,
            rms: found.rms,
        };
        [five.photo, five.saturation, five.n, five.series, five.shunt].iter().all(|value| value.is_finite()).then_some(five)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{Kind, Outcome, analyse};

    fn cell() -> Diode {
        Diode { photo: 0.035, saturation: 1e-10, slope_voltage: 1.2 * thermal_voltage(298.15), series: 0.8, shunt: 1.0 / 900.0 }
    }

    fn run(v: &[f64], i: &[f64]) -> Result<Outcome, Refused> {
        let inputs = json!({"v": v, "i": i, "area_cm2": 1.0, "irradiance_W_m2": 1000.0, "temperature_K": 298.15});
        analyse(Kind::SolarCellIv, &inputs, &json!({}))
    }

    fn measured(to: f64) -> (Vec<f64>, Vec<f64>) {
        (0..=160).map(|index| -0.1 + (to + 0.1) * f64::from(index) / 160.0).map(|v| (v, -cell().current(v))).unzip()
    }

    fn close(value: &Value, expected: f64, rel: f64) {
        let found = value.as_f64().unwrap_or(f64::NAN);
        assert!((found - expected).abs() <= rel * expected.abs(), "{found} is not {expected}");
    }

    #[test]
    fn a_cell_is_found_again() {
        let (v, i) = measured(0.7);
        let found = run(&v, &i).expect("a cell");
        close(&found.outputs["Isc"], -cell().current(0.0), 1e-6);
        for (name, expected) in [("Iph", 0.035), ("I0", 1e-10), ("n", 1.2), ("Rs", 0.8), ("Rsh", 900.0)] {
            close(&found.outputs["fit"][name], expected, 1e-5);
        }
        close(&found.outputs["Rs"], 0.8, 1e-5);
        // The greatest power, by a search of the model that takes no part in the extraction.
        let power = (0..200_000).map(|index| f64::from(index) * 3e-6).map(|v| -v * cell().current(v)).fold(0.0, f64::max);
        close(&found.outputs["Pmax"], power, 1e-5);
        close(&found.outputs["PCE_pct"], power / 1e-4 / 10.0, 1e-5);
        let product = found.outputs["Isc"].as_f64().unwrap() * found.outputs["Voc"].as_f64().unwrap();
        close(&found.outputs["FF"], power / product, 1e-5);
        assert!(found.flags.list().is_empty(), "{:?}", found.flags);
    }

    #[test]
    fn signs_and_directions_do_not_change_a_cell() {
        let (v, i) = measured(0.7);
        let expected = run(&v, &i).expect("a cell").outputs;
        let minus = |values: &[f64]| values.iter().map(|value| -value).collect::<Vec<_>>();
        let reversed = |values: &[f64]| values.iter().rev().copied().collect::<Vec<_>>();
        for (v, i, flags) in [
            (v.clone(), minus(&i), &["current_sign_flipped"][..]),
            (minus(&v), i.clone(), &["voltage_sign_flipped"]),
            (minus(&v), minus(&i), &["current_sign_flipped", "voltage_sign_flipped"]),
            (reversed(&v), reversed(&i), &[]),
        ] {
            let found = run(&v, &i).expect("the same cell");
            assert_eq!((found.flags.list(), &found.outputs), (flags, &expected));
        }
        let there = [v.clone(), reversed(&v)[1..].to_vec()].concat();
        let back: Vec<f64> = i.iter().map(|i| i * 1.02).collect();
        let both = run(&there, &[i, reversed(&back)[1..].to_vec()].concat()).expect("both ways");
        assert!(both.outputs["hysteresis_index"].as_f64().unwrap() > 0.01);
        assert!(both.flags.list().contains(&"double_sweep"));
    }

    #[test]
    fn dark_cells_and_short_sweeps_are_refused() {
        let (v, i) = measured(0.3);
        assert_eq!(run(&v, &i).unwrap_err().code, "voc_not_reached");
        let dark = Diode { photo: 0.0, ..cell() };
        let i: Vec<f64> = v.iter().map(|v| -dark.current(*v)).collect();
        assert_eq!(run(&v, &i).unwrap_err().code, "no_photocurrent");
        let (v, i): (Vec<f64>, Vec<f64>) = measured(0.7);
        let late: Vec<(f64, f64)> = v.into_iter().zip(i).filter(|(v, _)| *v > 0.02).collect();
        let (v, i): (Vec<f64>, Vec<f64>) = late.into_iter().unzip();
        assert!(run(&v, &i).expect("a cell").flags.list().contains(&"isc_extrapolated"));
        assert!(analyse(Kind::SolarCellIv, &json!({"v": v, "i": i}), &json!({})).expect("a cell").outputs["PCE"].is_null());
    }
}
