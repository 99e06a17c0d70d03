use arbtest::{arbitrary::Unstructured, arbtest};

use super::*;
use crate::{Choice, Options, Rule};

type Drawn<T> = arbtest::arbitrary::Result<T>;

/// What the series says point by point.
fn one_by_one(detector: &Detector, points: &[f64], centres: &[f64], sigmas: &[f64]) -> Vec<Signals> {
    let mut history = History::default();
    let lines = centres.iter().zip(sigmas).map(|(&centre, &sigma)| Lines::around(centre, sigma, 3.0, None));
    let judge = |(&point, lines): (&f64, Lines)| {
        if point.is_nan() || lines.centre.is_nan() {
            detector.skip(&mut history);
            return Signals::default();
        }
        detector.judge(&mut history, point, &lines)
    };
    points.iter().zip(lines).map(judge).collect()
}

fn options(u: &mut Unstructured<'_>) -> Drawn<Options> {
    Ok(Options {
        partial_windows: u.arbitrary()?,
        newest_beyond: u.arbitrary()?,
        inside_inclusive: u.arbitrary()?,
        missing: *u.choose(&[Missing::Break, Missing::Bridge])?,
        mixture: *u.choose(&[None, None, Some(Sides::Same), Some(Sides::Either), Some(Sides::Both)])?,
    })
}

fn pattern(u: &mut Unstructured<'_>) -> Drawn<Pattern> {
    let longest = *u.choose(&[3, 6, 32])?;
    let sigmas = *u.choose(&[0.0, 0.5, 1.0, 2.0])?;
    let points = u.int_in_range(1..=longest)?;
    Ok(match u.int_in_range(0..=6)? {
        0 => Pattern::Beyond { points: 1, window: 1, sigmas: *u.choose(&[0.0, 1.0, 2.25, 3.0])?, sides: Sides::Same },
        1 => Pattern::Beyond { points, window: points, sigmas, sides: *u.choose(&[Sides::Same, Sides::Either])? },
        2 => Pattern::Inside { points, sigmas: sigmas.max(0.5) },
        3 => Pattern::Trend { points: points.max(2) },
        4 => Pattern::Alternating { points: points.max(3) },
        5 => Pattern::Opposite { sigmas },
        _ => {
            let window = u.int_in_range(points..=32)?;
            let sides = *u.choose(&[Sides::Same, Sides::Either, Sides::Both])?;
            Pattern::Beyond { points: if sides == Sides::Both { points.max(2) } else { points }, window: window.max(2), sigmas, sides }
        }
    })
}

fn ruleset(u: &mut Unstructured<'_>) -> Drawn<Ruleset> {
    let options = options(u)?;
    if u.ratio(1, 3)? {
        return Ok(Ruleset::latest(u.choose(Ruleset::names())?).unwrap().with(options));
    }
    let rules = 0..u.int_in_range(1..=12)?;
    let choices = rules.map(|place| Ok(Choice::Own(Rule::new(format!("r{place}"), pattern(u)?)))).collect::<Drawn<_>>()?;
    // Some distances may be wanted on both ends, open and closed: too many are drawn again.
    Ruleset::custom(choices, options).or_else(|_| Ok(Ruleset::latest("hughes").unwrap().with(options)))
}

/// Numbers made of a seed, each of 0 to 1.
fn noise(mut seed: u64) -> impl FnMut() -> f64 {
    move || {
        seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (seed ^ seed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        f64::from(u32::try_from((mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB) >> 32).unwrap()) / f64::from(u32::MAX)
    }
}

/// Quarters of sigma, so that many lie on lines and equal their neighbours. They drift or swing to and fro, so that long patterns
/// come about; some are missing.
fn points(u: &mut Unstructured<'_>, noise: &mut impl FnMut() -> f64) -> Drawn<Vec<f64>> {
    let most = *u.choose(&[70, 300, 800])?;
    let count = u.int_in_range(0..=most)?;
    let (width, missing) = (*u.choose(&[0.5, 2.0, 6.0])?, *u.choose(&[0.0, 0.005, 0.1])?);
    let (drift, swing) = (*u.choose(&[0.0, 0.25, -0.25, 1.0])?, *u.choose(&[0.0, 0.0, 1.5])?);
    let mut way = 1.0;
    let mut level = 0.0;
    Ok((0..count)
        .map(|_| {
            level = if noise() < 0.03 { 0.0 } else { level + drift };
            way = if noise() < 0.03 { way } else { -way };
            let point = ((level + way * swing + (noise() - 0.5) * width) * 4.0).round() / 4.0;
            if noise() < missing { f64::NAN } else { point }
        })
        .collect())
}

#[test]
fn all_at_once_is_judged_as_point_by_point() {
    let mut signalling = [0; 2];
    arbtest(|u| {
        let mut noise = noise(u.arbitrary()?);
        let points = points(u, &mut noise)?;
        let ruleset = ruleset(u)?;
        let detector = Detector::of(&ruleset).unwrap();
        let (centre, sigma) = (*u.choose(&[0.0, 0.25, -1.0])?, *u.choose(&[1.0, 1.0, 0.5, 0.0, 1e308])?);
        let (centres, sigmas) = (vec![centre; points.len()], vec![sigma; points.len()]);
        let expected = one_by_one(&detector, &points, &centres, &sigmas);
        assert_eq!(ruleset.judge(&points, centre, sigma).unwrap(), expected, "{ruleset:?} over {points:?}");
        signalling[0] += expected.iter().filter(|signals| !signals.is_empty()).count();

        let odd = *u.choose(&[0.0, 0.01, 0.2])?;
        let mut vary = |usual: [f64; 2], rare: [f64; 2]| -> Vec<f64> {
            let mut pick = || usize::from(noise() < 0.5);
            let picks: Vec<_> = points.iter().map(|_| (pick(), pick())).collect();
            picks.into_iter().map(|(either, other)| if noise() < odd { rare[either] } else { usual[other] }).collect()
        };
        let (centres, sigmas) = (vary([0.0, 0.25], [f64::NAN, 1.0]), vary([1.0, 0.5], [0.0, f64::NAN]));
        let expected = one_by_one(&detector, &points, &centres, &sigmas);
        let course = Course::Varying { centres: &centres, sigmas: &sigmas };
        assert_eq!(ruleset.judge_along(&points, course).unwrap(), expected, "{ruleset:?} over {points:?}, {centres:?}, {sigmas:?}");
        signalling[1] += expected.iter().filter(|signals| !signals.is_empty()).count();
        Ok(())
    })
    .budget_ms(2_000);
    assert!(signalling.iter().all(|&points| points > 1000), "the series have patterns");
}
