//! Which experts of the timed rank get how many rows.
//!
//! As the benchmark of NVIDIA aiconfigurator draws them (`collector/helper.py`, `_generate_power_law_distribution`): a
//! load for every expert from a power law, between 1 and 0.8 of the tokens, or where there are fewer choices than
//! experts between 0.01 and 2; scaled to the number of choices and rounded; what is missing or too much is spread over
//! the ranks in turns; the rank with the most rows is the one that is timed. The time is the mean of five draws whose
//! seed nobody knows; here it is the mean of more, with seeds of our own.

use super::row::{Distribution, Shape};

/// Draws of a power law that are averaged.
const DRAWS: u64 = 12;

/// `(rows, experts)` pairs of the rank that is timed, largest rows first, for each draw; none for other shapes.
///
/// Balanced: all experts get the same, and where there are fewer rows than experts, each row has an expert of its own.
pub(crate) fn expert_loads(shape: &Shape) -> Vec<Vec<(u64, u64)>> {
    let Shape::Moe { tokens, top_k, experts, ep, distribution, .. } = *shape else { return Vec::new() };
    let all_rows = tokens.saturating_mul(top_k);
    let local = experts.div_ceil(ep).max(1);
    match distribution {
        Distribution::Balanced => vec![spread(all_rows.div_ceil(ep), local)],
        Distribution::PowerLaw(exponent) => {
            let law = Law { tokens, all_rows, experts: experts.min(65_536), local, exponent };
            (0..DRAWS).map(|draw| law.busiest(&mut Random(draw))).collect()
        }
    }
}

/// `rows` as evenly over `experts` as whole numbers allow.
fn spread(rows: u64, experts: u64) -> Vec<(u64, u64)> {
    let (each, left) = (rows / experts, rows % experts);
    [(each + 1, left), (each, experts - left)]
        .into_iter()
        .filter(|(rows, count)| *rows > 0 && *count > 0)
        .collect()
}

#[derive(Debug, Clone, Copy)]
struct Law {
    tokens: u64,
    all_rows: u64,
    experts: u64,
    /// Experts a rank holds.
    local: u64,
    exponent: f64,
}

impl Law {
    /// Loads of the busiest rank of one draw.
    fn busiest(&self, random: &mut Random) -> Vec<(u64, u64)> {
        let (least, most) = if self.all_rows > self.experts {
            (1.0, (self.tokens as f64 * 0.8).max(1.0))
        } else {
            (0.01, 2.0)
        };
        let loads: Vec<f64> =
            (0..self.experts).map(|_| quantile(random.next(), least, most, self.exponent)).collect();
        let sum: f64 = loads.iter().sum();
        let mut rows: Vec<u64> = loads
            .iter()
            .map(|load| (libm::round(load / sum * self.all_rows as f64) as u64).min(self.tokens))
            .collect();
        self.correct(&mut rows);
        let ranks = rows.chunks(self.local as usize);
        let busiest = ranks.max_by_key(|rank| rank.iter().sum::<u64>()).unwrap_or_default();
        let mut sorted: Vec<u64> = busiest.iter().copied().filter(|rows| *rows > 0).collect();
        sorted.sort_unstable_by(|a, b| b.cmp(a));
        let mut groups: Vec<(u64, u64)> = Vec::new();
        for count in sorted {
            match groups.last_mut() {
                Some((known, experts)) if *known == count => *experts += 1,
                _ => groups.push((count, 1)),
            }
        }
        groups
    }

    /// Makes the rows as many as there are choices, rank by rank in turns: one more for the expert with the fewest, or
    /// one less for the one with the most.
    fn correct(&self, rows: &mut [u64]) {
        let sum: u64 = rows.iter().sum();
        let ranks = (rows.len() as u64).div_ceil(self.local);
        let off = sum.abs_diff(self.all_rows);
        for (index, rank) in rows.chunks_mut(self.local as usize).enumerate() {
            let share = off / ranks + u64::from((index as u64) < off % ranks);
            if sum < self.all_rows {
                raise(rank, share, self.tokens);
            } else {
                lower(rank, share);
            }
        }
    }
}

/// Adds `amount` to the lowest, one at a time, none above `most`.
fn raise(loads: &mut [u64], amount: u64, most: u64) {
    let mut left = amount;
    while left > 0 {
        let Some(lowest) = loads.iter().copied().min().filter(|lowest| *lowest < most) else { return };
        let next = loads.iter().copied().filter(|load| *load > lowest).min().unwrap_or(most).min(most);
        let count = loads.iter().filter(|load| **load == lowest).count() as u64;
        let step = (left / count).clamp(1, next - lowest);
        for load in loads.iter_mut().filter(|load| **load == lowest).take(left.min(count) as usize) {
            *load += step;
        }
        left -= step * left.min(count);
    }
}

/// Takes `amount` from the highest, one at a time.
fn lower(loads: &mut [u64], amount: u64) {
    let mut left = amount;
    while left > 0 {
        let Some(highest) = loads.iter().copied().max().filter(|highest| *highest > 0) else { return };
        let next = loads.iter().copied().filter(|load| *load < highest).max().unwrap_or(0);
        let count = loads.iter().filter(|load| **load == highest).count() as u64;
        let step = (left / count).clamp(1, highest - next);
        for load in loads.iter_mut().filter(|load| **load == highest).take(left.min(count) as usize) {
            *load -= step;
        }
        left -= step * left.min(count);
    }
}

/// The load below which a fraction `p` of a power law between `least` and `most` lies.
fn quantile(p: f64, least: f64, most: f64, exponent: f64) -> f64 {
    let power = 1.0 - exponent;
    if power.abs() < 1e-9 {
        return least * libm::pow(most / least, p);
    }
    let (bottom, top) = (libm::pow(least, power), libm::pow(most, power));
    libm::pow(p * (top - bottom) + bottom, 1.0 / power)
}

/// `SplitMix64`: the same numbers on every machine.
struct Random(u64);

impl Random {
    /// From 0 up to 1.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        (mixed >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(loads: &[(u64, u64)]) -> u64 {
        loads.iter().map(|(rows, experts)| rows * experts).sum()
    }

    fn drawn(tokens: u64, local: u64, exponent: f64) -> Vec<Vec<(u64, u64)>> {
        let law = Law { tokens, all_rows: tokens * 8, experts: 256, local, exponent };
        (0..DRAWS).map(|draw| law.busiest(&mut Random(draw))).collect()
    }

    #[test]
    fn one_rank_gets_every_choice() {
        for tokens in [1, 4, 32, 33, 1000, 65_536] {
            for loads in drawn(tokens, 256, 1.2) {
                assert_eq!(rows(&loads), tokens * 8, "{tokens} tokens: {loads:?}");
                assert!(loads.iter().all(|(rows, _)| *rows <= tokens), "{tokens} tokens: {loads:?}");
            }
        }
    }

    #[test]
    fn the_busiest_of_many_ranks_gets_more_than_its_share() {
        for tokens in [16, 512, 16_384] {
            for loads in drawn(tokens, 8, 1.01) {
                let share = tokens * 8 / 32;
                assert!((share..=tokens * 8).contains(&rows(&loads)), "{tokens} tokens: {loads:?}");
            }
        }
    }

    #[test]
    fn draws_differ_and_repeat() {
        let first = drawn(1024, 8, 1.2);
        assert_ne!(first[0], first[1]);
        assert_eq!(first, drawn(1024, 8, 1.2));
    }

    #[test]
    fn raising_fills_the_lowest_and_lowering_takes_from_the_highest() {
        let mut loads = [0, 0, 3, 9];
        raise(&mut loads, 5, 9);
        assert_eq!(loads.iter().sum::<u64>(), 17);
        assert!(loads[0].abs_diff(loads[1]) <= 1 && loads[3] == 9, "{loads:?}");
        lower(&mut loads, 6);
        assert_eq!(loads.iter().sum::<u64>(), 11);
        assert!(loads.iter().all(|load| *load <= 3), "{loads:?}");
    }
}
