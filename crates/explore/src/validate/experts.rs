//! Which experts of the timed rank get how many rows.

use super::row::{Distribution, Shape};

/// `(rows, experts)` pairs of the rank that is timed, largest rows first; empty for other shapes.
///
/// Balanced: all experts get the same, and where there are fewer rows than experts, each row has an expert of its own.
/// Power law: the loads are the quantiles of the law, so no seed decides; the rank that is timed is the one with the
/// heaviest experts, since a layer waits for it.
pub(crate) fn expert_rows(shape: &Shape) -> Vec<(u64, u64)> {
    let Shape::Moe { tokens, top_k, experts, ep, distribution, .. } = *shape else { return Vec::new() };
    let all_rows = tokens.saturating_mul(top_k);
    let local = experts.div_ceil(ep).max(1);
    match distribution {
        Distribution::Balanced => spread(all_rows.div_ceil(ep), local),
        Distribution::PowerLaw(exponent) => heaviest(all_rows, tokens, experts, local, exponent),
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

fn heaviest(all_rows: u64, tokens: u64, experts: u64, local: u64, exponent: f64) -> Vec<(u64, u64)> {
    let experts = experts.min(65_536);
    // Loads between 1 and most of the tokens with density proportional to load^-exponent, at evenly spread quantiles.
    let largest = (tokens as f64 * 0.8).max(2.0);
    let loads: Vec<f64> = (0..experts)
        .map(|index| quantile(1.0 - (index as f64 + 0.5) / experts as f64, largest, exponent))
        .collect();
    let sum: f64 = loads.iter().sum();
    let mut rows: Vec<u64> = Vec::new();
    let mut carried = 0.0;
    for load in loads.iter().take(local as usize) {
        let exact = (load / sum * all_rows as f64).min(tokens as f64) + carried;
        let whole = libm::round(exact).max(0.0);
        carried = exact - whole;
        rows.push(whole as u64);
    }
    // The heaviest rank has work while any has.
    if let Some(first) = rows.first_mut() {
        *first = (*first).max(all_rows.min(1));
    }
    let mut groups: Vec<(u64, u64)> = Vec::new();
    for count in rows.into_iter().filter(|rows| *rows > 0) {
        match groups.iter_mut().find(|(known, _)| *known == count) {
            Some((_, experts)) => *experts += 1,
            None => groups.push((count, 1)),
        }
    }
    groups
}

/// The load below which a fraction `p` of a power law between 1 and `largest` lies.
fn quantile(p: f64, largest: f64, exponent: f64) -> f64 {
    let power = 1.0 - exponent;
    if power.abs() < 1e-9 {
        return libm::pow(largest, p);
    }
    let top = libm::pow(largest, power);
    libm::pow(p * (top - 1.0) + 1.0, 1.0 / power)
}
