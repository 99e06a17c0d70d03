//! Run lengths, whose designs are the names that they are expected under.

use serde_json::{Map, Value, json};
use spectra_spc::{Error, evaluate};

type Object = Map<String, Value>;

/// The design that a name such as `cusum_k.5_h5_two_FIR2.5_mu0` or `shewhart_3sigma_mu1` stands for.
fn design(name: &str) -> Option<Object> {
    let mut words = name.split('_');
    let chart = words.next()?;
    let mut design = Object::from_iter([("design".to_owned(), json!(chart))]);
    for word in words {
        let (member, value) = match word {
            "one" | "two" => ("two_sided", json!(word == "two")),
            _ if word.ends_with("sigma") => ("L", json!(word.strip_suffix("sigma")?.parse::<f64>().ok()?)),
            _ => {
                let digits = word.find(|c: char| c.is_ascii_digit() || c == '.' || c == '-')?;
                let member = match &word[..digits] {
                    "FIR" => "headstart",
                    "mu" => "shift",
                    other => ["k", "h", "L", "lambda"].into_iter().find(|known| *known == other)?,
                };
                (member, json!(format!("0{}", &word[digits..]).replace("0-", "-").parse::<f64>().ok()?))
            }
        };
        design.insert(member.to_owned(), value);
    }
    Some(design)
}

pub(crate) fn answer(inputs: &Object, params: &Object, expected: &Value) -> Result<Object, Error> {
    let mut said = evaluate("arl", inputs, params)?;
    for name in expected.as_object().expect("a vector").keys() {
        if let Some(design) = design(name) {
            said.insert(name.clone(), evaluate("arl", inputs, &design)?["arl"].clone());
        }
    }
    Ok(said)
}
