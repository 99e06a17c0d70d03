//! Analyses whose answers are known: the vectors here, and those that lie beside the checkout or where `SPECTRA_VECTORS` points.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use spectra_extraction::{Kind, analyse};

/// Values of the truth behind made-up data, of which no analysis of the data can know, and what stands for them.
const TRUTHS: [(&str, Option<&str>); 2] = [("N_true", Some("N_m3")), ("ss_theory_mv", None)];

/// Every file of a folder and of those in it.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            found.push(path);
        }
    }
}

/// The kind of analysis that a vector is for, by its chart and, where that has several, by its inputs.
fn kind(chart: &str, inputs: &Value) -> Kind {
    let has = |name: &str| inputs.get(name).is_some();
    let label = match chart.strip_prefix("device/").expect("a device") {
        "mosfet-transfer" => "mosfet_transfer",
        "diode-iv" => "diode_iv",
        "solar-cell-iv" | "solar-cell" => "solar_cell_iv",
        "sheet-resistance" if has("probe_spacing_m") => "four_point_probe",
        "sheet-resistance" => "van_der_pauw",
        "cv" if has("c_lf") => "cv_dit",
        "cv" => "cv_doping",
        "xrd" if has("fwhm_deg") => "xrd_scherrer",
        "xrd" => "xrd_bragg",
        other => &other.replace('-', "_"),
    };
    Kind::of(label).unwrap_or_else(|| panic!("no kind is called {label}"))
}

struct Tolerance {
    rel: f64,
    abs: f64,
}

/// Where found and expected differ, if anywhere.
fn difference(found: &Value, expected: &Value, by: &Tolerance, place: &str) -> Option<String> {
    match expected {
        Value::Number(number) => {
            let (expected, found) = (number.as_f64().unwrap(), found.as_f64().unwrap_or(f64::NAN));
            let close = (found - expected).abs() <= by.abs + by.rel * expected.abs();
            (!close).then(|| format!("{place} is {found}, not {expected}"))
        }
        Value::Array(list) => {
            if found.as_array().map(Vec::len) != Some(list.len()) {
                return Some(format!("{place} is {found}, not a list of {}", list.len()));
            }
            list.iter().enumerate().find_map(|(index, expected)| difference(&found[index], expected, by, &format!("{place}[{index}]")))
        }
        Value::Object(map) => map.iter().find_map(|(name, expected)| {
            let stands = TRUTHS.iter().find(|(truth, _)| truth == name).map_or(Some(name.as_str()), |(_, stands)| *stands);
            stands.and_then(|stands| difference(&found[stands], expected, by, &format!("{place}.{name}")))
        }),
        other => (found != other).then(|| format!("{place} is {found}, not {other}")),
    }
}

/// Runs a vector; what is wrong with it, if anything.
fn judge(vector: &Value) -> Result<(), String> {
    let (inputs, params) = (&vector["inputs"], &vector["params"]);
    let kind = kind(vector["chart"].as_str().unwrap(), inputs);
    let mut expected = vector["expected"].as_object().unwrap().clone();
    let word =
        |name: &str, expected: &mut serde_json::Map<String, Value>| expected.remove(name).map(|word| word.as_str().unwrap().to_owned());
    let answer = analyse(kind, inputs, params);
    if let Some(code) = word("error", &mut expected) {
        return match answer {
            Err(refused) if refused.code == code => Ok(()),
            other => Err(format!("{other:?} is not refused with {code}")),
        };
    }
    let flags = ["error_or_flag", "status", "flag"].iter().filter_map(|name| word(name, &mut expected)).collect::<Vec<_>>();
    let answer = match answer {
        Err(refused) if flags.iter().any(|flag| refused.code == flag) => return Ok(()),
        Err(refused) => return Err(format!("refused with {}: {refused}", refused.code)),
        Ok(answer) => answer,
    };
    let mut wanted = flags;
    if let Some(Value::Array(list)) = expected.remove("flags") {
        wanted.extend(list.iter().map(|flag| flag.as_str().unwrap().to_owned()));
    }
    if let Some(flag) = wanted.iter().find(|flag| !answer.flags.list().contains(&flag.as_str())) {
        return Err(format!("{flag} is not among {:?}", answer.flags));
    }
    let by = Tolerance { rel: vector["tolerance"]["rel"].as_f64().unwrap(), abs: vector["tolerance"]["abs"].as_f64().unwrap() };
    difference(&answer.outputs, &Value::Object(expected), &by, "outputs").map_or(Ok(()), Err)
}

#[test]
fn device_vectors() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    #[expect(clippy::disallowed_methods, reason = "a test has no command line to be configured by")]
    let named = std::env::var_os("SPECTRA_VECTORS").map(PathBuf::from);
    let mut found = Vec::new();
    files(&here.join("tests/vectors"), &mut found);
    let copies = found.len();
    files(&named.unwrap_or_else(|| here.join("../../../shared/vectors")).join("spc"), &mut found);
    let (mut ran, mut wrong) = (0, Vec::new());
    for path in &found {
        let vector: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        if !vector["chart"].as_str().is_some_and(|chart| chart.starts_with("device/")) {
            continue;
        }
        ran += 1;
        if let Err(fault) = judge(&vector) {
            wrong.push(format!("{}: {fault}", path.file_name().unwrap().to_string_lossy()));
        }
    }
    println!("{ran} device vectors, {copies} of them kept here");
    assert!(copies >= 25 && ran >= copies, "only {ran} of {} files are of devices", found.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What somebody may send instead of a value.
fn faults(old: &Value) -> Vec<Value> {
    let mut faults = json!(["x", true, {}, [], [1], [[1, 2]], -1, 0, null, "Infinity", 1e308, 1e-308, 1e-3, 0.5, 1e3])
        .as_array()
        .cloned()
        .unwrap_or_default();
    if let Some(list) = old.as_array().filter(|list| !list.is_empty()) {
        faults.push(json!(list[1..]));
        for all in [json!(null), json!(0), json!(-1), json!(1e300), json!(1e-300)] {
            faults.push(json!(vec![all; list.len()]));
        }
        for one in [json!("Infinity"), json!(1e308), json!("a"), json!([]), json!(null)] {
            faults.push(json!([&[one], &list[1..]].concat()));
        }
    }
    faults
}

/// Whatever is wrong with one field, there is no panic, and a fault of the field's form is told by its name.
#[test]
fn a_fault_in_a_vector_is_refused_or_answered() {
    let (mut found, mut refused) = (Vec::new(), 0);
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors"), &mut found);
    for path in &found {
        let vector: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        let kind = kind(vector["chart"].as_str().unwrap(), &vector["inputs"]);
        for group in ["inputs", "params"] {
            for (name, old) in vector[group].as_object().unwrap() {
                for fault in faults(old) {
                    let mut changed = vector.clone();
                    changed[group][name] = fault.clone();
                    let Err(refusal) = analyse(kind, &changed["inputs"], &changed["params"]) else { continue };
                    refused += 1;
                    let form =
                        ["wrong_type", "out_of_range", "non_finite_value", "missing_field", "insufficient_data"].contains(&refusal.code);
                    assert!(!form || refusal.field.is_some(), "{name} of {}: {fault}: {refusal:?}", path.display());
                }
            }
        }
    }
    assert!(refused > 1000, "{refused}");
}
