//! Which keys a block of queries sees.

use memwall_model_graph::Attention;

/// What the blocks of one sequence and head do.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Visits {
    /// Blocks of queries.
    pub count: f64,
    /// Key blocks that all of them visit.
    pub total: f64,
    /// Key blocks that the longest visits.
    pub longest: f64,
    /// Keys that all of them read.
    pub seen: f64,
    /// Key blocks of each, or of as many as are looked at where there are more.
    pub each: Vec<u32>,
}

/// Very long sequences repeat the same linear growth: at most this many blocks are looked at.
const SAMPLES: f64 = 1024.0;

/// Counts what blocks of `queries` queries visit in steps of `keys` keys.
pub(super) fn visits(shape: Attention, queries: f64, keys: f64) -> Visits {
    let kv_len = shape.kv_len as f64;
    let window = if shape.window == 0 { kv_len } else { (shape.window as f64).min(kv_len) };
    // The mask is aligned to the bottom right.
    let q_len = shape.q_len as f64;
    let count = (q_len / queries).ceil().max(1.0);
    let samples = count.min(SAMPLES);
    let mut visits = Visits { count, each: Vec::with_capacity(samples as usize), ..Visits::default() };
    for sample in 0..samples as u64 {
        let index = (sample as f64 * count / samples).floor();
        let last = ((index + 1.0) * queries).min(q_len);
        let end = if shape.causal { kv_len - q_len + last } else { kv_len };
        let first = if shape.causal { (end - (last - index * queries) + 1.0 - window).max(0.0) } else { 0.0 };
        let blocks = ((end / keys).ceil() - (first / keys).floor()).max(1.0);
        visits.total += blocks;
        visits.seen += end - first;
        visits.longest = visits.longest.max(blocks);
        visits.each.push(blocks.min(f64::from(u32::MAX)) as u32);
    }
    visits.total *= count / samples;
    visits.seen *= count / samples;
    visits
}
