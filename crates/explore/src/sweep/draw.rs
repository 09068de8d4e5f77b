//! Numbers for point i of a draw, from i and the seed alone: any point can be found without those before it.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

/// Two numbers of [0, 1) for each axis of point `index`.
pub(super) fn random(seed: u64, index: u64, axes: usize) -> Vec<(f64, f64)> {
    let mut rng = Pcg64::seed_from_u64(seed);
    rng.advance(u128::from(index) * axes as u128 * 2);
    (0..axes).map(|_| (unit(rng.random()), unit(rng.random()))).collect()
}

/// The same, with the first number of each axis in a slice of its own: of `points` equal slices of [0, 1), each point
/// has another (McKay, Beckman, Conover 1979).
pub(super) fn latin_hypercube(seed: u64, index: u64, points: u64, axes: usize) -> Vec<(f64, f64)> {
    let within = random(seed, index, axes);
    let draw = |(axis, (first, second)): (usize, (f64, f64))| {
        let slice = shuffled(mix(seed ^ mix(axis as u64 + 1)), index, points);
        // A number just below one times a large count may round up to the next slice.
        let place = ((slice as f64 + first) / points as f64)
            .min((slice as f64 + 1.0) / points as f64 * (1.0 - f64::EPSILON));
        (place, second)
    };
    within.into_iter().enumerate().map(draw).collect()
}

/// The top 53 bits as a number of [0, 1).
fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// Where `index` goes in a shuffle of `0..count`: a Feistel network over the next power of four, walked until it ends
/// inside. It needs no memory, where a shuffled list of ten million would.
fn shuffled(key: u64, index: u64, count: u64) -> u64 {
    const ROUNDS: u64 = 8;
    if count < 2 {
        return 0;
    }
    let half = (64 - (count - 1).leading_zeros()).div_ceil(2);
    let mask = (1_u64 << half) - 1;
    let mut place = index;
    loop {
        let (mut left, mut right) = (place >> half, place & mask);
        for round in 0..ROUNDS {
            (left, right) = (right, left ^ (mix(right ^ mix(key.wrapping_add(round))) & mask));
        }
        place = left << half | right;
        if place < count {
            return place;
        }
    }
}

/// A number that depends on every bit of another (the finaliser of SplitMix64, Steele et al. 2014).
fn mix(bits: u64) -> u64 {
    let mut bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shuffle_moves_everything_and_loses_nothing() {
        for count in [1, 2, 3, 5, 64, 1000, 4097] {
            let mut places: Vec<u64> = (0..count).map(|index| shuffled(7, index, count)).collect();
            if count == 1000 {
                let kept =
                    places.iter().enumerate().filter(|(index, place)| *index as u64 == **place).count();
                assert!(kept < 10, "{kept} of 1000 stayed in place");
            }
            places.sort_unstable();
            assert_eq!(places, (0..count).collect::<Vec<_>>());
        }
    }

    #[test]
    fn each_slice_of_each_axis_is_used_once() {
        let points = 257;
        for axis in 0..3 {
            let mut slices: Vec<u64> = (0..points)
                .map(|index| (latin_hypercube(3, index, points, 3)[axis].0 * points as f64) as u64)
                .collect();
            slices.sort_unstable();
            assert_eq!(slices, (0..points).collect::<Vec<_>>(), "axis {axis}");
        }
    }

    #[test]
    fn axes_and_seeds_differ() {
        let first = |seed, axis: usize| (0..32).map(|i| random(seed, i, 2)[axis].0).collect::<Vec<_>>();
        assert_ne!(first(1, 0), first(1, 1));
        assert_ne!(first(1, 0), first(2, 0));
        let mean = (0..4000).map(|i| random(1, i, 2)[1].0).sum::<f64>() / 4000.0;
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
    }
}
