use crate::{Code, Error, error::finite};

/// The largest number of variables that are judged together.
const WIDEST: usize = 64;

/// A covariance matrix by its Cholesky factor, lower triangle, row by row.
#[derive(Clone, Debug)]
pub(crate) struct Covariance {
    factor: Vec<Vec<f64>>,
}

impl Covariance {
    /// Refused unless the matrix is square, symmetric, finite, and positive definite to working precision.
    pub(crate) fn of(matrix: &[Vec<f64>]) -> Result<Self, Error> {
        let size = matrix.len();
        if size == 0 || size > WIDEST || matrix.iter().any(|row| row.len() != size) {
            return Err(Error::new(Code::LengthMismatch, "covariance", format!("must be a square matrix of 1 to {WIDEST} rows")));
        }
        let mut factor: Vec<Vec<f64>> = Vec::with_capacity(size);
        for (i, row) in matrix.iter().enumerate() {
            let mut line: Vec<f64> = Vec::with_capacity(i + 1);
            for j in 0..=i {
                let value = finite(row[j], "covariance")?;
                let scale = (row[i].abs() * matrix[j][j].abs()).sqrt();
                if (value - matrix[j][i]).abs() > 1e-9 * scale {
                    return Err(Error::new(Code::InvalidInput, "covariance", "must be symmetric"));
                }
                let dot: f64 = line.iter().zip(if j < i { &factor[j][..j] } else { &line[..j] }).map(|(a, b)| a * b).sum();
                let rest = value - dot;
                if j < i {
                    line.push(rest / factor[j][j]);
                } else if rest > 1e-13 * value && rest.is_finite() {
                    line.push(rest.sqrt());
                } else {
                    return Err(Error::new(Code::SingularCovariance, "covariance", "must have an inverse"));
                }
            }
            factor.push(line);
        }
        Ok(Self { factor })
    }

    /// How many variables there are.
    pub(crate) fn size(&self) -> usize {
        self.factor.len()
    }

    /// `d' S^-1 d`, the squared Mahalanobis length of `d`.
    pub(crate) fn squared(&self, d: impl IntoIterator<Item = f64>) -> f64 {
        let mut solved: Vec<f64> = Vec::with_capacity(self.size());
        for (row, d) in self.factor.iter().zip(d) {
            let dot: f64 = row.iter().zip(&solved).map(|(a, b)| a * b).sum();
            solved.push((d - dot) / row[solved.len()]);
        }
        solved.iter().map(|y| y * y).sum()
    }

    /// The determinant.
    pub(crate) fn determinant(&self) -> f64 {
        self.factor.iter().enumerate().map(|(i, row)| row[i] * row[i]).product()
    }
}

/// The sum of the vectors' products with themselves, over `divisor`.
pub(crate) fn product(vectors: &[Vec<f64>], divisor: f64) -> Vec<Vec<f64>> {
    let size = vectors.first().map_or(0, Vec::len);
    let cell = |i: usize, j: usize| vectors.iter().map(|vector| vector[i] * vector[j]).sum::<f64>() / divisor;
    (0..size).map(|i| (0..size).map(|j| cell(i, j)).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_in_sigmas() {
        let covariance = Covariance::of(&[vec![4.0, 1.0], vec![1.0, 9.0]]).unwrap();
        assert!((covariance.determinant() - 35.0).abs() < 1e-12);
        assert!((covariance.squared([2.0, 3.0]) - 60.0 / 35.0).abs() < 1e-12);
    }

    #[test]
    fn what_has_no_inverse_is_refused() {
        for matrix in [
            vec![vec![1.0, 1.0], vec![1.0, 1.0]],
            vec![vec![0.0]],
            vec![vec![-1.0]],
            vec![vec![f64::NAN]],
            vec![vec![f64::INFINITY]],
            vec![vec![1e308, 0.0], vec![0.0, f64::INFINITY]],
            vec![vec![1.0, 0.5], vec![0.2, 1.0]],
            vec![vec![1.0, 0.0]],
            vec![],
        ] {
            assert!(Covariance::of(&matrix).is_err(), "{matrix:?}");
        }
    }
}
