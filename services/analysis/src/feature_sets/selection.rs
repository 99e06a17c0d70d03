//! What a feature set's `spec` says.

use prost_types::{Struct, Value, value::Kind};
use spectra_mesh::{Error, id};
use spectra_proto::{
    Label,
    analysis::{RunStatus, Warning},
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

/// How many features a set has at most.
const FEATURES: usize = 500;
/// How long a name is at most, in characters.
const NAME: usize = 200;

/// What a feature set selects; what is left out selects everything.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Selection {
    pub(super) features: Vec<Feature>,
    pub(super) result_type: Option<String>,
    pub(super) method: Option<String>,
    pub(super) run_status: Option<RunStatus>,
    pub(super) instrument_id: Option<Uuid>,
    pub(super) recipe_id: Option<Uuid>,
    pub(super) sample_id: Option<Uuid>,
    pub(super) from: Option<OffsetDateTime>,
    pub(super) to: Option<OffsetDateTime>,
    pub(super) include_suspect: bool,
}

/// A metric under the name that it has as a feature.
#[derive(Debug, PartialEq)]
pub(super) struct Feature {
    name: String,
    metric: String,
}

impl Selection {
    /// Reads a spec; the keys that select nothing are warned of.
    pub(super) fn read(spec: &Struct) -> Result<(Self, Vec<Warning>), Error> {
        let (mut selection, mut warnings) = (Self::default(), Vec::new());
        let mut keys: Vec<_> = spec.fields.iter().collect();
        keys.sort_by_key(|(key, _)| *key);
        for (key, value) in keys {
            let Some(kind) = value.kind.as_ref().filter(|kind| !matches!(kind, Kind::NullValue(_))) else { continue };
            match key.as_str() {
                "metrics" | "features" if selection.features.is_empty() => selection.features = features(key, kind)?,
                "metrics" | "features" => return Err(wrong("features", "cannot stand beside metrics, which says the same")),
                "result_type" => selection.result_type = Some(text(key, kind)?),
                "method" => selection.method = Some(text(key, kind)?),
                "run_status" => selection.run_status = Some(status(key, kind)?),
                "instrument_id" => selection.instrument_id = Some(uuid(key, kind)?),
                "recipe_id" => selection.recipe_id = Some(uuid(key, kind)?),
                "sample_id" => selection.sample_id = Some(uuid(key, kind)?),
                "from" => selection.from = Some(time(key, kind)?),
                "to" => selection.to = Some(time(key, kind)?),
                "include_suspect" => selection.include_suspect = flag(key, kind)?,
                _ => warnings.push(Warning {
                    code: "spec_key_unknown".to_owned(),
                    message: format!("the spec's key {} selects nothing; it is kept as it is", key.escape_default()),
                }),
            }
        }
        Ok((selection, warnings))
    }

    /// The metrics that a result must have one of; none when any will do.
    pub(super) fn metrics(&self) -> Option<Vec<String>> {
        let metrics: Vec<_> = self.features.iter().map(|feature| feature.metric.clone()).collect();
        (!metrics.is_empty()).then_some(metrics)
    }

    /// The features of a result with these metrics.
    pub(super) fn features(&self, metrics: &Struct) -> Struct {
        let number = |value: &Value| matches!(value.kind, Some(Kind::NumberValue(_)));
        if self.features.is_empty() {
            let numbers = metrics.fields.iter().filter(|(_, value)| number(value));
            return Struct { fields: numbers.map(|(name, value)| (name.clone(), value.clone())).collect() };
        }
        let missing = Value { kind: Some(Kind::NullValue(0)) };
        let of = |feature: &Feature| metrics.fields.get(&feature.metric).filter(|value| number(value)).unwrap_or(&missing).clone();
        Struct { fields: self.features.iter().map(|feature| (feature.name.clone(), of(feature))).collect() }
    }
}

/// A fault of the spec, in the field's own place.
fn wrong(key: &str, message: &str) -> Error {
    Error::invalid(format!("feature_set.spec.{key}"), message)
}

fn features(key: &str, kind: &Kind) -> Result<Vec<Feature>, Error> {
    let Kind::ListValue(list) = kind else { return Err(wrong(key, "must be a list of metrics")) };
    if list.values.is_empty() || list.values.len() > FEATURES {
        return Err(wrong(key, "must name between 1 and 500 metrics"));
    }
    let features: Vec<_> = list.values.iter().map(|value| feature(key, value)).collect::<Result<_, _>>()?;
    let mut names: Vec<_> = features.iter().map(|feature| &feature.name).collect();
    names.sort_unstable();
    if names.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(wrong(key, "must not name a feature twice"));
    }
    Ok(features)
}

fn feature(key: &str, value: &Value) -> Result<Feature, Error> {
    match &value.kind {
        Some(kind @ Kind::StringValue(_)) => {
            let name = text(key, kind)?;
            Ok(Feature { metric: name.clone(), name })
        }
        Some(Kind::StructValue(named)) => {
            let of = |key: &str| named.fields.get(key).and_then(|value| value.kind.as_ref());
            let metric = of("metric").ok_or_else(|| wrong(key, "must say the metric of each feature"))?;
            let metric = text(key, metric)?;
            let name = of("name").map_or_else(|| Ok(metric.clone()), |name| text(key, name))?;
            Ok(Feature { name, metric })
        }
        _ => Err(wrong(key, "must be a list of names, or of objects of metric and name")),
    }
}

fn text(key: &str, kind: &Kind) -> Result<String, Error> {
    match kind {
        Kind::StringValue(text) if !text.trim().is_empty() && text.chars().count() <= NAME && !text.contains('\0') => Ok(text.clone()),
        _ => Err(wrong(key, "must be a text of at most 200 characters")),
    }
}

fn uuid(key: &str, kind: &Kind) -> Result<Uuid, Error> {
    id(&text(key, kind)?).map_err(|_| wrong(key, "must be a UUID"))
}

fn time(key: &str, kind: &Kind) -> Result<OffsetDateTime, Error> {
    OffsetDateTime::parse(&text(key, kind)?, &Rfc3339).map_err(|_| wrong(key, "must be a time of RFC 3339"))
}

fn status(key: &str, kind: &Kind) -> Result<RunStatus, Error> {
    RunStatus::from_label(&text(key, kind)?)
        .filter(|status| *status != RunStatus::Unspecified)
        .ok_or_else(|| wrong(key, "must be a state of runs"))
}

fn flag(key: &str, kind: &Kind) -> Result<bool, Error> {
    match kind {
        Kind::BoolValue(flag) => Ok(*flag),
        _ => Err(wrong(key, "must be true or false")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use spectra_mesh::Object;

    use super::*;

    fn object(json: Value) -> Struct {
        serde_json::from_value::<Object>(json).expect("an object").0
    }

    #[test]
    fn a_spec_selects_by_what_it_names() {
        let spec = json!({
            "metrics": ["vth", {"metric": "gm_max", "name": "gm"}], "result_type": "iv_analysis", "from": "2026-01-01T00:00:00Z",
            "run_status": "succeeded", "include_suspect": true, "method": null, "note": "x",
        });
        let (selection, warnings) = Selection::read(&object(spec)).expect("a spec");
        assert_eq!(selection.result_type.as_deref(), Some("iv_analysis"));
        assert_eq!((selection.run_status, selection.include_suspect, selection.method.is_none()), (Some(RunStatus::Succeeded), true, true));
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        let features = selection.features(&object(json!({"vth": 0.5, "gm_max": "high", "other": 1})));
        assert_eq!(features, object(json!({"vth": 0.5, "gm": null})));
        assert_eq!(selection.metrics(), Some(vec!["vth".to_owned(), "gm_max".to_owned()]));
    }

    #[test]
    fn without_metrics_every_number_is_a_feature() {
        let (selection, _) = Selection::read(&object(json!({}))).expect("a spec");
        assert_eq!(selection.features(&object(json!({"a": 1, "b": "text", "c": null}))), object(json!({"a": 1})));
        assert_eq!(selection.metrics(), None);
    }

    #[test]
    fn a_spec_that_means_nothing_is_refused() {
        for spec in [
            json!({"metrics": "vth"}),
            json!({"metrics": []}),
            json!({"metrics": ["a", "a"]}),
            json!({"metrics": [{"name": "a"}]}),
            json!({"metrics": ["a"], "features": ["b"]}),
            json!({"metrics": [1]}),
            json!({"metrics": vec!["a"; 501]}),
            json!({"instrument_id": "x"}),
            json!({"from": "yesterday"}),
            json!({"run_status": "lost"}),
            json!({"run_status": ""}),
            json!({"include_suspect": 1}),
            json!({"method": " "}),
        ] {
            assert!(matches!(Selection::read(&object(spec.clone())), Err(Error::Invalid(_))), "{spec}");
        }
    }
}
