//! The calibrated roofline: a fraction of peak, a fraction of bandwidth and a fixed time, fitted to a group's rows.
//! What any simulator has to beat.

use super::roofline::Roofline;

/// `max(compute / compute_share, memory / bandwidth_share) + fixed`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct CalibratedRoofline {
    compute_share: f64,
    bandwidth_share: f64,
    fixed: f64,
}

impl CalibratedRoofline {
    pub fn seconds(&self, parts: &Roofline) -> f64 {
        (parts.compute / self.compute_share).max(parts.memory / self.bandwidth_share) + self.fixed
    }

    /// The parameters with the least mean absolute error on `rows` of `(parts, measured seconds)`: coordinate search on a
    /// shrinking grid. `None` for fewer rows than six, two a parameter.
    pub fn fit(rows: &[(Roofline, f64)]) -> Option<Self> {
        if rows.len() < 6 {
            return None;
        }
        let least = rows.iter().map(|(_, seconds)| *seconds).fold(f64::INFINITY, f64::min);
        let starts = [(0.7, 0.8, 0.5), (0.4, 0.5, 0.9), (0.9, 1.2, 0.1)];
        starts
            .into_iter()
            .map(|(compute_share, bandwidth_share, floor)| {
                Self { compute_share, bandwidth_share, fixed: floor * least }.improved(rows, least)
            })
            .min_by(|a, b| a.error(rows).total_cmp(&b.error(rows)))
    }

    fn improved(mut self, rows: &[(Roofline, f64)], least: f64) -> Self {
        let mut step = 0.5;
        let mut best = self.error(rows);
        while step > 1e-3 {
            let mut moved = false;
            for parameter in 0..3 {
                for sign in [1.0, -1.0] {
                    let tried = self.moved(parameter, sign * step, least);
                    let error = tried.error(rows);
                    if error < best {
                        (self, best, moved) = (tried, error, true);
                    }
                }
            }
            if !moved {
                step *= 0.6;
            }
        }
        self
    }

    fn moved(mut self, parameter: usize, by: f64, least: f64) -> Self {
        match parameter {
            0 => self.compute_share *= 1.0 + by.max(-0.9),
            1 => self.bandwidth_share *= 1.0 + by.max(-0.9),
            _ => self.fixed = (self.fixed + by * least).max(0.0),
        }
        self
    }

    fn error(&self, rows: &[(Roofline, f64)]) -> f64 {
        rows.iter().map(|(parts, seconds)| (self.seconds(parts) / seconds - 1.0).abs()).sum()
    }
}
