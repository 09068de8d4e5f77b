//! How much of a buffer that is walked again and again misses a set-associative cache.
//!
//! The walk visits every line once a round, always in the same order. A set that replaces its least recently used line
//! then keeps all of its lines or none: with at most as many lines as ways every access hits, with one more each line
//! is thrown out just before it comes round again. So what misses is what lies in sets that overflow.

use memwall_hardware::Placement;

/// A cache as the walk sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sets {
    /// Bytes.
    pub capacity: f64,
    /// Lines a set holds.
    pub ways: u32,
    pub placement: Placement,
}

impl Sets {
    /// Share of the accesses to `footprint` bytes that miss.
    pub fn miss(&self, footprint: f64) -> f64 {
        let fill = footprint / self.capacity;
        let ways = f64::from(self.ways);
        match self.placement {
            // All sets have as many lines, some one more: of `fill * ways` lines a set, the share of sets with
            // `ways + 1` lines is `(fill - 1) * ways`.
            Placement::Even if fill <= 1.0 => 0.0,
            Placement::Even => ((fill - 1.0) * (ways + 1.0) / fill).min(1.0),
            // The other lines of a line's set are Poisson distributed; it misses with `ways` of them or more.
            Placement::Random => poisson_tail(fill * ways, self.ways),
        }
    }
}

/// Terms below this share of the largest one add nothing.
const NEGLIGIBLE: f64 = 1e-20;

/// Probability that a Poisson variable of mean `mean` is at least `least`. Summed outwards from the largest term, so
/// that nothing overflows and no exponential is needed.
fn poisson_tail(mean: f64, least: u32) -> f64 {
    let least = f64::from(least);
    // Beyond thirty deviations of anything that can be told from certainty.
    if mean > 4.0 * least + 1000.0 {
        return 1.0;
    }
    let mode = mean.floor();
    let (mut below, mut above) = (0.0, 0.0);
    let mut count = |at: f64, term: f64| if at < least { below += term } else { above += term };
    count(mode, 1.0);
    let (mut at, mut term) = (mode, 1.0);
    while at > 0.0 && term > NEGLIGIBLE {
        term *= at / mean;
        at -= 1.0;
        count(at, term);
    }
    let (mut at, mut term) = (mode, 1.0);
    while term > NEGLIGIBLE {
        at += 1.0;
        term *= mean / at;
        count(at, term);
    }
    above / (above + below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_poisson_tail_is_one_minus_what_lies_below() {
        // P(X >= 2) at mean 1 is 1 - 2/e.
        let expected = 1.0 - 2.0 / std::f64::consts::E;
        assert!((poisson_tail(1.0, 2) - expected).abs() < 1e-14);
        // P(X >= 1) at mean 700, whose terms overflow when summed from the first.
        assert!(poisson_tail(1e3, 1) > 1.0 - 1e-15);
        assert!(poisson_tail(0.001, 16) < 1e-30);
    }

    /// What a cache with least-recently-used sets does, line by line, over rounds after the first.
    fn walked(sets: &Sets, lines: usize, seed: u64) -> f64 {
        let count = (sets.capacity / 64.0) as usize / sets.ways as usize;
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize
        };
        let set_of: Vec<usize> = (0..lines)
            .map(|line| if sets.placement == Placement::Even { line % count } else { next() % count })
            .collect();
        // A cycle through all lines in a random order.
        let mut order: Vec<usize> = (0..lines).collect();
        for index in (1..lines).rev() {
            order.swap(index, next() % (index + 1));
        }
        let mut held: Vec<Vec<usize>> = vec![Vec::new(); count];
        let mut misses = 0;
        for round in 0..3 {
            for &line in &order {
                let set = &mut held[set_of[line]];
                if let Some(position) = set.iter().position(|known| *known == line) {
                    set.remove(position);
                } else {
                    misses += usize::from(round > 0);
                    if set.len() == sets.ways as usize {
                        set.remove(0);
                    }
                }
                set.push(line);
            }
        }
        misses as f64 / (2 * lines) as f64
    }

    #[test]
    fn the_share_is_that_of_a_cache_walked_line_by_line() {
        let mut compared = 0;
        for placement in [Placement::Even, Placement::Random] {
            let sets = Sets { capacity: 1_048_576.0, ways: 16, placement };
            for percent in [50, 80, 90, 100, 102, 104, 110, 130, 200] {
                let lines = 16_384 * percent / 100;
                let expected = sets.miss(lines as f64 * 64.0);
                let found = walked(&sets, lines, 1);
                assert!((expected - found).abs() < 0.03, "{placement:?} {percent} %: {expected} {found}");
                compared += 1;
            }
        }
        assert_eq!(compared, 18);
    }

    #[test]
    fn more_footprint_never_misses_less() {
        for placement in [Placement::Even, Placement::Random] {
            for ways in [1, 4, 16, 128] {
                let sets = Sets { capacity: 4096.0, ways, placement };
                let misses: Vec<f64> = (1..400).map(|step| sets.miss(f64::from(step) * 40.0)).collect();
                assert!(misses.windows(2).all(|pair| pair[0] <= pair[1] + 1e-12), "{placement:?} {ways}");
                assert!(misses.first() < Some(&0.05) && misses.last() > Some(&0.95), "{placement:?} {ways}");
            }
        }
    }
}
