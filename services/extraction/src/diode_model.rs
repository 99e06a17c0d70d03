//! The diode of one exponential with its resistances and, where light falls on it, its photocurrent.

use crate::numeric::lambert_w_exp;

/// I = Is (exp((V - I Rs) / a) - 1) + (V - I Rs) G - Iph, with a = n kT/q.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Diode {
    /// Saturation current, in amperes.
    pub(crate) saturation: f64,
    /// n kT/q, in volts.
    pub(crate) slope_voltage: f64,
    /// Series resistance, in ohms.
    pub(crate) series: f64,
    /// Conductance of the shunt, in siemens.
    pub(crate) shunt: f64,
    /// Photocurrent, in amperes.
    pub(crate) photo: f64,
}

impl Diode {
    /// The current at a voltage, without iteration over the implicit equation: by Lambert's W, of a logarithm.
    pub(crate) fn current(&self, voltage: f64) -> f64 {
        let Self { saturation, slope_voltage: a, series, shunt, photo } = *self;
        if series * (saturation + photo + shunt * voltage.abs()) < 1e-14 * a
            && series * saturation * (voltage / a).min(700.0).exp() < 1e-14 * a
        {
            return saturation * (voltage / a).exp_m1() + shunt * voltage - photo;
        }
        let k = 1.0 + series * shunt;
        let open = (voltage + series * (saturation + photo)) / k;
        let w = lambert_w_exp((series * saturation / (k * a)).ln() + open / a);
        let junction = open - a * w;
        w * k * a / series - saturation + shunt * junction - photo
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_current_solves_the_implicit_equation() {
        for series in [0.0, 1e-9, 1e-3, 2.0, 1e5] {
            for photo in [0.0, 0.03] {
                let diode = Diode { saturation: 1e-12, slope_voltage: 0.0388, series, shunt: 1e-4, photo };
                for voltage in [-5.0, -0.1, 0.0, 0.2, 0.6, 0.9] {
                    let current = diode.current(voltage);
                    let junction = voltage - current * series;
                    let implied = 1e-12 * (junction / 0.0388).exp_m1() + 1e-4 * junction - photo;
                    // The junction multiplies the rounding of the current by what the series resistance is to its own.
                    let gain = 1.0 + series * (1e-4 + 1e-12 * (junction / 0.0388).exp() / 0.0388);
                    assert!(
                        (current - implied).abs() <= (1e-12 * current.abs() + 1e-15 * photo + 1e-24) * gain,
                        "{series} {photo} {voltage}: {current} {implied}"
                    );
                }
            }
        }
    }
}
