use std::collections::BTreeMap;

use serde::Serialize;

use super::{Shares, Sources, Study, Table, test, too_few};
use crate::{Error, error::finite, estimate::number};

/// Numbers by the name of their source, as a table of variance prints them.
type Column<T = f64> = BTreeMap<&'static str, T>;

/// An analysis of variance of a gauge.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Anova {
    /// Sums of squares.
    #[serde(rename = "SS")]
    pub squares: Column,
    /// Degrees of freedom.
    pub df: Column,
    /// Mean squares.
    #[serde(rename = "MS")]
    pub mean_squares: Column,
    /// F of each source.
    #[serde(flatten)]
    pub tests: Tests,
    /// What the variances come to.
    #[serde(flatten)]
    pub shares: Shares,
}

/// Whether what differs does so by more than chance.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Tests {
    /// Of a crossed study: with the interaction, and where it is pooled without.
    Crossed {
        /// F with the interaction.
        #[serde(rename = "F_with_interaction")]
        f: Column<Option<f64>>,
        /// Their p.
        #[serde(rename = "p_with_interaction")]
        p: Column<Option<f64>>,
        /// Whether the interaction is told apart from the repeatability.
        interaction_kept: bool,
        /// F over the pooled repeatability, where the interaction is pooled.
        #[serde(rename = "F_pooled", skip_serializing_if = "Option::is_none")]
        pooled: Option<Column<Option<f64>>>,
        /// The p of the pooled F.
        #[serde(rename = "p_pooled", skip_serializing_if = "Option::is_none")]
        pooled_p: Option<Column<Option<f64>>>,
        /// The pooled mean square.
        #[serde(rename = "MS_repeatability_pooled", skip_serializing_if = "Option::is_none")]
        repeatability: Option<f64>,
    },
    /// Of a nested study.
    Nested {
        /// F of each source.
        #[serde(rename = "F")]
        f: Column<Option<f64>>,
        /// Their p.
        p: Column<Option<f64>>,
    },
}

/// All operators measured the same parts, each more than once.
pub fn crossed(table: &Table, study: &Study) -> Result<Anova, Error> {
    study.check()?;
    let (o, p, r) = sizes(table)?;
    let squares = sums(table, true)?;
    let [ss_operator, ss_part, ss_interaction, ss_within] = ["operator", "part", "interaction", "repeatability"].map(|name| squares[name]);
    let df = Column::from([
        ("operator", o - 1.0),
        ("part", p - 1.0),
        ("interaction", (o - 1.0) * (p - 1.0)),
        ("repeatability", o * p * (r - 1.0)),
    ]);
    let mean_squares: Column = df.iter().map(|(&name, df)| (name, squares[name] / df)).collect();
    let ms = |name: &str| mean_squares[name];
    let against = |name, under: &str| test(ms(name), ms(under), df[name], df[under]);
    let tests = [
        ("part", against("part", "interaction")),
        ("operator", against("operator", "interaction")),
        ("interaction", against("interaction", "repeatability")),
    ];
    let kept = tests[2].1.1.is_some_and(|p| p < study.alpha_to_pool);
    let free = df["interaction"] + df["repeatability"];
    let pooled = (ss_interaction + ss_within) / free;
    let over_pooled = [("part", ss_part), ("operator", ss_operator)].map(|(name, ss)| (name, test(ss / df[name], pooled, df[name], free)));
    let variance = if kept {
        let interaction = (ms("interaction") - ms("repeatability")) / r;
        Sources::of(
            ms("repeatability"),
            (ms("operator") - ms("interaction")) / (p * r),
            Some(interaction),
            (ms("part") - ms("interaction")) / (o * r),
        )
    } else {
        Sources::of(pooled, (ms("operator") - pooled) / (p * r), Some(0.0), (ms("part") - pooled) / (o * r))
    };
    let tests = Tests::Crossed {
        f: tests.iter().map(|&(name, (f, _))| (name, f)).collect(),
        p: tests.iter().map(|&(name, (_, p))| (name, p)).collect(),
        interaction_kept: kept,
        pooled: (!kept).then(|| over_pooled.iter().map(|&(name, (f, _))| (name, f)).collect()),
        pooled_p: (!kept).then(|| over_pooled.iter().map(|&(name, (_, p))| (name, p)).collect()),
        repeatability: (!kept).then_some(pooled),
    };
    Ok(Anova { shares: Shares::of(variance, study.k, study.tolerance), squares, df, mean_squares, tests })
}

/// Each operator measured parts of their own, as where measuring destroys them.
pub fn nested(table: &Table, study: &Study) -> Result<Anova, Error> {
    study.check()?;
    let (o, p, r) = sizes(table)?;
    let squares = sums(table, false)?;
    let df = Column::from([("operator", o - 1.0), ("part", o * (p - 1.0)), ("repeatability", o * p * (r - 1.0))]);
    let mean_squares: Column = df.iter().map(|(&name, df)| (name, squares[name] / df)).collect();
    let ms = |name: &str| mean_squares[name];
    let tests =
        [("operator", "part"), ("part", "repeatability")].map(|(name, under)| (name, test(ms(name), ms(under), df[name], df[under])));
    let variance = Sources::of(ms("repeatability"), (ms("operator") - ms("part")) / (p * r), None, (ms("part") - ms("repeatability")) / r);
    let tests = Tests::Nested {
        f: tests.iter().map(|&(name, (f, _))| (name, f)).collect(),
        p: tests.iter().map(|&(name, (_, p))| (name, p)).collect(),
    };
    Ok(Anova { shares: Shares::of(variance, study.k, study.tolerance), squares, df, mean_squares, tests })
}

/// How many operators, parts and trials; refused below two trials.
fn sizes(table: &Table) -> Result<(f64, f64, f64), Error> {
    if table.trials() < 2 {
        return Err(too_few("must have 2 trials or more"));
    }
    Ok((number(table.operators()), number(table.parts()), number(table.trials())))
}

/// Sums of squares by source. Of a nested table the parts' are about their operator, of a crossed one about the whole.
fn sums(table: &Table, crossed: bool) -> Result<Column, Error> {
    let (o, p, r) = sizes(table)?;
    let about = |values: &[f64], mean: f64| values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
    let grand = table.mean();
    let (operators, parts, means) = (table.operator_means(), table.part_means(), table.cell_means());
    let operator = p * r * about(&operators, grand);
    let within: f64 = table.cells().zip(means.iter().flatten()).map(|(cell, &mean)| about(cell, mean)).sum();
    let total: f64 = table.cells().map(|cell| about(cell, grand)).sum();
    let mut sums = Column::from([("operator", operator), ("repeatability", within), ("total", total)]);
    if crossed {
        sums.insert("part", o * r * about(&parts, grand));
        let off = |row: &[f64], own: f64| row.iter().zip(&parts).map(|(cell, part)| (cell - own - part + grand).powi(2)).sum::<f64>();
        sums.insert("interaction", r * means.iter().zip(&operators).map(|(row, &own)| off(row, own)).sum::<f64>());
    } else {
        sums.insert("part", r * means.iter().zip(&operators).map(|(row, &own)| about(row, own)).sum::<f64>());
    }
    sums.values().try_for_each(|&sum| finite(sum, "measurements").map(|_| ()))?;
    Ok(sums)
}
