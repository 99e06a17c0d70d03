//! Parameters of devices and materials, from what was measured.
//!
//! Pure: no database, no clock, no network. Every kind of analysis is a file with its typed input, its typed output and
//! the function between them; [`analyse`] is the edge where inputs and outputs are JSON. All quantities are in SI units
//! but where a name says otherwise, such as `thickness_nm`.

use serde::Serialize;
use serde_json::Value;

pub mod constants;
mod cv_dit;
mod cv_doping;
mod diode_iv;
mod diode_model;
mod ellipsometry;
mod fields;
mod four_point_probe;
mod fresnel;
mod hall;
mod mosfet_transfer;
mod numeric;
mod reflectometry;
mod refused;
mod solar_cell_iv;
mod spellings;
mod subthreshold;
mod sweep;
mod tangents;
mod threshold;
mod van_der_pauw;
mod wafer_map;
mod wafer_surface;
mod xrd_bragg;
mod xrd_scherrer;

use fields::Fields;
pub use fields::LONGEST;
pub use refused::{Flags, Refused};

/// What can be found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Threshold voltages, transconductance, slope and currents of a transistor.
    MosfetTransfer,
    /// Saturation current, ideality and resistances of a diode.
    DiodeIv,
    /// Efficiency of a solar cell, and what it is made of.
    SolarCellIv,
    /// Sheet resistance by four probes in a line.
    FourPointProbe,
    /// Sheet resistance of a sample of any shape.
    VanDerPauw,
    /// Sheet density, type and mobility of carriers.
    Hall,
    /// Doping and its profile, from a capacitance.
    CvDoping,
    /// Density of interface traps and thickness of an oxide, from two capacitances.
    CvDit,
    /// Spacings and lattice constants, from diffraction angles.
    XrdBragg,
    /// Sizes of crystallites, from the width of reflections.
    XrdScherrer,
    /// Thickness of a film, from a change of polarization.
    Ellipsometry,
    /// Thickness of a film, from the fringes of its reflectance.
    Reflectometry,
    /// How even a wafer is.
    WaferMap,
}

/// What an analysis found.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The method that was followed.
    pub method: &'static str,
    /// The version of this kind's definitions; it changes whenever the same inputs give other outputs.
    pub version: &'static str,
    /// The quantities found, by name; null where the data do not tell one.
    pub outputs: Value,
    /// What the outputs are to be read with.
    pub flags: Flags,
}

/// A kind of analysis: what it reads, and what it makes of it.
trait Analysis: Sized {
    /// The names of its inputs.
    const INPUTS: &'static [&'static str];
    /// The names of its options.
    const PARAMS: &'static [&'static str];
    /// The version of its definitions.
    const VERSION: &'static str;
    /// The outputs without which there is no answer.
    const SURE: &'static [&'static str];
    /// What it finds.
    type Output: Serialize;

    /// Reads what it needs.
    fn read(inputs: &Fields<'_>, params: &Fields<'_>, flags: &mut Flags) -> Result<Self, Refused>;

    /// The method that is followed.
    fn method(&self) -> &'static str;

    /// Finds it out.
    fn extract(&self, flags: &mut Flags) -> Result<Self::Output, Refused>;
}

impl Kind {
    /// All kinds, in the order of their labels.
    pub const ALL: [Self; 13] = [
        Self::CvDit,
        Self::CvDoping,
        Self::DiodeIv,
        Self::Ellipsometry,
        Self::FourPointProbe,
        Self::Hall,
        Self::MosfetTransfer,
        Self::Reflectometry,
        Self::SolarCellIv,
        Self::VanDerPauw,
        Self::WaferMap,
        Self::XrdBragg,
        Self::XrdScherrer,
    ];

    /// The kind's name, as it stands in paths and records.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::MosfetTransfer => "mosfet_transfer",
            Self::DiodeIv => "diode_iv",
            Self::SolarCellIv => "solar_cell_iv",
            Self::FourPointProbe => "four_point_probe",
            Self::VanDerPauw => "van_der_pauw",
            Self::Hall => "hall",
            Self::CvDoping => "cv_doping",
            Self::CvDit => "cv_dit",
            Self::XrdBragg => "xrd_bragg",
            Self::XrdScherrer => "xrd_scherrer",
            Self::Ellipsometry => "ellipsometry",
            Self::Reflectometry => "reflectometry",
            Self::WaferMap => "wafer_map",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn of(label: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.label() == label)
    }

    /// The names of its inputs and of its options.
    #[must_use]
    pub fn names(self) -> (&'static [&'static str], &'static [&'static str]) {
        fn of<A: Analysis>() -> (&'static [&'static str], &'static [&'static str]) {
            (A::INPUTS, A::PARAMS)
        }
        match self {
            Self::MosfetTransfer => of::<mosfet_transfer::MosfetTransfer>(),
            Self::DiodeIv => of::<diode_iv::DiodeIv>(),
            Self::SolarCellIv => of::<solar_cell_iv::SolarCellIv>(),
            Self::FourPointProbe => of::<four_point_probe::FourPointProbe>(),
            Self::VanDerPauw => of::<van_der_pauw::VanDerPauw>(),
            Self::Hall => of::<hall::Hall>(),
            Self::CvDoping => of::<cv_doping::CvDoping>(),
            Self::CvDit => of::<cv_dit::CvDit>(),
            Self::XrdBragg => of::<xrd_bragg::XrdBragg>(),
            Self::XrdScherrer => of::<xrd_scherrer::XrdScherrer>(),
            Self::Ellipsometry => of::<ellipsometry::Ellipsometry>(),
            Self::Reflectometry => of::<reflectometry::Reflectometry>(),
            Self::WaferMap => of::<wafer_map::WaferMap>(),
        }
    }
}

/// Makes an analysis of inputs under options, both objects by name; refused when the inputs are at fault or do not tell
/// what is asked for.
pub fn analyse(kind: Kind, inputs: &Value, params: &Value) -> Result<Outcome, Refused> {
    match kind {
        Kind::MosfetTransfer => run::<mosfet_transfer::MosfetTransfer>(inputs, params),
        Kind::DiodeIv => run::<diode_iv::DiodeIv>(inputs, params),
        Kind::SolarCellIv => run::<solar_cell_iv::SolarCellIv>(inputs, params),
        Kind::FourPointProbe => run::<four_point_probe::FourPointProbe>(inputs, params),
        Kind::VanDerPauw => run::<van_der_pauw::VanDerPauw>(inputs, params),
        Kind::Hall => run::<hall::Hall>(inputs, params),
        Kind::CvDoping => run::<cv_doping::CvDoping>(inputs, params),
        Kind::CvDit => run::<cv_dit::CvDit>(inputs, params),
        Kind::XrdBragg => run::<xrd_bragg::XrdBragg>(inputs, params),
        Kind::XrdScherrer => run::<xrd_scherrer::XrdScherrer>(inputs, params),
        Kind::Ellipsometry => run::<ellipsometry::Ellipsometry>(inputs, params),
        Kind::Reflectometry => run::<reflectometry::Reflectometry>(inputs, params),
        Kind::WaferMap => run::<wafer_map::WaferMap>(inputs, params),
    }
}

fn run<A: Analysis>(inputs: &Value, params: &Value) -> Result<Outcome, Refused> {
    let (inputs, params) = (Fields::of("inputs", inputs, A::INPUTS)?, Fields::of("params", params, A::PARAMS)?);
    let mut flags = Flags::default();
    // Too few samples are the fault of the list that holds them.
    let named = |refused: Refused| match refused {
        Refused { field: None, code: "insufficient_data" | "too_few_sites", .. } => {
            Refused { field: inputs.first_list(A::INPUTS), ..refused }
        }
        _ => refused,
    };
    let analysis = A::read(&inputs, &params, &mut flags).map_err(named)?;
    let found = analysis.extract(&mut flags).map_err(named)?;
    let beyond =
        |what: &str| Refused::new("beyond_numbers", format!("{what} is beyond the range of numbers; check the units of the inputs"));
    let outputs = serde_json::to_value(found).map_err(|_| beyond("an output"))?;
    // JSON has no infinity: what is not a number came out as null.
    if let Some(lost) = A::SURE.iter().find(|name| holes(&outputs[**name])) {
        return Err(beyond(lost));
    }
    Ok(Outcome { method: analysis.method(), version: A::VERSION, outputs, flags })
}

/// Whether something that must be known is not.
fn holes(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.iter().any(holes),
        _ => false,
    }
}
