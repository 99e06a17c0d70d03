//! Whether an answer is the one expected, within the tolerance.

use serde_json::Value;

/// Lists whose order says nothing, and whose members are exact.
const SETS: &[&str] = &["violations", "beyond_limits", "ordinary_chart_beyond_limits"];

/// What an answer must hold: every member that is expected; more does no harm.
pub(crate) fn all(expected: &Value, said: &Value, tolerance: &Value) -> Result<(), String> {
    let of = |name: &str| tolerance.get(name).and_then(Value::as_f64).unwrap_or(0.0);
    same(expected, said, (of("rel"), of("abs")), "")
}

fn same(expected: &Value, said: &Value, within: (f64, f64), place: &str) -> Result<(), String> {
    let differs = || Err(format!("{place} is {}, not {}", short(said), short(expected)));
    match (expected, said) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().expect("a vector"), b.as_f64().expect("a vector"));
            if (a - b).abs() <= within.1 + within.0 * a.abs() { Ok(()) } else { differs() }
        }
        (Value::Array(a), Value::Array(b)) if place.split('/').any(|name| SETS.contains(&name)) => {
            let sorted = |items: &[Value]| {
                let mut items: Vec<String> = items.iter().map(text).collect();
                items.sort();
                items
            };
            if sorted(a) == sorted(b) { Ok(()) } else { differs() }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().try_for_each(|(index, (a, b))| same(a, b, within, &format!("{place}/{index}")))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.iter().try_for_each(|(name, a)| same(a, b.get(name).unwrap_or(&Value::Null), within, &format!("{place}/{name}")))
        }
        // One line is the same line at every point.
        (Value::Number(_), Value::Array(b)) if !b.is_empty() => b.iter().try_for_each(|b| same(expected, b, within, place)),
        (Value::Array(a), Value::Number(_)) if !a.is_empty() => a.iter().try_for_each(|a| same(a, said, within, place)),
        (a, b) if a == b => Ok(()),
        _ => differs(),
    }
}

/// What is in a set, alike for whole numbers however they are written.
fn text(item: &Value) -> String {
    match item {
        Value::Number(number) => number.as_f64().expect("a vector").to_string(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(","),
        Value::Object(members) => {
            let mut members: Vec<String> = members.iter().map(|(name, value)| format!("{name}={}", text(value))).collect();
            members.sort();
            members.join(",")
        }
        other => other.to_string(),
    }
}

fn short(value: &Value) -> String {
    value.to_string().chars().take(300).collect()
}
