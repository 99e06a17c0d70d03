//! Gauge studies from cells or from readings.

use serde_json::Value;

use super::{
    Object, members,
    read::{Call, number, rows},
};
use crate::{
    Error,
    error::finite,
    gauge::{self, Measurement, Study, Table},
};

/// All operators measured the same parts, by analysis of variance.
pub(super) fn crossed(call: &Call<'_>) -> Result<Object, Error> {
    members(&gauge::crossed(&table(call, false)?, &study(call, 6.0)?)?)
}

/// Each operator measured parts of their own.
pub(super) fn nested(call: &Call<'_>) -> Result<Object, Error> {
    members(&gauge::nested(&table(call, true)?, &study(call, 6.0)?)?)
}

/// All operators measured the same parts, by averages and ranges.
pub(super) fn average_range(call: &Call<'_>) -> Result<Object, Error> {
    members(&gauge::average_range(&table(call, false)?, &study(call, 6.0)?)?)
}

fn study(call: &Call<'_>, usual: f64) -> Result<Study, Error> {
    let alpha_to_pool = call.number("alpha_to_pool")?.unwrap_or(Study::default().alpha_to_pool);
    Ok(Study { alpha_to_pool, k: call.number("k")?.unwrap_or(usual), tolerance: call.number("tolerance")? })
}

fn table(call: &Call<'_>, nested: bool) -> Result<Table, Error> {
    if let Some(cells) = call.value("Y_operator_part_trial") {
        return Table::new(cells_of(cells)?);
    }
    let name = if call.value("rows").is_some() { "rows" } else { "measurements" };
    let readings: Vec<Measurement> = rows(call.need(name)?, name)?
        .iter()
        .enumerate()
        .map(|(place, row)| reading(row, name).map_err(|error| error.at(place)))
        .collect::<Result<_, _>>()?;
    if nested { Table::nested(&readings) } else { Table::crossed(&readings) }
}

fn cells_of(cells: &Value) -> Result<Vec<Vec<Vec<f64>>>, Error> {
    let name = "Y_operator_part_trial";
    let cell = |trials: &Value| rows(trials, name)?.iter().map(|value| reading_of(value, name)).collect();
    let row = |parts: &Value| rows(parts, name)?.iter().map(cell).collect::<Result<_, Error>>();
    rows(cells, name)?.iter().enumerate().map(|(place, parts)| row(parts).map_err(|error| error.at(place))).collect()
}

/// A reading as operator, part and value, or with its names.
fn reading(row: &Value, name: &str) -> Result<Measurement, Error> {
    let demand = || Error::input(name, "must hold operator, part and value of each reading");
    let (operator, part, value) = match row {
        Value::Array(row) => (row.first(), row.get(1), row.get(2)),
        row => (row.get("operator"), row.get("part"), row.get("value")),
    };
    let label = |value: Option<&Value>| match value {
        Some(Value::String(label)) => Ok(label.clone()),
        Some(Value::Number(number)) => Ok(number.to_string()),
        _ => Err(demand()),
    };
    let value = reading_of(value.ok_or_else(demand)?, name)?;
    Ok(Measurement { operator: label(operator)?, part: label(part)?, value })
}

/// A number that is there: a study has no place for a missing one.
fn reading_of(value: &Value, name: &str) -> Result<f64, Error> {
    let value = number(value, name)?;
    if value.is_nan() { Err(Error::input(name, "must have no reading missing")) } else { finite(value, name) }
}
