//! What one rank does, as a graph of compute, memory and communication.

use memwall_units::Picos;

use super::error::{ChakraError, NodeLabel};
use super::{check, read, write};

/// Most nodes of a trace.
pub const MAX_NODES: usize = 1 << 22;
/// Most dependencies of a trace, all nodes together.
pub const MAX_DEPENDENCIES: usize = 1 << 24;
/// Most bytes of one node in a file. Real ones take hundreds.
pub const MAX_NODE_BYTES: usize = 8 << 20;

/// What one rank does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionTrace {
    /// The version of the schema, as the file says it.
    pub version: String,
    /// The nodes, in the order of the file, which means nothing: [`TraceNode::after`] says what comes first.
    pub nodes: Vec<TraceNode>,
}

/// Something a rank does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceNode {
    /// The id, unique in the trace.
    pub id: u64,
    /// The name, for people.
    pub name: String,
    /// What is done.
    pub work: TraceWork,
    /// Ids of the nodes that must be done before, each once: data and control dependencies alike. Files are read in
    /// ascending order of id.
    pub after: Vec<u64>,
    /// How long it took where the trace was recorded, if it was. A duration of zero in a file is none.
    pub duration: Option<Picos>,
}

/// What a node does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TraceWork {
    /// Computes.
    Compute {
        /// Operations; zero where the trace does not say (`num_ops`).
        flops: u64,
        /// Bytes read and written; zero where the trace does not say (`tensor_size`).
        bytes: u64,
        /// Whether the host does it (`is_cpu_op`; not where the trace does not say).
        on_host: bool,
    },
    /// Loads from a memory that is not the device's own.
    MemoryLoad {
        /// How much (`tensor_size`).
        bytes: u64,
    },
    /// Stores to a memory that is not the device's own.
    MemoryStore {
        /// How much (`tensor_size`).
        bytes: u64,
    },
    /// Sends to another rank.
    Send {
        /// To which (`comm_dst`).
        to: u32,
        /// How much (`comm_size`).
        bytes: u64,
        /// Pairs it with the receive of the same tag (`comm_tag`; zero where the trace does not say).
        tag: u32,
    },
    /// Receives from another rank.
    Receive {
        /// From which (`comm_src`).
        from: u32,
        /// How much (`comm_size`).
        bytes: u64,
        /// Pairs it with the send of the same tag (`comm_tag`; zero where the trace does not say).
        tag: u32,
    },
    /// Takes part in a collective.
    Collective {
        /// Which one (`comm_type`).
        kind: TraceCollective,
        /// How much, counted as the trace counts (`comm_size`).
        bytes: u64,
        /// Among which ranks (`pg_name`): the name of a communicator group, or all ranks.
        group: Option<String>,
        /// Dimensions of the network it runs over (`involved_dim`); all where the list is empty.
        dimensions: Vec<bool>,
        /// The rank it goes out from or comes together at (`comm_root`, which is not in the public schema).
        root: Option<u32>,
    },
    /// Takes no time, and orders what depends on it after what it depends on: metadata, nodes without a type, and
    /// barriers, of which only the order within the rank is kept.
    Nothing,
}

/// A collective.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TraceCollective {
    /// Everyone gets the sum.
    AllReduce,
    /// The root gets the sum.
    Reduce,
    /// Everyone gets everyone's part.
    AllGather,
    /// The root gets everyone's part.
    Gather,
    /// Everyone gets their part of what the root has.
    Scatter,
    /// Everyone gets what the root has.
    Broadcast,
    /// Everyone gets a part of everyone else's.
    AllToAll,
    /// Everyone gets their part of the sum. `REDUCE_SCATTER_BLOCK` is read as this one: its parts are equal.
    ReduceScatter,
}

impl ExecutionTrace {
    /// Reads a file: messages, each after its length, the first a `GlobalMetadata` and each further one a `Node`. What
    /// was read is checked, as by [`Self::check`].
    ///
    /// No input makes it panic, and it ends in time and memory proportional to the input: at most [`MAX_NODES`] nodes,
    /// [`MAX_DEPENDENCIES`] dependencies and [`MAX_NODE_BYTES`] a node. How long a file may be is up to the caller.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn read(bytes: &[u8]) -> Result<Self, ChakraError> {
        read::read(bytes)
    }

    /// The bytes of a file. [`Self::read`] gives the same trace again, if it passes [`Self::check`], its
    /// dependencies ascend, no group is an empty name and no node takes more than [`MAX_NODE_BYTES`].
    ///
    /// The format counts durations in microseconds. Where that would round one, it is rounded up, and the exact one is
    /// added as attribute `duration_picos`, which other programs ignore.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        write::write(self)
    }

    /// Whether the nodes can be run in some order.
    ///
    /// # Errors
    /// Two nodes with one id, a dependency on a node that is not there, nodes that wait for each other, or too many
    /// nodes or dependencies.
    pub fn check(&self) -> Result<(), ChakraError> {
        check::check(&self.nodes)
    }

    /// What rank `rank` of `ranks` does, when this is what rank 0 does and all ranks do the same.
    ///
    /// Who rank 0 communicates with is taken as a distance: where rank 0 sends to `to`, this rank sends to
    /// `(rank + to) % ranks`, and the same for what it receives. Groups and the roots of collectives stay as they are,
    /// for all members of a collective name the same ones. A trace with point-to-point traffic in which ranks differ,
    /// such as a pipeline with a first and a last stage, is not to be replicated: it needs a file for each.
    ///
    /// # Errors
    /// `rank`, or a rank the trace communicates with, is not less than `ranks`.
    pub fn for_rank(&self, rank: u32, ranks: u32) -> Result<Self, ChakraError> {
        if rank >= ranks {
            return Err(ChakraError::Rank { rank, ranks });
        }
        let mut trace = self.clone();
        for node in &mut trace.nodes {
            let label = || NodeLabel::new(node.id, &node.name);
            let (TraceWork::Send { to: peer, .. } | TraceWork::Receive { from: peer, .. }) = &mut node.work
            else {
                continue;
            };
            if *peer >= ranks {
                return Err(ChakraError::Peer { node: label(), peer: *peer, ranks });
            }
            // Both are less than `ranks`, so the sum fits in 33 bits and the remainder in 32.
            *peer = ((u64::from(*peer) + u64::from(rank)) % u64::from(ranks)) as u32;
        }
        Ok(trace)
    }
}

impl TraceNode {
    /// How messages call it.
    #[must_use]
    pub fn label(&self) -> NodeLabel {
        NodeLabel::new(self.id, &self.name)
    }
}
