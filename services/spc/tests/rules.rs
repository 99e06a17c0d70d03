//! The rules by their definitions, written out as plainly as they are said, against the evaluator that reads bits.

use std::sync::Arc;

use arbtest::{arbitrary::Unstructured, arbtest};
use spectra_spc::{ChartType, Choice, Limits, Missing, Observation, Online, Options, Pattern, Plan, Ruleset, Settings, Sides, State};

/// Where the rule signals, straight from its definition, at the last of the points.
fn signals(pattern: Pattern, points: &[Option<f64>], centre: f64, sigma: f64, options: Options) -> bool {
    let bridged = options.missing == Missing::Bridge;
    let Some(Some(newest)) = points.last().copied() else { return false };
    let gap = points.iter().rposition(Option::is_none).map_or(0, |place| place + 1);
    let unbroken: Vec<f64> = points[gap..].iter().flatten().copied().collect();
    let last = |count: usize| unbroken.len().checked_sub(count).map(|start| &unbroken[start..]);
    let above = |x: f64, k: f64| x > centre + k * sigma && (sigma > 0.0 || k == 0.0);
    let below = |x: f64, k: f64| x < centre - k * sigma && (sigma > 0.0 || k == 0.0);
    match pattern {
        Pattern::Beyond { window: 1, sigmas, .. } => newest > centre + sigmas * sigma || newest < centre - sigmas * sigma,
        Pattern::Beyond { points: count, window, sigmas, sides } => {
            let (count, window) = (usize::from(count), usize::from(window));
            let held: Vec<Option<f64>> = if bridged { points.to_vec() } else { unbroken.iter().copied().map(Some).collect() };
            if held.len() < window && !options.partial_windows && !(count == window && sides == Sides::Same) {
                return false;
            }
            let held = &held[held.len().saturating_sub(window)..];
            let highs: Vec<bool> = held.iter().map(|x| x.is_some_and(|x| above(x, sigmas))).collect();
            let lows: Vec<bool> = held.iter().map(|x| x.is_some_and(|x| below(x, sigmas))).collect();
            let any: Vec<bool> = highs.iter().zip(&lows).map(|(a, b)| *a || *b).collect();
            let enough =
                |bits: &[bool]| bits.iter().filter(|bit| **bit).count() >= count && (!options.newest_beyond || bits.last() == Some(&true));
            match sides {
                Sides::Same => enough(&highs) || enough(&lows),
                Sides::Either => enough(&any),
                Sides::Both => enough(&any) && highs.contains(&true) && lows.contains(&true),
            }
        }
        Pattern::Inside { points: count, sigmas } => last(usize::from(count)).is_some_and(|run| {
            sigma > 0.0
                && run.iter().all(|&x| {
                    let (low, high) = (centre - sigmas * sigma, centre + sigmas * sigma);
                    if options.inside_inclusive { low <= x && x <= high } else { low < x && x < high }
                })
        }),
        Pattern::Trend { points: count } => last(usize::from(count))
            .is_some_and(|run| run.windows(2).all(|pair| pair[0] < pair[1]) || run.windows(2).all(|pair| pair[0] > pair[1])),
        Pattern::Alternating { points: count } => last(usize::from(count)).is_some_and(|run| {
            run.windows(3).all(|three| (three[1] > three[0] && three[1] > three[2]) || (three[1] < three[0] && three[1] < three[2]))
        }),
        Pattern::Opposite { sigmas } => last(2)
            .is_some_and(|pair| (above(pair[0], sigmas) && below(pair[1], sigmas)) || (below(pair[0], sigmas) && above(pair[1], sigmas))),
    }
}

fn options(u: &mut Unstructured<'_>) -> arbtest::arbitrary::Result<Options> {
    Ok(Options {
        partial_windows: u.arbitrary()?,
        newest_beyond: u.arbitrary()?,
        inside_inclusive: u.arbitrary()?,
        missing: if u.arbitrary()? { Missing::Bridge } else { Missing::Break },
        mixture: *u.choose(&[None, Some(Sides::Either), Some(Sides::Both)])?,
    })
}

fn ruleset(u: &mut Unstructured<'_>) -> arbtest::arbitrary::Result<Ruleset> {
    let name =
        *u.choose(&["custom", "western_electric", "western_electric_supplementary", "nelson", "aiag", "juran", "hughes", "westgard"])?;
    let options = options(u)?;
    if let Some(named) = Ruleset::latest(name) {
        return Ok(named.with(options));
    }
    let sigmas = *u.choose(&[0.5, 1.0, 2.0, 2.5])?;
    let points = u.int_in_range(2..=6)?;
    let choices = vec![
        Choice::Changed { id: "n1".to_owned(), points: None, window: None, sigmas: Some(sigmas), sides: None },
        Choice::Changed { id: "n2".to_owned(), points: Some(points), window: None, sigmas: None, sides: None },
        Choice::Changed { id: "n5".to_owned(), points: None, window: Some(points + 1), sigmas: Some(sigmas), sides: None },
        Choice::Changed { id: "n7".to_owned(), points: Some(points), window: None, sigmas: Some(sigmas), sides: None },
        Choice::Changed { id: "n8".to_owned(), points: Some(points), window: Some(points + 1), sigmas: None, sides: None },
        Choice::Named("n3".to_owned()),
        Choice::Named("R_4s".to_owned()),
    ];
    Ok(Ruleset::custom(choices, options).expect("rules that fit"))
}

/// Quarters of sigma, so that points often lie on lines and equal their neighbours; some are missing.
fn points(u: &mut Unstructured<'_>) -> arbtest::arbitrary::Result<Vec<Option<f64>>> {
    let widest = u.int_in_range(2..=14)?;
    let count = u.arbitrary_len::<u8>()?.min(90);
    (0..count).map(|_| Ok(if u.ratio(1, 12)? { None } else { Some(f64::from(u.int_in_range(-widest..=widest)?) / 4.0) })).collect()
}

#[test]
fn the_evaluator_says_what_the_definitions_say() {
    arbtest(|u| {
        let (ruleset, points) = (ruleset(u)?, points(u)?);
        let sigma = *u.choose(&[1.0, 1.0, 1.0, 0.5, 0.0])?;
        let plan = Plan::new(ChartType::IMr, Limits::process(0.0, sigma), ruleset.clone(), Settings::default()).unwrap();
        let mut online = Online::new(Arc::new(plan));
        let values: Vec<f64> = points.iter().map(|point| point.unwrap_or(f64::NAN)).collect();
        let at_once = ruleset.judge(&values, 0.0, sigma).unwrap();
        for end in 0..points.len() {
            let judged = online.push(points[end].map_or(Observation::Missing, Observation::Value)).unwrap();
            assert_eq!(judged.signals, at_once[end], "online and at once at {end} of {points:?}");
            for (place, rule) in ruleset.rules().iter().enumerate() {
                let said = signals(rule.pattern, &points[..=end], 0.0, sigma, ruleset.options());
                assert_eq!(judged.signals.contains(place), said, "{} at {end} of {points:?}, {:?}", rule.id, ruleset.options());
            }
        }
        Ok(())
    });
}

#[test]
fn a_series_that_was_laid_aside_goes_on_as_if_it_had_not_been() {
    arbtest(|u| {
        let (ruleset, points) = (ruleset(u)?, points(u)?);
        let chart = *u.choose(&[ChartType::IMr, ChartType::Ewma, ChartType::Cusum])?;
        let plan = Arc::new(Plan::new(chart, Limits::process(0.25, 0.75), ruleset, Settings::default()).unwrap());
        let mut whole = Online::new(Arc::clone(&plan));
        let mut parts = Online::new(Arc::clone(&plan));
        for point in points {
            let observation = Observation::Value(point.unwrap_or(f64::NAN));
            if u.ratio(1, 3)? {
                let kept = serde_json::to_string(parts.state()).unwrap();
                parts = Online::resume(Arc::clone(&plan), serde_json::from_str::<State>(&kept).unwrap()).unwrap();
            }
            assert_eq!(whole.push(observation).unwrap(), parts.push(observation).unwrap());
        }
        assert_eq!(serde_json::to_string(whole.state()).unwrap(), serde_json::to_string(parts.state()).unwrap());
        Ok(())
    });
}

#[test]
fn what_is_before_the_memory_does_not_count() {
    arbtest(|u| {
        let (ruleset, points) = (ruleset(u)?, points(u)?);
        let memory = ruleset.memory();
        let plan = Arc::new(Plan::new(ChartType::IMr, Limits::process(0.0, 1.0), ruleset, Settings::default()).unwrap());
        let judge = |points: &[Option<f64>]| {
            let mut online = Online::new(Arc::clone(&plan));
            points.iter().map(|point| online.push(Observation::Value(point.unwrap_or(f64::NAN))).unwrap().signals).last()
        };
        if points.len() <= memory {
            return Ok(());
        }
        let start = points.len() - memory - 1;
        assert_eq!(judge(&points), judge(&points[start..]), "{points:?}");
        Ok(())
    });
}
