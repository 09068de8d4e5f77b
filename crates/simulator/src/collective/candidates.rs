//! Every way to run a collective, and the quickest.

use memwall_hardware::{LinkProtocols, Topology};
use memwall_model_graph::CollectiveKind;
use memwall_units::Picos;

use super::layout::Layout;
use super::outcome::{CollectiveOutcome, LevelUse, bus_factor};
use super::pipelined::{Routed, traffic};
use super::schedule::{self, Schedule};
use super::timing::{Way, ways};
use super::{Algorithm, Call, CollectiveError, Communicator};

/// The quickest way; of equals, the first.
pub(super) fn best(
    communicator: &Communicator<'_>,
    call: &Call,
) -> Result<CollectiveOutcome, CollectiveError> {
    let mut all = all(communicator, call)?;
    Ok(all.swap_remove(0))
}

/// Every way, quickest first; at least one.
pub(super) fn all(
    communicator: &Communicator<'_>,
    call: &Call,
) -> Result<Vec<CollectiveOutcome>, CollectiveError> {
    check(communicator, call)?;
    if call.group.len() == 1 {
        return Ok(vec![nothing_to_do(call)]);
    }
    let layout = Layout::new(communicator.fabric, &call.group);
    let mut found = Vec::new();
    let mut reason = None;
    for algorithm in algorithms(call, &layout) {
        match arranged(communicator, call, &layout, algorithm, &mut found) {
            // With a choice, one that does not fit is passed over.
            Err(error @ CollectiveError::NoWay { .. }) => reason = reason.or(Some(error)),
            other => other?,
        }
    }
    if found.is_empty() {
        let asked = Algorithm::Ring;
        return Err(
            reason.unwrap_or_else(|| schedule::no_way(call, asked, "the library has no protocol for it"))
        );
    }
    found.sort_by_key(|outcome: &CollectiveOutcome| outcome.time);
    Ok(found)
}

/// What the library would consider: the algorithm asked for, or all that it has for this kind.
fn algorithms(call: &Call, layout: &Layout) -> Vec<Algorithm> {
    if let Some(algorithm) = call.algorithm {
        return vec![algorithm];
    }
    match call.kind {
        CollectiveKind::AllReduce if layout.nodes.len() > 1 => {
            vec![Algorithm::Ring, Algorithm::Tree, Algorithm::InNetwork]
        }
        CollectiveKind::AllReduce => vec![Algorithm::Ring, Algorithm::InNetwork],
        CollectiveKind::AllToAll | CollectiveKind::Send | CollectiveKind::Recv => vec![Algorithm::Direct],
        _ => vec![Algorithm::Ring],
    }
}

/// Adds every way to run one algorithm.
fn arranged(
    communicator: &Communicator<'_>,
    call: &Call,
    layout: &Layout,
    algorithm: Algorithm,
    found: &mut Vec<CollectiveOutcome>,
) -> Result<(), CollectiveError> {
    let protocols = protocols(communicator);
    if algorithm == Algorithm::InNetwork {
        std::iter::once(&call.group)
            .chain(&call.beside)
            .try_for_each(|group| in_one_switch(communicator, call, group))?;
    }
    // What is on the way how long does not depend on there being bytes.
    let (scale, bytes) = if call.bytes == 0 { (0.0, 1) } else { (1.0, call.bytes) };
    let sized = Call { bytes, beside: Vec::new(), group: call.group.clone(), ..*call };
    let mut schedule = schedule::build(&sized, layout, algorithm)?;
    let all = u128::from(schedule.transfers()) * (1 + call.beside.len() as u128);
    schedule::within_limit(call, all)?;
    for group in &call.beside {
        let other = Call { group: group.clone(), beside: Vec::new(), ..sized };
        let layout = Layout::new(communicator.fabric, group);
        schedule.join(schedule::build(&other, &layout, algorithm)?, call)?;
    }
    let phases = schedule.phases.iter().map(|phase| Routed::new(communicator, phase, scale));
    let phases = phases.collect::<Result<Vec<_>, _>>()?;
    let mut obstacle = None;
    for way in ways(algorithm).filter(|way| call.protocol.is_none_or(|wanted| wanted == way.protocol)) {
        let levels = phases.iter().flat_map(Routed::levels);
        let mut hinders =
            levels.filter_map(|level| way.obstacle(protocols[usize::from(level)], call.group.len()));
        match hinders.next() {
            Some(reason) => obstacle = obstacle.or(Some(reason)),
            None => found.push(timed(communicator, call, &schedule, &phases, way, &protocols)?),
        }
    }
    match obstacle {
        Some(reason) if found.is_empty() => Err(schedule::no_way(call, algorithm, reason)),
        _ => Ok(()),
    }
}

/// Reduction in the network needs all ranks at one level whose switches can.
fn in_one_switch(communicator: &Communicator<'_>, call: &Call, group: &[u32]) -> Result<(), CollectiveError> {
    let fabric = communicator.fabric;
    let first = group.first().copied().unwrap_or_default();
    let level = group.iter().map(|&device| fabric.joining_level(first, device)).max().unwrap_or_default();
    // In a tree of switches what goes up is less than what the routes of a ring carry; that is not modelled.
    let able = fabric
        .levels()
        .get(level)
        .is_some_and(|level| level.in_network_reduction && !matches!(level.kind, Topology::FatTree { .. }));
    if able && level == 0 {
        return Ok(());
    }
    Err(schedule::no_way(call, Algorithm::InNetwork, "no one switch that adds up joins all of its ranks"))
}

/// The library's figures for each level.
pub(super) fn protocols<'a>(communicator: &Communicator<'a>) -> Vec<&'a LinkProtocols> {
    let levels = communicator.fabric.levels().iter();
    levels.map(|level| communicator.library.protocols(level.generation.as_deref()).1).collect()
}

fn timed(
    communicator: &Communicator<'_>,
    call: &Call,
    schedule: &Schedule,
    phases: &[Routed],
    way: Way,
    protocols: &[&LinkProtocols],
) -> Result<CollectiveOutcome, CollectiveError> {
    let kind = call.kind.name();
    let peers = call.group.len() - 1;
    let levels = phases.iter().flat_map(Routed::levels);
    let once = levels.map(|level| way.once(protocols[usize::from(level)], peers)).max();
    let (mut latency, mut moving, mut held_by) = (once.unwrap_or_default(), Picos::ZERO, None);
    let (mut transfers, mut flows) = (0, 0);
    let mut longest = Picos::ZERO;
    for phase in phases {
        let took = phase.run(way, protocols, kind)?;
        latency = latency.saturating_add(took.latency);
        moving = moving.saturating_add(took.moving);
        if took.moving > longest {
            (longest, held_by) = (took.moving, took.held_by);
        }
        let (of_phase, folded) = phase.counts();
        transfers += of_phase;
        flows += folded;
    }
    let time = latency.saturating_add(moving);
    if time.0 >= u64::MAX / 4 {
        return Err(CollectiveError::TooLong { kind });
    }
    let seconds = time.as_secs_f64();
    let algorithm_bandwidth = if seconds > 0.0 { call.bytes as f64 / seconds } else { 0.0 };
    let wire = |level: u16| way.on_the_wire(protocols[usize::from(level)]);
    let traffic = traffic(phases, protocols.len(), wire);
    // Room for what summing a million flows rounds.
    let most = seconds * (1.0 + 1e-6);
    debug_assert!(traffic.iter().all(|level| level.busiest <= most), "a link carried more than it can");
    let level_use = communicator.fabric.levels().iter().zip(traffic).enumerate();
    let level_use =
        level_use.filter(|(_, (_, traffic))| traffic.links > 0).map(|(at, (level, traffic))| LevelUse {
            title: level.title.clone(),
            level: at as u16,
            bytes: traffic.bytes,
            links: traffic.links,
            utilization: if seconds > 0.0 { (traffic.busiest / seconds).min(1.0) } else { 0.0 },
        });
    Ok(CollectiveOutcome {
        time,
        latency,
        algorithm: schedule.algorithm,
        protocol: way.protocol,
        algorithm_bandwidth,
        bus_bandwidth: algorithm_bandwidth * bus_factor(call.kind, call.group.len()),
        held_by: held_by.map(|link| communicator.fabric.link_name(link)),
        levels: level_use.collect(),
        transfers,
        flows,
    })
}

/// A group of one: nothing moves.
fn nothing_to_do(call: &Call) -> CollectiveOutcome {
    CollectiveOutcome {
        time: Picos::ZERO,
        latency: Picos::ZERO,
        algorithm: call.algorithm.unwrap_or(Algorithm::Ring),
        protocol: call.protocol.unwrap_or(super::Protocol::Simple),
        algorithm_bandwidth: 0.0,
        bus_bandwidth: 0.0,
        held_by: None,
        levels: Vec::new(),
        transfers: 0,
        flows: 0,
    }
}

/// The ranks are there, each on a device of its own.
pub(super) fn check(communicator: &Communicator<'_>, call: &Call) -> Result<(), CollectiveError> {
    let (kind, ranks) = (call.kind.name(), call.group.len());
    if let Some(other) = call.beside.iter().find(|other| other.len() != ranks) {
        let needed = "as many as the group beside it";
        return Err(CollectiveError::Ranks { kind, ranks: other.len(), needed });
    }
    let between_two = matches!(call.kind, CollectiveKind::Send | CollectiveKind::Recv);
    if between_two && ranks != 2 {
        return Err(CollectiveError::Ranks { kind, ranks, needed: "exactly 2" });
    }
    if ranks == 0 {
        return Err(CollectiveError::Ranks { kind, ranks, needed: "at least 1" });
    }
    let devices = communicator.fabric.devices();
    let mut order: Vec<(u32, usize)> = Vec::with_capacity(ranks);
    for (rank, &device) in call.group.iter().chain(call.beside.iter().flatten()).enumerate() {
        if device >= devices {
            return Err(CollectiveError::NoSuchDevice { rank, device, devices });
        }
        order.push((device, rank));
    }
    order.sort_unstable();
    match order.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some(pair) => Err(CollectiveError::Twice { first: pair[0].1, second: pair[1].1, device: pair[0].0 }),
        None => Ok(()),
    }
}
