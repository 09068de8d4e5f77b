//! Why a trace cannot be read, or makes no sense.

use std::fmt;

use thiserror::Error;

/// Characters of a name that messages show.
const SHOWN_NAME: usize = 40;
/// Nodes of a cycle that messages show.
pub(super) const SHOWN_CYCLE: usize = 12;

/// Why a trace cannot be read, or makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ChakraError {
    /// It is something else.
    #[error("this is {what} and no Chakra trace in protobuf: {help}")]
    OtherFormat {
        /// What it looks like.
        what: &'static str,
        /// What to do.
        help: &'static str,
    },
    /// It ends too soon.
    #[error("the trace ends at byte {offset}: expected {expected}")]
    Truncated {
        /// Where it ends.
        offset: usize,
        /// What is missing.
        expected: String,
    },
    /// What should be the length of a message is none.
    #[error("at byte {offset}: expected the length of {message} in at most 10 bytes of 7 bits")]
    Length {
        /// Where it starts.
        offset: usize,
        /// Of which message.
        message: String,
    },
    /// A message cannot be decoded.
    #[error("{message}, which starts at byte {offset}, cannot be decoded: {reason}")]
    Message {
        /// Where it starts, after its length.
        offset: usize,
        /// Which.
        message: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is more of something than a limit allows.
    #[error("the trace has more than {limit} {what}, the limit")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// A node is of a type that cannot be simulated.
    #[error("{node} is of type {kind}: expected one from INVALID_NODE (0) to COMM_COLL_NODE (7)")]
    NodeType {
        /// Which node.
        node: NodeLabel,
        /// Its type.
        kind: String,
    },
    /// An attribute is missing, or not what it should be.
    #[error("{node}: attribute {attribute} {reason}")]
    Attribute {
        /// Of which node.
        node: NodeLabel,
        /// Its name.
        attribute: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A duration is too long.
    #[error("{node} takes {micros} us: expected less than 213 days")]
    Duration {
        /// Which node.
        node: NodeLabel,
        /// What it takes.
        micros: u64,
    },
    /// Two nodes have one id.
    #[error("{first} and {second} have the same id: expected each once")]
    DuplicateId {
        /// The first of the two.
        first: NodeLabel,
        /// The second.
        second: NodeLabel,
    },
    /// A node depends on one that is not there.
    #[error("{node} depends on node {dependency}, which is not in the trace")]
    MissingDependency {
        /// Which node.
        node: NodeLabel,
        /// The id of what is missing.
        dependency: u64,
    },
    /// Nodes wait for each other.
    #[error("nodes wait for each other and none can start: {}", cycle(shown, *length))]
    Cycle {
        /// The first nodes of the cycle; each depends on the one after it, and the last on the first.
        shown: Vec<NodeLabel>,
        /// Nodes in the cycle.
        length: usize,
    },
    /// A rank does not exist.
    #[error("there is no rank {rank}: expected less than {ranks}, the number of ranks")]
    Rank {
        /// The rank.
        rank: u32,
        /// How many there are.
        ranks: u32,
    },
    /// A node communicates with a rank that does not exist.
    #[error("{node} communicates with rank {peer}, and there are {ranks} ranks, from 0 on")]
    Peer {
        /// Which node.
        node: NodeLabel,
        /// The rank it communicates with.
        peer: u32,
        /// How many there are.
        ranks: u32,
    },
    /// A communicator group makes no sense.
    #[error("communicator group {group:?} {reason}")]
    Group {
        /// Its name.
        group: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// How messages call a node: its name, shortened, and its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeLabel {
    /// The id.
    pub id: u64,
    /// The name, of printable characters and not too long.
    pub name: String,
}

impl NodeLabel {
    /// The label of a node.
    #[must_use]
    pub fn new(id: u64, name: &str) -> Self {
        Self { id, name: shortened(name) }
    }
}

impl fmt::Display for NodeLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.is_empty() {
            write!(f, "node {}", self.id)
        } else {
            write!(f, "node {} ({})", self.id, self.name)
        }
    }
}

/// A foreign text as part of a message: printable and not too long.
pub(super) fn shortened(text: &str) -> String {
    let mut short: String =
        text.chars().take(SHOWN_NAME).flat_map(|character| character.escape_debug()).collect();
    if text.chars().nth(SHOWN_NAME).is_some() {
        short.push_str("...");
    }
    short
}

fn cycle(shown: &[NodeLabel], length: usize) -> String {
    let mut text: String = shown.iter().map(|node| format!("{node} -> ")).collect();
    if length > shown.len() {
        text.push_str(&format!("{} more -> ", length - shown.len()));
    }
    text + &shown.first().map(ToString::to_string).unwrap_or_default()
}
