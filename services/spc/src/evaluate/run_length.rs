//! Average run lengths, and the constants of charts.

use serde_json::json;

use super::{Object, members, object, read::Call};
use crate::{
    Error,
    arl::{CusumDesign, cusum, ewma, shewhart},
    constants::{Constants, LARGEST},
};

/// The run length of a design; without one, those of the designs that textbooks compare.
pub(super) fn arl(call: &Call<'_>) -> Result<Object, Error> {
    let shift = call.any_number(&["shift", "mu", "delta"])?.unwrap_or(0.0);
    let length = match call.word("design")?.or(call.word("chart")?) {
        None => return textbook(),
        Some("shewhart") => shewhart(call.width()?, shift)?,
        Some("ewma") => ewma(call.any_number(&["lambda", "lam"])?.unwrap_or(0.2), call.any_number(&["L", "k"])?.unwrap_or(3.0), shift)?,
        Some("cusum") => {
            let two_sided = call.flag("two_sided")?.unwrap_or(call.word("sides")? != Some("one"));
            let (k, h) = (call.number("k")?.unwrap_or(0.5), call.number("h")?.unwrap_or(5.0));
            cusum(CusumDesign { k, h, headstart: call.number("headstart")?.unwrap_or(0.0), two_sided }, shift)?
        }
        Some(_) => return Err(Error::parameter("design", "must be shewhart, cusum or ewma")),
    };
    Ok(object(json!({"arl": length})))
}

fn textbook() -> Result<Object, Error> {
    let design = |h, two_sided, headstart| CusumDesign { k: 0.5, h, headstart, two_sided };
    Ok(object(json!({
        "cusum_k.5_h5_one_mu0": cusum(design(5.0, false, 0.0), 0.0)?,
        "cusum_k.5_h5_two_mu0": cusum(design(5.0, true, 0.0), 0.0)?,
        "cusum_k.5_h5_two_mu1": cusum(design(5.0, true, 0.0), 1.0)?,
        "cusum_k.5_h4_two_mu0": cusum(design(4.0, true, 0.0), 0.0)?,
        "cusum_k.5_h4_two_mu1": cusum(design(4.0, true, 0.0), 1.0)?,
        "cusum_k.5_h5_two_FIR2.5_mu0": cusum(design(5.0, true, 2.5), 0.0)?,
        "shewhart_3sigma_mu0": shewhart(3.0, 0.0)?,
        "shewhart_3sigma_mu1": shewhart(3.0, 1.0)?,
    })))
}

/// The constants of each subgroup size asked for, by the size.
pub(super) fn constants(call: &Call<'_>) -> Result<Object, Error> {
    let sizes = call.series("n")?;
    let mut by_size = Object::new();
    for (place, size) in sizes.iter().enumerate() {
        let demand = || Error::input("n", format!("must hold whole numbers from 2 to {LARGEST}")).at(place);
        let name = format!("{size}");
        let constants = name.parse().ok().and_then(Constants::of).ok_or_else(demand)?;
        by_size.insert(name, members(&constants)?.into());
    }
    Ok(by_size)
}
