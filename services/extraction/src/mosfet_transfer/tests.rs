use serde_json::{Value, json};

use crate::{Kind, Outcome, Refused, analyse};

/// The model of Enz, Krummenacher and Vittoz, which is smooth from weak to strong inversion.
fn ekv(vgs: f64, vds: f64, vt: f64) -> f64 {
    let (n, ut, beta) = (1.3, 0.025_85, 2e-4);
    let half = |v: f64| ((v / (2.0 * ut)).exp()).ln_1p().powi(2);
    let vp = (vgs - vt) / n;
    2.0 * n * beta * ut * ut * (half(vp) - half(vp - vds)) / (1.0 + 0.2 * (vgs - vt).max(0.0)) + 1e-13
}

fn sweep() -> Vec<f64> {
    (0..=150).map(|index| -0.5 + 0.02 * f64::from(index)).collect()
}

fn run(inputs: &Value, params: &Value) -> Result<Outcome, Refused> {
    analyse(Kind::MosfetTransfer, inputs, params)
}

fn close(value: &Value, expected: f64, by: f64) {
    let found = value.as_f64().unwrap_or(f64::NAN);
    assert!((found - expected).abs() <= by, "{found} is not {expected}");
}

#[test]
fn a_p_channel_device_is_the_mirror_of_an_n_channel_one() {
    let vgs = sweep();
    let id: Vec<f64> = vgs.iter().map(|v| ekv(*v, 0.05, 0.4)).collect();
    let n = run(&json!({"vgs": vgs, "id": id, "vds": 0.05, "W": 1e-5, "L": 1e-6}), &json!({})).expect("n");
    let minus = |values: &[f64]| values.iter().map(|value| -value).collect::<Vec<_>>();
    for current in [minus(&id), id.clone()] {
        let inputs = json!({"vgs": minus(&vgs), "id": current, "vds": -0.05, "W": 1e-5, "L": 1e-6});
        let p = run(&inputs, &json!({})).expect("p");
        assert_eq!((&p.outputs["channel"], &n.outputs["channel"]), (&json!("p"), &json!("n")));
        for name in ["vth", "vth_elr", "vth_constant_current", "vth_second_derivative", "vg_at_gm_max"] {
            close(&p.outputs[name], -n.outputs[name].as_f64().expect("a number"), 1e-12);
        }
        for name in ["gm_max", "ion", "ioff", "ion_ioff_ratio", "ss_mv_per_dec_fit", "ss_mv_per_dec_min"] {
            assert_eq!(p.outputs[name], n.outputs[name], "{name}");
        }
    }
    // The slope below threshold is that of the model: n kT/q ln 10.
    close(&n.outputs["ss_mv_per_dec_min"], 1.3 * 25.85 * std::f64::consts::LN_10, 1.0);
}

#[test]
fn the_order_of_a_sweep_changes_nothing() {
    let vgs = sweep();
    let id: Vec<f64> = vgs.iter().map(|v| ekv(*v, 0.05, 0.4)).collect();
    let up = run(&json!({"vgs": vgs, "id": id, "vds": 0.05}), &json!({})).expect("up");
    let reversed = |values: &[f64]| values.iter().rev().copied().collect::<Vec<_>>();
    let down = run(&json!({"vgs": reversed(&vgs), "id": reversed(&id), "vds": 0.05}), &json!({})).expect("down");
    assert_eq!(up, down);
}

#[test]
fn both_ways_of_a_double_sweep_are_told() {
    let there = sweep();
    let back: Vec<f64> = there.iter().rev().skip(1).copied().collect();
    let id: Vec<f64> = there.iter().map(|v| ekv(*v, 0.05, 0.4)).chain(back.iter().map(|v| ekv(*v, 0.05, 0.45))).collect();
    let vgs: Vec<f64> = there.iter().chain(&back).copied().collect();
    let found = run(&json!({"vgs": vgs, "id": id, "vds": 0.05, "W": 1.0, "L": 1.0}), &json!({})).expect("both");
    close(&found.outputs["hysteresis_v"], 0.05, 2e-3);
    let shift = found.outputs["vth_constant_current_back"].as_f64().unwrap() - found.outputs["vth_constant_current"].as_f64().unwrap();
    assert!((shift - 0.05).abs() < 1e-3, "{shift}");
    assert!(found.flags.list().contains(&"double_sweep"));
}

#[test]
fn noise_is_smoothed_and_a_smooth_curve_is_not() {
    let vgs = sweep();
    let clean: Vec<f64> = vgs.iter().map(|v| ekv(*v, 0.05, 0.4)).collect();
    let (mut seed, most) = (7_u32, clean[clean.len() - 1]);
    let mut drawn = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(seed >> 8) / f64::from(1_u32 << 24) - 0.5
    };
    let noisy: Vec<f64> = clean.iter().map(|id| id + 0.004 * most * drawn()).collect();
    let clean = run(&json!({"vgs": vgs, "id": clean, "vds": 0.05}), &json!({})).expect("clean");
    let noisy = run(&json!({"vgs": vgs, "id": noisy, "vds": 0.05}), &json!({})).expect("noisy");
    assert!(!clean.flags.list().contains(&"noise_smoothed") && noisy.flags.list().contains(&"noise_smoothed"));
    close(&noisy.outputs["vth"], clean.outputs["vth"].as_f64().unwrap(), 0.03);
}

#[test]
fn a_saturated_device_is_extrapolated_by_its_root() {
    let vgs = sweep();
    let id: Vec<f64> = vgs.iter().map(|v| 1e-4 * (v - 0.6).max(0.0).powi(2) + 1e-12).collect();
    let found = run(&json!({"vgs": vgs, "id": id, "vds": 3.0}), &json!({"method": "extrapolation_saturation_region"})).expect("saturated");
    close(&found.outputs["vth"], 0.6, 1e-3);
    let linear = run(&json!({"vgs": vgs, "id": id, "vds": 0.01}), &json!({"method": "esr"}));
    assert_eq!(linear.unwrap_err().code, "not_saturated");
}

#[test]
fn a_higher_drain_voltage_lowers_the_barrier() {
    let vgs = sweep();
    let at = |vds: f64| vgs.iter().map(|v| ekv(*v, vds, 0.4 - 0.08 * vds)).collect::<Vec<_>>();
    let inputs = json!({"vgs": vgs, "id": at(0.05), "vds": 0.05, "id_high": at(1.05), "vds_high": 1.05});
    let found = run(&inputs, &json!({"i_crit": 1e-9})).expect("both");
    // Besides the barrier the drain voltage itself raises the current, by what saturates at n kT/q ln(1 - exp(-Vd q/kT)).
    close(&found.outputs["dibl_mv_per_v"], 80.0 - 33.6 * (1.0 - (-0.05_f64 / 0.025_85).exp()).ln(), 1.0);
}

#[test]
fn what_the_instrument_cut_off_is_left_out() {
    let vgs = sweep();
    let id: Vec<f64> = vgs.iter().map(|v| ekv(*v, 0.05, 0.4).min(8e-6)).collect();
    let clipped = run(&json!({"vgs": vgs, "id": id, "vds": 0.05}), &json!({})).expect("clipped");
    assert!(clipped.flags.list().contains(&"compliance_clipped"));
    assert!(clipped.outputs["points_clipped"].as_u64().unwrap() > 10);
    assert!(clipped.outputs["vth"].as_f64().unwrap() < 0.5);
}

#[test]
fn leakage_and_the_ends_of_a_sweep_are_flagged() {
    let vgs: Vec<f64> = (0..20).map(|index| 0.1 * f64::from(index)).collect();
    let id: Vec<f64> = vgs.iter().map(|v| 1e-6 + 1e-6 * v * v).collect();
    let found = run(&json!({"vgs": vgs, "id": id, "vds": 0.05}), &json!({"i_crit": 1e-7, "noise_floor_A": 1e-5})).expect("leaky");
    for flag in ["leak_above_criterion", "gm_max_at_sweep_end", "ioff_below_noise_floor"] {
        assert!(found.flags.list().contains(&flag), "{flag} in {:?}", found.flags);
    }
    assert_eq!(found.outputs["vth_constant_current"], Value::Null);
    close(&found.outputs["ion_ioff_ratio"], id[19] / 1e-5, 1e-9);
}

#[test]
fn a_straight_line_is_a_linear_region_however_fine_its_steps() {
    let vgs: Vec<f64> = (0..=400).map(|index| 0.005 * f64::from(index)).collect();
    let id: Vec<f64> = vgs.iter().map(|v| 1e-3 * (v - 0.5 - 0.05).max(0.0) * 0.1 + 1e-13).collect();
    let found = run(&json!({"vgs": vgs, "id": id, "vds": 0.1}), &json!({})).expect("a threshold");
    close(&found.outputs["vth"], 0.5, 1e-6);
    assert!(!found.flags.list().contains(&"not_linear_region"), "{:?}", found.flags);
}

#[test]
fn a_sweep_that_ends_while_the_device_turns_on_has_no_threshold() {
    let inputs = json!({"vgs": [0, 0.5, 1, 1.5], "id": [1e-12, 1e-11, 1e-10, 9e-9], "vds": 0.05});
    assert_eq!(run(&inputs, &json!({"i_crit": 1e-7})).unwrap_err().code, "threshold_not_reached");
    let reached = run(&inputs, &json!({"i_crit": 1e-9})).expect("a threshold");
    assert_eq!(reached.flags.list(), ["gm_max_at_sweep_end", "subthreshold_not_resolved"]);
}

#[test]
fn currents_that_are_not_positive_are_counted_as_dropped() {
    let inputs = json!({"vgs": [0, 0.1, 0.2, 0.3, 0.4], "id": [-1e-9, 0, 2e-9, null, 4e-9], "vds": 0.05});
    let found = run(&inputs, &json!({})).expect("a threshold");
    assert_eq!(found.flags.list(), ["non_finite_dropped", "subthreshold_not_resolved", "ioff_not_positive", "non_positive_dropped"]);
    let counts = ["points_used", "points_dropped", "points_non_positive"].map(|name| found.outputs[name].as_u64());
    assert_eq!(counts, [Some(2), Some(3), Some(2)]);
}

#[test]
fn what_is_at_fault_is_named() {
    let refused = |inputs: Value, params: Value| {
        let refused = run(&inputs, &params).expect_err("a refusal");
        (refused.code, refused.field.unwrap_or_default())
    };
    let fine = json!({"vgs": [0, 1, 2], "id": [0, 1e-6, 3e-6], "vds": 0.1});
    assert_eq!(refused(json!({"vgs": [0, 1], "id": [0], "vds": 0.1}), json!({})), ("length_mismatch", "inputs.id".to_owned()));
    assert_eq!(
        refused(json!({"vgs": [0, "Infinity"], "id": [0, 1], "vds": 1}), json!({})),
        ("non_finite_value", "inputs.vgs[1]".to_owned())
    );
    assert_eq!(refused(json!({"vgs": [], "id": [], "vds": 1}), json!({})), ("insufficient_data", "inputs.vgs".to_owned()));
    assert_eq!(refused(json!({"vgs": [0], "id": [0]}), json!({})), ("missing_field", "inputs.vds".to_owned()));
    assert_eq!(refused(json!({"vgs": [0], "id": [0], "vds": 0}), json!({})), ("out_of_range", "inputs.vds".to_owned()));
    assert_eq!(refused(json!({"gate": []}), json!({})), ("unknown_field", "inputs.gate".to_owned()));
    let twice = json!({"vgs": [0], "id": [0], "vds": 1, "id_high": [0], "id_sat": [0]});
    assert_eq!(refused(twice, json!({})), ("conflict", "inputs.id_sat".to_owned()));
    assert_eq!(refused(fine.clone(), json!({"method": "guess"})), ("unknown_option", "params.method".to_owned()));
    assert_eq!(refused(fine.clone(), json!({"method": "constant_current"})), ("missing_field", "params.i_crit".to_owned()));
    assert_eq!(refused(fine, json!({"ss_window": [1, 0]})), ("out_of_range", "params.ss_window".to_owned()));
}
