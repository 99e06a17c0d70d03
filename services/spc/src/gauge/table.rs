use std::collections::BTreeMap;

use crate::{
    Code, Error,
    error::finite,
    estimate::{mean, number},
    gauge::too_few,
};

/// One reading of one part by one operator.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// The part's name.
    pub part: String,
    /// The operator's name.
    pub operator: String,
    /// What was read.
    pub value: f64,
}

/// Readings by operator, part and trial: as many trials of each part by each operator.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    cells: Vec<Vec<Vec<f64>>>,
}

impl Table {
    /// A table of its cells. Refused unless it is balanced, with two operators, two parts and a trial or more, all finite.
    pub fn new(cells: Vec<Vec<Vec<f64>>>) -> Result<Self, Error> {
        let (parts, trials) = (cells.first().map_or(0, Vec::len), cells.first().and_then(|row| row.first()).map_or(0, Vec::len));
        let balanced = cells.iter().all(|row| row.len() == parts && row.iter().all(|cell| cell.len() == trials));
        if !balanced {
            return Err(Error::new(Code::LengthMismatch, "measurements", "must hold as many trials of as many parts of each operator"));
        }
        if cells.len() < 2 || parts < 2 || trials < 1 {
            return Err(too_few("must have 2 operators, 2 parts and a trial, or more"));
        }
        cells.iter().flatten().flatten().try_for_each(|&value| finite(value, "measurements").map(|_| ()))?;
        Ok(Self { cells })
    }

    /// A table in which all operators measured the same parts.
    pub fn crossed(measurements: &[Measurement]) -> Result<Self, Error> {
        let mut parts: Vec<&str> = measurements.iter().map(|reading| reading.part.as_str()).collect();
        parts.sort_unstable();
        parts.dedup();
        let mut cells: BTreeMap<&str, Vec<Vec<f64>>> = BTreeMap::new();
        for reading in measurements {
            let row = cells.entry(&reading.operator).or_insert_with(|| vec![Vec::new(); parts.len()]);
            if let Ok(place) = parts.binary_search(&reading.part.as_str()) {
                row[place].push(reading.value);
            }
        }
        Self::new(cells.into_values().collect())
    }

    /// A table in which each operator measured parts of their own.
    pub fn nested(measurements: &[Measurement]) -> Result<Self, Error> {
        let mut cells: BTreeMap<&str, BTreeMap<&str, Vec<f64>>> = BTreeMap::new();
        for reading in measurements {
            cells.entry(&reading.operator).or_default().entry(&reading.part).or_default().push(reading.value);
        }
        Self::new(cells.into_values().map(|row| row.into_values().collect()).collect())
    }

    pub(super) fn cells(&self) -> impl Iterator<Item = &Vec<f64>> {
        self.cells.iter().flatten()
    }

    pub(super) fn operators(&self) -> usize {
        self.cells.len()
    }

    pub(super) fn parts(&self) -> usize {
        self.cells[0].len()
    }

    pub(super) fn trials(&self) -> usize {
        self.cells[0][0].len()
    }

    /// The mean of each cell, by operator and part.
    pub(super) fn cell_means(&self) -> Vec<Vec<f64>> {
        self.cells.iter().map(|row| row.iter().map(|cell| mean(cell)).collect()).collect()
    }

    /// The mean of each operator.
    pub(super) fn operator_means(&self) -> Vec<f64> {
        self.cell_means().iter().map(|row| mean(row)).collect()
    }

    /// The mean of each part over all operators.
    pub(super) fn part_means(&self) -> Vec<f64> {
        let means = self.cell_means();
        let operators = number(self.operators());
        (0..self.parts()).map(|part| means.iter().map(|row| row[part]).sum::<f64>() / operators).collect()
    }

    /// The mean of all.
    pub(super) fn mean(&self) -> f64 {
        mean(&self.operator_means())
    }
}
