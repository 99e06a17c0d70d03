//! Constants of nature, CODATA 2018 and 2022: exact by the definition of the SI, but for the field constant.

/// The elementary charge, in coulombs; exact.
pub const ELEMENTARY_CHARGE: f64 = 1.602_176_634e-19;
/// The Boltzmann constant, in joules per kelvin; exact.
pub const BOLTZMANN: f64 = 1.380_649e-23;
/// The permittivity of the vacuum, in farads per metre.
pub const VACUUM_PERMITTIVITY: f64 = 8.854_187_812_8e-12;
/// Relative permittivity of silicon dioxide, by which an equivalent oxide thickness is told.
pub const OXIDE_PERMITTIVITY: f64 = 3.9;
/// The room temperature that is taken where none is given, in kelvins.
pub const ROOM_TEMPERATURE: f64 = 300.0;
/// Carriers of intrinsic silicon at 300 K, per cubic metre.
pub const SILICON_INTRINSIC: f64 = 1.0e16;

/// The thermal voltage kT/q, in volts.
#[must_use]
pub fn thermal_voltage(temperature: f64) -> f64 {
    BOLTZMANN * temperature / ELEMENTARY_CHARGE
}
