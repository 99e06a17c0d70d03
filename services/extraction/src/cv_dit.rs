//! Interface traps of a MOS capacitor by the high-low method (Castagné and Vapaille): traps follow a slow signal and not a
//! fast one, so that both capacitances differ by theirs. With it the oxide's thickness and the flat-band voltage (SEMI MF1153).

use serde::Serialize;

use crate::{
    Analysis, Flags, Refused,
    constants::{BOLTZMANN, ELEMENTARY_CHARGE, OXIDE_PERMITTIVITY, ROOM_TEMPERATURE, VACUUM_PERMITTIVITY},
    fields::{Fields, MOST_ANSWERS},
    numeric::{crossing, range, thinned},
};

/// Relative permittivity of silicon, where none is given.
const SILICON: f64 = 11.7;
/// Of so much of the oxide's capacitance the difference of reciprocals tells nothing any more.
const ACCUMULATION: f64 = 0.99;

/// Both capacitances over voltages, in farads.
#[derive(Clone, Debug)]
pub(crate) struct CvDit {
    v: Vec<f64>,
    low: Vec<f64>,
    high: Vec<f64>,
    area: f64,
    oxide: f64,
    oxide_permittivity: f64,
    permittivity: f64,
    temperature: f64,
    doping: Option<f64>,
}

/// Per square metre and electronvolt, metres, volts, farads.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Output {
    c_ox: f64,
    eot_m: f64,
    tox_m: f64,
    c_fb: Option<f64>,
    vfb: Option<f64>,
    /// The traps at each voltage; null where the capacitances do not tell them.
    dit_m2_ev: Vec<Option<f64>>,
    v: Vec<f64>,
    dit_min_m2_ev: f64,
    dit_min_cm2_ev: f64,
    v_at_dit_min: f64,
    points_used: usize,
    points_dropped: usize,
}

impl Analysis for CvDit {
    const INPUTS: &'static [&'static str] = &["v", "c_lf", "c_hf", "area_m2", "c_ox", "eps_r", "eps_r_ox", "doping_m3", "temperature_K"];
    const PARAMS: &'static [&'static str] = &[];
    const VERSION: &'static str = "1";
    const SURE: &'static [&'static str] = &["c_ox", "eot_m", "tox_m", "dit_min_m2_ev", "dit_min_cm2_ev", "v_at_dit_min"];
    type Output = Output;

    fn read(inputs: &Fields<'_>, _: &Fields<'_>, flags: &mut Flags) -> Result<Self, Refused> {
        let v = inputs.samples("v")?;
        let low = inputs.samples_beside("c_lf", "v", v.len())?;
        let high = inputs.samples_beside("c_hf", "v", v.len())?;
        let (_, most) = range(&low);
        let oxide = inputs.optional_positive("c_ox")?;
        flags.raise_if(oxide.is_none(), "c_ox_from_accumulation");
        let oxide = oxide.unwrap_or(most);
        if !(oxide > 0.0 && oxide.is_finite()) {
            return Err(Refused::new("insufficient_data", "no capacitance lies above zero"));
        }
        Ok(Self {
            v,
            low,
            high,
            area: inputs.positive("area_m2")?,
            oxide,
            oxide_permittivity: inputs.optional_positive("eps_r_ox")?.unwrap_or(OXIDE_PERMITTIVITY),
            permittivity: inputs.optional_positive("eps_r")?.unwrap_or(SILICON) * VACUUM_PERMITTIVITY,
            temperature: inputs.optional_positive("temperature_K")?.unwrap_or(ROOM_TEMPERATURE),
            doping: inputs.optional_positive("doping_m3")?,
        })
    }

    fn method(&self) -> &'static str {
        "high_low_frequency"
    }

    fn extract(&self, flags: &mut Flags) -> Result<Output, Refused> {
        let points: Vec<_> = (0..self.v.len()).map(|index| (self.v[index], self.low[index], self.high[index])).collect();
        let mut points: Vec<_> = points.into_iter().filter(|(v, low, high)| (v + low + high).is_finite()).collect();
        flags.raise_if(points.len() < self.v.len(), "non_finite_dropped");
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        let traps: Vec<_> = points.iter().map(|(_, low, high)| self.traps(*low, *high)).collect();
        flags.raise_if(points.iter().any(|(_, low, high)| *low < *high * 0.999), "low_frequency_below_high");
        let told = points.iter().zip(&traps).filter_map(|(point, traps)| Some((point.0, (*traps)?)));
        let (v_at_dit_min, least) = told.min_by(|a, b| a.1.total_cmp(&b.1)).ok_or_else(|| {
            Refused::new(
                "insufficient_data",
                "at no voltage do both capacitances lie below the oxide's, the low-frequency one above the other",
            )
        })?;
        let per_area = self.oxide / self.area;
        let flat = self.doping.map(|doping| self.flat_band(doping));
        let vfb = flat.and_then(|flat| {
            let steps = points.windows(2).map(|pair| ((pair[0].0, pair[0].2), (pair[1].0, pair[1].2)));
            steps.clone().find(|(a, b)| (a.1 - flat) * (b.1 - flat) <= 0.0 && (a.1 - b.1).abs() > 0.0).map(|(a, b)| crossing(a, b, flat))
        });
        flags.raise_if(self.doping.is_some() && vfb.is_none(), "flat_band_not_reached");
        Ok(Output {
            c_ox: self.oxide,
            eot_m: OXIDE_PERMITTIVITY * VACUUM_PERMITTIVITY / per_area,
            tox_m: self.oxide_permittivity * VACUUM_PERMITTIVITY / per_area,
            c_fb: flat,
            vfb,
            dit_m2_ev: thinned(&traps, MOST_ANSWERS),
            v: thinned(&points, MOST_ANSWERS).into_iter().map(|point| point.0).collect(),
            dit_min_m2_ev: least,
            dit_min_cm2_ev: least * 1e-4,
            v_at_dit_min,
            points_used: points.len(),
            points_dropped: self.v.len() - points.len(),
        })
    }
}

impl CvDit {
    /// Traps that answer to the slow signal alone, where both capacitances lie in depletion.
    fn traps(&self, low: f64, high: f64) -> Option<f64> {
        let beneath = |c: f64| (c > 0.0 && c < ACCUMULATION * self.oxide).then(|| 1.0 / (1.0 / c - 1.0 / self.oxide));
        let difference = beneath(low)? - beneath(high)?;
        let traps = difference / (self.area * ELEMENTARY_CHARGE);
        (difference >= 0.0 && traps.is_finite()).then_some(traps)
    }

    /// The capacitance at flat bands: the oxide's in series with one over the Debye length.
    fn flat_band(&self, doping: f64) -> f64 {
        let debye = (self.permittivity * BOLTZMANN * self.temperature / (ELEMENTARY_CHARGE.powi(2) * doping)).sqrt();
        let surface = self.permittivity * self.area / debye;
        1.0 / (1.0 / self.oxide + 1.0 / surface)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Kind, analyse};

    #[test]
    fn traps_and_thickness_are_found_again() {
        let (area, oxide) = (1e-8, 3.453_133e-11);
        let semiconductor = |v: f64| 2e-11 / (1.0 + (v + 1.0).max(0.0));
        let dit = |v: f64| 1e15 * (1.0 + (v - 0.2).powi(2));
        let series = |c: f64| 1.0 / (1.0 / c + 1.0 / oxide);
        let v: Vec<f64> = (0..=40).map(|index| -1.0 + 0.05 * f64::from(index)).collect();
        let high: Vec<f64> = v.iter().map(|v| series(semiconductor(*v))).collect();
        let low: Vec<f64> = v.iter().map(|v| series(semiconductor(*v) + ELEMENTARY_CHARGE * area * dit(*v))).collect();
        let inputs = json!({"v": v, "c_lf": low, "c_hf": high, "area_m2": area, "c_ox": oxide, "doping_m3": 1e21});
        let found = analyse(Kind::CvDit, &inputs, &json!({})).expect("traps");
        let number = |name: &str| found.outputs[name].as_f64().unwrap();
        assert!((number("dit_min_cm2_ev") / 1e11 - 1.0).abs() < 1e-9 && (number("v_at_dit_min") - 0.2).abs() < 1e-12);
        for (index, v) in v.iter().enumerate() {
            assert!((found.outputs["dit_m2_ev"][index].as_f64().unwrap() / dit(*v) - 1.0).abs() < 1e-9);
        }
        assert!((number("eot_m") / 1e-8 - 1.0).abs() < 1e-6, "10 nm");
        // At flat bands the high-frequency capacitance is the one told.
        let surface = 11.7 * VACUUM_PERMITTIVITY * area
            / (11.7 * VACUUM_PERMITTIVITY * BOLTZMANN * 300.0 / (ELEMENTARY_CHARGE.powi(2) * 1e21)).sqrt();
        assert!((number("c_fb") / series(surface) - 1.0).abs() < 1e-12);
        let back = series(semiconductor(number("vfb")));
        assert!((back / number("c_fb") - 1.0).abs() < 1e-3);
    }

    #[test]
    fn capacitances_that_contradict_are_flagged_or_refused() {
        let run = |low: [f64; 3], high: [f64; 3]| {
            analyse(Kind::CvDit, &json!({"v": [0, 1, 2], "c_lf": low, "c_hf": high, "area_m2": 1e-8}), &json!({}))
        };
        let found = run([1.0, 0.5, 0.3], [0.9, 0.4, 0.35]).expect("one point");
        assert_eq!(found.flags.list(), ["c_ox_from_accumulation", "low_frequency_below_high"]);
        assert_eq!(found.outputs["points_used"], 3);
        assert_eq!(run([1.0, 0.2, 0.3], [0.9, 0.4, 0.35]).unwrap_err().code, "insufficient_data");
        assert_eq!(run([-1.0, -0.2, -0.3], [0.9, 0.4, 0.35]).unwrap_err().code, "insufficient_data");
    }
}
