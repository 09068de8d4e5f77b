//! Bandwidth limited by bytes in flight over loaded latency.
//!
//! A core with so many bytes in flight gets them once in the time they take, so its flow's rate is capped at bytes over
//! time. The time is the latency of an idle machine plus what queues add, and queues grow with the load that the
//! flows themselves put on the links: flat at first, then a cliff as a link fills up. The cap and the load must agree;
//! the cap falls as the load rises and the load rises with the cap, so there is one point where they do.

use memwall_units::Picos;

use crate::flow_network::{FlowError, FlowNetwork, FlowSpec, Held, LinkId};

/// Identical cores that keep bytes in flight.
#[derive(Debug, Clone)]
pub(super) struct Lane {
    /// Cores.
    pub units: f64,
    /// Bytes that one of them has asked for and not finished with.
    pub in_flight: f64,
    /// Time they take besides waiting for data, in picoseconds.
    pub fixed_ps: f64,
    pub waits: Vec<Wait>,
    /// Links crossed, each with the bytes that cross it for each byte of the lane.
    pub usage: Vec<(LinkId, f64)>,
}

/// A place the bytes wait for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wait {
    pub link: LinkId,
    /// Share of the bytes that come from there.
    pub share: f64,
    /// Idle.
    pub latency_ps: f64,
    /// What queues add at half load.
    pub queueing_ps: f64,
}

/// Where cap and load agree.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settled {
    /// Bytes per second of one unit.
    pub rate: f64,
    /// The link that would be full were latency always that of an idle machine; `Cap` when none would.
    pub held: Held,
}

/// Halvings of the interval in which the cap is sought: more than a float has digits.
const HALVINGS: usize = 70;
/// Bytes of a flow that outlives the question.
const ENDLESS: f64 = 1e18;
const SECONDS: f64 = 1e-12;

/// Finds the rate of `lane`, the only flow of `network`.
pub(super) fn settle(network: &mut FlowNetwork, lane: &Lane) -> Result<Settled, FlowError> {
    let idle = lane.in_flight / (lane.time_at(|_| 0.0) * SECONDS);
    let (free, held) = solve(network, lane, idle, |_, rate| rate)?;
    if lane.waits.iter().all(|wait| wait.queueing_ps == 0.0 || wait.share == 0.0) {
        return Ok(Settled { rate: free, held });
    }
    let (mut low, mut high) = (0.0, idle);
    for _ in 0..HALVINGS {
        let cap = 0.5 * (low + high);
        let (time, _) = solve(network, lane, cap, |network, _| lane.time_at(|link| load(network, link)))?;
        if lane.in_flight >= cap * time * SECONDS {
            low = cap;
        } else {
            high = cap;
        }
    }
    let (rate, _) = solve(network, lane, low, |_, rate| rate)?;
    Ok(Settled { rate, held })
}

impl Lane {
    /// Time the bytes in flight take at a load of each link, in picoseconds.
    fn time_at(&self, load: impl Fn(LinkId) -> f64) -> f64 {
        let waits = self.waits.iter().filter(|wait| wait.share > 0.0);
        waits.fold(self.fixed_ps, |time, wait| {
            let load = load(wait.link);
            let queue = match wait.queueing_ps {
                0.0 => 0.0,
                _ if load >= 1.0 => f64::INFINITY,
                queueing => queueing * load / (1.0 - load),
            };
            time + wait.share * (wait.latency_ps + queue)
        })
    }
}

/// Share of a link's capacity that is used.
fn load(network: &FlowNetwork, link: LinkId) -> f64 {
    let capacity = network.capacity(link);
    if capacity > 0.0 { network.link_rate(link) / capacity } else { 1.0 }
}

/// The network with the lane's flow capped at `cap`: what `ask` makes of it and of the rate, and what holds the rate.
fn solve(
    network: &mut FlowNetwork,
    lane: &Lane,
    cap: f64,
    ask: impl Fn(&FlowNetwork, f64) -> f64,
) -> Result<(f64, Held), FlowError> {
    let cap = Some(cap).filter(|cap| cap.is_finite());
    let spec = FlowSpec { bytes: ENDLESS, weight: lane.units, cap, usage: &lane.usage };
    let flow = network.start(Picos::ZERO, spec)?;
    network.solve(Picos::ZERO);
    let rate = network.rate(flow).unwrap_or(0.0);
    let answer = ask(network, rate);
    let held = network.held_by(flow).unwrap_or(Held::Cap);
    network.cancel(Picos::ZERO, flow);
    network.solve(Picos::ZERO);
    Ok((answer, held))
}
