//! Execution traces in the Chakra format of MLCommons: what each rank of a distributed workload computes, loads and
//! communicates, and what waits for what. Bytes in, a checked [`ExecutionTrace`] out, and back; no files.
//!
//! A file holds the trace of one rank. The format is protobuf; its messages are written out in `message.rs`, so that no
//! compiler for schemas is needed.

mod check;
mod error;
mod groups;
mod message;
mod read;
mod trace;
mod write;

#[cfg(test)]
mod tests;

pub(crate) use check::dependencies as positions_of_dependencies;
pub use error::{ChakraError, NodeLabel};
pub use groups::CommunicatorGroups;
pub use trace::{
    ExecutionTrace, MAX_DEPENDENCIES, MAX_NODE_BYTES, MAX_NODES, TraceCollective, TraceNode, TraceWork,
};
