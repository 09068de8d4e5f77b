//! Zipf-distributed ranks: rank `k` of `n` has a probability in proportion to `1 / k^s`.
//!
//! Drawn by rejection-inversion (W. Hörmann and G. Derflinger, "Rejection-inversion to generate variates from monotone
//! discrete distributions", ACM TOMACS 6(3), 1996): constant time for any `n`. The `libm` crate keeps the draws the
//! same on every machine.

use rand::{Rng, RngExt};

/// A Zipf distribution over the ranks 1 to `n`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Zipf {
    n: f64,
    s: f64,
    /// The integral of the hat below rank 1 and up to rank `n`.
    low: f64,
    high: f64,
    /// Below this distance from a rank nothing is rejected.
    sure: f64,
}

impl Zipf {
    /// Ranks 1 to `n` (at least 1) with skew `s` (0 is uniform).
    pub fn new(n: u64, s: f64) -> Self {
        let n = n.max(1) as f64;
        let mut zipf = Self { n, s, low: 0.0, high: 0.0, sure: 0.0 };
        zipf.low = zipf.integral(1.5) - 1.0;
        zipf.high = zipf.integral(n + 0.5);
        zipf.sure = 2.0 - zipf.inverse(zipf.integral(2.5) - zipf.weight(2.0));
        zipf
    }

    /// Draws a rank.
    pub fn sample(&self, rng: &mut impl Rng) -> u64 {
        loop {
            let area = self.high + rng.random::<f64>() * (self.low - self.high);
            let x = self.inverse(area);
            let rank = libm::floor(x + 0.5).clamp(1.0, self.n);
            if rank - x <= self.sure || area >= self.integral(rank + 0.5) - self.weight(rank) {
                return rank as u64;
            }
        }
    }

    fn weight(&self, x: f64) -> f64 {
        libm::exp(-self.s * libm::log(x))
    }

    /// The integral of `x^-s`.
    fn integral(&self, x: f64) -> f64 {
        let log = libm::log(x);
        grown((1.0 - self.s) * log) * log
    }

    fn inverse(&self, area: f64) -> f64 {
        let slope = (area * (1.0 - self.s)).max(-1.0);
        libm::exp(shrunk(slope) * area)
    }
}

/// `(e^x - 1) / x`, and 1 at 0.
fn grown(x: f64) -> f64 {
    if x.abs() > 1e-8 { libm::expm1(x) / x } else { 1.0 + x / 2.0 * (1.0 + x / 3.0) }
}

/// `ln(1 + x) / x`, and 1 at 0.
fn shrunk(x: f64) -> f64 {
    if x.abs() > 1e-8 { libm::log1p(x) / x } else { 1.0 - x * (0.5 - x / 3.0) }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_pcg::Pcg64;

    use super::*;

    /// Frequencies against the probabilities, by Pearson's statistic over 20 ranks.
    #[test]
    fn ranks_come_as_often_as_they_should() {
        for s in [0.0, 0.5, 1.0, 1.5, 3.0] {
            let (n, draws) = (20_usize, 200_000_u32);
            let zipf = Zipf::new(n as u64, s);
            let mut rng = Pcg64::seed_from_u64(7);
            let mut counts = vec![0_u32; n];
            for _ in 0..draws {
                counts[zipf.sample(&mut rng) as usize - 1] += 1;
            }
            let weights: Vec<f64> = (1..=n).map(|rank| libm::pow(rank as f64, -s)).collect();
            let total: f64 = weights.iter().sum();
            let statistic: f64 = weights
                .iter()
                .zip(&counts)
                .map(|(weight, &count)| {
                    let expected = weight / total * f64::from(draws);
                    (f64::from(count) - expected) * (f64::from(count) - expected) / expected
                })
                .sum();
            // 19 degrees of freedom: above 44 once in a thousand times.
            assert!(statistic < 44.0, "skew {s}: {statistic}");
        }
    }

    #[test]
    fn extremes_stay_within_range() {
        let mut rng = Pcg64::seed_from_u64(1);
        for (n, s) in [(1, 1.0), (u64::MAX / 2, 0.0), (u64::MAX / 2, 1.1), (5, 50.0)] {
            let zipf = Zipf::new(n, s);
            assert!((0..1000).map(|_| zipf.sample(&mut rng)).all(|rank| (1..=n).contains(&rank)));
        }
    }
}
