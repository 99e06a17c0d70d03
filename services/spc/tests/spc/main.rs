//! Known answers. Those of our own lie beside this file; published ones lie in `shared/vectors` beside the checkout, or
//! where `SPECTRA_VECTORS` points.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value, json};
use spectra_spc::{Error, evaluate};

mod compare;
mod lengths;
mod stream;

/// What the files are called that are vectors of this crate.
const CHARTS: &[&str] = &[
    "i-mr",
    "xbar",
    "xbar-r",
    "xbar-s",
    "p",
    "np",
    "c",
    "u",
    "laney-p",
    "laney-u",
    "ewma",
    "cusum",
    "t2",
    "mewma",
    "z-mr",
    "rules",
    "rules-stream",
    "capability",
    "constants",
    "grr-crossed-anova",
    "grr-crossed-xr",
    "grr-nested-anova",
    "arl",
];

/// Every file of JSON under a folder.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            found.push(path);
        }
    }
}

/// The vectors under a folder that are of charts; others are of devices, or of security.
fn vectors(folder: &Path) -> Vec<(String, Value)> {
    let mut paths = Vec::new();
    files(folder, &mut paths);
    let read = |path: PathBuf| {
        let vector: Value = serde_json::from_str(&fs::read_to_string(&path).expect("a vector"))
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let chart = vector.get("chart")?.as_str()?.to_owned();
        (!chart.starts_with("device/")).then(|| (path.display().to_string(), vector))
    };
    paths.into_iter().filter_map(read).collect()
}

/// What the engine says, in the words of the vectors.
fn answer(vector: &Value) -> Result<Value, String> {
    let chart = vector["chart"].as_str().expect("a vector");
    if !CHARTS.contains(&chart) {
        return Err(format!("nobody knows the chart {chart}"));
    }
    let members = |name: &str| vector[name].as_object().cloned().unwrap_or_default();
    let (inputs, params) = (members("inputs"), members("params"));
    let said = match chart {
        "rules-stream" => stream::answer(&inputs, &params),
        "arl" => lengths::answer(&inputs, &params, &vector["expected"]),
        _ => evaluate(chart, &inputs, &params),
    };
    Ok(said.map_or_else(|error| refusal(&error), Value::Object))
}

fn refusal(error: &Error) -> Value {
    let mut said = Map::from_iter([("error".to_owned(), json!(error.code.label()))]);
    said.extend(error.index.map(|index| ("index".to_owned(), json!(index))));
    said.insert("message".to_owned(), json!(error.to_string()));
    Value::Object(said)
}

/// Holds every vector of a folder against the engine, and tells how many there were.
fn hold(folder: &Path) -> usize {
    let vectors = vectors(folder);
    let failed: Vec<String> = vectors
        .iter()
        .filter_map(|(path, vector)| {
            let compared = answer(vector).and_then(|said| compare::all(&vector["expected"], &said, &vector["tolerance"]));
            compared.err().map(|error| format!("{path}: {error}"))
        })
        .collect();
    assert!(failed.is_empty(), "{} of {} vectors failed:\n{}", failed.len(), vectors.len(), failed.join("\n"));
    println!("{} vectors in {}", vectors.len(), folder.display());
    vectors.len()
}

#[test]
fn spc_vectors() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    assert!(hold(&here.join("tests/vectors")) >= 40, "our own vectors are all there");
    #[expect(clippy::disallowed_methods, reason = "a test has no command line to be configured by")]
    let named = std::env::var_os("SPECTRA_VECTORS").map(PathBuf::from);
    let folder = named.unwrap_or_else(|| here.join("../../../shared/vectors"));
    if folder.is_dir() {
        hold(&folder);
    } else {
        println!("skipped: no vectors at {}", folder.display());
    }
}

#[test]
fn a_wrong_answer_is_noticed() {
    let tolerance = json!({"rel": 1e-9, "abs": 1e-9});
    let expected = json!({"centre": 1.0, "violations": [{"rule": "N1", "index": 2}], "stats": [1.0, null]});
    let right = json!({"centre": 1.0, "violations": [{"index": 2, "rule": "N1"}], "stats": [1.0, null], "more": 1});
    compare::all(&expected, &right, &tolerance).unwrap();
    for (place, wrong) in [
        ("/centre", json!(1.000_001)),
        ("/centre", Value::Null),
        ("/violations", json!([])),
        ("/violations/0/index", json!(3)),
        ("/violations", json!([{"rule": "N1", "index": 2}, {"rule": "N2", "index": 2}])),
        ("/stats/1", json!(0.0)),
        ("/stats", json!([1.0])),
    ] {
        let mut said = right.clone();
        *said.pointer_mut(place).unwrap() = wrong;
        assert!(compare::all(&expected, &said, &tolerance).is_err(), "{place}");
    }
}
