//! How a gate sweep is to be looked at, as callers say it.

use super::{Channel, Headline};
use crate::{Refused, fields::Fields};

/// The drain current that defines the threshold: given, or 1e-7 A times W / L where these are.
pub(super) fn criterion(inputs: &Fields<'_>, params: &Fields<'_>) -> Result<Option<f64>, Refused> {
    let shape = match (inputs.optional_positive("W")?, inputs.optional_positive("L")?) {
        (Some(width), Some(length)) => Some(width / length),
        (None, None) => None,
        (None, _) => return Err(inputs.missing("W")),
        (_, None) => return Err(inputs.missing("L")),
    };
    if let Some(given) = params.optional_positive("i_crit")? {
        return Ok(Some(given));
    }
    let Some(value) = params.value("cc_current") else { return Ok(shape.map(|shape| 1e-7 * shape)) };
    if value.is_number() {
        return params.optional_positive("cc_current");
    }
    // A text such as `1e-7*W/L A`.
    let text = params.text("cc_current")?.unwrap_or_default();
    let (number, scaled) = match text.split_once("*W/L") {
        Some((number, _)) => (number, true),
        None => (text.split_whitespace().next().unwrap_or_default(), false),
    };
    let number = number.trim().parse::<f64>().ok().filter(|number| number.is_finite() && *number > 0.0);
    let number = number
        .ok_or_else(|| Refused::at("wrong_type", params.place("cc_current"), "must be a current, or one times W/L such as `1e-7*W/L`"))?;
    if scaled { shape.map(|shape| Some(number * shape)).ok_or_else(|| inputs.missing("W")) } else { Ok(Some(number)) }
}

/// The channel, if it is named.
pub(super) fn channel(params: &Fields<'_>) -> Result<Option<Channel>, Refused> {
    match params.text("channel")?.map(str::to_ascii_lowercase).as_deref() {
        None => Ok(None),
        Some("n" | "nmos" | "n-channel") => Ok(Some(Channel::N)),
        Some("p" | "pmos" | "p-channel") => Ok(Some(Channel::P)),
        Some(_) => Err(Refused::at("unknown_option", params.place("channel"), "must be `n` or `p`")),
    }
}

/// The threshold that is asked for.
pub(super) fn headline(params: &Fields<'_>) -> Result<Headline, Refused> {
    let Some(text) = params.text("method")? else { return Ok(Headline::Auto) };
    let text = text.to_ascii_lowercase();
    let named = |words: &[&str]| words.iter().any(|word| text.contains(word));
    match () {
        () if named(&["satur", "esr", "sqrt"]) => Ok(Headline::Saturation),
        () if named(&["constant", "cc"]) => Ok(Headline::ConstantCurrent),
        () if named(&["second", "derivative"]) => Ok(Headline::SecondDerivative),
        () if named(&["elr", "linear", "extrapol"]) => Ok(Headline::Linear),
        () => Err(Refused::at(
            "unknown_option",
            params.place("method"),
            "must be extrapolation_linear_region, constant_current, second_derivative or extrapolation_saturation_region",
        )),
    }
}

/// Refuses any way to differentiate but central differences.
pub(super) fn derivative(params: &Fields<'_>) -> Result<(), Refused> {
    let text = params.text("derivative")?.unwrap_or("central").to_ascii_lowercase();
    if text.contains("central") || text.contains("gradient") {
        return Ok(());
    }
    Err(Refused::at("unknown_option", params.place("derivative"), "must be `central`"))
}

/// The currents between which the slope below threshold is fitted, if they are given.
pub(super) fn window(params: &Fields<'_>) -> Result<Option<(f64, f64)>, Refused> {
    match params.numbers("ss_window")?.as_deref() {
        None => Ok(None),
        Some([low, high]) if *low > 0.0 && high > low => Ok(Some((*low, *high))),
        Some(_) => Err(Refused::at("out_of_range", params.place("ss_window"), "must be two currents above zero, the lower first")),
    }
}
