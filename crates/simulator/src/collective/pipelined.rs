//! A phase as flows: routed, folded and run through the flow network.

use memwall_hardware::{FabricLink, LinkProtocols};
use memwall_units::Picos;

use super::fold::{Folded, Shapes, fold};
use super::schedule::{Hops, Phase};
use super::timing::Way;
use super::{CollectiveError, Communicator};
use crate::{FlowNetwork, FlowSpec, Held, LinkId};

/// A phase whose transfers have been routed and folded; it serves every protocol.
#[derive(Debug)]
pub(super) struct Routed {
    links: Vec<FabricLink>,
    level: Vec<u16>,
    shapes: Shapes,
    folded: Folded,
    /// For each level, the steps over its links that one follows after the other, and what their paths take.
    hops: Vec<(f64, f64)>,
    processed: f64,
    own: f64,
    /// Largest transfer.
    message: f64,
}

/// What a phase took.
#[derive(Debug)]
pub(super) struct PhaseTime {
    /// Steps and copies.
    pub latency: Picos,
    /// Bytes on their way.
    pub moving: Picos,
    /// The link that held the last flow, if one did.
    pub held_by: Option<FabricLink>,
}

impl Routed {
    /// Routes every transfer.
    pub fn new(communicator: &Communicator<'_>, phase: &Phase) -> Result<Self, CollectiveError> {
        let fabric = communicator.fabric;
        let mut path = Vec::new();
        let mut crossed: Vec<FabricLink> = Vec::new();
        let mut ends = Vec::with_capacity(phase.transfers.len());
        for transfer in &phase.transfers {
            path.clear();
            fabric.route(transfer.from, transfer.to, choice(transfer), &mut path)?;
            crossed.extend_from_slice(&path);
            ends.push(crossed.len());
        }
        let mut links = crossed.clone();
        links.sort_unstable();
        links.dedup();
        let figures: Vec<_> = links.iter().map(|&link| fabric.link(link)).collect();
        let mut shapes = Shapes {
            capacities: figures.iter().map(|figures| figures.bandwidth).collect(),
            ..Shapes::default()
        };
        let level: Vec<u16> = figures.iter().map(|figures| figures.level).collect();
        let mut start = 0;
        for (transfer, &end) in phase.transfers.iter().zip(&ends) {
            let usage = crossed[start..end].iter().map(|link| {
                let index = links.binary_search(link).unwrap_or_default();
                // The level stands for the protocol's overhead there, which is told later.
                (index as u32, 1.0 + f64::from(level[index]))
            });
            shapes.push(transfer.bytes, f64::INFINITY, usage);
            start = end;
        }
        let folded = fold(&shapes);
        let folded = if folded.is_exact(&shapes) { folded } else { Folded::nothing(&shapes) };
        let message = phase.transfers.iter().map(|transfer| transfer.bytes).fold(0.0, f64::max);
        let hops = hops(communicator, phase)?;
        Ok(Self { links, level, shapes, folded, hops, processed: phase.processed, own: phase.own, message })
    }

    /// Levels whose links it uses.
    pub fn levels(&self) -> impl Iterator<Item = u16> {
        self.hops.iter().enumerate().filter(|(_, hops)| hops.0 > 0.0).map(|(level, _)| level as u16)
    }

    /// Transfers, and flows that stand for them.
    pub fn counts(&self) -> (u64, u64) {
        (self.shapes.flows.len() as u64, self.folded.flows_in_class.len() as u64)
    }

    /// Adds the bytes on each of its links to what each level carried, and to the busiest link of it.
    pub fn add_traffic(&self, wire: impl Fn(u16) -> f64, levels: &mut [Traffic]) {
        let mut bytes = vec![0.0; self.links.len()];
        for (flow, shape) in self.shapes.flows.iter().enumerate() {
            for &(link, _) in self.shapes.uses(flow) {
                bytes[link as usize] += shape.bytes;
            }
        }
        for (link, bytes) in bytes.into_iter().enumerate() {
            let level = self.level[link];
            let Some(traffic) = levels.get_mut(usize::from(level)) else { continue };
            traffic.bytes += bytes;
            traffic.links += 1;
            traffic.busiest = traffic.busiest.max(bytes * wire(level) / self.shapes.capacities[link]);
        }
    }

    /// Runs it in one way. `protocols` are those of each level.
    pub fn run(
        &self,
        way: Way,
        protocols: &[&LinkProtocols],
        kind: &'static str,
    ) -> Result<PhaseTime, CollectiveError> {
        let used: Vec<&LinkProtocols> = self.levels().map(|level| protocols[usize::from(level)]).collect();
        let most =
            |of: &dyn Fn(&LinkProtocols) -> f64| used.iter().map(|links| of(links)).fold(0.0, f64::max);
        let cores = most(&|links| way.cores_take(links, self.processed, self.message));
        let copies = most(&|links| way.copies(links, self.own));
        let steps = self.hops.iter().zip(protocols).map(|((steps, paths), links)| {
            paths + if *steps > 0.0 { steps * way.step(links).0 as f64 } else { 0.0 }
        });
        let latency = steps.sum::<f64>() + copies * 1e12;
        let (moving, held_by) = self.drain(way, protocols, cores, kind)?;
        Ok(PhaseTime { latency: picos(latency, kind)?, moving, held_by })
    }

    /// Runs the flows to their end.
    fn drain(
        &self,
        way: Way,
        protocols: &[&LinkProtocols],
        cores: f64,
        kind: &'static str,
    ) -> Result<(Picos, Option<FabricLink>), CollectiveError> {
        let folded = &self.folded;
        let mut network = FlowNetwork::new();
        let mut capacity = vec![0.0; folded.links_in_class.len()];
        for (link, &class) in folded.link_class.iter().enumerate() {
            capacity[class as usize] += self.shapes.capacities[link];
        }
        let ids =
            capacity.iter().map(|&capacity| network.add_link(capacity)).collect::<Result<Vec<_>, _>>()?;
        for (class, &count) in folded.flows_in_class.iter().enumerate() {
            let shape = &self.shapes.flows[folded.example[class] as usize];
            let usage: Vec<(LinkId, f64)> = self
                .shapes
                .uses(folded.example[class] as usize)
                .iter()
                .map(|&(link, _)| {
                    let level = usize::from(self.level[link as usize]);
                    let class = folded.link_class[link as usize] as usize;
                    (ids[class], way.on_the_wire(protocols[level]))
                })
                .collect();
            let cap = (cores > 0.0).then(|| shape.bytes / cores);
            network.start(
                Picos::ZERO,
                FlowSpec { bytes: shape.bytes, weight: count as f64, cap, usage: &usage },
            )?;
        }
        let class_of = |id: LinkId| ids.iter().position(|own| *own == id);
        let link_of = |id: LinkId| {
            let class = class_of(id)? as u32;
            folded.link_class.iter().position(|own| *own == class).map(|link| self.links[link])
        };
        let (end, held) = drain(&mut network).map_err(|stalled| {
            let link = stalled.and_then(link_of);
            let link = link.map_or_else(|| "a link".to_owned(), |link| format!("link {}", link.0));
            CollectiveError::Stuck { kind, link }
        })?;
        Ok((end, held.and_then(link_of)))
    }
}

/// What one level's links carried.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Traffic {
    pub bytes: f64,
    pub links: u64,
    /// Seconds that the busiest link needs.
    pub busiest: f64,
}

/// Runs a network until nothing is left: when that was, and the link that held the last flow; or a link that holds a
/// flow for ever.
fn drain(network: &mut FlowNetwork) -> Result<(Picos, Option<LinkId>), Option<LinkId>> {
    let (mut now, mut held) = (Picos::ZERO, None);
    network.solve(now);
    while let Some(next) = network.next_finish() {
        now = next;
        // What holds a flow is known until it is taken out.
        held = as_link(network.holder_of_next());
        while network.pop_finished(now).is_some() {}
        network.solve(now);
    }
    match network.stalled_flows().first() {
        None => Ok((now, held)),
        Some(&flow) => Err(as_link(network.held_by(flow))),
    }
}

const fn as_link(held: Option<Held>) -> Option<LinkId> {
    match held {
        Some(Held::Link(link)) => Some(link),
        _ => None,
    }
}

/// For each level, its steps in a row and the latency of their paths, in picoseconds. A step belongs to the level that
/// joins its ends.
fn hops(communicator: &Communicator<'_>, phase: &Phase) -> Result<Vec<(f64, f64)>, CollectiveError> {
    let fabric = communicator.fabric;
    let mut sums = vec![(0.0, 0.0); fabric.levels().len()];
    let mut path = Vec::new();
    let mut add = |from: u32, to: u32, times: f64| -> Result<(), CollectiveError> {
        path.clear();
        fabric.route(from, to, 0, &mut path)?;
        let latency: f64 = path.iter().map(|&link| fabric.link(link).latency.0 as f64).sum();
        let level = fabric.joining_level(from, to);
        if let Some(sum) = sums.get_mut(level) {
            sum.0 += times;
            sum.1 += times * latency;
        }
        Ok(())
    };
    match &phase.hops {
        Hops::Along(hops) => {
            for &(from, to) in hops {
                add(from, to, 1.0)?;
            }
        }
        Hops::Around(steps) => {
            let total: f64 = phase.transfers.iter().map(|transfer| transfer.bytes).sum();
            let count = phase.transfers.len().max(1) as f64;
            for transfer in &phase.transfers {
                let weight = if total > 0.0 { transfer.bytes / total } else { 1.0 / count };
                add(transfer.from, transfer.to, steps * weight)?;
            }
        }
    }
    Ok(sums)
}

/// Which of several routes of equal cost, where a level hashes flows over them: the same for the same two devices.
/// Elsewhere it makes no difference.
fn choice(transfer: &super::schedule::Transfer) -> u64 {
    (u64::from(transfer.from) << 32 | u64::from(transfer.to)) + 1
}

pub(super) fn picos(ps: f64, kind: &'static str) -> Result<Picos, CollectiveError> {
    // A quarter of what can be counted, so that sums cannot overflow.
    if ps.is_nan() || ps >= u64::MAX as f64 / 4.0 {
        return Err(CollectiveError::TooLong { kind });
    }
    Ok(Picos(ps.ceil() as u64))
}
