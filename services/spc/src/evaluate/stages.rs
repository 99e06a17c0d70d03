//! Stages: each has limits, runs and moving ranges of its own.

use serde_json::{Value, json};

use super::{
    Object, checked,
    read::{Call, rows, same_length},
};
use crate::Error;

/// Inputs with an item a point.
const SERIES: &[&str] = &["x", "d", "n", "subgroups", "X", "part", "xbar", "R", "S"];
/// How many stages there may be: each looks at all places.
const MOST: usize = 200;
/// Inputs with places of points.
const PLACES: &[&str] = &["phase1", "excluded", "omit_from_limits", "invalid"];

/// Evaluates each run of equal stages by itself. Places are those of the whole.
pub(super) fn each(call: &Call<'_>, chart: impl Fn(&Call<'_>) -> Result<Object, Error>) -> Result<Object, Error> {
    let stages = rows(call.need("stage")?, "stage")?;
    let mut parts = Vec::new();
    let mut violations = Vec::new();
    let mut start = 0;
    let changes = stages.windows(2).filter(|pair| pair[0] != pair[1]).count();
    if changes >= MOST {
        return Err(Error::input("stage", format!("must change less than {MOST} times")));
    }
    while start < stages.len() {
        let end = stages[start..].iter().position(|stage| stage != &stages[start]).map_or(stages.len(), |length| start + length);
        let (inputs, params) = (cut(call.inputs, stages.len(), start, end)?, cut(call.params, stages.len(), start, end)?);
        let answer = chart(&Call { inputs: &inputs, params: &params })
            .and_then(checked)
            .map_err(|error| Error { index: error.index.map(|index| index + start), ..error })?;
        let part = moved(answer, &stages[start], start);
        violations.extend(part.get("violations").and_then(Value::as_array).into_iter().flatten().cloned());
        parts.push(part);
        start = end;
    }
    Ok(Object::from_iter([("stages".to_owned(), json!(parts)), ("violations".to_owned(), violations.into())]))
}

/// The part of the inputs that belongs to one stage.
fn cut(inputs: &Object, count: usize, start: usize, end: usize) -> Result<Object, Error> {
    let mut part = Object::new();
    for (name, value) in inputs.iter().filter(|(name, _)| *name != "stage") {
        let value = match value {
            Value::Array(items) if SERIES.contains(&name.as_str()) => {
                same_length(name, items.len(), count)?;
                items[start..end].to_vec().into()
            }
            Value::Array(places) if PLACES.contains(&name.as_str()) => {
                let (first, size) = (crate::estimate::number(start), crate::estimate::number(end - start));
                let within = |place: &Value| place.as_f64().map(|place| place - first).filter(|place| (0.0..size).contains(place));
                places.iter().filter_map(within).collect()
            }
            other => other.clone(),
        };
        part.insert(name.clone(), value);
    }
    Ok(part)
}

/// A stage's answer among the whole: its limits stand by its centre, and its places are counted from the first point of all.
fn moved(mut answer: Object, stage: &Value, start: usize) -> Object {
    if let Some(limits) = answer.get("limits").and_then(Value::as_object).cloned() {
        answer.extend(limits);
    }
    for name in ["violations", "beyond_limits", "ordinary_chart_beyond_limits"] {
        for place in answer.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten() {
            move_place(place, start);
        }
    }
    answer.insert("stage".to_owned(), stage.clone());
    answer.insert("start".to_owned(), start.into());
    answer
}

/// A place as it stands, or within what it is told with.
fn move_place(place: &mut Value, start: usize) {
    match place {
        Value::Object(said) => said.get_mut("index").into_iter().for_each(|index| move_place(index, start)),
        Value::Array(said) => said.iter_mut().filter(|item| item.is_number()).for_each(|index| move_place(index, start)),
        index => {
            if let Some(moved) = index.as_u64().and_then(|index| usize::try_from(index).ok()).and_then(|index| index.checked_add(start)) {
                *index = moved.into();
            }
        }
    }
}
