//! Sums of rows looked up in a table: embedding bags, and the aggregation of a graph network.

use super::product;

/// `rows` look-ups in a table, every `pool` of them added up to one row of the result.
///
/// Which rows are popular follows Zipf's law: the one of rank r is looked up in proportion to r to the power of minus
/// the skew; a skew of 0 is uniform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GatherSum {
    /// Look-ups: of a graph network, edges.
    pub rows: u64,
    /// Elements a row.
    pub cols: u64,
    /// Look-ups that one row of the result sums: of a graph network, the mean degree.
    pub pool: u64,
    /// Rows of the table.
    pub table_rows: u64,
    /// The exponent of Zipf's law in thousandths.
    pub skew_permille: u32,
    /// Whether the last cache holds the most popular rows beforehand, as after many batches.
    pub warm: bool,
}

/// Ranks of a bucket are at most one part in this many of the first: all of a bucket are as popular.
const PARTS: u64 = 64;

/// Consecutive ranks that are about as popular.
struct Bucket {
    first: u64,
    ranks: f64,
    /// Of one rank, before they are scaled to add up to 1.
    weight: f64,
}

impl GatherSum {
    /// Operations: one addition an element looked up.
    #[must_use]
    pub fn flops(&self) -> u128 {
        product(&[self.rows, self.cols])
    }

    /// Rows of the result.
    #[must_use]
    pub fn results(&self) -> u64 {
        self.rows.div_ceil(self.pool.max(1))
    }

    /// Different rows that independent look-ups touch on average, rounded up; at most the table's.
    #[must_use]
    pub fn distinct_rows(&self) -> u64 {
        if self.rows == 0 {
            return 0;
        }
        let total = self.total();
        let missed = |bucket: &Bucket| {
            let chance = (bucket.weight / total).min(1.0);
            if chance >= 1.0 { 0.0 } else { libm::exp(self.rows as f64 * libm::log1p(-chance)) }
        };
        let expected: f64 = self.buckets().map(|bucket| bucket.ranks * (1.0 - missed(&bucket))).sum();
        (libm::ceil(expected) as u64).clamp(1, self.rows.min(self.table_rows))
    }

    /// Share of the look-ups that the `head` most popular rows get, 0 to 1.
    #[must_use]
    pub fn share_of_head(&self, head: f64) -> f64 {
        let inside = |bucket: Bucket| {
            let ranks = (head - (bucket.first - 1) as f64).clamp(0.0, bucket.ranks);
            ranks * bucket.weight
        };
        (self.buckets().map(inside).sum::<f64>() / self.total()).clamp(0.0, 1.0)
    }

    fn total(&self) -> f64 {
        self.buckets().map(|bucket| bucket.ranks * bucket.weight).sum()
    }

    fn buckets(&self) -> impl Iterator<Item = Bucket> {
        let skew = f64::from(self.skew_permille) / 1000.0;
        let table = self.table_rows.max(1);
        let mut first = 1;
        std::iter::from_fn(move || {
            if first > table {
                return None;
            }
            let ranks = (first / PARTS).max(1).min(table - first + 1);
            let middle = first as f64 + (ranks - 1) as f64 / 2.0;
            let bucket = Bucket { first, ranks: ranks as f64, weight: libm::pow(middle, -skew) };
            first += ranks;
            Some(bucket)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bag(rows: u64, table_rows: u64, skew_permille: u32) -> GatherSum {
        GatherSum { rows, cols: 1, pool: 1, table_rows, skew_permille, warm: false }
    }

    #[test]
    fn uniform_look_ups_are_balls_in_bins() {
        // 1000 (1 - (1 - 1/1000)^1000) = 632.3
        assert_eq!(bag(1000, 1000, 0).distinct_rows(), 633);
        assert_eq!(bag(1, 1000, 0).distinct_rows(), 1);
        assert_eq!(bag(1_000_000, 1000, 0).distinct_rows(), 1000);
        assert!((bag(1, 1000, 0).share_of_head(250.0) - 0.25).abs() < 1e-12);
    }

    /// Of 10^6 rows with an exponent of 1 the first 1000 get H(1000) / H(10^6) = 7.4855 / 14.3927 of the look-ups.
    #[test]
    fn the_head_of_zipf_is_that_of_harmonic_numbers() {
        let share = bag(1, 1_000_000, 1000).share_of_head(1000.0);
        assert!((share - 7.485_471 / 14.392_727).abs() < 1e-3, "{share}");
        assert!((bag(1, 1_000_000, 1000).share_of_head(1e9) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn skew_touches_fewer_rows() {
        let rows = [0, 500, 1000, 1500].map(|skew| bag(10_000, 1_000_000, skew).distinct_rows());
        assert!(rows.windows(2).all(|pair| pair[1] < pair[0]), "{rows:?}");
    }
}
