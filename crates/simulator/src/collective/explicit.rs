//! A collective step after step: a rank sends its next chunk when its last one is gone and the one it passes on has
//! arrived. Nothing is folded. The judge of the pipelined form, and what shows how a straggling link spreads.

use memwall_hardware::LinkProtocols;
use memwall_model_graph::CollectiveKind;
use memwall_units::Picos;

use super::candidates::{check, protocols};
use super::pipelined::picos;
use super::schedule::no_way;
use super::timing::Way;
use super::{Algorithm, Call, CollectiveError, Communicator, Protocol};
use crate::{EventQueue, FlowNetwork, FlowSpec, LinkId};

/// The most chunks sent by all ranks together.
const MAX_SENDS: u64 = 1 << 28;

/// A collective run step after step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplicitOutcome {
    /// From the call to the last byte on the last rank.
    pub time: Picos,
    /// Chunks sent.
    pub sends: u64,
    /// Events processed: chunks gone and chunks arrived.
    pub events: u64,
}

/// Who sends what to whom in each round.
#[derive(Debug, Clone, Copy)]
enum Rounds {
    /// To the next rank, the same bytes every time.
    Ring { rounds: u32, bytes: f64 },
    /// With the rank whose number differs in one bit: the highest first, then back.
    Exchange { bits: u32, bytes: f64 },
}

impl Rounds {
    fn of(call: &Call, algorithm: Algorithm) -> Result<Self, CollectiveError> {
        let ranks = call.group.len();
        let (steps, bytes) = (ranks as u32 - 1, call.bytes as f64);
        match (algorithm, call.kind) {
            (Algorithm::Ring, CollectiveKind::AllReduce) => {
                Ok(Self::Ring { rounds: 2 * steps, bytes: bytes / ranks as f64 })
            }
            (Algorithm::Ring, CollectiveKind::AllGather | CollectiveKind::ReduceScatter) => {
                Ok(Self::Ring { rounds: steps, bytes: bytes / ranks as f64 })
            }
            (Algorithm::HalvingDoubling, CollectiveKind::AllReduce) if ranks.is_power_of_two() => {
                Ok(Self::Exchange { bits: ranks.trailing_zeros(), bytes })
            }
            _ => Err(no_way(call, algorithm, "there is no step-by-step form of it")),
        }
    }

    const fn count(self) -> u32 {
        match self {
            Self::Ring { rounds, .. } => rounds,
            Self::Exchange { bits, .. } => 2 * bits,
        }
    }

    /// Bytes that a rank's cores work through for each byte it sends.
    fn processed(self, ranks: usize) -> f64 {
        match self {
            Self::Ring { .. } => ranks as f64 / (ranks as f64 - 1.0),
            Self::Exchange { .. } => 1.0,
        }
    }

    /// The rank that `rank` sends to, and how much.
    fn send(self, rank: usize, ranks: usize, round: u32) -> (usize, f64) {
        match self {
            Self::Ring { bytes, .. } => (if rank + 1 == ranks { 0 } else { rank + 1 }, bytes),
            Self::Exchange { bits, bytes } => {
                let bit = if round < bits { bits - 1 - round } else { round - bits };
                let distance = 1 << bit;
                (rank ^ distance, bytes * distance as f64 / ranks as f64)
            }
        }
    }
}

/// A rank on its way through the rounds.
#[derive(Debug, Clone, Copy, Default)]
struct Rank {
    round: u32,
    is_sending: bool,
    /// Chunks that have arrived for this round (bit 0) and later ones. In a ring, whose chunks come in order, their
    /// number.
    arrived: u64,
}

/// A chunk that arrives.
#[derive(Debug, Clone, Copy)]
struct Arrival {
    rank: u32,
    round: u32,
}

pub(super) fn run(communicator: &Communicator<'_>, call: &Call) -> Result<ExplicitOutcome, CollectiveError> {
    check(communicator, call)?;
    let algorithm = call.algorithm.unwrap_or(Algorithm::Ring);
    let ranks = call.group.len();
    if ranks == 1 {
        return Ok(ExplicitOutcome { time: Picos::ZERO, sends: 0, events: 0 });
    }
    if !call.beside.is_empty() {
        return Err(no_way(call, algorithm, "step by step runs one group alone"));
    }
    let rounds = Rounds::of(call, algorithm)?;
    let transfers = u128::from(rounds.count()) * ranks as u128;
    if transfers > u128::from(MAX_SENDS) {
        let kind = call.kind.name();
        return Err(CollectiveError::TooMany { kind, ranks, transfers, limit: MAX_SENDS });
    }
    let way = Way { algorithm, protocol: call.protocol.unwrap_or(Protocol::Simple) };
    let mut run = Run::new(communicator, call, rounds, way)?;
    let moved = run.run_to_end(call)?;
    let once = run.protocols.iter().map(|links| way.once(links, ranks - 1)).max().unwrap_or_default();
    let own = match rounds {
        Rounds::Ring { bytes, .. } => bytes,
        Rounds::Exchange { .. } => 0.0,
    };
    let copies = run.protocols.iter().map(|links| way.copies(links, own)).fold(0.0, f64::max);
    let time = moved.saturating_add(once).saturating_add(picos(copies * 1e12, call.kind.name())?);
    Ok(ExplicitOutcome { time, sends: run.sends, events: run.events })
}

struct Run<'a> {
    rounds: Rounds,
    ranks: Vec<Rank>,
    network: FlowNetwork,
    arrivals: EventQueue<Arrival>,
    /// The rank whose chunk a flow's slot holds.
    sender: Vec<u32>,
    /// For each rank and bit of its partner's number (one in a ring), the links to it and their latency.
    paths: Vec<Path>,
    paths_a_rank: usize,
    /// Of the levels used.
    protocols: Vec<&'a LinkProtocols>,
    /// Bytes a second that a rank's cores can send.
    cap: Option<f64>,
    sends: u64,
    events: u64,
}

#[derive(Debug, Clone, Default)]
struct Path {
    usage: Vec<(LinkId, f64)>,
    latency: Picos,
}

impl<'a> Run<'a> {
    fn new(
        communicator: &Communicator<'a>,
        call: &Call,
        rounds: Rounds,
        way: Way,
    ) -> Result<Self, CollectiveError> {
        let fabric = communicator.fabric;
        let all = protocols(communicator);
        let paths_a_rank = match rounds {
            Rounds::Ring { .. } => 1,
            Rounds::Exchange { bits, .. } => bits as usize,
        };
        let mut routes = Vec::with_capacity(call.group.len() * paths_a_rank);
        let mut links = Vec::new();
        let mut used = vec![false; all.len()];
        for rank in 0..call.group.len() {
            for round in 0..paths_a_rank as u32 {
                let (to, _) = rounds.send(rank, call.group.len(), round);
                let (from, to) = (call.group[rank], call.group[to]);
                let mut path = Vec::new();
                fabric.route(from, to, 0, &mut path)?;
                let level = fabric.joining_level(from, to);
                used[level] = true;
                let step = way.step(all[level]);
                let latency =
                    path.iter().fold(step, |sum, &link| sum.saturating_add(fabric.link(link).latency));
                links.extend_from_slice(&path);
                routes.push((path, latency));
            }
        }
        links.sort_unstable();
        links.dedup();
        let mut network = FlowNetwork::new();
        let mut ids = Vec::with_capacity(links.len());
        let mut wire = Vec::with_capacity(links.len());
        for &link in &links {
            let figures = fabric.link(link);
            ids.push(network.add_link(figures.bandwidth)?);
            wire.push(way.on_the_wire(all[usize::from(figures.level)]));
        }
        let path = |(path, latency): (Vec<_>, Picos)| {
            let indices = path.iter().map(|link| links.binary_search(link).unwrap_or_default());
            Path { usage: indices.map(|index| (ids[index], wire[index])).collect(), latency }
        };
        let protocols: Vec<&LinkProtocols> =
            all.iter().zip(used).filter(|(_, used)| *used).map(|(links, _)| *links).collect();
        let processed = rounds.processed(call.group.len());
        let a_byte = protocols.iter().map(|links| way.cores_take(links, processed, 0.0)).fold(0.0, f64::max);
        Ok(Self {
            rounds,
            ranks: vec![Rank::default(); call.group.len()],
            network,
            arrivals: EventQueue::new(),
            sender: Vec::new(),
            paths: routes.into_iter().map(path).collect(),
            paths_a_rank,
            protocols,
            cap: (a_byte > 0.0).then(|| 1.0 / a_byte),
            sends: 0,
            events: 0,
        })
    }

    /// Which of a rank's paths a round takes.
    fn path_of(&self, round: u32) -> usize {
        let bits = self.paths_a_rank as u32;
        match self.rounds {
            Rounds::Ring { .. } => 0,
            Rounds::Exchange { .. } if round < bits => round as usize,
            // On the way back the same partners come in the opposite order.
            Rounds::Exchange { .. } => (2 * bits - 1 - round) as usize,
        }
    }

    fn run_to_end(&mut self, call: &Call) -> Result<Picos, CollectiveError> {
        for rank in 0..self.ranks.len() {
            self.send(rank, Picos::ZERO)?;
        }
        self.network.solve(Picos::ZERO);
        let mut now = Picos::ZERO;
        loop {
            now = match (self.network.next_finish(), self.arrivals.peek_time()) {
                (None, None) => break,
                (Some(finish), None) => finish,
                (None, Some(arrival)) => arrival,
                (Some(finish), Some(arrival)) => finish.min(arrival),
            };
            while let Some(flow) = self.network.pop_finished(now) {
                self.gone(self.sender[flow.slot()] as usize, now)?;
            }
            while self.arrivals.peek_time() == Some(now) {
                let Some((_, arrival)) = self.arrivals.pop() else { break };
                self.arrive(arrival, now)?;
            }
            self.network.solve(now);
        }
        if self.ranks.iter().any(|rank| rank.round < self.rounds.count()) {
            let link = "a link on the way".to_owned();
            return Err(CollectiveError::Stuck { kind: call.kind.name(), link });
        }
        Ok(now)
    }

    /// Sends a rank's chunk of its present round.
    fn send(&mut self, rank: usize, now: Picos) -> Result<(), CollectiveError> {
        let round = self.ranks[rank].round;
        let (_, bytes) = self.rounds.send(rank, self.ranks.len(), round);
        let usage = &self.paths[rank * self.paths_a_rank + self.path_of(round)].usage;
        let flow = self.network.start(now, FlowSpec { bytes, weight: 1.0, cap: self.cap, usage })?;
        if self.sender.len() <= flow.slot() {
            self.sender.resize(flow.slot() + 1, 0);
        }
        self.sender[flow.slot()] = rank as u32;
        self.ranks[rank].is_sending = true;
        self.sends += 1;
        Ok(())
    }

    /// A rank's chunk has left.
    fn gone(&mut self, rank: usize, now: Picos) -> Result<(), CollectiveError> {
        self.events += 1;
        let round = self.ranks[rank].round;
        let (to, _) = self.rounds.send(rank, self.ranks.len(), round);
        let at = now.saturating_add(self.paths[rank * self.paths_a_rank + self.path_of(round)].latency);
        self.arrivals.schedule(at, Arrival { rank: to as u32, round });
        self.ranks[rank].is_sending = false;
        self.go_on(rank, now)
    }

    fn arrive(&mut self, arrival: Arrival, now: Picos) -> Result<(), CollectiveError> {
        self.events += 1;
        let rank = &mut self.ranks[arrival.rank as usize];
        match self.rounds {
            Rounds::Ring { .. } => rank.arrived += 1,
            Rounds::Exchange { .. } => rank.arrived |= 1 << (arrival.round - rank.round),
        }
        self.go_on(arrival.rank as usize, now)
    }

    /// Starts a rank's next round where it can.
    fn go_on(&mut self, rank: usize, now: Picos) -> Result<(), CollectiveError> {
        let state = &mut self.ranks[rank];
        let has_arrived = match self.rounds {
            Rounds::Ring { .. } => state.arrived > 0,
            Rounds::Exchange { .. } => state.arrived & 1 == 1,
        };
        if state.is_sending || !has_arrived {
            return Ok(());
        }
        state.round += 1;
        match self.rounds {
            Rounds::Ring { .. } => state.arrived -= 1,
            Rounds::Exchange { .. } => state.arrived >>= 1,
        }
        if state.round < self.rounds.count() { self.send(rank, now) } else { Ok(()) }
    }
}
