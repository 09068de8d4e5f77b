//! The nodes of all ranks, numbered through, what follows what, and the order of each rank's program.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::error::{At, TraceRunError};
use crate::chakra::{ExecutionTrace, TraceCollective, TraceNode, TraceWork, positions_of_dependencies};

/// Every rank's nodes.
#[derive(Debug)]
pub(super) struct Programs<'a> {
    traces: &'a [ExecutionTrace],
    /// The number of each rank's first node, and the number of all.
    first: Vec<u32>,
    /// Nodes after each node: `followers[start[node]..start[node + 1]]`.
    start: Vec<u32>,
    followers: Vec<u32>,
    /// How many nodes each node is after.
    pub waits: Vec<u32>,
    /// The nodes in the order of the programs, rank after rank: by id, but none before what it is after.
    pub order: Vec<u32>,
}

impl<'a> Programs<'a> {
    pub fn new(traces: &'a [ExecutionTrace]) -> Result<Self, TraceRunError> {
        let mut programs = Self {
            traces,
            first: vec![0],
            start: vec![0],
            followers: Vec::new(),
            waits: Vec::new(),
            order: Vec::new(),
        };
        for (rank, trace) in traces.iter().enumerate() {
            programs.add(rank as u32, trace)?;
        }
        Ok(programs)
    }

    fn add(&mut self, rank: u32, trace: &ExecutionTrace) -> Result<(), TraceRunError> {
        let failed = |error| TraceRunError::Trace { rank, error };
        let dependencies = positions_of_dependencies(&trace.nodes).map_err(failed)?;
        let base = self.waits.len() as u32;
        let mut followers = vec![Vec::new(); trace.nodes.len()];
        for (node, dependencies) in dependencies.iter().enumerate() {
            self.waits.push(dependencies.len() as u32);
            for dependency in dependencies {
                followers[*dependency].push(base + node as u32);
            }
        }
        for followers in followers {
            self.followers.extend(followers);
            // Dependencies are bounded for each trace, so only very many large ones come here.
            let end = u32::try_from(self.followers.len());
            let limit = u32::MAX as usize;
            self.start.push(end.map_err(|_| TraceRunError::TooMany { nodes: limit as u128 + 1, limit })?);
        }
        self.first.push(self.waits.len() as u32);
        self.order_rank(base, &trace.nodes);
        if self.order.len() < self.waits.len() {
            // Nodes that wait for each other: the check names them.
            trace.check().map_err(failed)?;
        }
        Ok(())
    }

    fn order_rank(&mut self, base: u32, nodes: &[TraceNode]) {
        let mut waits = self.waits[base as usize..].to_vec();
        let id = |node: u32| nodes[(node - base) as usize].id;
        let free = (base..base + nodes.len() as u32).filter(|node| waits[(node - base) as usize] == 0);
        let mut ready: BinaryHeap<Reverse<(u64, u32)>> = free.map(|node| Reverse((id(node), node))).collect();
        while let Some(Reverse((_, node))) = ready.pop() {
            self.order.push(node);
            let (start, end) = (self.start[node as usize], self.start[node as usize + 1]);
            for &follower in &self.followers[start as usize..end as usize] {
                let waits = &mut waits[(follower - base) as usize];
                *waits -= 1;
                if *waits == 0 {
                    ready.push(Reverse((id(follower), follower)));
                }
            }
        }
    }

    pub fn ranks(&self) -> u32 {
        self.traces.len() as u32
    }

    pub fn len(&self) -> usize {
        self.waits.len()
    }

    /// Nodes of one rank.
    pub fn of_rank(&self, rank: u32) -> std::ops::Range<u32> {
        self.first[rank as usize]..self.first[rank as usize + 1]
    }

    /// A rank's nodes, in the order of its trace.
    pub fn nodes(&self, rank: u32) -> &'a [TraceNode] {
        &self.traces[rank as usize].nodes
    }

    pub fn followers(&self, node: u32) -> &[u32] {
        &self.followers[self.start[node as usize] as usize..self.start[node as usize + 1] as usize]
    }

    pub fn rank(&self, node: u32) -> u32 {
        self.first.partition_point(|first| *first <= node) as u32 - 1
    }

    pub fn node(&self, node: u32) -> &'a TraceNode {
        let rank = self.rank(node);
        &self.traces[rank as usize].nodes[(node - self.first[rank as usize]) as usize]
    }

    /// How messages call a node.
    pub fn at(&self, node: u32) -> At {
        let (rank, node) = (self.rank(node), self.node(node));
        At { rank, what: what(&node.work), node: node.label() }
    }
}

/// What a node does, in a word.
pub(super) const fn what(work: &TraceWork) -> &'static str {
    match work {
        TraceWork::Compute { .. } => "compute",
        TraceWork::MemoryLoad { .. } => "load",
        TraceWork::MemoryStore { .. } => "store",
        TraceWork::Send { .. } => "send",
        TraceWork::Receive { .. } => "recv",
        TraceWork::Collective { kind, .. } => collective(*kind),
        TraceWork::Nothing => "nothing",
    }
}

pub(super) const fn collective(kind: TraceCollective) -> &'static str {
    match kind {
        TraceCollective::AllReduce => "all_reduce",
        TraceCollective::Reduce => "reduce",
        TraceCollective::AllGather => "all_gather",
        TraceCollective::Gather => "gather",
        TraceCollective::Scatter => "scatter",
        TraceCollective::Broadcast => "broadcast",
        TraceCollective::AllToAll => "all_to_all",
        TraceCollective::ReduceScatter => "reduce_scatter",
    }
}
