//! From readings to what they come to. Pure.

use std::collections::{BTreeMap, BTreeSet};

use prost_types::{Struct, Value, value::Kind};
use spectra_mesh::{Error, List, Object};
use spectra_proto::analysis::{self as pb, GaugeMethod};
use spectra_spc::gauge::{Measurement, Study, Table, average_range, crossed, nested};

use crate::spc_evaluation::refused;

/// What a study comes to.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) method: GaugeMethod,
    pub(super) measurements: List,
    pub(super) study: Study,
    pub(super) variance: Object,
    pub(super) grr_percent: f64,
    pub(super) tolerance_percent: Option<f64>,
    pub(super) ndc: Option<i32>,
}

impl Outcome {
    /// Evaluates a study. Refused unless it is balanced, and the readings differ.
    pub(super) fn of(asked: &pb::GaugeStudy) -> Result<Self, Error> {
        let usual = Study::default();
        let study = Study {
            alpha_to_pool: asked.alpha_to_pool.unwrap_or(usual.alpha_to_pool),
            k: asked.study_width.unwrap_or(usual.k),
            tolerance: asked.tolerance,
        };
        once(&asked.measurements)?;
        let readings: Vec<Measurement> = asked.measurements.iter().map(reading).collect();
        let method = asked.method.and_then(|method| GaugeMethod::try_from(method).ok()).unwrap_or(GaugeMethod::AnovaCrossed);
        let (table, grr, tolerance_percent, ndc) = match method {
            GaugeMethod::XbarR => {
                let told = Table::crossed(&readings).and_then(|table| average_range(&table, &study)).map_err(refused)?;
                (serde_json::to_value(&told), told.pct_grr, told.pct_tolerance, told.ndc)
            }
            GaugeMethod::AnovaNested | GaugeMethod::AnovaCrossed | GaugeMethod::Unspecified => {
                let told = if method == GaugeMethod::AnovaNested {
                    Table::nested(&readings).and_then(|table| nested(&table, &study))
                } else {
                    Table::crossed(&readings).and_then(|table| crossed(&table, &study))
                }
                .map_err(refused)?;
                let shares = &told.shares;
                let tolerance = shares.pct_tolerance.map(|percent| percent.grr);
                (serde_json::to_value(&told), shares.pct_study_var.grr, tolerance, shares.ndc)
            }
        };
        let variance = table.and_then(serde_json::from_value).map_err(Error::broken)?;
        let varies = readings.iter().any(|reading| reading.value.to_bits() != readings[0].value.to_bits());
        if !varies || !grr.is_finite() || tolerance_percent.is_some_and(|percent| !percent.is_finite()) {
            return Err(Error::invalid("study.measurements", "must hold readings that differ, and that are not too large to be squared"));
        }
        let measurements = List(asked.measurements.iter().map(write).collect());
        Ok(Self { method, measurements, study, variance, grr_percent: grr, tolerance_percent, ndc: ndc.map(categories) })
    }
}

/// Refused when one trial is told twice.
fn once(measurements: &[pb::GaugeMeasurement]) -> Result<(), Error> {
    let mut seen = BTreeSet::new();
    for (place, reading) in measurements.iter().enumerate() {
        if reading.trial.is_some_and(|trial| !seen.insert((&reading.operator, &reading.part, trial))) {
            return Err(Error::invalid(format!("study.measurements[{place}].trial"), "must be told once of each operator and part"));
        }
    }
    Ok(())
}

fn reading(measurement: &pb::GaugeMeasurement) -> Measurement {
    Measurement { part: measurement.part.clone(), operator: measurement.operator.clone(), value: measurement.value.unwrap_or(f64::NAN) }
}

/// A whole number of categories; more than a billion are as many.
fn categories(ndc: f64) -> i32 {
    format!("{:.0}", ndc.clamp(0.0, 1e9)).parse().unwrap_or(i32::MAX)
}

/// A reading as it is kept.
fn write(measurement: &pb::GaugeMeasurement) -> Value {
    let text = |text: &str| Some(Kind::StringValue(text.to_owned()));
    let number = |number: f64| Some(Kind::NumberValue(number));
    let fields = [
        ("part", text(&measurement.part)),
        ("operator", text(&measurement.operator)),
        ("trial", measurement.trial.and_then(|trial| number(trial.into()))),
        ("value", measurement.value.and_then(number)),
    ];
    let fields: BTreeMap<String, Value> =
        fields.into_iter().filter(|(_, kind)| kind.is_some()).map(|(name, kind)| (name.to_owned(), Value { kind })).collect();
    Value { kind: Some(Kind::StructValue(Struct { fields: fields.into_iter().collect() })) }
}

/// A reading as it was kept.
pub(super) fn read(kept: &Value) -> pb::GaugeMeasurement {
    let Some(Kind::StructValue(kept)) = &kept.kind else { return pb::GaugeMeasurement::default() };
    let text = |name: &str| match kept.fields.get(name).and_then(|value| value.kind.as_ref()) {
        Some(Kind::StringValue(text)) => text.clone(),
        _ => String::new(),
    };
    let number = |name: &str| match kept.fields.get(name).and_then(|value| value.kind.as_ref()) {
        Some(Kind::NumberValue(number)) => Some(*number),
        _ => None,
    };
    let trial = number("trial").and_then(|trial| format!("{trial:.0}").parse().ok());
    pb::GaugeMeasurement { part: text("part"), operator: text("operator"), trial, value: number("value") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn study(values: &[f64]) -> pb::GaugeStudy {
        let reading = |(place, &value): (usize, &f64)| pb::GaugeMeasurement {
            part: (place / 2 % 2).to_string(),
            operator: (place / 4).to_string(),
            trial: i32::try_from(place % 2 + 1).ok(),
            value: Some(value),
        };
        pb::GaugeStudy { measurements: values.iter().enumerate().map(reading).collect(), ..pb::GaugeStudy::default() }
    }

    #[test]
    fn readings_are_kept_as_they_were_sent() {
        let sent = study(&[1.0, 1.25, 4.0, 4.5, 1.0, 1.5, 4.25, 4.0]);
        let outcome = Outcome::of(&sent).unwrap();
        assert_eq!(outcome.measurements.0.iter().map(read).collect::<Vec<_>>(), sent.measurements);
        assert!((0.0..100.0).contains(&outcome.grr_percent) && outcome.ndc > Some(5), "{outcome:?}");
    }

    #[test]
    fn what_tells_nothing_is_refused() {
        assert!(Outcome::of(&study(&[1.0; 8])).is_err(), "nothing differs");
        assert!(Outcome::of(&study(&[1.0, 2.0, 3.0, 4.0])).is_err(), "one operator");
        assert!(Outcome::of(&study(&[1e308, -1e308, 1e308, 4.0, 1.0, 1.0, 1.0, 1.0])).is_err(), "too large");
        let mut twice = study(&[1.0, 1.25, 4.0, 4.5, 1.0, 1.5, 4.25, 4.0]);
        twice.measurements[1].trial = Some(1);
        assert!(matches!(Outcome::of(&twice), Err(Error::Invalid(of)) if of[0].field == "study.measurements[1].trial"));
    }
}
