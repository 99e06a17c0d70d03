//! A long stream, of which the vector tells the generator and a summary.

use serde_json::{Map, Value, json};
use spectra_spc::{Error, Rule, Ruleset, evaluate};

type Object = Map<String, Value>;

/// Sums of random bits, in quarters of sigma: many lie on lines.
fn point(seed: u64, place: u64) -> f64 {
    let mut mixed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(place + 1));
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^= mixed >> 31;
    (f64::from(mixed.count_ones()) - 32.0) / 4.0
}

pub(crate) fn answer(inputs: &Object, params: &Object) -> Result<Object, Error> {
    let (seed, count) = (inputs["seed"].as_u64().expect("a vector"), inputs["n"].as_u64().expect("a vector"));
    let points: Vec<f64> = (0..count).map(|place| point(seed, place)).collect();
    for (place, first) in inputs["first10"].as_array().expect("a vector").iter().enumerate() {
        assert_eq!(first.as_f64(), Some(points[place]), "the generator is the vector's");
    }
    let said = evaluate("rules", &Object::from_iter([("x".to_owned(), json!(points))]), params)?;
    let mut by_rule: std::collections::BTreeMap<&str, Vec<u64>> = std::collections::BTreeMap::new();
    // A rule that never signals is told, too.
    let name = params.get("ruleset").and_then(Value::as_str).unwrap_or("western_electric");
    let labels: Vec<String> = Ruleset::latest(name).expect("a ruleset").rules().iter().map(Rule::label).collect();
    by_rule.extend(labels.iter().map(|label| (label.as_str(), Vec::new())));
    let mut flagged = std::collections::BTreeSet::new();
    for violation in said["violations"].as_array().expect("a vector") {
        let index = violation["index"].as_u64().expect("a vector");
        by_rule.entry(violation["rule"].as_str().expect("a vector")).or_default().push(index);
        flagged.insert(index);
    }
    let summary = |places: &Vec<u64>| {
        let first: Vec<u64> = places.iter().copied().take(5).collect();
        json!({"count": places.len(), "index_sum": places.iter().sum::<u64>(), "first5": first, "last": places.last()})
    };
    let by_rule: Object = by_rule.iter().map(|(rule, places)| ((*rule).to_owned(), summary(places))).collect();
    Ok(Object::from_iter([("by_rule".to_owned(), by_rule.into()), ("points_flagged".to_owned(), flagged.len().into())]))
}
