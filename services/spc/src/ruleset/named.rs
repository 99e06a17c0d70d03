//! The rulesets as published. Sources: Western Electric, Statistical Quality Control Handbook (1956), with the
//! NIST/SEMATECH e-Handbook 6.3.2; Nelson, J. Quality Technology 16 (1984) 237; AIAG, Statistical Process Control,
//! second edition; Juran's and Hughes' lists as vendors of charts give them; Westgard et al., Clin. Chem. 27 (1981) 493.

use crate::{Pattern, Rule, Sides};

pub(super) const NAMES: &[&str] = &["western_electric", "western_electric_supplementary", "nelson", "aiag", "juran", "hughes", "westgard"];

/// The rules of a named ruleset.
pub(super) fn rules(name: &str) -> Option<Vec<Rule>> {
    Some(match name {
        "western_electric" => numbered("we", 1, &[outlier(), of(2, 3, 2.0), of(4, 5, 1.0), side(8)]),
        "western_electric_supplementary" => numbered("we", 5, &[trend(6), inside(15), mixture(8, Sides::Both), alternating(14)]),
        "nelson" => numbered(
            "n",
            1,
            &[outlier(), side(9), trend(6), alternating(14), of(2, 3, 2.0), of(4, 5, 1.0), inside(15), mixture(8, Sides::Both)],
        ),
        "aiag" => numbered(
            "a",
            1,
            &[outlier(), side(7), trend(6), alternating(14), of(2, 3, 2.0), of(4, 5, 1.0), inside(15), mixture(8, Sides::Either)],
        ),
        "juran" => numbered("j", 1, &[outlier(), of(2, 3, 2.0), of(4, 5, 1.0), side(9), trend(6), mixture(8, Sides::Either)]),
        "hughes" => numbered(
            "h",
            1,
            &[
                outlier(),
                of(2, 3, 2.0),
                of(3, 7, 2.0),
                of(4, 10, 2.0),
                of(4, 5, 1.0),
                side(7),
                of(10, 11, 0.0),
                of(12, 14, 0.0),
                of(14, 17, 0.0),
                of(16, 20, 0.0),
                trend(7),
            ],
        ),
        "westgard" => westgard(),
        _ => return None,
    })
}

/// The rule of this id in whichever named ruleset.
pub(super) fn rule(id: &str) -> Option<Rule> {
    NAMES.iter().filter_map(|name| rules(name)).flatten().find(|rule| rule.id == id)
}

fn numbered(letters: &str, first: usize, patterns: &[Pattern]) -> Vec<Rule> {
    patterns.iter().enumerate().map(|(place, &pattern)| Rule::new(format!("{letters}{}", first + place), pattern)).collect()
}

fn westgard() -> Vec<Rule> {
    vec![
        Rule::new("1_2s", Pattern::Beyond { points: 1, window: 1, sigmas: 2.0, sides: Sides::Either }),
        Rule::new("1_3s", outlier()),
        Rule::new("2_2s", of(2, 2, 2.0)),
        Rule::new("R_4s", Pattern::Opposite { sigmas: 2.0 }),
        Rule::new("4_1s", of(4, 4, 1.0)),
        Rule::new("10_x", side(10)),
    ]
}

fn outlier() -> Pattern {
    Pattern::Beyond { points: 1, window: 1, sigmas: 3.0, sides: Sides::Either }
}

fn of(points: u8, window: u8, sigmas: f64) -> Pattern {
    Pattern::Beyond { points, window, sigmas, sides: Sides::Same }
}

fn side(points: u8) -> Pattern {
    of(points, points, 0.0)
}

fn trend(points: u8) -> Pattern {
    Pattern::Trend { points }
}

fn alternating(points: u8) -> Pattern {
    Pattern::Alternating { points }
}

fn inside(points: u8) -> Pattern {
    Pattern::Inside { points, sigmas: 1.0 }
}

fn mixture(points: u8, sides: Sides) -> Pattern {
    Pattern::Beyond { points, window: points, sigmas: 1.0, sides }
}
