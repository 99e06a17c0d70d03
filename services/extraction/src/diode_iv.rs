//! A diode's forward characteristic: saturation current, ideality, series and shunt resistance.
//!
//! The logarithmic fit is that of the straight part alone; Cheung's functions (Applied Physics Letters 49 (1986) 85) take the
//! bend into account; the fit by Lambert's W takes the whole curve, and is what is told unless another is asked for.

use serde::Serialize;

use crate::{
    Analysis, Flags, Refused,
    constants::{ROOM_TEMPERATURE, thermal_voltage},
    diode_model::Diode,
    fields::Fields,
    numeric::{Fitted, Line, fit, gradient, range, thinned},
    sweep::{Branch, Sweep},
};

/// How many points the fit takes of a long sweep.
const FITTED: usize = 2000;

/// A current over voltages.
#[derive(Clone, Debug)]
pub(crate) struct DiodeIv {
    v: Vec<f64>,
    i: Vec<f64>,
    temperature: f64,
    method: Method,
    least_current: f64,
    compliance: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Lambert,
    Cheung,
    Logarithm,
}

/// What a characteristic tells: amperes and ohms.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Output {
    #[serde(rename = "Is")]
    saturation: Option<f64>,
    n: f64,
    #[serde(rename = "Rs")]
    series: Option<f64>,
    #[serde(rename = "Rsh")]
    shunt: Option<f64>,
    log_fit: Straight,
    cheung: Option<Cheung>,
    /// The root mean square of ln(model / measured).
    rms_log_residual: Option<f64>,
    points_used: usize,
    points_dropped: usize,
    points_non_positive: usize,
    points_clipped: usize,
}

/// The straight part of the logarithm.
#[derive(Clone, Copy, Debug, Serialize)]
struct Straight {
    #[serde(rename = "Is")]
    saturation: f64,
    n: f64,
    r2: f64,
    points: usize,
}

/// dV/d(ln I) = n kT/q + I Rs.
#[derive(Clone, Copy, Debug, Serialize)]
struct Cheung {
    n: f64,
    #[serde(rename = "Rs")]
    series: f64,
    r2: f64,
}

/// The whole curve.
struct Whole {
    diode: Diode,
    rms: f64,
}

impl Analysis for DiodeIv {
    const INPUTS: &'static [&'static str] = &["v", "i", "temperature_K"];
    const PARAMS: &'static [&'static str] = &["method", "min_current_A", "compliance_A"];
    const VERSION: &'static str = "1";
    const SURE: &'static [&'static str] = &["n"];
    type Output = Output;

    fn read(inputs: &Fields<'_>, params: &Fields<'_>, flags: &mut Flags) -> Result<Self, Refused> {
        let v = inputs.samples("v")?;
        let i = inputs.samples_beside("i", "v", v.len())?;
        let temperature = inputs.optional_positive("temperature_K")?;
        flags.raise_if(temperature.is_none(), "temperature_assumed");
        let method = match params.text("method")?.unwrap_or("lambert_w").to_ascii_lowercase() {
            text if text.contains("lambert") => Method::Lambert,
            text if text.contains("cheung") => Method::Cheung,
            text if text.contains("log") => Method::Logarithm,
            _ => return Err(Refused::at("unknown_option", params.place("method"), "must be lambert_w, cheung or log")),
        };
        let least_current = params.optional_positive("min_current_A")?.unwrap_or(0.0);
        let compliance = params.optional_positive("compliance_A")?;
        Ok(Self { v, i, temperature: temperature.unwrap_or(ROOM_TEMPERATURE), method, least_current, compliance })
    }

    fn method(&self) -> &'static str {
        match self.method {
            Method::Lambert => "lambert_w",
            Method::Cheung => "cheung",
            Method::Logarithm => "log",
        }
    }

    fn extract(&self, flags: &mut Flags) -> Result<Output, Refused> {
        let sweep = Sweep::of(&self.v, &self.i, 4, flags)?;
        let (branch, clipped) = poled(&sweep.first, flags).unclipped(self.compliance);
        flags.raise_if(clipped > 0, "compliance_clipped");
        let forward = branch.only(|v, i| v > 0.0 && i > self.least_current);
        let lost = branch.only(|v, _| v > 0.0).len() - forward.len();
        flags.raise_if(lost > 0, "non_positive_dropped");
        if forward.len() < 4 {
            return Err(Refused::new("insufficient_data", "fewer than four points of forward current can be used"));
        }
        let thermal = thermal_voltage(self.temperature);
        let straight = Straight::of(&forward, thermal)?;
        let cheung = Cheung::of(&forward, thermal, &straight);
        let whole = Whole::of(&forward, thermal, &straight, cheung, &branch);
        flags.raise_if(self.method == Method::Lambert && whole.is_none(), "fit_failed");
        let (saturation, n, series) = match (self.method, &whole, cheung) {
            (Method::Lambert, Some(whole), _) => {
                (Some(whole.diode.saturation), whole.diode.slope_voltage / thermal, Some(whole.diode.series))
            }
            (Method::Cheung, _, Some(cheung)) => (Some(cheung.saturation(&forward, thermal)), cheung.n, Some(cheung.series)),
            (Method::Cheung, ..) => return Err(Refused::new("insufficient_data", "too few points lie in the bend for Cheung's functions")),
            _ => (Some(straight.saturation), straight.n, None),
        };
        let shunt =
            whole.as_ref().map(|whole| 1.0 / whole.diode.shunt).filter(|shunt| shunt.is_finite()).or_else(|| leak(&branch, n * thermal));
        qualify(n, series, &forward, thermal, whole.as_ref(), flags);
        Ok(Output {
            saturation,
            n,
            series,
            shunt,
            log_fit: straight,
            cheung,
            rms_log_residual: whole.map(|whole| whole.rms),
            points_used: sweep.used,
            points_dropped: sweep.points - sweep.used,
            points_non_positive: lost,
            points_clipped: clipped,
        })
    }
}

fn qualify(n: f64, series: Option<f64>, forward: &Branch, thermal: f64, whole: Option<&Whole>, flags: &mut Flags) {
    let (_, most) = range(&forward.y);
    let drop = series.map(|series| series * most / (n * thermal));
    flags.raise_if(!(0.9..=3.0).contains(&n), "ideality_out_of_range");
    flags.raise_if(drop.is_some_and(|drop| drop > 0.5), "series_resistance_bend");
    flags.raise_if(drop.is_some_and(|drop| drop < 1e-3), "series_resistance_not_resolved");
    flags.raise_if(whole.is_some_and(|whole| whole.rms > 0.1), "poor_fit");
}

/// Turns a characteristic so that it conducts at positive voltages, with positive currents.
fn poled(branch: &Branch, flags: &mut Flags) -> Branch {
    let work: f64 = branch.pairs().map(|(v, i)| (v * i).signum()).sum();
    flags.raise_if(work < 0.0, "current_sign_flipped");
    let poled = branch.mirrored(1.0, if work < 0.0 { -1.0 } else { 1.0 });
    let most = |way: f64| poled.pairs().filter(|(v, _)| v * way > 0.0).map(|(_, i)| i.abs()).fold(0.0, f64::max);
    let (forward, reverse) = (most(1.0), most(-1.0));
    if reverse > 10.0 * forward {
        flags.raise("polarity_reversed");
        return poled.mirrored(-1.0, -1.0);
    }
    poled
}

/// The conductance of the reverse current, as a resistance.
fn leak(branch: &Branch, slope_voltage: f64) -> Option<f64> {
    let reverse = branch.only(|v, _| v < -4.0 * slope_voltage);
    let line = (reverse.len() >= 3).then(|| Line::through(&reverse.x, &reverse.y)).flatten()?;
    Some(1.0 / line.slope).filter(|shunt| *shunt > 0.0 && shunt.is_finite())
}

impl Straight {
    /// The line through the steepest part of ln I, above the voltages where the reverse current still counts.
    fn of(forward: &Branch, thermal: f64) -> Result<Self, Refused> {
        let bar = 4.0 * thermal;
        let beyond = forward.only(|v, _| v > bar);
        let part = if beyond.len() >= 4 { beyond } else { forward.clone() };
        let logs: Vec<f64> = part.y.iter().map(|i| i.ln()).collect();
        let width = (part.len() / 8).clamp(4, 200).min(part.len());
        let line = |from: usize| Line::through(&part.x[from..from + width], &logs[from..from + width]);
        // Windows that overlap by half find the steepest part, at a cost that is linear in the points.
        let starts = (0..=part.len() - width).step_by((width / 2).max(1));
        let best = starts.filter_map(line).max_by(|a, b| a.slope.total_cmp(&b.slope));
        let best = best
            .filter(|line| line.slope > 0.0)
            .ok_or_else(|| Refused::new("not_rectifying", "the current does not rise with the voltage"))?;
        let slopes = gradient(&part.x, &logs);
        let straight: Vec<usize> = (0..part.len()).filter(|index| slopes[*index] > 0.9 * best.slope).collect();
        let (x, y): (Vec<f64>, Vec<f64>) = straight.iter().map(|index| (part.x[*index], logs[*index])).unzip();
        let line = Line::through(&x, &y).filter(|line| x.len() >= 3 && line.slope > 0.0).unwrap_or(best);
        Ok(Self { saturation: line.intercept.exp(), n: 1.0 / (line.slope * thermal), r2: line.r2, points: x.len().max(width) })
    }
}

impl Cheung {
    /// Over the points where the exponential outweighs the reverse current, which is added to the current all the same: small
    /// as it is, it bends the line as a resistance does.
    fn of(forward: &Branch, thermal: f64, straight: &Straight) -> Option<Self> {
        let part = forward.only(|v, _| v > 4.0 * straight.n * thermal);
        let logs: Vec<f64> = part.y.iter().map(|i| (i + straight.saturation).ln()).collect();
        let (x, y): (Vec<f64>, Vec<f64>) =
            part.y.iter().zip(gradient(&part.x, &logs)).filter(|(_, slope)| *slope > 0.0).map(|(i, slope)| (*i, 1.0 / slope)).unzip();
        let line = (x.len() >= 4).then(|| Line::through(&x, &y)).flatten()?;
        (line.intercept > 0.0 && line.slope > 0.0).then_some(Self { n: line.intercept / thermal, series: line.slope, r2: line.r2 })
    }

    /// The saturation current that goes with it: the middle of what the points say.
    fn saturation(&self, forward: &Branch, thermal: f64) -> f64 {
        let a = self.n * thermal;
        crate::numeric::median(
            forward.pairs().map(|(v, i)| i / ((v - i * self.series) / a).exp_m1()).filter(|value| value.is_finite()).collect(),
        )
    }
}

impl Whole {
    /// Fits the whole curve, without a shunt and with one; the shunt is believed where it explains what else is left over.
    fn of(forward: &Branch, thermal: f64, straight: &Straight, cheung: Option<Cheung>, branch: &Branch) -> Option<Self> {
        let points: Vec<_> = forward.pairs().collect();
        let points: Vec<_> = thinned(&points, FITTED).into_iter().map(|(v, i)| (v, i.ln())).collect();
        let (last, n) = (forward.len() - 1, straight.n.clamp(0.5, 20.0));
        let bend = (forward.x[last] - n * thermal * (forward.y[last] / straight.saturation).ln()) / forward.y[last];
        let series = [cheung.map_or(f64::NAN, |cheung| cheung.series), bend, 0.01 * thermal / forward.y[last]];
        let series = series.into_iter().find(|series| *series > 0.0 && series.is_finite())?;
        let start = [straight.saturation.max(f64::MIN_POSITIVE).ln(), n.ln(), series.ln()];
        let diode = |p: &[f64; 4]| Diode {
            saturation: p[0].exp(),
            slope_voltage: p[1].exp() * thermal,
            series: p[2].exp(),
            shunt: p[3].exp(),
            photo: 0.0,
        };
        let left = |p: &[f64; 4], left: &mut [f64]| {
            let diode = diode(p);
            for (left, (v, log)) in left.iter_mut().zip(&points) {
                *left = diode.current(*v).max(f64::MIN_POSITIVE).ln() - log;
            }
        };
        let none = f64::NEG_INFINITY;
        let seen = (n * thermal / forward.y[last]).ln();
        let plain = settle(start, seen, points.len(), |p: &[f64; 3], rest| left(&[p[0], p[1], p[2], none], rest))?;
        let conductance = leak(branch, n * thermal).map_or(forward.y[0] / forward.x[0] / 2.0, |shunt| 1.0 / shunt);
        let [a, b, c] = plain.values;
        let shunted = [[a, b, c, conductance.ln()], [start[0], start[1], start[2], conductance.ln()]]
            .into_iter()
            .filter_map(|start| settle(start, seen, points.len(), left))
            .min_by(|a, b| a.rms.total_cmp(&b.rms));
        let believed = shunted.filter(|shunted| plain.rms > 1e-8 && shunted.rms < 0.8 * plain.rms && shunted.values[3] > -80.0);
        let (values, rms) = believed.map_or(([a, b, c, none], plain.rms), |shunted| (shunted.values, shunted.rms));
        Some(Self { diode: diode(&values), rms })
    }
}

/// Fits, and looks once more for a series resistance that got lost while the other parameters were far off: its logarithm
/// `seen` is that of one that takes a slope voltage at the greatest current.
fn settle<const N: usize>(start: [f64; N], seen: f64, points: usize, left: impl Fn(&[f64; N], &mut [f64])) -> Option<Fitted<N>> {
    let first = fit(start, points, &left)?;
    if first.values[2] > seen - 7.0 {
        return Some(first);
    }
    let mut start = first.values;
    start[2] = seen - 3.0;
    fit(start, points, left).filter(|again| again.rms < first.rms).or(Some(first))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{Kind, Outcome, analyse};

    fn measured(diode: Diode, from: f64, to: f64) -> (Vec<f64>, Vec<f64>) {
        (0..=100).map(|index| from + (to - from) * f64::from(index) / 100.0).map(|v| (v, diode.current(v))).unzip()
    }

    fn run(v: &[f64], i: &[f64], params: &Value) -> Outcome {
        analyse(Kind::DiodeIv, &json!({"v": v, "i": i, "temperature_K": 300.0}), params).expect("a diode")
    }

    fn close(value: &Value, expected: f64, rel: f64) {
        let found = value.as_f64().unwrap_or(f64::NAN);
        assert!((found - expected).abs() <= rel * expected.abs(), "{found} is not {expected}");
    }

    #[test]
    fn diodes_of_many_kinds_are_found_again() {
        let thermal = thermal_voltage(300.0);
        for (saturation, n, series, to) in
            [(1e-14, 1.0, 10.0, 0.9), (1e-9, 1.8, 0.5, 0.8), (1e-12, 1.5, 500.0, 1.0), (3e-7, 1.05, 5.0, 0.5)]
        {
            let (v, i) = measured(Diode { saturation, slope_voltage: n * thermal, series, shunt: 0.0, photo: 0.0 }, 0.02, to);
            let found = run(&v, &i, &json!({}));
            close(&found.outputs["Is"], saturation, 1e-6);
            close(&found.outputs["n"], n, 1e-6);
            close(&found.outputs["Rs"], series, 1e-5);
            assert_eq!(found.outputs["Rsh"], Value::Null, "no shunt is made up");
            close(&run(&v, &i, &json!({"method": "cheung"})).outputs["n"], n, 0.05);
        }
    }

    #[test]
    fn a_shunt_and_the_reverse_way_round_are_seen() {
        let diode = Diode { saturation: 1e-12, slope_voltage: 1.4 * thermal_voltage(300.0), series: 3.0, shunt: 1e-6, photo: 0.0 };
        let (v, i) = measured(diode, -1.0, 0.9);
        let found = run(&v, &i, &json!({}));
        close(&found.outputs["Rsh"], 1e6, 1e-4);
        close(&found.outputs["n"], 1.4, 1e-5);
        let minus = |values: &[f64]| values.iter().map(|value| -value).collect::<Vec<_>>();
        let turned = run(&minus(&v), &minus(&i), &json!({}));
        assert_eq!(turned.flags.list().first(), Some(&"polarity_reversed"));
        close(&turned.outputs["Rs"], 3.0, 1e-4);
        let flipped = run(&v, &minus(&i), &json!({}));
        assert_eq!(flipped.outputs, found.outputs);
        assert_eq!(flipped.flags.list().first(), Some(&"current_sign_flipped"));
    }

    #[test]
    fn what_the_instrument_cut_off_is_left_out() {
        let diode = Diode { saturation: 1e-12, slope_voltage: 1.4 * thermal_voltage(300.0), series: 3.0, shunt: 0.0, photo: 0.0 };
        let (v, i) = measured(diode, 0.02, 0.9);
        let cut: Vec<f64> = i.iter().map(|i| i.min(1e-3)).collect();
        let found = run(&v, &cut, &json!({}));
        close(&found.outputs["n"], 1.4, 1e-5);
        assert!(found.flags.list().contains(&"compliance_clipped"));
        assert_eq!(found.outputs["points_clipped"], i.iter().filter(|i| **i > 1e-3).count());
    }

    #[test]
    fn what_is_no_diode_is_refused_or_flagged() {
        let refused = |v: &[f64], i: &[f64]| analyse(Kind::DiodeIv, &json!({"v": v, "i": i}), &json!({})).unwrap_err().code;
        assert_eq!(refused(&[0.1, 0.2, 0.3, 0.4, 0.5], &[1e-3; 5]), "not_rectifying");
        assert_eq!(refused(&[0.1, 0.2, 0.3], &[1.0, 2.0, 3.0]), "insufficient_data");
        assert_eq!(refused(&[0.1, 0.2, 0.3, 0.4], &[0.0, 0.0, 0.0, 1.0]), "insufficient_data");
        let v: Vec<f64> = (1..50).map(|index| 0.1 * f64::from(index)).collect();
        let ohmic = analyse(Kind::DiodeIv, &json!({"v": v, "i": v}), &json!({"method": "log"})).expect("a resistor");
        assert!(ohmic.flags.list().contains(&"ideality_out_of_range"));
        assert!(ohmic.flags.list().contains(&"temperature_assumed"));
    }
}
