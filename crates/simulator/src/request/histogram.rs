//! A distribution in bounded memory.

/// Values up to this are counted exactly.
const EXACT: u64 = 2048;
/// Beyond, each doubling has this many buckets, so that a value is known to 1 %.
const PER_DOUBLING: u64 = 128;

/// Counts values; remembers their mean and largest exactly and the rest to 1 %.
#[derive(Debug, Clone, Default)]
pub(super) struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    sum: u128,
    largest: u64,
}

impl Histogram {
    pub fn add(&mut self, value: u64) {
        let bucket = bucket(value);
        if bucket >= self.buckets.len() {
            self.buckets.resize(bucket + 1, 0);
        }
        self.buckets[bucket] += 1;
        self.count += 1;
        self.sum += u128::from(value);
        self.largest = self.largest.max(value);
    }

    pub fn mean(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum as f64 / self.count as f64 }
    }

    pub fn largest(&self) -> u64 {
        self.largest
    }

    /// The least value that `percent` % of the values do not exceed.
    pub fn percentile(&self, percent: u64) -> u64 {
        let wanted = (u128::from(self.count) * u128::from(percent)).div_ceil(100).max(1);
        let mut seen = 0;
        for (index, &count) in self.buckets.iter().enumerate() {
            seen += u128::from(count);
            if seen >= wanted {
                return upper(index).min(self.largest);
            }
        }
        self.largest
    }
}

fn bucket(value: u64) -> usize {
    if value < EXACT {
        return value as usize;
    }
    let doublings = u64::from(value.ilog2() - EXACT.ilog2());
    let within = (value >> doublings) / (EXACT / PER_DOUBLING) - PER_DOUBLING;
    (EXACT + doublings * PER_DOUBLING + within) as usize
}

/// The largest value of a bucket.
fn upper(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < EXACT {
        return bucket;
    }
    let (doublings, within) = ((bucket - EXACT) / PER_DOUBLING, (bucket - EXACT) % PER_DOUBLING);
    let width = (EXACT / PER_DOUBLING) << doublings;
    (PER_DOUBLING + within) * width + (width - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_values_are_exact_and_large_ones_known_to_one_percent() {
        let mut histogram = Histogram::default();
        for value in 1..=1000 {
            histogram.add(value);
        }
        assert_eq!([50, 90, 99, 100].map(|percent| histogram.percentile(percent)), [500, 900, 990, 1000]);
        assert_eq!((histogram.mean(), histogram.largest()), (500.5, 1000));
        for value in [2048, 2049, 5000, 123_456, 1 << 40, u64::MAX / 3] {
            let bound = upper(bucket(value));
            assert!(bound >= value && bound - value <= value / 100, "{value}: {bound}");
            assert!(value == 2048 || upper(bucket(value) - 1) < value);
        }
    }

    #[test]
    fn nothing_counted_is_zero() {
        let histogram = Histogram::default();
        assert_eq!((histogram.percentile(50), histogram.mean(), histogram.largest()), (0, 0.0, 0));
    }
}
