//! Whatever is sent, an answer or an error comes back.

use arbtest::{arbitrary::Unstructured, arbtest};
use serde_json::{Map, Value, json};
use spectra_spc::evaluate;

type Drawn<T> = arbtest::arbitrary::Result<T>;

const KINDS: &[&str] = &[
    "i_mr",
    "xbar",
    "xbar_r",
    "xbar_s",
    "p",
    "np",
    "c",
    "u",
    "laney_p",
    "laney_u",
    "ewma",
    "cusum",
    "t2",
    "mewma",
    "z_mr",
    "rules",
    "capability",
    "grr_crossed_anova",
    "grr_crossed_xr",
    "grr_nested_anova",
    "arl",
    "constants",
    "nothing",
];

const INPUTS: &[&str] = &[
    "x",
    "d",
    "n",
    "X",
    "subgroups",
    "part",
    "targets",
    "stage",
    "phase1",
    "excluded",
    "lsl",
    "usl",
    "target",
    "centre",
    "sigma",
    "rows",
    "Y_operator_part_trial",
    "measurements",
    "lcl",
    "ucl",
    "mean",
    "cov",
    "xbar",
    "R",
    "S",
    "invalid",
];

const PARAMS: &[&str] = &[
    "k",
    "L",
    "K",
    "H",
    "h",
    "lambda",
    "sigma",
    "span",
    "alpha",
    "level",
    "headstart",
    "df_within",
    "ruleset",
    "rulesets",
    "rules",
    "partial",
    "limits",
    "distribution",
    "transform",
    "cov",
    "design",
    "shift",
    "options",
    "alpha_to_pool",
    "tolerance",
    "fir",
];

fn number(u: &mut Unstructured<'_>) -> Drawn<Value> {
    Ok(match u.int_in_range(0..=11)? {
        0 => Value::Null,
        1 => json!(1e308),
        2 => json!(-1e308),
        3 => json!("Infinity"),
        4 => json!(5e-324),
        5 => json!(0),
        6 => json!(u.arbitrary::<f64>()?),
        7 => json!(u.int_in_range(-3..=3)?),
        _ => json!(f64::from(u.int_in_range(0..=40)?) / 4.0),
    })
}

fn value(u: &mut Unstructured<'_>, depth: usize) -> Drawn<Value> {
    const WORDS: &[&str] = &[
        "nelson",
        "custom",
        "aiag",
        "rbar",
        "sbar",
        "pooled_c4",
        "median_mr",
        "sd",
        "sqrt_mssd",
        "mvlue_r",
        "lognormal",
        "weibull",
        "gamma",
        "box_cox",
        "cusum",
        "ewma",
        "steady_state",
        "successive_differences",
        "n1",
        "we2",
        "A",
        "",
    ];
    Ok(match u.int_in_range(0..=9)? {
        0..=2 => number(u)?,
        3 => json!(*u.choose(WORDS)?),
        4 => json!(u.arbitrary::<bool>()?),
        5 if depth > 0 => json!({"A": {"mean": number(u)?, "sigma": number(u)?}, "name": "custom", "rules": [value(u, depth - 1)?]}),
        _ if depth == 0 => number(u)?,
        _ => {
            let (count, nested) = (u.int_in_range(0..=7)?, u.ratio(1, 3)?);
            (0..count).map(|_| if nested { value(u, depth - 1) } else { number(u) }).collect::<Drawn<_>>()?
        }
    })
}

/// A list, or a table, of the form that most inputs have.
fn plausible(u: &mut Unstructured<'_>, name: &str) -> Drawn<Value> {
    let count = u.int_in_range(0..=12)?;
    match name {
        "X" | "subgroups" => {
            let width = u.int_in_range(1..=3)?;
            (0..count).map(|_| (0..width).map(|_| number(u)).collect::<Drawn<Value>>()).collect()
        }
        "part" => (0..count).map(|_| Ok(json!(*u.choose(&["A", "B"])?))).collect(),
        "x" | "d" | "n" => (0..count).map(|_| number(u)).collect(),
        _ => value(u, 3),
    }
}

#[test]
fn nothing_that_is_sent_makes_it_panic() {
    arbtest(|u| {
        let kind = *u.choose(KINDS)?;
        let (mut inputs, mut params) = (Map::new(), Map::new());
        for name in INPUTS {
            if u.ratio(1, 3)? || ["x", "d", "n", "X", "subgroups"].contains(name) && u.ratio(3, 4)? {
                inputs.insert((*name).to_owned(), plausible(u, name)?);
            }
        }
        for name in PARAMS {
            if u.ratio(1, 5)? {
                params.insert((*name).to_owned(), value(u, 2)?);
            }
        }
        if let Err(error) = evaluate(kind, &inputs, &params) {
            assert!(!error.field.is_empty() && !error.demand.is_empty() && !error.to_string().is_empty());
        }
        Ok(())
    })
    .budget_ms(2_000);
}

#[test]
fn an_error_names_what_is_wrong() {
    let said = |kind: &str, inputs: Value, params: Value| {
        let error = evaluate(kind, inputs.as_object().unwrap(), params.as_object().unwrap()).unwrap_err();
        (error.code.label(), error.field, error.index)
    };
    let named = |code, field: &str, index| (code, field.to_owned(), index);
    assert_eq!(said("i-mr", json!({"x": [1, "Infinity"]}), json!({})), named("non_finite_value", "x", Some(1)));
    assert_eq!(said("i-mr", json!({"x": [1e308, -1e308]}), json!({})), named("non_finite_value", "x", None));
    assert_eq!(said("i-mr", json!({"x": []}), json!({})), named("insufficient_data", "x", None));
    assert_eq!(said("i-mr", json!({}), json!({})), named("invalid_input", "x", None));
    assert_eq!(said("i-mr", json!({"x": [1, 2], "phase1": [2]}), json!({})), named("invalid_input", "phase1", None));
    assert_eq!(said("p", json!({"d": [1, 2], "n": [3]}), json!({})), named("length_mismatch", "n", None));
    assert_eq!(said("p", json!({"d": [1, 5], "n": [10, 4]}), json!({})), named("invalid_input", "d", Some(1)));
    assert_eq!(said("i-mr", json!({"x": [1, 2]}), json!({"ruleset": "neslon"})).0, "invalid_ruleset");
    assert_eq!(said("capability", json!({"x": [1, 2], "lsl": 2, "usl": 2}), json!({})), named("invalid_spec_limits", "lsl", None));
    assert_eq!(said("t2", json!({"X": [[1, 1], [2, 2], [3, 3], [4, 4]]}), json!({})).0, "singular_covariance");
    assert_eq!(said("pie", json!({}), json!({})), named("unknown_chart", "chart", None));
}

#[test]
fn an_answer_holds_no_infinite_number_in_the_place_of_a_limit() {
    let answer = evaluate("ewma", json!({"x": [1e307, 1e307]}).as_object().unwrap(), &Map::new()).unwrap();
    assert_eq!(answer["sigma"], json!(0.0));
    assert!(evaluate("i_mr", json!({"x": [1e307, -1e307, 1e307]}).as_object().unwrap(), &Map::new()).is_ok());
}

#[test]
fn limits_are_given_by_either_name_or_together() {
    let centre = |inputs: Value, params: Value| {
        let answer = evaluate("i_mr", inputs.as_object().unwrap(), params.as_object().unwrap()).unwrap();
        (answer["centre"].as_f64(), answer["limits"]["ucl"].as_f64(), answer["violations"].clone())
    };
    let x = json!([1, 2, 9, 2]);
    let signal = json!([{"rule": "WE1", "index": 2}]);
    let expected = (Some(2.0), Some(4.0), signal);
    assert_eq!(centre(json!({"x": x}), json!({"lcl": 0, "ucl": 4})), expected);
    assert_eq!(centre(json!({"x": x}), json!({"ctrl_lcl": 0, "ctrl_ucl": 4})), expected);
    assert_eq!(centre(json!({"x": x}), json!({"limits": {"lcl": 0, "ucl": 4}})), expected);
    assert_eq!(centre(json!({"x": x}), json!({"estimator": "median_mr"})).0, Some(3.5));
    let staged = evaluate("i_mr", json!({"x": x, "stages": ["a", "a", "b", "b"]}).as_object().unwrap(), &Map::new()).unwrap();
    assert_eq!(staged["stages"].as_array().map(Vec::len), Some(2));
}
