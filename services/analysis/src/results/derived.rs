//! Results that are computed from others: what is read of the one, and how the other is kept.

use serde_json::{Map, Value};
use spectra_mesh::{Error, Object, OrgTx};
use spectra_proto::analysis as pb;
use uuid::Uuid;

use super::{
    Origin, Outcome, Recorded, rules,
    store::{columns, insert},
};

/// What a result holds for an analysis.
#[derive(Debug)]
pub(crate) struct Input {
    /// The run that brought it out.
    pub(crate) run_id: Uuid,
    /// Its data, and those of its uploaded arrays that were asked for by name, which come before data of the same name; null is a value that is missing.
    pub(crate) values: Map<String, Value>,
    /// Its metrics.
    pub(crate) metrics: Map<String, Value>,
}

/// A result to be kept that was computed.
#[derive(Debug)]
pub(crate) struct Derived {
    /// The run whose measurement it was computed from.
    pub(crate) run_id: Uuid,
    /// The result that it was computed from, if it was one.
    pub(crate) from: Option<Uuid>,
    /// The kind of result, of 1 to 100 characters.
    pub(crate) result_type: String,
    /// What was found, in numbers by name; null where a number is missing.
    pub(crate) metrics: Object,
    /// The rest of it.
    pub(crate) data: Object,
}

impl Input {
    /// What the result of this id holds, with its arrays of these names. Refused with `NOT_FOUND` without it.
    pub(crate) async fn read(tx: &mut OrgTx, result_id: Uuid, names: Vec<String>) -> Result<Self, Error> {
        let found = Outcome::find(tx, result_id).await?;
        let mut values = members(&found.data)?;
        let arrays = columns(tx, result_id, Some(names)).await?;
        for (name, numbers) in arrays.names.into_iter().zip(arrays.columns) {
            // JSON has no word for NaN: what is missing becomes null.
            values.insert(name, numbers.into());
        }
        Ok(Self { run_id: found.run_id, values, metrics: members(&found.metrics)? })
    }
}

impl Derived {
    /// Keeps the result on its run, in the transaction that it was computed for. Refused with `NOT_FOUND` without the run, and with
    /// `RUN_STATE` when that has measured nothing.
    pub(crate) async fn keep(self, tx: &mut OrgTx) -> Result<Recorded, Error> {
        let origin = Origin::hold(tx, self.run_id).await?;
        rules::metrics("outputs", Some(&self.metrics.0))?;
        let said = pb::Result {
            result_type: self.result_type,
            metrics: Some(self.metrics.into()),
            data: Some(self.data.into()),
            derived_from: self.from.map(|id| id.to_string()),
            ..pb::Result::default()
        };
        insert(tx, origin.measured()?, &said).await
    }
}

/// The members of free JSON.
fn members(object: &Object) -> Result<Map<String, Value>, Error> {
    match serde_json::to_value(object).map_err(Error::broken)? {
        Value::Object(members) => Ok(members),
        _ => Ok(Map::new()),
    }
}
