//! No input of any kind panics, or is answered with what is no number.

use arbtest::{arbitrary::Unstructured, arbtest};
use serde_json::{Map, Value, json};
use spectra_extraction::{Kind, analyse};

type Drawn<T> = arbtest::arbitrary::Result<T>;

/// Outputs that are null by their meaning are not looked at here; the ones without which there is no answer are.
fn sure(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::MosfetTransfer => &["gm_max", "vg_at_gm_max", "points_used"],
        Kind::DiodeIv => &["n", "log_fit"],
        Kind::SolarCellIv => &["Isc", "Voc", "Pmax", "FF"],
        Kind::FourPointProbe => &["sheet", "pi_over_ln2"],
        Kind::VanDerPauw => &["Rs", "f_factor"],
        Kind::Hall => &["n_s", "v_hall"],
        Kind::CvDoping => &["N_m3", "vbi", "depth_m"],
        Kind::CvDit => &["eot_m", "dit_min_m2_ev"],
        Kind::XrdBragg => &["d_A"],
        Kind::XrdScherrer => &["size_nm"],
        Kind::Ellipsometry => &["thickness_nm"],
        Kind::Reflectometry => &["thickness_nm", "period_nm"],
        Kind::WaferMap => &["mean", "sd"],
    }
}

/// A number that somebody might send, and some that nobody should.
fn number(u: &mut Unstructured<'_>) -> Drawn<Value> {
    let numbers = [0.0, -0.0, 1.0, -1.0, 0.5, 0.05, 1e-9, 1e-12, 300.0, 632.8, 70.0, 1e308, -1e308, 5e-324, 1e-308, 1e154, 1e-154, 3.88];
    Ok(match u.int_in_range(0..=15)? {
        0 => Value::Null,
        1 => json!("Infinity"),
        2 => json!("NaN"),
        3..=8 => json!(numbers[u.choose_index(numbers.len())?]),
        9 => json!(f64::from(u.arbitrary::<i32>()?)),
        // Of the order of one, so that analyses get to their end.
        _ => json!(f64::from(u.arbitrary::<u16>()?) / 1000.0),
    })
}

/// Samples: any, or those of a smooth curve with a fault here and there.
fn samples(u: &mut Unstructured<'_>, length: usize) -> Drawn<Value> {
    let shape = u.int_in_range(0..=5)?;
    let (start, step) = (f64::from(u.arbitrary::<i8>()?) / 10.0, f64::from(u.arbitrary::<i8>()?) / 100.0);
    let sample = |index: usize, u: &mut Unstructured<'_>| {
        let x = start + step * f64::from(u32::try_from(index).unwrap_or_default());
        Ok(match shape {
            0 => number(u)?,
            1 => json!(x),
            2 => json!(1e-9 * (x * 10.0).exp()),
            3 => json!(x * x * 1e-3),
            4 => json!((x * 3.0).sin().abs()),
            _ if u.ratio(1, 20)? => number(u)?,
            _ => json!(1e-12 / (1.0 + x.abs())),
        })
    };
    (0..length).map(|index| sample(index, u)).collect::<Drawn<Vec<_>>>().map(Value::from)
}

/// What stands under a name: mostly of the form that it should have.
fn value(u: &mut Unstructured<'_>, name: &str, length: usize) -> Drawn<Value> {
    let pairs = |u: &mut Unstructured<'_>, size: usize| {
        (0..length.min(6))
            .map(|_| (0..size).map(|_| number(u)).collect::<Drawn<Vec<_>>>())
            .collect::<Drawn<Vec<_>>>()
            .map(|list| json!(list))
    };
    Ok(match name {
        _ if u.ratio(1, 40)? => [json!({}), json!([]), json!("text"), json!(true), json!([[1, 2], 3])][u.choose_index(5)?].clone(),
        "cases" if u.ratio(1, 2)? => json!([{"diameter_m": number(u)?, "thickness_m": number(u)?}]),
        "cases" | "psi_delta" => pairs(u, 2)?,
        "hkl" => pairs(u, 3)?,
        "n_sub" => json!([number(u)?, -0.02]),
        "method" => json!(["constant_current", "second_derivative", "esr", "cheung", "log", "1/C^2"][u.choose_index(6)?]),
        "ss_window" | "v_range" => json!([number(u)?, number(u)?]),
        "convention" => json!("N=n+ik"),
        "channel" => json!(["n", "p"][u.choose_index(2)?]),
        "v" | "i" | "vgs" | "id" | "id_high" | "c" | "g" | "c_lf" | "c_hf" | "z" | "x_mm" | "y_mm" | "reflectance" | "wavelength_nm"
        | "two_theta_deg" | "fwhm_deg" | "r_a" | "r_b" | "v_positive_field" | "v_negative_field" => {
            if u.ratio(1, 8)? {
                number(u)?
            } else {
                samples(u, length)?
            }
        }
        _ => number(u)?,
    })
}

/// Makes an object of most of the `needed` names and some of the others.
fn object(u: &mut Unstructured<'_>, names: &[&str], often: bool, length: usize) -> Drawn<Value> {
    let mut object = Map::new();
    for name in names {
        if u.ratio(if often { 4 } else { 1 }, 5)? {
            object.insert((*name).to_owned(), value(u, name, length)?);
        }
    }
    Ok(Value::Object(object))
}

#[test]
fn no_input_panics_or_is_answered_with_what_is_no_number() {
    let (mut answered, mut refused) = (0, 0);
    arbtest(|u| {
        let kind = *u.choose(&Kind::ALL)?;
        let (inputs, params) = kind.names();
        let length = u.int_in_range(0..=40)?;
        let (inputs, params) = (object(u, inputs, true, length)?, object(u, params, false, length)?);
        match analyse(kind, &inputs, &params) {
            Ok(outcome) => {
                answered += 1;
                for name in sure(kind) {
                    assert!(!holes(&outcome.outputs[*name]), "{name} of {} for {inputs} {params}: {}", kind.label(), outcome.outputs);
                }
            }
            Err(why) => {
                refused += 1;
                assert!(!why.code.is_empty() && !why.message.is_empty() && why.message.len() < 2000, "{why:?}");
            }
        }
        Ok(())
    })
    .size_min(2048)
    .size_max(16_384)
    .budget_ms(6_000);
    println!("{answered} answered, {refused} refused");
    assert!(answered > 100 && refused > 100, "{answered} answered, {refused} refused: the inputs say little");
}

fn holes(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.iter().any(holes),
        _ => false,
    }
}

/// The numbers that every sample of a list may be, alone and mixed, in the least that each kind needs.
#[test]
fn lists_of_one_extreme_number_do_not_panic() {
    let extremes = [0.0, 1.0, -1.0, 1e308, -1e308, 5e-324, 1e-308, 1e200, f64::EPSILON];
    for kind in Kind::ALL {
        let (names, _) = kind.names();
        for a in extremes {
            for b in extremes {
                for length in [0, 1, 2, 3, 4, 5, 8, 40] {
                    let list: Vec<f64> = (0..length).map(|index| if index % 2 == 0 { a } else { b }).collect();
                    let lists = json!({"list": list, "number": a.abs(), "pairs": [[a.abs(), b.abs()]], "hkl": vec![[1, 1, 1]; length]});
                    let inputs: Map<String, Value> = names
                        .iter()
                        .filter_map(|name| {
                            let form = match *name {
                                "v_over_i" | "v_hall" | "cases" | "g" | "psi_deg" | "delta_deg" => return None,
                                "psi_delta" => "pairs",
                                "hkl" => "hkl",
                                "wavelength_nm" if kind == Kind::Reflectometry => "list",
                                "v" | "i" | "vgs" | "id" | "c" | "c_lf" | "c_hf" | "z" | "x_mm" | "y_mm" | "reflectance"
                                | "two_theta_deg" | "fwhm_deg" | "r_a" | "r_b" | "v_positive_field" | "v_negative_field" => "list",
                                "id_high" | "vds_high" | "area_cm2" | "series_resistance_ohm" | "n_ambient" | "angle_deg" if a > 0.5 => {
                                    return None;
                                }
                                _ => "number",
                            };
                            Some(((*name).to_owned(), lists[form].clone()))
                        })
                        .collect();
                    // Either way is fine; a panic is not.
                    if let Ok(outcome) = analyse(kind, &Value::Object(inputs), &Value::Null) {
                        assert!(sure(kind).iter().all(|name| !holes(&outcome.outputs[*name])), "{} of {a} and {b}", kind.label());
                    }
                }
            }
        }
    }
}

/// A million samples take seconds, not minutes; one more is refused.
#[test]
fn the_longest_list_is_taken_and_no_longer_one() {
    let v: Vec<f64> = (0..spectra_extraction::LONGEST).map(|index| 0.9 * f64::from(u32::try_from(index).unwrap()) / 1e6).collect();
    let i: Vec<f64> = v.iter().map(|v| 1e-12 * (v / 0.0388).exp_m1()).collect();
    let found = analyse(Kind::DiodeIv, &json!({"v": v, "i": i, "temperature_K": 300}), &Value::Null).expect("a diode");
    assert!((found.outputs["n"].as_f64().unwrap() - 1.5).abs() < 0.01);
    let longer = json!({"z": vec![1.0; spectra_extraction::LONGEST + 1]});
    assert_eq!(analyse(Kind::WaferMap, &longer, &Value::Null).unwrap_err().code, "too_many_samples");
}
