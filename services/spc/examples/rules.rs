//! How long the eight Nelson rules take over a million points, fed point by point and all at once: nanoseconds a point, and how
//! often each rule signals, as a line of JSON. `bench/spc` holds it against vectorised numpy.

use std::{hint::black_box, sync::Arc, time::Instant};

use spectra_spc::{ChartType, Limits, Observation, Online, Plan, Ruleset, Settings, Signals};

const POINTS: u32 = 1_000_000;

/// Sums of random bits, in quarters of sigma: near to normal, with many ties.
fn point(i: u32) -> f64 {
    let mut mixed = 7_u64.wrapping_add(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(u64::from(i) + 1));
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^= mixed >> 31;
    (f64::from(mixed.count_ones()) - 32.0) / 4.0
}

/// What `work` says, and how many nanoseconds a point it takes: the middle of five times, as the first ones ask for memory.
fn timed<T>(work: impl Fn() -> T) -> (T, f64) {
    let mut took = [0.0; 5].map(|_: f64| {
        let started = Instant::now();
        drop(black_box(work()));
        started.elapsed().as_secs_f64() * 1e9 / f64::from(POINTS)
    });
    took.sort_by(f64::total_cmp);
    (work(), took[2])
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let points: Vec<f64> = (0..POINTS).map(point).collect();
    let nelson = Ruleset::latest("nelson").ok_or("no such ruleset")?;
    let plan = Arc::new(Plan::new(ChartType::IMr, Limits::process(0.0, 1.0), nelson.clone(), Settings::default())?);

    let (at_once, batch) = timed(|| nelson.judge(black_box(&points), 0.0, 1.0));
    let (one_by_one, online) = timed(|| {
        let mut series = Online::new(Arc::clone(&plan));
        points
            .iter()
            .map(|&point| Ok(series.push(Observation::Value(black_box(point)))?.signals))
            .collect::<Result<Vec<Signals>, spectra_spc::Error>>()
    });
    let (at_once, one_by_one) = (at_once?, one_by_one?);
    if at_once != one_by_one {
        return Err("point by point and at once differ".into());
    }
    let counts: Vec<String> =
        (0..nelson.rules().len()).map(|place| at_once.iter().filter(|signals| signals.contains(place)).count().to_string()).collect();
    println!(r#"{{"points":{POINTS},"batch_ns":{batch:.2},"online_ns":{online:.2},"counts":[{}]}}"#, counts.join(","));
    Ok(())
}
