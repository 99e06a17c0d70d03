//! What each chart says of a point fed online.

use std::sync::Arc;

use spectra_spc::{ChartType, Judged, Limits, Multivariate, Observation, Online, Part, Plan, Ruleset, Settings};

fn online(chart: ChartType, limits: Limits, settings: Settings) -> Online {
    let rules = Ruleset::latest("western_electric").expect("a ruleset");
    Online::new(Arc::new(Plan::new(chart, limits, rules, settings).expect("a plan")))
}

fn fed(series: &mut Online, observation: Observation<'_>) -> Judged {
    series.push(observation).expect("an observation")
}

/// The ids of the rules that signal.
fn ids(series: &Online, judged: &Judged) -> Vec<String> {
    series.plan().rules().signalling(judged.signals).map(|rule| rule.id.clone()).collect()
}

#[test]
fn given_limits_are_the_ones_that_count() {
    let limits = Limits::given(Some(0.45), Some(0.55), None, None).unwrap();
    assert!((limits.centre() - 0.5).abs() < 1e-15 && (limits.sigma() - 0.1 / 6.0).abs() < 1e-15);
    let mut series = online(ChartType::IMr, limits, Settings::default());
    for (value, signals) in [(0.55, false), (0.45, false), (0.550_001, true), (0.449_999, true)] {
        series.reset();
        assert_eq!(ids(&series.clone(), &fed(&mut series, Observation::Value(value))).contains(&"we1".to_owned()), signals, "{value}");
    }
    for (lcl, ucl, centre, sigma) in [(None, None, Some(1.0), None), (Some(2.0), Some(1.0), None, None), (Some(1.0), None, Some(2.0), None)]
    {
        assert!(Limits::given(lcl, ucl, centre, sigma).is_err(), "{lcl:?} {ucl:?} {centre:?} {sigma:?}");
    }
    assert!(Limits::given(Some(f64::NAN), Some(1.0), None, None).is_err());
    assert!(Limits::given(Some(-1e308), Some(1e308), None, None).is_ok());
}

#[test]
fn an_average_signals_beyond_its_limits_wherever_they_are() {
    let narrow = Settings { width: 1.0, lambda: 0.5, ..Settings::default() };
    let mut series = online(ChartType::Ewma, Limits::process(10.0, 1.0), narrow);
    let judged = fed(&mut series, Observation::Value(11.5));
    assert_eq!((judged.statistic, judged.beyond), (Some(10.75), true));
    assert_eq!(ids(&series, &judged), ["beyond_limits"]);
    let calm = fed(&mut series, Observation::Value(9.0));
    assert!(calm.signals.is_empty() && !calm.beyond);
    let missing = fed(&mut series, Observation::Missing);
    assert_eq!((missing.statistic, missing.ucl), (None, calm.ucl), "the average is carried on");
}

#[test]
fn sums_signal_on_their_side_and_tell_since_when() {
    let settings = Settings { headstart: 2.5, ..Settings::default() };
    let mut series = online(ChartType::Cusum, Limits::process(0.0, 1.0), settings);
    let first = fed(&mut series, Observation::Value(2.0));
    assert_eq!((first.statistic, first.ucl), (Some(4.0), Some(5.0)));
    let second = fed(&mut series, Observation::Value(2.0));
    assert_eq!(ids(&series, &second), ["cusum_up"]);
    assert_eq!(second.cusum.map(|sums| (sums.ups, sums.downs)), Some((2, 0)));
}

#[test]
fn subgroups_have_lines_by_their_size_and_a_chart_of_their_spread() {
    let mut series = online(ChartType::XbarR, Limits::process(10.0, 2.0), Settings::default());
    let judged = fed(&mut series, Observation::Subgroup { mean: 10.5, spread: 9.9, size: 4 });
    assert_eq!((judged.sigma, judged.ucl), (Some(1.0), Some(13.0)));
    let spread = judged.spread.unwrap();
    assert!((spread.centre - 2.0 * 2.058_750_746_007_928).abs() < 1e-9 && spread.beyond, "{spread:?}");
    assert_eq!(fed(&mut series, Observation::Subgroup { mean: 10.5, spread: 1.0, size: 0 }).statistic, None);
    assert!(series.push(Observation::Subgroup { mean: 10.5, spread: -1.0, size: 4 }).is_err());
    assert!(series.push(Observation::Count { count: 1.0, size: 4.0 }).is_err());
}

#[test]
fn counts_are_held_against_what_they_are_counted_among() {
    let mut series = online(ChartType::P, Limits::process(0.1, 0.0), Settings::default());
    let judged = fed(&mut series, Observation::Count { count: 9.0, size: 100.0 });
    assert_eq!(judged.statistic, Some(0.09));
    assert!(judged.lcl.zip(judged.ucl).is_some_and(|(low, high)| (low - 0.01).abs() < 1e-15 && (high - 0.19).abs() < 1e-15));
    assert!(series.push(Observation::Count { count: 11.0, size: 10.0 }).is_err(), "more than there are");
    assert!(series.push(Observation::Count { count: -1.0, size: 10.0 }).is_err());
    assert_eq!(fed(&mut series, Observation::Count { count: 0.0, size: 0.0 }).statistic, None);
}

#[test]
fn vectors_and_parts_are_judged_by_what_is_known_of_them() {
    let variables = Some(Multivariate { mean: vec![0.0, 0.0], covariance: vec![vec![1.0, 0.0], vec![0.0, 4.0]], size: 1 });
    let settings = Settings { variables, ..Settings::default() };
    let mut series = online(ChartType::T2, Limits::upper(4.0), settings.clone());
    assert_eq!(fed(&mut series, Observation::Vector(&[1.0, 2.0])).statistic, Some(2.0));
    let far = fed(&mut series, Observation::Vector(&[2.0, 2.0]));
    assert_eq!(ids(&series, &far), ["beyond_limits"]);
    assert_eq!(fed(&mut series, Observation::Vector(&[2.0, f64::NAN])).statistic, None);
    assert!(series.push(Observation::Vector(&[1.0])).is_err() && series.push(Observation::Vector(&[1.0, f64::INFINITY])).is_err());
    let rules = || Ruleset::latest("nelson").expect("a ruleset");
    assert!(Plan::new(ChartType::T2, Limits::process(0.0, 1.0), rules(), settings).is_err(), "no upper limit");
    assert!(Plan::new(ChartType::Mewma, Limits::upper(4.0), rules(), Settings::default()).is_err(), "no variables");

    let parts = [("A".to_owned(), Part { mean: 50.0, sigma: 0.5 })].into();
    let mut series = online(ChartType::ZMr, Limits::process(0.0, 1.0), Settings { parts, ..Settings::default() });
    assert_eq!(fed(&mut series, Observation::Part { part: "A", value: 51.0 }).statistic, Some(2.0));
    assert!(series.push(Observation::Part { part: "B", value: 51.0 }).is_err());
}

#[test]
fn what_is_refused_leaves_the_series_as_it_was() {
    let mut series = online(ChartType::IMr, Limits::process(0.0, 1.0), Settings::default());
    fed(&mut series, Observation::Value(1.0));
    let before = serde_json::to_string(series.state()).unwrap();
    for wrong in [Observation::Value(f64::INFINITY), Observation::Vector(&[1.0]), Observation::Part { part: "A", value: 1.0 }] {
        assert!(series.push(wrong).is_err());
        assert_eq!(serde_json::to_string(series.state()).unwrap(), before);
    }
    let other = online(ChartType::Ewma, Limits::process(0.0, 1.0), Settings::default());
    assert!(Online::resume(Arc::new(series.plan().clone()), other.state().clone()).is_err(), "the state of another chart");
}
