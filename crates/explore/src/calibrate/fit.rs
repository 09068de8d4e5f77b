//! Bounded Levenberg-Marquardt on logarithms of predicted over measured, with a loss that a few wild rows cannot bend.

use rayon::prelude::*;

use super::linear::{Square, weighted_dot};

/// ln(predicted / measured) beyond which a row counts by its size, no longer by its square: about 10 %.
const SOFT: f64 = 0.1;
/// Relative step of the finite differences. Predictions jump a little where another tile becomes the best one; a
/// step well above such jumps sees the slope through them.
const DIFFERENCE: f64 = 0.02;
/// Relative improvement below which the fit is done.
const DONE: f64 = 1e-4;
/// Most steps of a fit that is only to show which parameters it can do without.
const SKETCH_STEPS: usize = 10;
/// Most steps.
const MOST_STEPS: usize = 50;
/// Relative steps of the search that goes on where the slopes lead nowhere.
const COMPASS: [f64; 2] = [0.04, 0.01];

/// ln(predicted / measured) of every row at some values of the parameters; `None` where no machine has such values.
pub(crate) type Residuals<'a> = dyn Fn(&[f64]) -> Option<Vec<f64>> + Sync + 'a;

/// What is to be fitted.
pub(crate) struct Problem<'a> {
    /// Least value of each parameter.
    pub lowest: Vec<f64>,
    /// Largest.
    pub highest: Vec<f64>,
    /// A step of 1 in each parameter's own measure.
    pub scale: Vec<f64>,
    /// What each row counts.
    pub weights: Vec<f64>,
    /// The rows.
    pub residuals: &'a Residuals<'a>,
}

/// A point and what it is worth.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Point {
    /// The parameters' values.
    pub values: Vec<f64>,
    /// ln(predicted / measured) there.
    pub residuals: Vec<f64>,
    /// What the fit makes small.
    pub cost: f64,
}

impl Problem<'_> {
    /// The point at these values.
    pub fn point(&self, values: Vec<f64>) -> Option<Point> {
        let residuals = (self.residuals)(&values)?;
        let cost = residuals.iter().zip(&self.weights).map(|(r, weight)| weight * loss(*r)).sum::<f64>();
        cost.is_finite().then_some(Point { values, residuals, cost })
    }

    /// How each row's logarithm changes with each parameter, one column a parameter, per step of its scale.
    pub fn jacobian(&self, at: &Point) -> Vec<Vec<f64>> {
        (0..at.values.len())
            .into_par_iter()
            .map(|index| self.column(at, index).unwrap_or_else(|| vec![0.0; at.residuals.len()]))
            .collect()
    }

    fn column(&self, at: &Point, index: usize) -> Option<Vec<f64>> {
        let scale = *self.scale.get(index)?;
        let here = *at.values.get(index)?;
        let (down, up) =
            (self.bounded(index, here - DIFFERENCE * scale), self.bounded(index, here + DIFFERENCE * scale));
        let width = (up - down) / scale;
        if width <= 1e-9 {
            return None;
        }
        let (low, high) = (self.residuals_with(at, index, down)?, self.residuals_with(at, index, up)?);
        Some(high.iter().zip(&low).map(|(high, low)| (high - low) / width).collect())
    }

    fn residuals_with(&self, at: &Point, index: usize, value: f64) -> Option<Vec<f64>> {
        if at.values.get(index) == Some(&value) {
            return Some(at.residuals.clone());
        }
        let mut values = at.values.clone();
        *values.get_mut(index)? = value;
        (self.residuals)(&values)
    }

    fn bounded(&self, index: usize, value: f64) -> f64 {
        let lowest = self.lowest.get(index).copied().unwrap_or(value);
        let highest = self.highest.get(index).copied().unwrap_or(value);
        value.max(lowest).min(highest)
    }

    /// The best point that can be reached from `start`, or with `sketch` one not far from it. `told` hears of each step.
    pub fn best(&self, start: Point, sketch: bool, told: &mut dyn FnMut(usize, &Point)) -> Point {
        let mut at = start;
        let mut damping = 1e-3;
        for step in 0..if sketch { SKETCH_STEPS } else { MOST_STEPS } {
            told(step, &at);
            let downhill = self.downhill(&at, &mut damping);
            let better = match downhill {
                Some(next) if next.cost < at.cost * (1.0 - DONE) => Some(next),
                slight if sketch => slight,
                slight => self.compass(slight.as_ref().unwrap_or(&at)).or(slight),
            };
            let Some(next) = better else { break };
            let is_done = next.cost >= at.cost * (1.0 - DONE);
            at = next;
            if is_done {
                break;
            }
        }
        at
    }

    /// One damped Gauss-Newton step that makes the cost less.
    fn downhill(&self, at: &Point, damping: &mut f64) -> Option<Point> {
        let columns = self.jacobian(at);
        let weights: Vec<f64> =
            at.residuals.iter().zip(&self.weights).map(|(r, weight)| weight * slope_over(*r)).collect();
        let gradient: Vec<f64> =
            columns.iter().map(|column| weighted_dot(column, &at.residuals, &weights)).collect();
        let free: Vec<usize> =
            (0..columns.len()).filter(|index| self.is_free(at, *index, &gradient)).collect();
        let chosen: Vec<Vec<f64>> = free.iter().filter_map(|index| columns.get(*index).cloned()).collect();
        let normal = Square::normal(&chosen, &weights);
        let right: Vec<f64> =
            free.iter().map(|index| -gradient.get(*index).copied().unwrap_or(0.0)).collect();
        for _ in 0..8 {
            let mut damped = normal.clone();
            for index in 0..free.len() {
                damped.set(index, index, normal.at(index, index) * (1.0 + *damping) + 1e-12);
            }
            if let Some(step) = damped.solve(&right)
                && let Some(next) = self.point(self.moved(at, &free, &step))
                && next.cost < at.cost
            {
                *damping = (*damping * 0.2).max(1e-7);
                return Some(next);
            }
            *damping = (*damping * 6.0).min(1e7);
        }
        None
    }

    /// Whether a parameter is inside its bounds, or may come back from them.
    fn is_free(&self, at: &Point, index: usize, gradient: &[f64]) -> bool {
        let (Some(value), Some(gradient)) = (at.values.get(index), gradient.get(index)) else { return false };
        let pushes_down = *gradient > 0.0;
        let stuck_low = pushes_down && self.lowest.get(index).is_some_and(|lowest| value <= lowest);
        let stuck_high = !pushes_down && self.highest.get(index).is_some_and(|highest| value >= highest);
        *gradient != 0.0 && !stuck_low && !stuck_high
    }

    fn moved(&self, at: &Point, free: &[usize], step: &[f64]) -> Vec<f64> {
        let mut values = at.values.clone();
        for (index, step) in free.iter().zip(step) {
            if let (Some(value), Some(scale)) = (values.get_mut(*index), self.scale.get(*index)) {
                *value = self.bounded(*index, *value + step * scale);
            }
        }
        values
    }

    /// The best of the points one parameter away, on ever smaller steps.
    fn compass(&self, at: &Point) -> Option<Point> {
        COMPASS.iter().find_map(|step| {
            let tries: Vec<(usize, f64)> =
                (0..at.values.len()).flat_map(|index| [(index, *step), (index, -*step)]).collect();
            let points: Vec<Option<Point>> = tries
                .into_par_iter()
                .map(|(index, step)| self.point(self.moved(at, &[index], &[step])))
                .collect();
            // The first of equals, so that the order of finishing does not matter.
            let best = points.into_iter().flatten().min_by(|a, b| a.cost.total_cmp(&b.cost))?;
            (best.cost < at.cost * (1.0 - DONE)).then_some(best)
        })
    }
}

/// Half the square of a small residual, proportional to a large one (soft L1).
fn loss(r: f64) -> f64 {
    SOFT * SOFT * (libm::sqrt(1.0 + (r / SOFT) * (r / SOFT)) - 1.0)
}

/// The loss's slope over the residual: what weight the row has in the next least-squares step.
fn slope_over(r: f64) -> f64 {
    1.0 / libm::sqrt(1.0 + (r / SOFT) * (r / SOFT))
}

/// The loss's slope.
pub(crate) fn slope(r: f64) -> f64 {
    r * slope_over(r)
}

/// The slope of that.
pub(crate) fn curvature(r: f64) -> f64 {
    let one = slope_over(r);
    one * one * one
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows that follow `a * x + b`, a few of them wild.
    fn line(values: &[f64]) -> Option<Vec<f64>> {
        Some(
            (1..=40)
                .map(|index| {
                    let x = f64::from(index) * 0.1;
                    let measured = if index % 10 == 0 { 40.0 } else { 3.0 * x + 0.5 };
                    libm::log((values[0] * x + values[1]) / measured)
                })
                .collect(),
        )
    }

    fn problem(highest: f64) -> Problem<'static> {
        Problem {
            lowest: vec![0.1, 0.0],
            highest: vec![highest, 2.0],
            scale: vec![1.0, 1.0],
            weights: vec![1.0; 40],
            residuals: &line,
        }
    }

    #[test]
    fn wild_rows_do_not_bend_the_fit() {
        let problem = problem(10.0);
        let start = problem.point(vec![1.0, 1.0]).unwrap();
        let best = problem.best(start, false, &mut |_, _| {});
        assert!((best.values[0] - 3.0).abs() < 0.1, "{best:?}");
        assert!((best.values[1] - 0.5).abs() < 0.1, "{best:?}");
    }

    #[test]
    fn a_bound_is_kept_and_the_others_go_on() {
        let problem = problem(2.0);
        let start = problem.point(vec![1.0, 0.0]).unwrap();
        let best = problem.best(start.clone(), false, &mut |_, _| {});
        assert_eq!(best.values[0], 2.0);
        assert!(best.values[1] > 0.5 && best.cost < start.cost, "{best:?}");
    }
}
