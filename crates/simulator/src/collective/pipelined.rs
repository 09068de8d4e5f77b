//! A phase as flows: routed, folded and run through the flow network.

use memwall_hardware::{FabricLink, LinkProtocols};
use memwall_units::Picos;

use super::fold::{Folded, Shapes, fold};
use super::schedule::{Hops, Phase, Transfer};
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
    /// For each group and level, the steps over its links that one follows after the other, and what their paths take.
    /// Groups that are alike are here once.
    hops: Vec<Vec<(f64, f64)>>,
    /// Levels that join the ends of its transfers.
    used: Vec<u16>,
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
    /// Routes every transfer; of their bytes the part `scale` is there: 1, or 0 for a buffer without any.
    pub fn new(communicator: &Communicator<'_>, phase: &Phase, scale: f64) -> Result<Self, CollectiveError> {
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
            shapes.push(transfer.bytes * scale, f64::INFINITY, usage);
            start = end;
        }
        let folded = communicator.folds.then(|| fold(&shapes));
        let folded = folded.filter(|folded| folded.is_exact(&shapes));
        let folded = folded.unwrap_or_else(|| Folded::nothing(&shapes));
        let message = phase.transfers.iter().map(|transfer| transfer.bytes).fold(0.0, f64::max);
        let hops = hops(communicator, phase)?;
        let joining = |transfer: &Transfer| fabric.joining_level(transfer.from, transfer.to) as u16;
        let mut used: Vec<u16> = phase.transfers.iter().map(joining).collect();
        used.sort_unstable();
        used.dedup();
        Ok(Self {
            links,
            level,
            shapes,
            folded,
            hops,
            used,
            processed: phase.processed * scale,
            own: phase.own * scale,
            message: message * scale,
        })
    }

    /// Levels whose links it uses.
    pub fn levels(&self) -> impl Iterator<Item = u16> {
        self.used.iter().copied()
    }

    /// Transfers, and flows that stand for them.
    pub fn counts(&self) -> (u64, u64) {
        (self.shapes.flows.len() as u64, self.folded.flows_in_class.len() as u64)
    }

    /// What each of its links carried.
    fn carried(&self) -> impl Iterator<Item = Carried> {
        let mut bytes = vec![0.0; self.links.len()];
        for (flow, shape) in self.shapes.flows.iter().enumerate() {
            for &(link, _) in self.shapes.uses(flow) {
                bytes[link as usize] += shape.bytes;
            }
        }
        bytes.into_iter().enumerate().map(|(link, bytes)| Carried {
            link: self.links[link],
            level: self.level[link],
            capacity: self.shapes.capacities[link],
            bytes,
        })
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
        let of_group = |hops: &Vec<(f64, f64)>| {
            let steps = hops.iter().zip(protocols).map(|((steps, paths), links)| {
                paths + if *steps > 0.0 { steps * way.step(links).0 as f64 } else { 0.0 }
            });
            steps.sum::<f64>()
        };
        let latency = self.hops.iter().map(of_group).fold(0.0, f64::max) + copies * 1e12;
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

/// What one link carried.
struct Carried {
    link: FabricLink,
    level: u16,
    capacity: f64,
    bytes: f64,
}

/// What one level's links carried.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Traffic {
    pub bytes: f64,
    pub links: u64,
    /// Seconds that the busiest link needs.
    pub busiest: f64,
}

/// What the links of each level carried in all phases together; `wire` is the bytes on a level's links for each byte of
/// data.
pub(super) fn traffic(phases: &[Routed], levels: usize, wire: impl Fn(u16) -> f64) -> Vec<Traffic> {
    let mut carried: Vec<Carried> = phases.iter().flat_map(Routed::carried).collect();
    carried.sort_by_key(|carried| carried.link);
    let mut traffic = vec![Traffic::default(); levels];
    for of_link in carried.chunk_by(|a, b| a.link == b.link) {
        let Some(of_level) = traffic.get_mut(usize::from(of_link[0].level)) else { continue };
        let bytes: f64 = of_link.iter().map(|carried| carried.bytes).sum();
        of_level.bytes += bytes;
        of_level.links += 1;
        of_level.busiest = of_level.busiest.max(bytes * wire(of_link[0].level) / of_link[0].capacity);
    }
    traffic
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

/// For each group and level, its steps in a row and the latency of their paths, in picoseconds. A step belongs to the
/// level that joins its ends.
fn hops(communicator: &Communicator<'_>, phase: &Phase) -> Result<Vec<Vec<(f64, f64)>>, CollectiveError> {
    let mut starts = phase.beside.iter().map(|(start, _)| *start).chain([phase.transfers.len()]);
    let mut found: Vec<Vec<(f64, f64)>> = Vec::new();
    let mut start = 0;
    for hops in std::iter::once(&phase.hops).chain(phase.beside.iter().map(|(_, hops)| hops)) {
        let end = starts.next().unwrap_or(start);
        let sums = hops_of_group(communicator, hops, &phase.transfers[start..end])?;
        if !found.contains(&sums) {
            found.push(sums);
        }
        start = end;
    }
    Ok(found)
}

fn hops_of_group(
    communicator: &Communicator<'_>,
    hops: &Hops,
    transfers: &[Transfer],
) -> Result<Vec<(f64, f64)>, CollectiveError> {
    let fabric = communicator.fabric;
    let mut sums = vec![(0.0, 0.0); fabric.levels().len()];
    let mut path = Vec::new();
    let mut latency = |from: u32, to: u32| -> Result<f64, CollectiveError> {
        path.clear();
        fabric.route(from, to, 0, &mut path)?;
        Ok(path.iter().map(|&link| fabric.link(link).latency.0 as f64).sum())
    };
    let mut add = |(from, to): (u32, u32), times: f64, latency: f64| {
        if let Some(sum) = sums.get_mut(fabric.joining_level(from, to)) {
            sum.0 += times;
            sum.1 += times * latency;
        }
    };
    match hops {
        Hops::Along(hops) => {
            for &(from, to) in hops {
                add((from, to), 1.0, latency(from, to)?);
            }
        }
        Hops::Around(steps) => {
            let total: f64 = transfers.iter().map(|transfer| transfer.bytes).sum();
            for &Transfer { from, to, bytes } in transfers {
                add((from, to), steps * bytes / total, latency(from, to)?);
            }
        }
        Hops::AtOnce => {
            let mut farthest = ((0, 0), -1.0);
            for &Transfer { from, to, .. } in transfers {
                let latency = latency(from, to)?;
                if latency > farthest.1 {
                    farthest = ((from, to), latency);
                }
            }
            add(farthest.0, 1.0, farthest.1);
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
