//! Synthetic accesses.

use memwall_units::Bytes;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::access::{Access, MAX_ACCESS_BYTES};
use super::zipf::Zipf;

/// The order in which a pattern goes through its footprint.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Walk {
    /// One access after the other.
    Stream,
    /// Every so many bytes; having passed the end, the next ones.
    Stride(u64),
    /// Anywhere.
    Random,
    /// Rows of a table, the popular ones more often: Zipf with this skew (0 is uniform), popular rows scattered.
    Gather(f64),
}

/// A synthetic sequence of accesses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PatternPlan {
    /// In what order.
    pub walk: Walk,
    /// Over how much memory.
    pub footprint: Bytes,
    /// Bytes of one access; accesses are aligned to it.
    pub bytes: u32,
    /// Percentage of accesses that read; which do is drawn at random.
    pub read_percent: u32,
    /// How many accesses.
    pub requests: u64,
    /// Seed of what is random.
    pub seed: u64,
}

/// The accesses of a plan.
#[derive(Debug, Clone)]
pub struct Pattern {
    plan: PatternPlan,
    /// Accesses the footprint has room for.
    places: u64,
    bytes: u64,
    zipf: Zipf,
    rng: Pcg64,
    made: u64,
    /// Next place of a stride, and where the current pass began.
    place: u64,
    pass: u64,
}

/// A prime far from powers of two: multiplying by it scatters ranks one to one over any count it does not divide.
const SCATTER: u64 = 11_400_714_819_323_198_549;

impl Pattern {
    /// The accesses of a plan; a footprint smaller than one access is one access.
    #[must_use]
    pub fn new(plan: PatternPlan) -> Self {
        let bytes = u64::from(plan.bytes.clamp(1, MAX_ACCESS_BYTES));
        let places = (plan.footprint.0 / bytes).max(1);
        let skew = match plan.walk {
            Walk::Gather(skew) => skew.clamp(0.0, 100.0),
            _ => 0.0,
        };
        Self {
            plan,
            places,
            bytes,
            zipf: Zipf::new(places, skew),
            rng: Pcg64::seed_from_u64(plan.seed),
            made: 0,
            place: 0,
            pass: 0,
        }
    }

    fn next_place(&mut self) -> u64 {
        match self.plan.walk {
            Walk::Stream => self.made % self.places,
            Walk::Random => self.rng.random_range(0..self.places),
            Walk::Gather(_) => {
                let rank = self.zipf.sample(&mut self.rng) - 1;
                (u128::from(rank) * u128::from(SCATTER) % u128::from(self.places)) as u64
            }
            Walk::Stride(stride) => {
                let place = self.place;
                let step = (stride / self.bytes).max(1);
                self.place = self.place.saturating_add(step);
                if self.place >= self.places {
                    self.pass = (self.pass + 1) % step.min(self.places);
                    self.place = self.pass;
                }
                place
            }
        }
    }
}

impl Iterator for Pattern {
    type Item = Access;

    fn next(&mut self) -> Option<Access> {
        if self.made >= self.plan.requests {
            return None;
        }
        let address = self.next_place() * self.bytes;
        let percent = self.plan.read_percent;
        let write = percent < 100 && self.rng.random_range(0..100) >= percent;
        self.made += 1;
        Some(Access { address, bytes: self.bytes as u32, write, at: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(walk: Walk, footprint: u64, requests: u64) -> Vec<u64> {
        let plan = PatternPlan {
            walk,
            footprint: Bytes(footprint),
            bytes: 64,
            read_percent: 100,
            requests,
            seed: 3,
        };
        Pattern::new(plan).map(|access| access.address).collect()
    }

    #[test]
    fn streams_and_strides_cover_the_footprint_evenly() {
        assert_eq!(addresses(Walk::Stream, 256, 6), [0, 64, 128, 192, 0, 64]);
        assert_eq!(addresses(Walk::Stride(128), 256, 5), [0, 128, 64, 192, 0]);
        for walk in [Walk::Stream, Walk::Stride(640), Walk::Stride(1), Walk::Stride(u64::MAX)] {
            let mut all = addresses(walk, 64 * 30, 30);
            all.sort_unstable();
            all.dedup();
            let expected = if walk == Walk::Stride(u64::MAX) { all.len() } else { 30 };
            assert_eq!(all.len(), expected, "{walk:?}");
        }
    }

    /// The hottest row gets its share, 1 / (1 + 1/2 + ... + 1/n), and a seed repeats.
    #[test]
    fn a_gather_has_hot_rows() {
        let gathered = addresses(Walk::Gather(1.0), 64 * 1000, 50_000);
        let hottest = gathered.iter().filter(|&&address| address == 0).count() as f64;
        let harmonic: f64 = (1..=1000).map(|rank| 1.0 / f64::from(rank)).sum();
        assert!((hottest / 50_000.0 * harmonic - 1.0).abs() < 0.05);
        assert_eq!(gathered, addresses(Walk::Gather(1.0), 64 * 1000, 50_000));
    }

    #[test]
    fn reads_and_writes_come_in_proportion() {
        let plan = PatternPlan {
            walk: Walk::Random,
            footprint: Bytes(1 << 30),
            bytes: 32,
            read_percent: 67,
            requests: 30_000,
            seed: 1,
        };
        let reads = Pattern::new(plan).filter(|access| !access.write).count() as f64;
        assert!((reads / 30_000.0 - 0.67).abs() < 0.01);
    }
}
