//! Small pieces of numerical analysis that several analyses share.

/// A count as a number.
pub(crate) fn count(items: usize) -> f64 {
    u32::try_from(items).map_or(f64::MAX, f64::from)
}

/// The arithmetic mean; NaN of nothing.
pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / count(values.len())
}

/// The sample standard deviation, over n - 1; NaN of fewer than two.
pub(crate) fn deviation(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return f64::NAN;
    }
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / (count(values.len()) - 1.0)).sqrt()
}

/// The least and the greatest of values that are numbers.
pub(crate) fn range(values: &[f64]) -> (f64, f64) {
    values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), value| (least.min(*value), most.max(*value)))
}

/// The middle of values that are numbers; NaN of nothing.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => values[half],
        _ => f64::midpoint(values[half - 1], values[half]),
    }
}

/// The first index whose value is the greatest, but for an error that values have as a part of the greatest.
pub(crate) fn first_maximum(values: &[f64], error: f64) -> Option<usize> {
    let (_, most) = range(values);
    let bar = most - most.abs() * error;
    most.is_finite().then(|| values.iter().position(|value| *value >= bar)).flatten()
}

/// The derivative dy/dx at each point: second order inside, also for uneven steps, and first order at both ends.
/// Needs rising x; NaN where there is but one point.
pub(crate) fn gradient(x: &[f64], y: &[f64]) -> Vec<f64> {
    let last = x.len().min(y.len());
    let slope = |a: usize, b: usize| (y[b] - y[a]) / (x[b] - x[a]);
    let at = |index: usize| match index {
        _ if last < 2 => f64::NAN,
        0 => slope(0, 1),
        _ if index + 1 == last => slope(index - 1, index),
        _ => {
            let (before, after) = (x[index] - x[index - 1], x[index + 1] - x[index]);
            (before * slope(index, index + 1) + after * slope(index - 1, index)) / (before + after)
        }
    };
    (0..last).map(at).collect()
}

/// A straight line through points.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    pub(crate) slope: f64,
    pub(crate) intercept: f64,
    /// The coefficient of determination.
    pub(crate) r2: f64,
}

impl Line {
    /// The least squares line; none of fewer than two different x.
    pub(crate) fn through(x: &[f64], y: &[f64]) -> Option<Self> {
        let (x0, y0) = (mean(x), mean(y));
        let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
        for (x, y) in x.iter().zip(y) {
            let (dx, dy) = (x - x0, y - y0);
            xx += dx * dx;
            xy += dx * dy;
            yy += dy * dy;
        }
        let slope = xy / xx;
        let r2 = if yy > 0.0 { (slope * xy / yy).clamp(0.0, 1.0) } else { 1.0 };
        let line = Self { slope, intercept: y0 - slope * x0, r2 };
        (x.len() >= 2 && xx > 0.0 && line.slope.is_finite() && line.intercept.is_finite()).then_some(line)
    }
}

/// The vertex of the parabola through three points, and its value there; none when they are on a line.
pub(crate) fn vertex(x: [f64; 3], y: [f64; 3]) -> Option<(f64, f64)> {
    let (left, right) = ((y[1] - y[0]) / (x[1] - x[0]), (y[2] - y[1]) / (x[2] - x[1]));
    let bend = (right - left) / (x[2] - x[0]);
    let slope = left + bend * (x[1] - x[0]);
    let shift = -slope / (2.0 * bend);
    let place = (x[1] + shift, y[1] + slope * shift / 2.0);
    (bend != 0.0 && place.0.is_finite() && place.1.is_finite()).then_some(place)
}

/// Where a line between two points has the height y.
pub(crate) fn crossing(a: (f64, f64), b: (f64, f64), y: f64) -> f64 {
    a.0 + (y - a.1) * (b.0 - a.0) / (b.1 - a.1)
}

/// The value at x of the line segments through points of rising x; none outside of them.
pub(crate) fn interpolate(x: &[f64], y: &[f64], at: f64) -> Option<f64> {
    let after = x.partition_point(|x| *x < at);
    if *x.get(after)? <= at {
        return y.get(after).copied();
    }
    let before = after.checked_sub(1)?;
    Some(y[before] + (y[after] - y[before]) * (at - x[before]) / (x[after] - x[before]))
}

/// Solves a small set of linear equations by elimination with pivots; none when they are not independent.
pub(crate) fn solve<const N: usize>(mut a: [[f64; N]; N], mut b: [f64; N]) -> Option<[f64; N]> {
    for column in 0..N {
        let pivot = (column..N).max_by(|left, right| a[*left][column].abs().total_cmp(&a[*right][column].abs()))?;
        a.swap(column, pivot);
        b.swap(column, pivot);
        let lead = a[column];
        let scale = lead.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
        if !scale.is_finite() || lead[column].abs() <= scale * 1e-14 {
            return None;
        }
        for row in column + 1..N {
            let factor = a[row][column] / lead[column];
            for (value, lead) in a[row].iter_mut().zip(lead) {
                *value -= factor * lead;
            }
            b[row] -= factor * b[column];
        }
    }
    let mut solution = [0.0; N];
    for row in (0..N).rev() {
        let known: f64 = (row + 1..N).map(|column| a[row][column] * solution[column]).sum();
        solution[row] = (b[row] - known) / a[row][row];
    }
    solution.iter().all(|value| value.is_finite()).then_some(solution)
}

/// Least squares coefficients for rows of N known functions.
pub(crate) fn regression<const N: usize>(rows: impl Iterator<Item = ([f64; N], f64)>) -> Option<[f64; N]> {
    let (mut normal, mut right) = ([[0.0; N]; N], [0.0; N]);
    for (row, y) in rows {
        for i in 0..N {
            right[i] += row[i] * y;
            for j in 0..N {
                normal[i][j] += row[i] * row[j];
            }
        }
    }
    solve(normal, right)
}

/// The Lambert W function of exp(x): the w that has w + ln w = x. Of a logarithm, so that nothing overflows.
pub(crate) fn lambert_w_exp(x: f64) -> f64 {
    if x < -36.0 {
        // Here w and exp(w) w differ by less than rounding.
        return x.exp();
    }
    // From there the iteration is of third order, and certain.
    let mut w = if x > 1.0 { x - x.ln() } else { x.exp().clamp(f64::MIN_POSITIVE, 1.0) };
    for _ in 0..64 {
        let miss = x - w - w.ln();
        let next = w * (1.0 + miss / (1.0 + w));
        let next = if next > 0.0 { next } else { w / 8.0 };
        if (next - w).abs() <= 4.0 * f64::EPSILON * next.abs() {
            return next;
        }
        w = next;
    }
    w
}

/// A minimum found by least squares.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fitted<const N: usize> {
    pub(crate) values: [f64; N],
    /// The root of the mean square of what is left.
    pub(crate) rms: f64,
}

/// Fits N parameters by the method of Levenberg and Marquardt. `residuals` writes what is left, of `points` numbers;
/// parameters should be of the order of one, such as logarithms.
pub(crate) fn fit<const N: usize>(start: [f64; N], points: usize, residuals: impl Fn(&[f64; N], &mut [f64])) -> Option<Fitted<N>> {
    let (mut values, mut damping) = (start, 1e-3);
    let mut left = vec![0.0; points];
    residuals(&values, &mut left);
    let mut cost = squares(&left);
    if points < N || !cost.is_finite() {
        return None;
    }
    let (mut columns, mut tried) = (vec![vec![0.0; points]; N], vec![0.0; points]);
    for _ in 0..200 {
        for (parameter, column) in columns.iter_mut().enumerate() {
            let step = 1e-6 * values[parameter].abs().max(1e-2);
            let (mut up, mut down) = (values, values);
            up[parameter] += step;
            down[parameter] -= step;
            residuals(&up, column);
            residuals(&down, &mut tried);
            for (value, down) in column.iter_mut().zip(&tried) {
                *value = (*value - down) / (2.0 * step);
            }
        }
        let before = cost;
        while damping < 1e12 {
            let Some(step) = damped::<N>(&columns, &left, damping) else {
                damping *= 10.0;
                continue;
            };
            let mut next = values;
            next.iter_mut().zip(step).for_each(|(value, step)| *value -= step);
            residuals(&next, &mut tried);
            let reached = squares(&tried);
            if reached < cost {
                (values, cost, damping) = (next, reached, (damping / 10.0).max(1e-15));
                left.copy_from_slice(&tried);
                break;
            }
            damping *= 10.0;
        }
        if before - cost <= before * 1e-14 {
            break;
        }
    }
    Some(Fitted { values, rms: (cost / count(points)).sqrt() })
}

fn squares(left: &[f64]) -> f64 {
    left.iter().map(|value| value * value).sum()
}

/// The step of a damped Gauss-Newton iteration.
fn damped<const N: usize>(columns: &[Vec<f64>], left: &[f64], damping: f64) -> Option<[f64; N]> {
    let (mut normal, mut right) = ([[0.0; N]; N], [0.0; N]);
    for i in 0..N {
        for j in 0..=i {
            let product = columns[i].iter().zip(&columns[j]).map(|(a, b)| a * b).sum();
            normal[i][j] = product;
            normal[j][i] = product;
        }
        right[i] = columns[i].iter().zip(left).map(|(a, b)| a * b).sum();
    }
    let floor = (0..N).map(|i| normal[i][i]).fold(0.0, f64::max) * 1e-18;
    for (i, row) in normal.iter_mut().enumerate() {
        row[i] += damping * row[i].max(floor);
    }
    solve(normal, right)
}

/// At most this many of a list's points, evenly chosen, first and last among them.
pub(crate) fn thinned<T: Copy>(points: &[T], most: usize) -> Vec<T> {
    if points.len() <= most || most < 2 {
        return points.to_vec();
    }
    (0..most).map(|index| points[index * (points.len() - 1) / (most - 1)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_derivative_is_exact_for_a_parabola_with_uneven_steps() {
        let x = [0.0, 1.0, 1.5, 4.0, 4.25];
        let y = x.map(|x| 2.0 * x * x - 3.0 * x + 1.0);
        let slopes = gradient(&x, &y);
        for index in 1..4 {
            assert!((slopes[index] - (4.0 * x[index] - 3.0)).abs() < 1e-12, "{slopes:?}");
        }
        assert!(gradient(&[1.0], &[1.0])[0].is_nan());
        assert!(gradient(&[], &[]).is_empty());
    }

    #[test]
    fn lambert_w_solves_its_equation_over_all_sizes() {
        for x in [-700.0, -40.0, -36.1, -35.9, -5.0, -1.0, 0.0, 0.5, 1.0, 1.1, 3.0, 700.0, 1e6, 1e300] {
            let w = lambert_w_exp(x);
            assert!((w + w.ln() - x).abs() <= 1e-13 * x.abs().max(1.0), "{x}: {w}");
        }
        assert!((lambert_w_exp(1.0) - 1.0).abs() < 1e-15);
    }

    #[test]
    fn a_fit_finds_what_made_the_points() {
        let x: Vec<f64> = (0..50).map(|index| f64::from(index) * 0.1).collect();
        let fitted = fit([0.0, 0.0], x.len(), |p, left| {
            for (left, x) in left.iter_mut().zip(&x) {
                *left = p[0].exp() * (-p[1].exp() * x).exp() - 3.0 * (-0.5 * x).exp();
            }
        });
        let found = fitted.expect("a fit").values.map(f64::exp);
        assert!((found[0] - 3.0).abs() < 1e-9 && (found[1] - 0.5).abs() < 1e-9, "{found:?}");
    }

    #[test]
    fn a_parabola_has_its_vertex_where_it_turns() {
        let (x, y) = vertex([0.0, 1.0, 4.0], [9.0, 4.0, 1.0]).expect("a parabola");
        assert!((x - 3.0).abs() < 1e-12 && y.abs() < 1e-12, "{x} {y}");
        assert!(vertex([0.0, 1.0, 2.0], [0.0, 1.0, 2.0]).is_none());
    }

    #[test]
    fn dependent_equations_have_no_solution() {
        assert!(solve([[1.0, 2.0], [2.0, 4.0]], [1.0, 2.0]).is_none());
        let solution = solve([[0.0, 2.0], [3.0, 4.0]], [2.0, 10.0]).expect("a solution");
        assert!((solution[0] - 2.0).abs() < 1e-14 && (solution[1] - 1.0).abs() < 1e-14);
    }
}
