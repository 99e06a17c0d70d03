//! Every kind of analysis once, with numbers whose answer is known by closed forms.

use serde_json::{Value, json};
use spectra_proto::{Label, analysis::AnalysisKind};
use spectra_tests::Mesh;

use super::{ANALYSES, close, transfer};

const CHARGE: f64 = 1.602_176_634e-19;
const VACUUM: f64 = 8.854_187_812_8e-12;

/// A kind's inputs, the output that is looked at, its value, and how near it must come.
fn known(kind: AnalysisKind) -> (Value, &'static str, f64, f64) {
    let steps = |from: f64, step: f64, count: u32| (0..count).map(move |index| from + step * f64::from(index)).collect::<Vec<_>>();
    match kind {
        AnalysisKind::Unspecified => panic!("no kind"),
        AnalysisKind::MosfetTransfer => {
            let (vgs, id) = transfer();
            (json!({"vgs": vgs, "id": id, "vds": 0.05}), "/vth", 0.7, 1e-5)
        }
        AnalysisKind::DiodeIv => {
            let v = steps(0.1, 0.01, 50);
            let i: Vec<f64> = v.iter().map(|v| 1e-12 * (v / (1.5 * 0.025_851_999_786)).exp_m1()).collect();
            (json!({"v": v, "i": i, "temperature_K": 300}), "/n", 1.5, 1e-4)
        }
        AnalysisKind::SolarCellIv => {
            let v = steps(0.0, 0.005, 140);
            let i: Vec<f64> = v.iter().map(|v| 0.035 - 1e-10 * (v / 0.03).exp_m1()).collect();
            (
                json!({"v": v, "i": i, "area_cm2": 1, "irradiance_W_m2": 1000, "temperature_K": 298.15}),
                "/Voc",
                0.03 * 3.5e8_f64.ln_1p(),
                1e-3,
            )
        }
        AnalysisKind::FourPointProbe => (json!({"v_over_i": 12.5, "probe_spacing_m": 1e-3}), "/Rs", 56.654_501_772_839_93, 1e-12),
        AnalysisKind::VanDerPauw => (json!({"r_a": 100, "r_b": 100}), "/Rs", 453.236_014_182_719_4, 1e-12),
        AnalysisKind::Hall => {
            let inputs = json!({"v_hall": 1e-3, "current_A": 1e-3, "field_T": 0.5, "sheet_resistance": 100});
            (inputs, "/n_s", 1e-3 * 0.5 / (CHARGE * 1e-3), 1e-12)
        }
        AnalysisKind::CvDoping => {
            let v = steps(-5.0, 0.1, 50);
            let c: Vec<f64> = v.iter().map(|v| 1e-7 * (CHARGE * 11.7 * VACUUM * 1e22 / (2.0 * (0.7 - v))).sqrt()).collect();
            (json!({"v": v, "c": c, "area_m2": 1e-7, "eps_r": 11.7}), "/N_m3", 1e22, 1e-9)
        }
        AnalysisKind::CvDit => {
            let series = |c: f64| 1.0 / (1.0 / c + 1e10);
            let (low, high) = ([3e-11, 2e-11, 3e-11].map(series), [1e-11; 3].map(series));
            let inputs = json!({"v": [0, 1, 2], "c_lf": low, "c_hf": high, "area_m2": 1e-8, "c_ox": 1e-10});
            (inputs, "/dit_min_m2_ev", 1e-11 / (1e-8 * CHARGE), 1e-9)
        }
        AnalysisKind::XrdBragg => {
            (json!({"two_theta_deg": [60], "hkl": [[1, 1, 1]], "wavelength_A": 1.5}), "/a_A/0", 1.5 * 3_f64.sqrt(), 1e-12)
        }
        AnalysisKind::XrdScherrer => {
            let inputs = json!({"two_theta_deg": 60, "fwhm_deg": 0.5, "fwhm_instrument_deg": 0.3, "wavelength_A": 1.5});
            (inputs, "/size_nm", 0.9 * 0.15 / (0.4_f64.to_radians() * 30_f64.to_radians().cos()), 1e-12)
        }
        AnalysisKind::Ellipsometry => {
            let pair = [41.060_666_478_620_16, 79.779_438_848_257_31];
            let inputs = json!({"wavelength_nm": 632.8, "angle_deg": 70, "n_film": 1.4571, "n_sub": [3.882, -0.019], "psi_delta": [pair]});
            (inputs, "/thickness_nm/0", 100.0, 1e-6)
        }
        AnalysisKind::Reflectometry => {
            let waves = steps(400.0, 2.0, 200);
            // Normal incidence on a film of index 1.5 on a substrate of index 4.
            let (r01, r12) = (-0.2_f64, -2.5 / 5.5);
            let seen = |wave: &f64| {
                let phase = (4.0 * std::f64::consts::PI * 1.5 * 750.0 / wave).cos();
                (r01 * r01 + r12 * r12 + 2.0 * r01 * r12 * phase) / (1.0 + r01 * r01 * r12 * r12 + 2.0 * r01 * r12 * phase)
            };
            (
                json!({"wavelength_nm": waves, "reflectance": waves.iter().map(seen).collect::<Vec<_>>(), "n_film": 1.5, "n_sub": 4}),
                "/thickness_nm",
                750.0,
                1e-6,
            )
        }
        AnalysisKind::WaferMap => {
            let inputs = json!({"x_mm": [0, 50, -50, 0, 0], "y_mm": [0, 0, 0, 50, -50], "z": [1, 2, 2, 2, 2], "radius_mm": 100});
            (inputs, "/edge_centre_delta", 1.0, 1e-12)
        }
    }
}

#[tokio::test]
async fn every_kind_finds_what_is_known() {
    let mesh = Mesh::start().await;
    let tech = mesh.demo("technician").await;
    let mut kinds = 0;
    for kind in (1..).map_while(|number| AnalysisKind::try_from(number).ok()) {
        let (inputs, pointer, expected, rel) = known(kind);
        let told = tech.post(&format!("{ANALYSES}/{}", kind.label()), json!({"inputs": inputs})).await.expect(200);
        assert_eq!((&told["kind"], &told["id"]), (&json!(kind.label()), &Value::Null));
        close(told["outputs"].pointer(pointer).unwrap_or_else(|| panic!("{pointer} in {told}")), expected, rel);
        kinds += 1;
    }
    assert_eq!(kinds, 13);
}
