//! Doping from a capacitance over voltage (SEMI MF1392; ASTM F419): in depletion 1/C^2 is a straight line whose slope is
//! 2 / (q eps A^2 N), and its local slope at the depth W = eps A / C is the doping there.

use serde::Serialize;

use crate::{
    Analysis, Flags, Refused,
    constants::{BOLTZMANN, ELEMENTARY_CHARGE, ROOM_TEMPERATURE, SILICON_INTRINSIC, VACUUM_PERMITTIVITY},
    fields::{Fields, MOST_ANSWERS},
    numeric::{Line, gradient, range, thinned},
    sweep::{Branch, Sweep},
};

/// A capacitance over voltages, in farads and volts.
#[derive(Clone, Debug)]
pub(crate) struct CvDoping {
    v: Vec<f64>,
    c: Vec<f64>,
    area: f64,
    permittivity: f64,
    temperature: f64,
    /// The capacitance of an oxide in series, of a MOS capacitor.
    oxide: Option<f64>,
    range: Option<(f64, f64)>,
    intrinsic: f64,
}

/// Per cubic metre, volts, metres.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Output {
    /// `n` or `p`, as a contact on the semiconductor's surface sees it.
    doping_type: &'static str,
    #[serde(rename = "N_m3")]
    doping: f64,
    #[serde(rename = "N_cm3")]
    doping_cm3: f64,
    vbi: f64,
    r2: f64,
    /// The shallowest and the deepest edge of the depletion.
    depth_m: [f64; 2],
    profile: Profile,
    points_used: usize,
    points_dropped: usize,
}

/// The doping over the depth; null where noise lets 1/C^2 turn back.
#[derive(Clone, Debug, Serialize)]
struct Profile {
    depth_m: Vec<f64>,
    #[serde(rename = "N_m3")]
    doping: Vec<Option<f64>>,
}

impl Analysis for CvDoping {
    const INPUTS: &'static [&'static str] =
        &["v", "c", "g", "area_m2", "eps_r", "temperature_K", "c_ox", "frequency_Hz", "series_resistance_ohm"];
    const PARAMS: &'static [&'static str] = &["method", "v_range", "intrinsic_m3"];
    const VERSION: &'static str = "1";
    const SURE: &'static [&'static str] = &["N_m3", "vbi", "depth_m"];
    type Output = Output;

    fn read(inputs: &Fields<'_>, params: &Fields<'_>, flags: &mut Flags) -> Result<Self, Refused> {
        let v = inputs.samples("v")?;
        let mut c = inputs.samples_beside("c", "v", v.len())?;
        unload(&mut c, inputs, flags)?;
        if params.text("method")?.is_some_and(|method| !method.to_ascii_lowercase().replace(' ', "").contains("1/c^2")) {
            return Err(Refused::at("unknown_option", params.place("method"), "must be `1/C^2`"));
        }
        let range = match params.numbers("v_range")?.as_deref() {
            None => None,
            Some([low, high]) if low < high => Some((*low, *high)),
            Some(_) => return Err(Refused::at("out_of_range", params.place("v_range"), "must be two voltages, the lower first")),
        };
        Ok(Self {
            v,
            c,
            area: inputs.positive("area_m2")?,
            permittivity: inputs.positive("eps_r")? * VACUUM_PERMITTIVITY,
            temperature: inputs.optional_positive("temperature_K")?.unwrap_or(ROOM_TEMPERATURE),
            oxide: inputs.optional_positive("c_ox")?,
            range,
            intrinsic: params.optional_positive("intrinsic_m3")?.unwrap_or(SILICON_INTRINSIC),
        })
    }

    fn method(&self) -> &'static str {
        "inverse_square_capacitance"
    }

    fn extract(&self, flags: &mut Flags) -> Result<Output, Refused> {
        let sweep = Sweep::of(&self.v, &self.c, 3, flags)?;
        let all = &sweep.first;
        let within = |v: f64| self.range.is_none_or(|(low, high)| v >= low && v <= high);
        let usable = |v: f64, c: f64| within(v) && c > 0.0 && self.oxide.is_none_or(|oxide| c < oxide);
        let branch = all.only(usable);
        flags.raise_if(all.only(|v, _| within(v)).len() > branch.len(), "points_outside_depletion_dropped");
        if branch.len() < 3 {
            return Err(Refused::new(
                "insufficient_data",
                "fewer than three capacitances lie above zero, below the oxide's and within the range",
            ));
        }
        let squares: Vec<f64> = branch.y.iter().map(|c| (1.0 / c).powi(2)).collect();
        let line = Line::through(&branch.x, &squares).filter(|line| line.slope.abs() > 0.0);
        let line =
            line.ok_or_else(|| Refused::new("no_depletion", "the capacitance does not change with the voltage: nothing is depleted"))?;
        let scale = 2.0 / (ELEMENTARY_CHARGE * self.permittivity * self.area * self.area);
        let doping = scale / line.slope.abs();
        let sign = line.slope.signum();
        let profile = self.profile(&branch, &squares, scale * sign);
        let depths = range(&profile.depth_m);
        self.qualify(&profile, &line, doping, flags);
        Ok(Output {
            doping_type: if sign < 0.0 { "n" } else { "p" },
            doping,
            doping_cm3: doping * 1e-6,
            // Where the line comes to zero; the voltage of a p-type diode counts the other way.
            vbi: sign * line.intercept / line.slope,
            r2: line.r2,
            depth_m: depths.into(),
            profile,
            points_used: branch.len(),
            points_dropped: sweep.points - branch.len(),
        })
    }
}

impl CvDoping {
    fn profile(&self, branch: &Branch, squares: &[f64], scale: f64) -> Profile {
        let slopes = gradient(&branch.x, squares);
        let depth = |c: f64| self.permittivity * self.area * (1.0 / c - self.oxide.map_or(0.0, f64::recip));
        let points: Vec<_> = branch.y.iter().zip(slopes).map(|(c, slope)| (depth(*c), scale / slope)).collect();
        let mut points = thinned(&points, MOST_ANSWERS);
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        let doping = points.iter().map(|(_, doping)| Some(*doping).filter(|doping| doping.is_finite() && *doping > 0.0)).collect();
        Profile { depth_m: points.into_iter().map(|(depth, _)| depth).collect(), doping }
    }

    fn qualify(&self, profile: &Profile, line: &Line, doping: f64, flags: &mut Flags) {
        let known: Vec<f64> = profile.doping.iter().copied().flatten().collect();
        flags.raise_if(known.len() < profile.doping.len(), "profile_not_monotonic");
        let (least, most) = range(&known);
        flags.raise_if(line.r2 < 0.999 || most > 1.5 * least, "non_uniform_doping");
        flags.raise_if(known.len() >= 4 && most > 20.0 * least, "inversion_or_leakage");
        // Beyond the widest depletion of equilibrium, an oxide's surface would be inverted.
        let (_, deepest) = range(&profile.depth_m);
        let barrier = BOLTZMANN * self.temperature / ELEMENTARY_CHARGE * (doping / self.intrinsic).ln();
        let widest = (4.0 * self.permittivity * barrier / (ELEMENTARY_CHARGE * doping)).sqrt();
        flags.raise_if(self.oxide.is_some() && deepest > widest, "deep_depletion");
    }
}

/// Takes what a series resistance does out of capacitances (Nicollian and Brews); without conductances it is only looked at.
fn unload(c: &mut [f64], inputs: &Fields<'_>, flags: &mut Flags) -> Result<(), Refused> {
    let Some(resistance) = inputs.optional_positive("series_resistance_ohm")? else {
        inputs.optional_positive("frequency_Hz")?;
        if inputs.has("g") {
            return Err(inputs.missing("series_resistance_ohm"));
        }
        return Ok(());
    };
    let omega = 2.0 * std::f64::consts::PI * inputs.positive("frequency_Hz")?;
    let Some(g) = inputs.optional_samples("g")? else {
        let (_, most) = range(c);
        flags.raise_if((omega * resistance * most).powi(2) > 0.01, "series_resistance");
        return Ok(());
    };
    inputs.same_length("g", g.len(), "v", c.len())?;
    flags.raise("series_resistance_corrected");
    for (c, g) in c.iter_mut().zip(g) {
        let admittance = g * g + (omega * *c).powi(2);
        let a = g - admittance * resistance;
        *c *= admittance / (a * a + (omega * *c).powi(2));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{Kind, Outcome, analyse};

    const AREA: f64 = 1e-7;

    /// The capacitance of a depletion of depth W, at the voltage that goes with it.
    fn capacitance(depth: f64) -> f64 {
        11.7 * VACUUM_PERMITTIVITY * AREA / depth
    }

    fn run(v: &[f64], c: &[f64], more: &Value) -> Outcome {
        let mut inputs = json!({"v": v, "c": c, "area_m2": AREA, "eps_r": 11.7});
        inputs.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        analyse(Kind::CvDoping, &inputs, &json!({})).expect("a profile")
    }

    fn uniform(doping: f64, vbi: f64) -> (Vec<f64>, Vec<f64>) {
        let eps = 11.7 * VACUUM_PERMITTIVITY;
        let depth = move |v: f64| (2.0 * eps * (vbi - v) / (ELEMENTARY_CHARGE * doping)).sqrt();
        (0..60).map(|index| -0.1 * f64::from(index)).map(|v| (v, capacitance(depth(v)))).unzip()
    }

    #[test]
    fn both_types_of_doping_are_found() {
        let (v, c) = uniform(5e21, 0.6);
        let n = run(&v, &c, &json!({}));
        let turned: Vec<f64> = v.iter().map(|v| -v).collect();
        let p = run(&turned, &c, &json!({}));
        assert_eq!((&n.outputs["doping_type"], &p.outputs["doping_type"]), (&json!("n"), &json!("p")));
        for found in [n, p] {
            assert!((found.outputs["N_m3"].as_f64().unwrap() / 5e21 - 1.0).abs() < 1e-9);
            assert!((found.outputs["vbi"].as_f64().unwrap() - 0.6).abs() < 1e-9);
            assert!(found.flags.list().is_empty(), "{:?}", found.flags);
        }
    }

    #[test]
    fn a_profile_follows_the_doping_over_the_depth() {
        // N = N0 (1 + W / length): the voltage is the integral of q N W / eps.
        let (surface, length, eps) = (1e22, 4e-7, 11.7 * VACUUM_PERMITTIVITY);
        let voltage = |w: f64| -ELEMENTARY_CHARGE * surface / eps * (w * w / 2.0 + w.powi(3) / (3.0 * length));
        let depths: Vec<f64> = (0..200).map(|index| 2e-7 + 1e-9 * f64::from(index)).collect();
        let (v, c): (Vec<f64>, Vec<f64>) = depths.iter().map(|w| (voltage(*w), capacitance(*w))).unzip();
        let found = run(&v, &c, &json!({}));
        assert!(found.flags.list().contains(&"non_uniform_doping"));
        let profile = &found.outputs["profile"];
        for index in 1..199 {
            let told = ["depth_m", "N_m3"].map(|name| profile[name][index].as_f64().unwrap());
            assert!((told[1] / (surface * (1.0 + told[0] / length)) - 1.0).abs() < 1e-4, "{told:?}");
        }
    }

    #[test]
    fn an_oxide_and_a_series_resistance_are_taken_out() {
        let (v, c) = uniform(2e21, 0.5);
        let oxide = 2e-10;
        let stacked: Vec<f64> = c.iter().map(|c| 1.0 / (1.0 / c + 1.0 / oxide)).collect();
        let found = run(&v, &stacked, &json!({"c_ox": oxide}));
        assert!(found.flags.list().contains(&"deep_depletion"), "6 V are more than equilibrium bears");
        // As a bridge shows it: the parallel equivalent of the series of resistance and capacitance.
        let (omega, resistance) = (2.0 * std::f64::consts::PI * 1e6, 5e3);
        let loss: Vec<f64> = c.iter().map(|c| (omega * c * resistance).powi(2)).collect();
        let shown: Vec<f64> = c.iter().zip(&loss).map(|(c, loss)| c / (1.0 + loss)).collect();
        let conductance: Vec<f64> = loss.iter().map(|loss| loss / (1.0 + loss) / resistance).collect();
        let more = json!({"g": conductance, "frequency_Hz": 1e6, "series_resistance_ohm": resistance});
        assert!((run(&v, &shown, &more).outputs["N_m3"].as_f64().unwrap() / 2e21 - 1.0).abs() < 1e-9);
        let flags = run(&v, &shown, &json!({"frequency_Hz": 1e6, "series_resistance_ohm": resistance})).flags;
        assert!(flags.list().contains(&"series_resistance"));
    }

    #[test]
    fn what_does_not_deplete_is_refused() {
        let refused = |c: Value| {
            let inputs = json!({"v": [0, -1, -2], "c": c, "area_m2": 1, "eps_r": 10});
            analyse(Kind::CvDoping, &inputs, &json!({})).unwrap_err().code
        };
        assert_eq!(refused(json!([1e-12, 1e-12, 1e-12])), "no_depletion");
        assert_eq!(refused(json!([1e-12, 0, -1e-12])), "insufficient_data");
        assert_eq!(refused(json!([1e-12, null, 2e-12])), "insufficient_data");
        assert_eq!(refused(json!([1e-12, 2e-12])), "length_mismatch");
    }
}
