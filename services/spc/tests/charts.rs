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
    assert!(Online::resume(Arc::clone(series.plan()), other.state().clone()).is_err(), "the state of another chart");
}

/// Of 4 values and sigma 2: d2 = 2.0588 and d3 = 0.8798, so that ranges are held against (2.0588 + 3 * 0.8798) * 2 = 9.396.
#[test]
fn a_spread_beyond_its_limit_signals_a_rule_of_its_own() {
    let judging = Settings { judge_spread: true, ..Settings::default() };
    let mut series = online(ChartType::XbarR, Limits::process(10.0, 2.0), judging.clone());
    let quiet = fed(&mut series, Observation::Subgroup { mean: 10.5, spread: 9.3, size: 4 });
    let loud = fed(&mut series, Observation::Subgroup { mean: 10.5, spread: 9.4, size: 4 });
    assert_eq!((ids(&series, &quiet), ids(&series, &loud)), (vec![], vec!["r1".to_owned()]));
    let rule = series.plan().rules().rules().last().unwrap().clone();
    assert!(series.plan().is_of_spread(&rule) && rule.severity() == spectra_spc::Severity::Critical);
    let mut silent = online(ChartType::XbarR, Limits::process(10.0, 2.0), Settings::default());
    assert!(fed(&mut silent, Observation::Subgroup { mean: 10.5, spread: 9.4, size: 4 }).signals.is_empty());

    // Moving ranges of sigma 1 are held against 1.1284 + 3 * 0.8525 = 3.686.
    let mut ranges = online(ChartType::IMr, Limits::process(0.0, 1.0), judging.clone());
    assert!(fed(&mut ranges, Observation::Value(-2.0)).signals.is_empty(), "one value has no moving range");
    let judged = fed(&mut ranges, Observation::Value(1.7));
    assert_eq!(ids(&ranges, &judged), ["mr1"]);

    // Without a sigma, nothing is off.
    let mut same = online(ChartType::XbarS, Limits::process(0.0, 0.0), judging.clone());
    let judged = fed(&mut same, Observation::Subgroup { mean: 0.0, spread: 1.0, size: 4 });
    assert!(!ids(&same, &judged).contains(&"s1".to_owned()));

    for own in [r#"[{"id":"r1","pattern":"trend","points":3}]"#.to_owned(), own_rules(32)] {
        let own: Ruleset = serde_json::from_str(&format!(r#"{{"name":"custom","rules":{own}}}"#)).unwrap();
        assert!(Plan::new(ChartType::XbarR, Limits::process(0.0, 1.0), own.clone(), judging.clone()).is_err());
        assert!(Plan::new(ChartType::XbarR, Limits::process(0.0, 1.0), own, Settings::default()).is_ok());
    }
}

/// So many rules of one's own, as JSON.
fn own_rules(count: usize) -> String {
    let rules: Vec<_> = (0..count).map(|nth| format!(r#"{{"id":"own{nth}","pattern":"trend","points":3}}"#)).collect();
    format!("[{}]", rules.join(","))
}

#[test]
fn lines_are_told_where_they_are_the_same_at_every_point() {
    let plan = |chart, limits| Plan::new(chart, limits, Ruleset::latest("nelson").unwrap(), Settings::default()).unwrap().of_subgroups(4);
    let ends = |plan: &Plan| plan.lines().map(|lines| (lines.centre, lines.lcl, lines.ucl));
    let process = Limits::process(0.25, 0.5);
    assert_eq!(ends(&plan(ChartType::XbarR, process)), Some((0.25, Some(-0.5), Some(1.0))));
    // Where averages end up, lambda / (2 - lambda) = 1/9: 3 * 0.25 / 3 off the centre.
    let averages = plan(ChartType::Ewma, process).lines().unwrap();
    assert!((averages.ucl.unwrap() - 0.5).abs() < 1e-12 && averages.lcl.unwrap().abs() < 1e-12, "{averages:?}");
    assert_eq!(ends(&plan(ChartType::Cusum, process)), Some((0.0, None, Some(2.5))));
    assert_eq!(ends(&plan(ChartType::P, process)), None);
    assert_eq!(plan(ChartType::P, process).lines_of_count(0.0), None);
    let counted = plan(ChartType::Np, process).lines_of_count(16.0).unwrap();
    assert_eq!((counted.centre, counted.sigma, counted.lcl), (4.0, 3.0_f64.sqrt(), Some(0.0)));
    // Given limits are those of whole subgroups, whatever is missing of one: their values have a sigma of 1.
    let given = plan(ChartType::XbarR, Limits::given(Some(-1.5), Some(1.5), None, None).unwrap());
    let whole = given.spread_lines().unwrap();
    assert!((whole.centre - 2.058_750_746).abs() < 1e-8 && whole.lcl == Some(0.0), "{whole:?}");
    let short = fed(&mut Online::new(Arc::new(given)), Observation::Subgroup { mean: 0.0, spread: 1.0, size: 2 }).spread.unwrap();
    assert!((short.centre - std::f64::consts::FRAC_2_SQRT_PI).abs() < 1e-8, "{short:?}");
    assert_eq!(plan(ChartType::C, process).spread_lines(), None);
}
