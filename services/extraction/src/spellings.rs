//! Other names under which quantities come from instruments and spreadsheets.

/// The names that stand in the contract, each with others of the same meaning and unit.
const SPELLINGS: [(&str, &[&str]); 34] = [
    ("angle_deg", &["aoi_deg", "angle_of_incidence_deg"]),
    ("c_hf", &["c_high", "c_high_frequency", "chf"]),
    ("c_lf", &["c_low", "c_low_frequency", "c_qs", "c_quasistatic", "clf"]),
    ("c_ox", &["cox", "C_ox", "Cox"]),
    ("compliance_A", &["compliance", "i_compliance"]),
    ("current_A", &["i", "I", "i_A", "I_A", "current", "current_a"]),
    ("doping_m3", &["N_m3", "n_doping_m3"]),
    ("eps_r_ox", &["eps_ox", "eps_r_oxide"]),
    ("field_T", &["b", "B", "b_T", "B_T", "field", "field_t"]),
    ("frequency_Hz", &["frequency", "frequency_hz", "f_Hz"]),
    ("fwhm_deg", &["fwhm", "fwhm_obs_deg", "fwhm_observed_deg", "b_obs_deg", "B_obs_deg", "beta_obs_deg"]),
    ("fwhm_instrument_deg", &["fwhm_inst_deg", "fwhm_instrumental_deg", "b_inst_deg", "B_inst_deg", "beta_inst_deg", "instrument_deg"]),
    ("id_high", &["id_sat"]),
    ("irradiance_W_m2", &["irradiance", "irradiance_w_m2"]),
    ("n_ambient", &["n_amb", "n0"]),
    ("n_film", &["n1"]),
    ("n_sub", &["n_substrate", "n2"]),
    ("noise_floor_A", &["noise_floor"]),
    ("profile", &["broadening", "shape"]),
    ("r_a", &["R_A", "R_a", "Ra", "ra", "r_a_ohm"]),
    ("r_b", &["R_B", "R_b", "Rb", "rb", "r_b_ohm"]),
    ("reflectance", &["r", "R"]),
    ("series_resistance_ohm", &["series_resistance", "r_s_ohm", "rs_ohm"]),
    ("shape_factor", &["K", "k"]),
    ("sheet_resistance", &["Rs", "rs", "r_sheet", "sheet_resistance_ohm", "rs_ohm_sq"]),
    ("temperature_K", &["T", "T_K", "temperature_k"]),
    ("thickness_m", &["t_m"]),
    ("two_theta_deg", &["two_theta"]),
    ("v_hall", &["V_H", "v_h", "vh", "v_hall_V"]),
    ("v_negative_field", &["v_minus", "v_neg", "v_hall_negative"]),
    ("v_positive_field", &["v_plus", "v_pos", "v_hall_positive"]),
    ("vds_high", &["vds_sat"]),
    ("wavelength_A", &["lambda_A", "wavelength_ka1_A"]),
    ("z", &["value", "values"]),
];

/// The name, of those that are known, that is meant.
pub(crate) fn meant(known: &[&'static str], spelled: &str) -> Option<&'static str> {
    let means = |name: &str| SPELLINGS.iter().any(|(plain, others)| *plain == name && others.contains(&spelled));
    known.iter().find(|name| **name == spelled).or_else(|| known.iter().find(|name| means(name))).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    #[test]
    fn a_spelling_has_one_meaning_in_each_kind() {
        for kind in Kind::ALL {
            let (inputs, params) = kind.names();
            for known in [inputs, params] {
                let mut others: Vec<&str> =
                    SPELLINGS.iter().filter(|(name, _)| known.contains(name)).flat_map(|(_, others)| *others).copied().collect();
                others.sort_unstable();
                let all = others.len();
                others.dedup();
                assert_eq!(all, others.len(), "{}", kind.label());
            }
        }
        for (name, _) in SPELLINGS {
            assert!(Kind::ALL.iter().any(|kind| kind.names().0.contains(&name) || kind.names().1.contains(&name)), "{name}");
        }
        assert_eq!(meant(&["i", "v"], "i"), Some("i"));
        assert_eq!(meant(&["current_A"], "i"), Some("current_A"));
        assert_eq!(meant(&["current_A"], "v"), None);
    }
}
