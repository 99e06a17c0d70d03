//! Requests and answers as JSON: a chart's name, its inputs and parameters in, what it comes to out.
//!
//! A missing number is null. An index counts from zero. Numbers may stand among the inputs or the parameters.

use serde_json::{Map, Value, json};

use crate::{ChartType, Code, Error};

mod attributes;
mod capability;
mod gauge;
mod multivariate;
mod read;
mod rules;
mod run_length;
mod stages;
mod subgroups;
mod variables;

use read::Call;

/// An object of JSON.
type Object = Map<String, Value>;

/// What is of all values at once.
const STAGELESS: &[&str] = &["capability", "grr_crossed_anova", "grr_crossed_xr", "grr_xbar_r", "grr_nested_anova", "arl", "constants"];

/// What inputs and parameters of a chart, or of another computation, come to.
///
/// Of charts: `i_mr`, `xbar` (also `xbar_r`, `xbar_s`), `p`, `np`, `c`, `u`, `laney_p`, `laney_u`, `ewma`, `cusum`, `t2`, `mewma`,
/// `z_mr`. Besides: `rules`, `capability`, `grr_crossed_anova`, `grr_crossed_xr`, `grr_nested_anova`, `arl`, `constants`. A `-`
/// stands for `_` as well.
pub fn evaluate(kind: &str, inputs: &Object, params: &Object) -> Result<Object, Error> {
    let call = Call { inputs, params };
    let kind = kind.replace('-', "_");
    if call.value("stage").is_some() {
        return match kind.as_str() {
            "rules" => stages::each(&call, rules::rules),
            kind if STAGELESS.contains(&kind) => Err(Error::input("stage", "must be left out: only charts and rules have stages")),
            kind => stages::each(&call, |call| chart(kind, call)),
        };
    }
    let answer = match kind.as_str() {
        "rules" => rules::rules(&call),
        "capability" => capability::capability(&call),
        "grr_crossed_anova" => gauge::crossed(&call),
        "grr_crossed_xr" | "grr_xbar_r" => gauge::average_range(&call),
        "grr_nested_anova" => gauge::nested(&call),
        "arl" => run_length::arl(&call),
        "constants" => run_length::constants(&call),
        _ => chart(&kind, &call),
    }?;
    checked(answer)
}

/// What a chart comes to.
fn chart(kind: &str, call: &Call<'_>) -> Result<Object, Error> {
    if matches!(kind, "xbar") {
        return subgroups::xbar(call, ChartType::XbarS, "pooled");
    }
    match ChartType::of(kind).ok_or_else(|| Error::new(Code::UnknownChart, "chart", "must be the name of a chart"))? {
        ChartType::IMr => variables::individuals(call),
        ChartType::XbarR => subgroups::xbar(call, ChartType::XbarR, "rbar"),
        ChartType::XbarS => subgroups::xbar(call, ChartType::XbarS, "sbar"),
        ChartType::Ewma => variables::ewma(call),
        ChartType::Cusum => variables::cusum(call),
        ChartType::ZMr => variables::short_run(call),
        ChartType::T2 => multivariate::t2(call),
        ChartType::Mewma => multivariate::mewma(call),
        chart => attributes::counts(call, chart),
    }
}

/// An answer made of its members.
fn object(value: Value) -> Object {
    match value {
        Value::Object(members) => members,
        other => Object::from_iter([("value".to_owned(), other)]),
    }
}

/// What serializes to an object, as one.
fn members(value: &impl serde::Serialize) -> Result<Object, Error> {
    serde_json::to_value(value).map(object).map_err(|_| Error::non_finite("inputs"))
}

/// The answer, unless numbers of it grew beyond what numbers hold where there must be one.
fn checked(answer: Object) -> Result<Object, Error> {
    for name in ["centre", "sigma"] {
        if answer.get(name).is_some_and(Value::is_null) && !answer.contains_key("status") {
            return Err(Error::non_finite("inputs"));
        }
    }
    Ok(answer)
}

/// The answer about a process that cannot be judged yet.
fn insufficient(centre: f64) -> Object {
    object(json!({"centre": centre, "sigma": null, "limits": null, "violations": [], "status": "insufficient_data"}))
}

/// One number where all that are there are the same and none is missing, else one for each point.
fn folded(values: &[Option<f64>], fold: bool) -> Value {
    match values.first() {
        Some(Some(first)) if fold => json!(first),
        _ => json!(values),
    }
}
