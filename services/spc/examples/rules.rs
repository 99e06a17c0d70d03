//! How long the eight Nelson rules take over a million points, online and in a batch: `cargo run --release --example rules`.
//! Prints one line of JSON, in nanoseconds a point; the points are those of the rule vectors' generator.

use std::{hint::black_box, sync::Arc, time::Instant};

use spectra_spc::{ChartType, Limits, Observation, Online, Plan, Ruleset, Settings};

const POINTS: u32 = 1_000_000;
const ROUNDS: usize = 7;

/// Sums of random bits, in quarters of sigma: near to normal, with many ties.
fn point(i: u32) -> f64 {
    let mut mixed = 7_u64.wrapping_add(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(u64::from(i) + 1));
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^= mixed >> 31;
    (f64::from(mixed.count_ones()) - 32.0) / 4.0
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let points: Vec<f64> = (0..POINTS).map(point).collect();
    let nelson = Ruleset::latest("nelson").ok_or("no such ruleset")?;
    let plan = Arc::new(Plan::new(ChartType::IMr, Limits::process(0.0, 1.0), nelson, Settings::default())?);
    let mut best = f64::INFINITY;
    let mut flagged = 0_u32;
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let mut online = Online::new(Arc::clone(&plan));
        flagged = 0;
        for &point in &points {
            flagged += u32::from(!black_box(online.push(Observation::Value(black_box(point)))?).signals.is_empty());
        }
        best = best.min(started.elapsed().as_secs_f64());
    }
    println!(r#"{{"points":{POINTS},"flagged":{flagged},"online_ns":{:.1}}}"#, best * 1e9 / f64::from(POINTS));
    Ok(())
}
