//! A run as Chakra traces: what a rank of each pipeline stage did.
//!
//! A kernel becomes a compute node that takes as long as it kept the device in the run: from the moment the device was
//! through with what was before it, so what launching it cost is part of it. It is after what it reads from and, because
//! a device runs its kernels in order, after the kernel before it. A collective is after what it reads from, and after
//! the kernel and the collective issued before it.

use std::collections::{BTreeMap, HashMap};

use memwall_model_graph::{Collective, CollectiveKind, Counting, Graph, OpId, OpKind, Operator, Parallel};
use memwall_units::Picos;
use thiserror::Error;

use crate::chakra::{CommunicatorGroups, ExecutionTrace, MAX_NODES, TraceCollective, TraceNode, TraceWork};
use crate::team::groups::{groups, stage_ranks};
use crate::{Cause, Interval, Timeline, Track};

/// Bytes of a token's number, which goes back from the last stage to the first.
const TOKEN_BYTES: u64 = 4;

/// Why a run cannot be written as traces.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ExportError {
    /// It did more than is kept.
    #[error("the run is too long to be written as a trace: {more} intervals of its timeline were not kept")]
    TooLong {
        /// Intervals beyond the limit.
        more: u64,
    },
    /// A trace would have too many nodes.
    #[error("the run is too long to be written as a trace: it has more than {MAX_NODES} nodes")]
    TooManyNodes,
}

/// A run as traces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedRun {
    /// One of the first rank of each pipeline stage, in order.
    pub stages: Vec<ExecutionTrace>,
    /// The groups that collectives name: those that are not of all ranks.
    pub groups: CommunicatorGroups,
}

/// Turns the steps of a run, and its timeline, into traces.
#[derive(Debug)]
pub struct ChakraExport<'a> {
    parallel: Parallel,
    counting: Counting,
    stages: Vec<Stage<'a>>,
    groups: BTreeMap<String, Vec<u32>>,
    steps: u64,
}

#[derive(Debug)]
struct Stage<'a> {
    nodes: Vec<TraceNode>,
    /// What its kernels' track has, and how far it was read.
    intervals: Vec<&'a Interval>,
    read: usize,
    device_free: Picos,
    last_kernel: Option<u64>,
    last_collective: Option<u64>,
    /// What the next kernel waits for besides.
    gate: Vec<u64>,
    /// The last node of each micro-batch.
    last_of_batch: HashMap<u64, u64>,
}

impl<'a> ChakraExport<'a> {
    /// An export of a run divided as `parallel` says, whose kernels took what `timeline` says.
    ///
    /// # Errors
    /// The timeline is not whole.
    pub fn new(parallel: Parallel, counting: Counting, timeline: &'a Timeline) -> Result<Self, ExportError> {
        if timeline.dropped > 0 {
            return Err(ExportError::TooLong { more: timeline.dropped });
        }
        let mut stages: Vec<Stage<'a>> = (0..parallel.pipeline.max(1)).map(|_| Stage::new()).collect();
        for interval in &timeline.intervals {
            if let Track::Kernels(stage) = interval.track
                && let Some(stage) = stages.get_mut(stage as usize)
            {
                stage.intervals.push(interval);
            }
        }
        Ok(Self { parallel, counting, stages, groups: BTreeMap::new(), steps: 0 })
    }

    /// Adds a step: the graphs of a rank of each stage, and what the step gives in tokens.
    ///
    /// # Errors
    /// There are too many nodes.
    pub fn step(&mut self, graphs: &[&Graph], tokens: u64) -> Result<(), ExportError> {
        let batches = u64::from(self.parallel.micro_batches.max(1));
        for batch in 0..batches {
            if self.steps > 0 && self.stages.len() > 1 {
                self.tokens_go_back(batch, (tokens / batches).max(1));
            }
            for (number, graph) in graphs.iter().enumerate().take(self.stages.len()) {
                self.pass(number, graph, batch);
                if self.stages[number].nodes.len() > MAX_NODES {
                    return Err(ExportError::TooManyNodes);
                }
            }
        }
        self.steps += 1;
        Ok(())
    }

    /// Ends the export.
    #[must_use]
    pub fn finish(self) -> ExportedRun {
        let trace = |stage: Stage<'_>| ExecutionTrace { version: "0.0.4".to_owned(), nodes: stage.nodes };
        ExportedRun {
            stages: self.stages.into_iter().map(trace).collect(),
            groups: CommunicatorGroups::new(self.groups),
        }
    }

    /// What the last stage found is what the first begins the next step with.
    fn tokens_go_back(&mut self, batch: u64, tokens: u64) {
        let last = self.stages.len() - 1;
        let (bytes, tag) = (tokens.saturating_mul(TOKEN_BYTES), batch as u32);
        let work = TraceWork::Send { to: 0, bytes, tag };
        let after: Vec<u64> = self.stages[last].last_of_batch.get(&batch).copied().into_iter().collect();
        self.stages[last].push("tokens.send".to_owned(), work, after, None);
        let work = TraceWork::Receive { from: self.first_rank(last), bytes, tag };
        let received = self.stages[0].push("tokens.recv".to_owned(), work, Vec::new(), None);
        self.stages[0].gate.push(received);
    }

    fn first_rank(&self, stage: usize) -> u32 {
        (stage as u32).saturating_mul(stage_ranks(&self.parallel))
    }

    /// One micro-batch through one stage.
    fn pass(&mut self, number: usize, graph: &Graph, batch: u64) {
        // The pass before was over with its last collective.
        let stage = &mut self.stages[number];
        stage.gate.extend(stage.last_collective.take());
        let mut node_of: Vec<u64> = Vec::with_capacity(graph.operators().len());
        for (id, operator) in graph.iter() {
            let reads = reads(graph, id, &node_of);
            let work = match &operator.kind {
                OpKind::Collective(collective) => self.communication(number, collective, batch),
                _ => {
                    let counts = operator.counts(graph, self.counting);
                    let (flops, bytes) = (u64::try_from(counts.flops).unwrap_or(u64::MAX), counts.bytes());
                    TraceWork::Compute { flops, bytes, on_host: false }
                }
            };
            node_of.push(self.stages[number].add(operator, work, reads));
        }
        if let Some(last) = node_of.last() {
            self.stages[number].last_of_batch.insert(batch, *last);
        }
    }

    fn communication(&mut self, stage: usize, collective: &Collective, batch: u64) -> TraceWork {
        let stages = self.stages.len();
        let (bytes, tag) = (collective.bytes, batch as u32);
        let kind = match collective.kind {
            CollectiveKind::Send => {
                return TraceWork::Send { to: self.first_rank((stage + 1) % stages), bytes, tag };
            }
            CollectiveKind::Recv => {
                let from = self.first_rank((stage + stages - 1) % stages);
                return TraceWork::Receive { from, bytes, tag };
            }
            CollectiveKind::AllReduce => TraceCollective::AllReduce,
            CollectiveKind::AllGather => TraceCollective::AllGather,
            CollectiveKind::ReduceScatter => TraceCollective::ReduceScatter,
            CollectiveKind::AllToAll => TraceCollective::AllToAll,
            CollectiveKind::Broadcast => TraceCollective::Broadcast,
            CollectiveKind::Reduce => TraceCollective::Reduce,
        };
        let members = groups(&self.parallel, collective.dimension, stage as u32).swap_remove(0);
        // A trace counts what a rank puts in.
        let ranks = members.len().max(1) as u64;
        let bytes = if kind == TraceCollective::AllGather { bytes.div_ceil(ranks) } else { bytes };
        let group = (ranks < self.parallel.ranks()).then(|| {
            let name = format!("{}.{stage}", collective.dimension.name());
            self.groups.entry(name.clone()).or_insert(members);
            name
        });
        TraceWork::Collective { kind, bytes, group, dimensions: Vec::new(), root: None }
    }
}

impl Stage<'_> {
    fn new() -> Self {
        Self {
            nodes: Vec::new(),
            intervals: Vec::new(),
            read: 0,
            device_free: Picos::ZERO,
            last_kernel: None,
            last_collective: None,
            gate: Vec::new(),
            last_of_batch: HashMap::new(),
        }
    }

    fn push(&mut self, name: String, work: TraceWork, mut after: Vec<u64>, duration: Option<Picos>) -> u64 {
        after.sort_unstable();
        after.dedup();
        let id = self.nodes.len() as u64;
        self.nodes.push(TraceNode { id, name, work, after, duration });
        id
    }

    /// Adds an operator that reads what the nodes `after` wrote.
    fn add(&mut self, operator: &Operator, work: TraceWork, mut after: Vec<u64>) -> u64 {
        let name = operator.name();
        match work {
            TraceWork::Compute { .. } => {
                let duration = self.duration(&name);
                after.extend(self.last_kernel);
                after.append(&mut self.gate);
                let id = self.push(name, work, after, Some(duration));
                self.last_kernel = Some(id);
                id
            }
            TraceWork::Collective { .. } => {
                after.extend([self.last_kernel, self.last_collective].into_iter().flatten());
                let id = self.push(name, work, after, None);
                self.last_collective = Some(id);
                id
            }
            _ => self.push(name, work, after, None),
        }
    }

    /// How long the next kernel, of this name, kept the device. A kernel that took no time is not in a timeline.
    fn duration(&mut self, name: &str) -> Picos {
        while let Some(interval) = self.intervals.get(self.read) {
            let end = interval.start.saturating_add(interval.duration);
            if interval.name == name {
                let free = self.device_free;
                (self.read, self.device_free) = (self.read + 1, end);
                self.slowed();
                return self.device_free.saturating_sub(free);
            }
            if !is_wait(interval) {
                break;
            }
            (self.read, self.device_free) = (self.read + 1, end);
        }
        Picos::ZERO
    }

    /// A slower rank's kernel is followed by what it takes longer.
    fn slowed(&mut self) {
        if let Some(next) = self.intervals.get(self.read)
            && next.name == Cause::Power.name()
            && next.start == self.device_free
        {
            self.device_free = next.start.saturating_add(next.duration);
            self.read += 1;
        }
    }
}

fn is_wait(interval: &Interval) -> bool {
    Cause::ALL.iter().any(|cause| cause.name() == interval.name)
}

/// The nodes whose results an operator reads.
fn reads(graph: &Graph, id: OpId, node_of: &[u64]) -> Vec<u64> {
    graph.dependencies(id).filter_map(|operator| node_of.get(operator.0 as usize).copied()).collect()
}
