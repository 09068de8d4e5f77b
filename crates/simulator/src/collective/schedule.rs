//! What a collective moves: transfers between devices, in phases that follow one another.

use memwall_model_graph::CollectiveKind;

use super::double_tree::parents;
use super::layout::{Layout, Ring};
use super::{Algorithm, Call, CollectiveError};

/// The most transfers of one collective; with their flows some 1 GB.
const MAX_TRANSFERS: u64 = 1 << 22;

/// Bytes from one device to another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Transfer {
    pub from: u32,
    pub to: u32,
    pub bytes: f64,
}

/// How long a chunk is on its way beside the time its bytes take.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Hops {
    /// This many steps, each over one of the phase's transfers: the mean over them, weighed by bytes.
    Around(f64),
    /// Over these, one after the other.
    Along(Vec<(u32, u32)>),
    /// One step over each of the phase's transfers at the same time: the farthest counts.
    AtOnce,
}

/// Transfers that go on at the same time.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Phase {
    pub transfers: Vec<Transfer>,
    pub hops: Hops,
    /// Of each group beside, where its transfers begin, and its hops.
    pub beside: Vec<(usize, Hops)>,
    /// Bytes of the buffer that a rank's cores work through.
    pub processed: f64,
    /// Bytes of its own that a rank copies without sending them.
    pub own: f64,
}

/// A collective's phases.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Schedule {
    pub algorithm: Algorithm,
    pub phases: Vec<Phase>,
}

impl Schedule {
    /// Adds a group that does the same at the same time, in as many phases.
    pub fn join(&mut self, other: Self, call: &Call) -> Result<(), CollectiveError> {
        if self.phases.len() != other.phases.len() {
            let reason = "a group beside it lies on the nodes in another way";
            return Err(no_way(call, self.algorithm, reason));
        }
        for (phase, beside) in self.phases.iter_mut().zip(other.phases) {
            phase.beside.push((phase.transfers.len(), beside.hops));
            phase.transfers.extend(beside.transfers);
        }
        Ok(())
    }

    /// Transfers of all phases.
    pub fn transfers(&self) -> u64 {
        self.phases.iter().map(|phase| phase.transfers.len() as u64).sum()
    }
}

impl Phase {
    /// Of one group.
    const fn of(transfers: Vec<Transfer>, hops: Hops, processed: f64, own: f64) -> Self {
        Self { transfers, hops, beside: Vec::new(), processed, own }
    }
}

/// Share of a ring all-reduce, and twice that of the other collectives, each rank sends on: 2 (n-1) / n.
fn wire(kind: CollectiveKind, ranks: f64) -> f64 {
    match kind {
        CollectiveKind::AllReduce => 2.0 * (ranks - 1.0) / ranks,
        CollectiveKind::AllGather | CollectiveKind::ReduceScatter => (ranks - 1.0) / ranks,
        _ => 1.0,
    }
}

/// Times that a rank's cores go through the buffer: reducing and spreading are two.
fn passes(kind: CollectiveKind) -> f64 {
    if kind == CollectiveKind::AllReduce { 2.0 } else { 1.0 }
}

/// The schedule of `algorithm`, or why there is none.
pub(super) fn build(call: &Call, layout: &Layout, algorithm: Algorithm) -> Result<Schedule, CollectiveError> {
    let phases = match (algorithm, call.kind) {
        (Algorithm::Ring, CollectiveKind::Broadcast | CollectiveKind::Reduce) => vec![chain(call)],
        (
            Algorithm::Ring,
            CollectiveKind::AllReduce | CollectiveKind::AllGather | CollectiveKind::ReduceScatter,
        ) => vec![ring(call, layout)],
        (Algorithm::Tree, CollectiveKind::AllReduce) => vec![tree(call, layout)?],
        (Algorithm::HalvingDoubling, CollectiveKind::AllReduce) => halving_doubling(call)?,
        (Algorithm::Direct, CollectiveKind::AllReduce) => {
            let half = direct(call, call.bytes as f64)?;
            vec![half.clone(), half]
        }
        (
            Algorithm::Direct,
            CollectiveKind::AllGather | CollectiveKind::ReduceScatter | CollectiveKind::AllToAll,
        ) => vec![direct(call, call.bytes as f64)?],
        (Algorithm::Direct, CollectiveKind::Send | CollectiveKind::Recv) => vec![point_to_point(call)],
        (Algorithm::Hierarchical, CollectiveKind::AllReduce) => hierarchical(call, layout)?,
        (Algorithm::InNetwork, CollectiveKind::AllReduce) => vec![in_network(call)],
        _ => return Err(no_way(call, algorithm, "no library arranges it so")),
    };
    Ok(Schedule { algorithm, phases })
}

/// Says at once that there are too many transfers.
pub(super) fn within_limit(call: &Call, transfers: u128) -> Result<(), CollectiveError> {
    if transfers <= u128::from(MAX_TRANSFERS) {
        return Ok(());
    }
    let (kind, ranks) = (call.kind.name(), call.group.len());
    Err(CollectiveError::TooMany { kind, ranks, transfers, limit: MAX_TRANSFERS })
}

pub(super) fn no_way(call: &Call, algorithm: Algorithm, reason: &str) -> CollectiveError {
    CollectiveError::NoWay {
        kind: call.kind.name(),
        ranks: call.group.len(),
        asked: algorithm.name().to_owned(),
        reason: reason.to_owned(),
    }
}

/// Round the rings of the layout, the buffer divided among them by what each can carry.
fn ring(call: &Call, layout: &Layout) -> Phase {
    let (ranks, bytes) = (call.group.len() as f64, call.bytes as f64);
    let total = bytes * wire(call.kind, ranks);
    let mut transfers = Vec::new();
    for Ring { edges, share } in &layout.rings {
        transfers.extend(edges.iter().map(|&(from, to)| Transfer { from, to, bytes: total * share }));
    }
    let steps = passes(call.kind) * layout.steps;
    Phase::of(transfers, Hops::Around(steps), bytes * passes(call.kind), bytes / ranks)
}

/// One after the other, chunk behind chunk.
fn chain(call: &Call) -> Phase {
    let bytes = call.bytes as f64;
    let pairs = call.group.windows(2).filter_map(|pair| match pair {
        [from, to] => Some(Transfer { from: *from, to: *to, bytes }),
        _ => None,
    });
    let transfers: Vec<Transfer> = pairs.collect();
    let hops = Hops::Around(transfers.len() as f64);
    Phase::of(transfers, hops, bytes, 0.0)
}

/// Two trees over the nodes for each device of a node, a chain through the node to it.
fn tree(call: &Call, layout: &Layout) -> Result<Phase, CollectiveError> {
    let nodes = &layout.nodes;
    let width = nodes.first().map_or(0, Vec::len);
    if nodes.len() < 2 || !layout.is_even {
        let reason = "it needs two nodes or more with as many ranks each";
        return Err(no_way(call, Algorithm::Tree, reason));
    }
    let (bytes, lanes) = (call.bytes as f64, width as f64);
    let mut transfers = Vec::new();
    // Each of the `width` chains leaves out the edge that would close it.
    let inside = bytes * (lanes - 1.0) / lanes;
    if width > 1 {
        for node in nodes {
            for (at, &device) in node.iter().enumerate() {
                let next = node[(at + 1) % width];
                transfers.push(Transfer { from: device, to: next, bytes: inside });
                transfers.push(Transfer { from: next, to: device, bytes: inside });
            }
        }
    }
    let share = bytes / (2.0 * lanes);
    let [one, two] = parents(nodes.len());
    for tree in [&one, &two] {
        for (child, parent) in tree.parent.iter().enumerate() {
            let Some(parent) = *parent else { continue };
            for (&below, &above) in nodes[child].iter().zip(&nodes[parent]) {
                transfers.push(Transfer { from: below, to: above, bytes: share });
                transfers.push(Transfer { from: above, to: below, bytes: share });
            }
        }
    }
    let hops = Hops::Along(tree_path(nodes, &one.parent, one.deepest));
    Ok(Phase::of(transfers, hops, 2.0 * bytes, 0.0))
}

/// From the end of the chain in the deepest node up to the root and back.
fn tree_path(nodes: &[Vec<u32>], parent: &[Option<usize>], deepest: usize) -> Vec<(u32, u32)> {
    let mut up: Vec<(u32, u32)> = nodes[deepest].windows(2).rev().map(|pair| (pair[1], pair[0])).collect();
    let mut node = deepest;
    while let Some(above) = parent[node] {
        up.push((nodes[node][0], nodes[above][0]));
        node = above;
    }
    let down: Vec<(u32, u32)> = up.iter().rev().map(|&(from, to)| (to, from)).collect();
    up.extend(down);
    up
}

/// log2(n) exchanges of halves, quarters ... that reduce, then as many the other way that spread.
fn halving_doubling(call: &Call) -> Result<Vec<Phase>, CollectiveError> {
    let ranks = call.group.len();
    if !ranks.is_power_of_two() {
        return Err(no_way(call, Algorithm::HalvingDoubling, "it needs a power of two of ranks"));
    }
    within_limit(call, u128::from(2 * ranks.trailing_zeros()) * ranks as u128)?;
    let exchange = |distance: usize| {
        let bytes = call.bytes as f64 * distance as f64 / ranks as f64;
        let pairs = call.group.iter().enumerate();
        let transfers =
            pairs.map(|(rank, &from)| Transfer { from, to: call.group[rank ^ distance], bytes }).collect();
        Phase::of(transfers, Hops::AtOnce, bytes, 0.0)
    };
    let distances: Vec<usize> = (0..ranks.trailing_zeros()).rev().map(|power| 1 << power).collect();
    let halving = distances.iter().map(|&distance| exchange(distance));
    Ok(halving.chain(distances.iter().rev().map(|&distance| exchange(distance))).collect())
}

/// Each rank's part to each other rank at once.
fn direct(call: &Call, bytes: f64) -> Result<Phase, CollectiveError> {
    let ranks = call.group.len();
    let transfers = ranks as u128 * (ranks as u128 - 1);
    within_limit(call, transfers)?;
    let part = bytes / ranks as f64;
    // The busiest receiver gets `skew` times its part, and the others what is left.
    let rest = if ranks > 1 { (ranks as f64 - call.skew) / (ranks as f64 - 1.0) } else { 1.0 };
    let share = |to: usize| if to == 0 { call.skew } else { rest };
    let mut list = Vec::with_capacity(transfers as usize);
    for (rank, &from) in call.group.iter().enumerate() {
        for (other, &to) in call.group.iter().enumerate() {
            if rank != other {
                list.push(Transfer { from, to, bytes: part * share(other) });
            }
        }
    }
    Ok(Phase::of(list, Hops::AtOnce, bytes, part))
}

fn point_to_point(call: &Call) -> Phase {
    let bytes = call.bytes as f64;
    let transfers = match call.group[..] {
        [from, to] => vec![Transfer { from, to, bytes }],
        _ => Vec::new(),
    };
    Phase::of(transfers, Hops::AtOnce, bytes, 0.0)
}

/// Reduce-scatter inside every node, a ring between the nodes for each of its parts, all-gather inside.
fn hierarchical(call: &Call, layout: &Layout) -> Result<Vec<Phase>, CollectiveError> {
    let (nodes, width) = (&layout.nodes, layout.nodes.first().map_or(0, Vec::len));
    if nodes.len() < 2 || !layout.is_even {
        let reason = "it needs two nodes or more with as many ranks each";
        return Err(no_way(call, Algorithm::Hierarchical, reason));
    }
    let (bytes, lanes, count) = (call.bytes as f64, width as f64, nodes.len() as f64);
    let edges = |ring: &[u32], bytes: f64| -> Vec<Transfer> {
        let next = ring.iter().cycle().skip(1);
        ring.iter().zip(next).map(|(&from, &to)| Transfer { from, to, bytes }).collect()
    };
    let inside = Phase::of(
        nodes.iter().flat_map(|node| edges(node, bytes * (lanes - 1.0) / lanes)).collect(),
        Hops::Around(lanes - 1.0),
        bytes,
        bytes / lanes,
    );
    let rails = (0..width).map(|lane| nodes.iter().map(|node| node[lane]).collect::<Vec<u32>>());
    let between = Phase::of(
        rails.flat_map(|rail| edges(&rail, 2.0 * (count - 1.0) / count * bytes / lanes)).collect(),
        Hops::Around(2.0 * (count - 1.0)),
        2.0 * bytes / lanes,
        bytes / lanes / count,
    );
    Ok(if width > 1 { vec![inside.clone(), between, inside] } else { vec![between] })
}

/// Every device sends its buffer up to the switch and gets the sum back. A route to any other device is the link up and
/// the link down, so a ring of them loads each link once.
fn in_network(call: &Call) -> Phase {
    let bytes = call.bytes as f64;
    let next = call.group.iter().cycle().skip(1);
    let transfers = call.group.iter().zip(next).map(|(&from, &to)| Transfer { from, to, bytes }).collect();
    Phase::of(transfers, Hops::Around(2.0), 2.0 * bytes, 0.0)
}
