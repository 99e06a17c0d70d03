//! What a chart takes of the metrics of a result.

use prost_types::{Struct, value::Kind};
use spectra_proto::analysis::{SpcChartType, SpcPoint};

/// A metric that is a number; what is infinite is none.
pub(super) fn number(metrics: &Struct, name: &str) -> Option<f64> {
    match metrics.fields.get(name)?.kind {
        Some(Kind::NumberValue(number)) => Some(number).filter(|number| number.is_finite()),
        _ => None,
    }
}

/// The point that a metric is on a chart, or why it is none; nothing without the metric. `part` is what was measured, where parts are told apart.
pub(super) fn point(chart: SpcChartType, metric: &str, part: &str, metrics: &Struct) -> Option<Result<SpcPoint, String>> {
    use SpcChartType as Chart;
    let value = number(metrics, metric)?;
    let point = SpcPoint { value: Some(value), ..SpcPoint::default() };
    let counts = matches!(chart, Chart::P | Chart::Np | Chart::C | Chart::U | Chart::LaneyP | Chart::LaneyU);
    if counts && (value < 0.0 || value.fract() != 0.0) {
        return Some(Err(format!("{metric} of {value:?} is no count; a count is a whole number of 0 or more")));
    }
    Some(match chart {
        Chart::ZMr => Ok(SpcPoint { part: Some(part.to_owned()), ..point }),
        _ if counts && chart != Chart::C => match size(metrics, metric) {
            Some(n) => Ok(SpcPoint { n: Some(n), ..point }),
            None => {
                Err(format!("how many items {metric} was counted among is not told; {metric}_n, or else n, is a whole number from 1 on"))
            }
        },
        _ => Ok(point),
    })
}

/// Among how many items something was counted.
fn size(metrics: &Struct, metric: &str) -> Option<i32> {
    let size = number(metrics, &format!("{metric}_n")).or_else(|| number(metrics, "n"))?;
    let is_count = size.fract() == 0.0 && (1.0..=f64::from(i32::MAX)).contains(&size);
    #[expect(clippy::cast_possible_truncation, reason = "whole, and within the bounds of i32")]
    is_count.then_some(size as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics(numbers: &[(&str, f64)]) -> Struct {
        let fields = numbers.iter().map(|(name, number)| ((*name).to_owned(), prost_types::Value::from(*number)));
        Struct { fields: fields.collect() }
    }

    #[test]
    fn a_count_is_whole_and_told_with_its_size() {
        let read = |chart, numbers: &[(&str, f64)]| point(chart, "flaws", "p", &metrics(numbers));
        let taken = |chart, numbers: &[(&str, f64)]| read(chart, numbers).and_then(Result::ok).map(|point| (point.value, point.n));
        assert_eq!(taken(SpcChartType::C, &[("flaws", 3.0), ("n", 9.0)]), Some((Some(3.0), None)));
        for chart in [SpcChartType::P, SpcChartType::Np, SpcChartType::U, SpcChartType::LaneyP, SpcChartType::LaneyU] {
            assert_eq!(taken(chart, &[("flaws", 0.0), ("n", 9.0)]), Some((Some(0.0), Some(9))));
            assert_eq!(taken(chart, &[("flaws", 3.0), ("n", 9.0), ("flaws_n", 50.0)]), Some((Some(3.0), Some(50))));
            for n in [0.0, 1.5, -2.0, 1e308, f64::NAN, f64::INFINITY] {
                assert!(read(chart, &[("flaws", 3.0), ("n", n)]).is_some_and(|read| read.is_err()), "{n}");
            }
            assert!(read(chart, &[("flaws", 3.0)]).is_some_and(|read| read.is_err()));
        }
        for value in [-1.0, 0.5, 1e-308] {
            assert!(read(SpcChartType::C, &[("flaws", value)]).is_some_and(|read| read.is_err()), "{value}");
        }
        for numbers in [&[][..], &[("n", 9.0)], &[("flaws", f64::NAN)], &[("flaws", f64::INFINITY)]] {
            assert_eq!(read(SpcChartType::C, numbers), None, "{numbers:?}");
        }
    }

    #[test]
    fn single_values_are_taken_as_they_are() {
        let numbers = metrics(&[("vth", -0.5), ("n", 3.0)]);
        for chart in [SpcChartType::IMr, SpcChartType::XbarR, SpcChartType::XbarS, SpcChartType::Ewma, SpcChartType::Cusum] {
            let expected = SpcPoint { value: Some(-0.5), ..SpcPoint::default() };
            assert_eq!(point(chart, "vth", "p", &numbers), Some(Ok(expected)));
        }
        let expected = SpcPoint { value: Some(-0.5), part: Some("p".to_owned()), ..SpcPoint::default() };
        assert_eq!(point(SpcChartType::ZMr, "vth", "p", &numbers), Some(Ok(expected)));
    }
}
