//! The transfer characteristic of a transistor: drain current over gate voltage at one drain voltage.
//!
//! Thresholds after Ortiz-Conde et al., Microelectronics Reliability 42 (2002) 583, as JEDEC JESD28 uses them. A p-channel
//! device is mirrored into an n-channel one; voltages are told with their own sign, currents as magnitudes.

use serde::Serialize;

use crate::{
    Analysis, Flags, Refused,
    fields::Fields,
    numeric::{interpolate, range},
    subthreshold::Slope,
    sweep::{Branch, Sweep},
    tangents::Tangents,
    threshold::Thresholds,
};

mod options;

/// A gate sweep.
#[derive(Clone, Debug)]
pub(crate) struct MosfetTransfer {
    vgs: Vec<f64>,
    id: Vec<f64>,
    vds: f64,
    /// The same sweep at a higher drain voltage.
    high: Option<(Vec<f64>, f64)>,
    /// The drain current that defines the threshold.
    criterion: Option<f64>,
    channel: Option<Channel>,
    headline: Headline,
    window: Option<(f64, f64)>,
    smoothing: Option<usize>,
    compliance: Option<f64>,
    noise_floor: Option<f64>,
    on: Option<f64>,
    off: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Channel {
    N,
    P,
}

/// Which threshold is told as `vth`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Headline {
    Auto,
    Linear,
    ConstantCurrent,
    SecondDerivative,
    Saturation,
}

/// What a gate sweep tells: voltages in volts, currents in amperes, transconductances in siemens.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Output {
    channel: &'static str,
    vth: Option<f64>,
    vth_elr: Option<f64>,
    vth_constant_current: Option<f64>,
    vth_second_derivative: Option<f64>,
    /// The second derivative finds a sample; between samples it does not tell.
    vth_second_derivative_resolution: Option<f64>,
    vth_esr: Option<f64>,
    i_crit: Option<f64>,
    gm_max: f64,
    vg_at_gm_max: f64,
    ss_mv_per_dec_fit: Option<f64>,
    ss_mv_per_dec_min: Option<f64>,
    ss_points: usize,
    ss_window: Option<[f64; 2]>,
    ion: Option<f64>,
    ioff: Option<f64>,
    ion_ioff_ratio: Option<f64>,
    dibl_mv_per_v: Option<f64>,
    vth_high: Option<f64>,
    vth_back: Option<f64>,
    vth_constant_current_back: Option<f64>,
    hysteresis_v: Option<f64>,
    smoothing_points: usize,
    points_used: usize,
    points_dropped: usize,
    points_non_positive: usize,
    points_clipped: usize,
}

impl Analysis for MosfetTransfer {
    const INPUTS: &'static [&'static str] = &["vgs", "id", "vds", "W", "L", "id_high", "vds_high", "temperature_K"];
    const PARAMS: &'static [&'static str] = &[
        "method",
        "derivative",
        "i_crit",
        "cc_current",
        "ss_window",
        "channel",
        "smoothing",
        "compliance_A",
        "noise_floor_A",
        "vdd",
        "voff",
    ];
    const VERSION: &'static str = "1";
    const SURE: &'static [&'static str] = &["gm_max", "vg_at_gm_max"];
    type Output = Output;

    fn read(inputs: &Fields<'_>, params: &Fields<'_>, _: &mut Flags) -> Result<Self, Refused> {
        let vgs = inputs.samples("vgs")?;
        let id = inputs.samples_beside("id", "vgs", vgs.len())?;
        let vds = inputs.number("vds")?;
        if vds.abs() <= 0.0 {
            return Err(Refused::at("out_of_range", inputs.place("vds"), "must not be zero: without it no current tells a threshold"));
        }
        let high = match inputs.optional_samples("id_high")? {
            None => None,
            Some(id_high) => {
                inputs.same_length("id_high", id_high.len(), "vgs", vgs.len())?;
                let vds_high = inputs.number("vds_high")?;
                if vds_high.abs() <= vds.abs() {
                    return Err(Refused::at("out_of_range", inputs.place("vds_high"), "must be further from zero than inputs.vds"));
                }
                Some((id_high, vds_high))
            }
        };
        // The temperature is on record with the sweep; no definition here asks for it.
        inputs.optional_positive("temperature_K")?;
        options::derivative(params)?;
        Ok(Self {
            criterion: options::criterion(inputs, params)?,
            channel: options::channel(params)?,
            headline: options::headline(params)?,
            window: options::window(params)?,
            // Who names the derivative gets that one, of noise too.
            smoothing: params.whole("smoothing", 1, 101)?.or_else(|| params.has("derivative").then_some(1)),
            compliance: params.optional_positive("compliance_A")?,
            noise_floor: params.optional_positive("noise_floor_A")?,
            on: params.optional("vdd")?,
            off: params.optional("voff")?.unwrap_or(0.0),
            vgs,
            id,
            vds,
            high,
        })
    }

    fn method(&self) -> &'static str {
        match self.headline {
            Headline::Auto | Headline::Linear => "extrapolation_linear_region",
            Headline::ConstantCurrent => "constant_current",
            Headline::SecondDerivative => "second_derivative",
            Headline::Saturation => "extrapolation_saturation_region",
        }
    }

    fn extract(&self, flags: &mut Flags) -> Result<Output, Refused> {
        let sweep = Sweep::of(&self.vgs, &self.id, 3, flags)?;
        let device = Device::of(&sweep.first, self);
        let whole = device.normal(&sweep.first);
        let (branch, clipped) = whole.unclipped(self.compliance);
        flags.raise_if(clipped > 0, "compliance_clipped");
        if is_off(&branch, self.criterion) {
            return Err(self.not_reached(&branch));
        }
        let tangents = Tangents::of(&branch, self.smoothing, flags);
        let found = Thresholds::of(&branch, &tangents, self.vds.abs(), self.criterion).ok_or_else(|| self.not_reached(&branch))?;
        if found.still_turns_on(&branch, self.criterion) {
            return Err(self.not_reached(&branch));
        }
        found.qualify(&branch, self.criterion, self.vds.abs(), flags);
        let vth = self.headline(&found)?;
        let back = sweep.back.as_ref().and_then(|back| self.again(&device, back, self.vds));
        let slope = Slope::of(&branch, self.window.unwrap_or_else(|| found.window(&branch, self.criterion)));
        flags.raise_if(slope.fit.is_none(), "subthreshold_not_resolved");
        let currents = self.currents(&device, &whole, flags);
        let high = self.high.as_ref().and_then(|high| self.lowered(&device, high, &found));
        flags.raise_if(self.high.is_some() && high.is_none(), "dibl_not_determined");
        // No logarithm is taken of them, and no tangent leans on them: they count as dropped.
        let non_positive = self.vgs.iter().zip(&self.id).filter(|(v, i)| v.is_finite() && *i * device.current <= 0.0).count();
        flags.raise_if(non_positive > 0, "non_positive_dropped");
        let volts = |value: Option<f64>| value.map(|value| value * device.gate);
        let hysteresis = back.as_ref().and_then(|back| Some(self.headline(back).ok()?? - vth?));
        Ok(Output {
            channel: if device.gate > 0.0 { "n" } else { "p" },
            vth: volts(vth),
            vth_elr: volts(found.linear),
            vth_constant_current: volts(found.constant_current),
            vth_second_derivative: volts(found.second_derivative),
            vth_second_derivative_resolution: found.resolution,
            vth_esr: volts(found.saturation),
            i_crit: self.criterion,
            gm_max: found.gm_max,
            vg_at_gm_max: found.at * device.gate,
            ss_mv_per_dec_fit: slope.fit,
            ss_mv_per_dec_min: slope.steepest,
            ss_points: slope.points,
            ss_window: slope.window.map(Into::into),
            ion: currents.on,
            ioff: currents.off,
            ion_ioff_ratio: currents.ratio,
            dibl_mv_per_v: high.map(|high| high.0),
            vth_high: high.map(|high| high.1 * device.gate),
            vth_back: back.as_ref().and_then(|back| volts(self.headline(back).ok()?)),
            vth_constant_current_back: back.as_ref().and_then(|back| volts(back.constant_current)),
            hysteresis_v: volts(hysteresis),
            smoothing_points: tangents.smoothing,
            points_used: sweep.used - non_positive,
            points_dropped: sweep.points - sweep.used + non_positive,
            points_non_positive: non_positive,
            points_clipped: clipped,
        })
    }
}

/// By which signs a device becomes an n-channel one with rising gate voltage and positive current.
#[derive(Clone, Copy, Debug)]
struct Device {
    gate: f64,
    current: f64,
}

impl Device {
    /// The channel is the one named, else the one that conducts at this end of the sweep, else the drain voltage's.
    fn of(branch: &Branch, asked: &MosfetTransfer) -> Self {
        let (first, last) = (branch.y[0].abs(), branch.y[branch.len() - 1].abs());
        let channel = asked.channel.unwrap_or(match first.partial_cmp(&last) {
            Some(std::cmp::Ordering::Less) => Channel::N,
            Some(std::cmp::Ordering::Greater) => Channel::P,
            _ if asked.vds < 0.0 => Channel::P,
            _ => Channel::N,
        });
        let (lowest, highest) = range(&branch.y);
        Self { gate: if channel == Channel::N { 1.0 } else { -1.0 }, current: if -lowest > highest { -1.0 } else { 1.0 } }
    }

    fn normal(self, branch: &Branch) -> Branch {
        branch.mirrored(self.gate, self.current)
    }
}

/// On and off current, and how they compare.
#[derive(Default)]
struct Currents {
    on: Option<f64>,
    off: Option<f64>,
    ratio: Option<f64>,
}

impl MosfetTransfer {
    fn not_reached(&self, branch: &Branch) -> Refused {
        let (_, most) = range(&branch.y);
        let bar = self.criterion.map(|criterion| format!(" with {criterion:e} A at threshold")).unwrap_or_default();
        let message = format!("the device never turns on: no more than {most:e} A flow over the sweep{bar}");
        Refused::new("threshold_not_reached", message)
    }

    /// The threshold that was asked for.
    fn headline(&self, found: &Thresholds) -> Result<Option<f64>, Refused> {
        match self.headline {
            Headline::Auto if found.linear_region => Ok(found.linear),
            Headline::Auto => Ok(found.saturation.or(found.linear)),
            Headline::Linear => Ok(found.linear),
            Headline::SecondDerivative => Ok(found.second_derivative),
            Headline::ConstantCurrent => match (self.criterion, found.constant_current) {
                (None, _) => Err(Refused::at("missing_field", "params.i_crit", "is needed, or inputs.W and inputs.L")),
                (_, None) => {
                    Err(Refused::new("threshold_not_reached", "the current does not cross the criterion upwards within the sweep"))
                }
                (_, found) => Ok(found),
            },
            Headline::Saturation if found.saturation.is_none() => {
                Err(Refused::new("not_saturated", "the drain voltage is too low for the device to saturate in this sweep"))
            }
            Headline::Saturation => Ok(found.saturation),
        }
    }

    /// The thresholds of another sweep of the same device.
    fn again(&self, device: &Device, branch: &Branch, vds: f64) -> Option<Thresholds> {
        let (branch, _) = device.normal(branch).unclipped(self.compliance);
        let tangents = Tangents::of(&branch, self.smoothing, &mut Flags::default());
        (branch.len() >= 3).then(|| Thresholds::of(&branch, &tangents, vds.abs(), self.criterion)).flatten()
    }

    /// The drop of the threshold under the higher drain voltage, in millivolts per volt, and the threshold there. Both
    /// thresholds are those of one current: the criterion, or else that at the first sweep's threshold.
    fn lowered(&self, device: &Device, high: &(Vec<f64>, f64), found: &Thresholds) -> Option<(f64, f64)> {
        let at = |id: &[f64], criterion: f64| {
            let branch = device.normal(&Sweep::of(&self.vgs, id, 3, &mut Flags::default()).ok()?.first);
            crate::threshold::constant_current(&branch, criterion)
        };
        let low = device.normal(&Sweep::of(&self.vgs, &self.id, 3, &mut Flags::default()).ok()?.first);
        let criterion = self.criterion.or_else(|| interpolate(&low.x, &low.y, found.linear?))?;
        let (low, shifted) = (at(&self.id, criterion)?, at(&high.0, criterion)?);
        Some((1000.0 * (low - shifted) / (high.1.abs() - self.vds.abs()), shifted))
    }

    /// The currents at the supply and at the off voltage; below the noise floor the floor stands for the off current.
    fn currents(&self, device: &Device, branch: &Branch, flags: &mut Flags) -> Currents {
        let on = match self.on {
            None => branch.y.last().copied(),
            Some(on) => logarithmic(branch, on * device.gate),
        };
        flags.raise_if(on.is_none(), "on_state_not_measured");
        let Some(measured) = logarithmic(branch, self.off * device.gate) else {
            flags.raise("off_state_not_measured");
            return Currents { on, ..Currents::default() };
        };
        let floor = self.noise_floor.filter(|floor| measured < *floor);
        flags.raise_if(floor.is_some(), "ioff_below_noise_floor");
        flags.raise_if(floor.is_none() && measured <= 0.0, "ioff_not_positive");
        let off = Some(floor.unwrap_or(measured)).filter(|off| *off > 0.0);
        Currents { on, off, ratio: on.zip(off).map(|(on, off)| on / off) }
    }
}

/// The current at a gate voltage: a sample, or between two of them by logarithms.
fn logarithmic(branch: &Branch, at: f64) -> Option<f64> {
    let span = branch.x.last()? - branch.x.first()?;
    if let Some((_, sample)) = branch.pairs().find(|(x, _)| (x - at).abs() <= 1e-9 * span) {
        return Some(sample);
    }
    let positive = branch.only(|_, y| y > 0.0);
    let logs: Vec<f64> = positive.y.iter().map(|y| y.ln()).collect();
    interpolate(&positive.x, &logs, at).map(f64::exp)
}

/// Whether a device stays off: its current does not rise, or stays far below the criterion, or below it while it hardly
/// changes. A tangent to leakage is no threshold.
fn is_off(branch: &Branch, criterion: Option<f64>) -> bool {
    let (least, most) = range(&branch.y);
    let flat = most <= 0.0 || most - least <= 1e-9 * most;
    flat || criterion.is_some_and(|criterion| most < criterion * 1e-4 || (most < criterion && least > 0.0 && most < 2.0 * least))
}

#[cfg(test)]
mod tests;
