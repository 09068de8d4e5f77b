//! Progressive filling written as plainly as it can be: what the fast solver is tested against.

/// A flow as [`max_min_rates`] sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct FlowDemand {
    /// Identical flows merged into one.
    pub weight: f64,
    /// The rate each can reach at most; infinity for no cap.
    pub cap: f64,
    /// Links by index, with the bytes that cross each for each byte of the flow.
    pub usage: Vec<(usize, f64)>,
}

/// The max-min fair rate of each unit of each flow, in the unit of `capacities`: the common rate of all flows grows
/// from zero, and a flow stops when a link it uses is full or its cap is reached. Infinite for a flow that neither
/// holds back. Takes time in proportion to flows times links; links that do not exist are ignored.
#[must_use]
pub fn max_min_rates(capacities: &[f64], demands: &[FlowDemand]) -> Vec<f64> {
    let mut rates = vec![f64::INFINITY; demands.len()];
    let mut growing: Vec<usize> = (0..demands.len()).collect();
    while !growing.is_empty() {
        let levels: Vec<f64> = (0..capacities.len())
            .map(|link| level(link, capacities[link], demands, &rates, &growing))
            .collect();
        let limit = |flow: usize| {
            let demand = &demands[flow];
            let links = demand.usage.iter().filter(|&&(_, coefficient)| coefficient * demand.weight > 0.0);
            links
                .filter_map(|&(link, _)| levels.get(link).copied())
                .fold(demand.cap, |least, level| if level < least { level } else { least })
        };
        let least = growing.iter().map(|&flow| limit(flow)).fold(f64::INFINITY, f64::min);
        let (stopped, rest): (Vec<usize>, Vec<usize>) =
            growing.iter().partition(|&&flow| limit(flow) <= least);
        for flow in stopped {
            rates[flow] = least;
        }
        growing = rest;
    }
    rates
}

/// The common rate of the growing flows at which a link is full.
fn level(link: usize, capacity: f64, demands: &[FlowDemand], rates: &[f64], growing: &[usize]) -> f64 {
    let (mut left, mut growth) = (capacity, 0.0);
    for (flow, demand) in demands.iter().enumerate() {
        let used: f64 = demand.usage.iter().filter(|usage| usage.0 == link).map(|usage| usage.1).sum();
        let load = used * demand.weight;
        if load == 0.0 {
            continue;
        }
        if growing.contains(&flow) {
            growth += load;
        } else {
            left -= load * rates[flow];
        }
    }
    if growth == 0.0 { f64::INFINITY } else { left.max(0.0) / growth }
}
