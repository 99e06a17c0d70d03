//! Stages: each has limits, runs and moving ranges of its own.

use serde_json::{Value, json};

use super::{
    Object, checked, insufficient,
    read::{Call, rows, same_length},
};
use crate::{Code, Error};

/// Inputs with an item a point.
const SERIES: &[&str] = &["x", "d", "n", "subgroups", "X", "part", "xbar", "R", "S", "centre", "sigma"];
/// How many stages there may be: each is handed all that is not by point.
const MOST: usize = 200;
/// What stages are called.
const NAMES: &[&str] = &["stage", "stages"];
/// Inputs with places of points, counted from the first one of all.
const PLACES: &[&str] = &["phase1", "excluded", "omit_from_limits", "invalid"];

/// Evaluates each run of equal stages by itself. Places are those of the whole.
pub(super) fn each(call: &Call<'_>, chart: impl Fn(&Call<'_>) -> Result<Object, Error>) -> Result<Object, Error> {
    let stages = rows(call.need("stage")?, "stage")?;
    let mut parts = Vec::new();
    let mut violations = Value::Array(Vec::new());
    let marks = PLACES.iter().map(|name| Ok((*name, call.marks(name, stages.len())?))).collect::<Result<Vec<_>, Error>>()?;
    let mut start = 0;
    let changes = stages.windows(2).filter(|pair| pair[0] != pair[1]).count();
    if changes >= MOST {
        return Err(Error::input("stage", format!("must change less than {MOST} times")));
    }
    while start < stages.len() {
        let end = stages[start..].iter().position(|stage| stage != &stages[start]).map_or(stages.len(), |length| start + length);
        let (mut inputs, params) = (cut(call.inputs, stages.len(), start, end)?, cut(call.params, stages.len(), start, end)?);
        for (name, marks) in &marks {
            let within =
                |marks: &Vec<bool>| marks[start..end].iter().enumerate().filter_map(|(place, &mark)| mark.then_some(place)).collect();
            inputs.insert((*name).to_owned(), marks.as_ref().map_or(Value::Null, within));
        }
        let answer = match chart(&Call { inputs: &inputs, params: &params }).and_then(checked) {
            // What a stage is too short for is no fault of the others.
            Err(error) if error.code == Code::InsufficientData => insufficient(f64::NAN),
            answer => answer.map_err(|error| Error { index: error.index.map(|index| index + start), ..error })?,
        };
        let part = moved(answer, &stages[start], start);
        join(&mut violations, part.get("violations"));
        parts.push(part);
        start = end;
    }
    Ok(Object::from_iter([("stages".to_owned(), json!(parts)), ("violations".to_owned(), violations)]))
}

/// The part of the inputs that belongs to one stage, without the places.
fn cut(inputs: &Object, count: usize, start: usize, end: usize) -> Result<Object, Error> {
    let part = |(name, value): (&String, &Value)| {
        let value = match value {
            Value::Array(items) if SERIES.contains(&name.as_str()) => {
                same_length(name, items.len(), count)?;
                Value::Array(items[start..end].to_vec())
            }
            value => value.clone(),
        };
        Ok((name.clone(), value))
    };
    inputs.iter().filter(|(name, _)| !NAMES.contains(&name.as_str()) && !PLACES.contains(&name.as_str())).map(part).collect()
}

/// Adds what one stage violates to what others do: a list, or a list by the name of each ruleset.
fn join(all: &mut Value, stage: Option<&Value>) {
    match (all, stage) {
        (Value::Array(all), Some(Value::Array(stage))) => all.extend(stage.iter().cloned()),
        (Value::Object(all), Some(Value::Object(stage))) => {
            for (name, stage) in stage {
                join(all.entry(name.clone()).or_insert_with(|| Value::Array(Vec::new())), Some(stage));
            }
        }
        (all, Some(stage)) => *all = stage.clone(),
        (_, None) => {}
    }
}

/// A stage's answer among the whole: its limits stand by its centre, and its places are counted from the first point of all.
fn moved(mut answer: Object, stage: &Value, start: usize) -> Object {
    if let Some(limits) = answer.get("limits").and_then(Value::as_object).cloned() {
        answer.extend(limits);
    }
    for name in ["violations", "beyond_limits", "ordinary_chart_beyond_limits", "change_points"] {
        answer.get_mut(name).into_iter().for_each(|places| move_places(places, start));
    }
    for name in ["r_chart", "s_chart"] {
        answer.get_mut(name).and_then(|chart| chart.get_mut("beyond_limits")).into_iter().for_each(|places| move_places(places, start));
    }
    answer.insert("stage".to_owned(), stage.clone());
    answer.insert("start".to_owned(), start.into());
    answer
}

/// The places of a list, or of a list by name.
fn move_places(places: &mut Value, start: usize) {
    match places {
        Value::Array(places) => places.iter_mut().for_each(|place| move_place(place, start)),
        Value::Object(by_name) => by_name.values_mut().for_each(|places| move_places(places, start)),
        _ => {}
    }
}

/// A place as it stands, or within what it is told with.
fn move_place(place: &mut Value, start: usize) {
    match place {
        Value::Object(said) => {
            for name in ["index", "change_point"] {
                said.get_mut(name).into_iter().for_each(|index| move_place(index, start));
            }
        }
        Value::Array(said) => said.iter_mut().filter(|item| item.is_number()).for_each(|index| move_place(index, start)),
        index => {
            if let Some(moved) = index.as_u64().and_then(|index| usize::try_from(index).ok()).and_then(|index| index.checked_add(start)) {
                *index = moved.into();
            }
        }
    }
}
