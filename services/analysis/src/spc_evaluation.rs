//! Evaluation of statistical process control, without a series: nothing is stored.

use prost::Message;
use prost_types::Struct;
use serde_json::{Map, Value};
use spectra_mesh::{Error, Object, Reply, checked, permit};
use spectra_proto::analysis::{self as pb, spc_evaluation_service_server::SpcEvaluationService};
use tonic::{Request, Response};

use crate::App;

/// How many bytes an answer may have: clients take 4 MiB where they do not say otherwise.
const LARGEST: usize = 3 << 20;
/// The version of the definitions, raised when an answer of one of them changes.
const VERSION: &str = "1";

#[tonic::async_trait]
impl SpcEvaluationService for App {
    async fn evaluate_spc(&self, request: Request<pb::EvaluateSpcRequest>) -> Reply<pb::SpcEvaluation> {
        let org = permit(&request)?.caller().org;
        let asked = checked(request)?;
        let chart = chart(&asked)?.replace('-', "_");
        let (mut inputs, params) = (members(asked.inputs)?, members(asked.params)?);
        put_points(&mut inputs, asked.points)?;
        let kind = chart.clone();
        // Long series and run lengths keep a thread busy, which others wait for.
        let worked = self.computer.compute(org, move || {
            let outputs = spectra_spc::evaluate(&kind, &inputs, &params).map_err(refused)?;
            serde_json::from_value::<Object>(outputs.into()).map_err(Error::broken)
        });
        let outputs: Struct = worked.await??.into();
        if outputs.encoded_len() > LARGEST {
            return Err(Error::invalid("points", "must be fewer points, as the answer would be larger than 3 MiB").into());
        }
        Ok(Response::new(pb::SpcEvaluation { chart, version: VERSION.to_owned(), outputs: Some(outputs) }))
    }
}

/// What is to be evaluated, by whichever name it was asked for.
fn chart(asked: &pb::EvaluateSpcRequest) -> Result<&str, Error> {
    let mut named = [&asked.chart, &asked.chart_type, &asked.kind].into_iter().flatten();
    let chart = named.next().ok_or_else(|| Error::invalid("chart", "must be given"))?;
    if named.any(|other| other != chart) {
        return Err(Error::invalid("chart", "must be said once, or alike"));
    }
    Ok(chart)
}

/// The members of an object.
fn members(object: Option<Struct>) -> Result<Map<String, Value>, Error> {
    match serde_json::to_value(Object(object.unwrap_or_default())).map_err(Error::broken)? {
        Value::Object(members) => Ok(members),
        _ => Err(Error::broken("an object is no object")),
    }
}

/// Puts the points among the inputs, as `x`.
fn put_points(inputs: &mut Map<String, Value>, points: Vec<f64>) -> Result<(), Error> {
    if points.is_empty() {
        return Ok(());
    }
    if inputs.contains_key("x") {
        return Err(Error::invalid("points", "must be left out beside `x` of the inputs"));
    }
    let infinite = |point: f64| if point > 0.0 { "Infinity" } else { "-Infinity" };
    let value = |point: f64| if point.is_infinite() { Value::from(infinite(point)) } else { Value::from(point) };
    inputs.insert("x".to_owned(), points.into_iter().map(value).collect());
    Ok(())
}

/// What the engine refuses, with its code and the place in the text.
pub(crate) fn refused(error: spectra_spc::Error) -> Error {
    let at = error.index.map(|index| format!(" at {index}")).unwrap_or_default();
    Error::invalid(error.field, format!("{} ({}{at})", error.demand, error.code.label()))
}
