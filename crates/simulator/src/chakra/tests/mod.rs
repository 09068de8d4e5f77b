//! Reading and writing of traces, against an encoder and a decoder written by hand on bytes.

mod hand;
mod hostile;
mod meaning;
mod round_trip;

use super::{TraceNode, TraceWork};

/// A node without a name or a duration.
fn node(id: u64, work: TraceWork, after: &[u64]) -> TraceNode {
    TraceNode { id, name: String::new(), work, after: after.to_vec(), duration: None }
}

/// A node that takes no time.
fn nothing(id: u64, after: &[u64]) -> TraceNode {
    node(id, TraceWork::Nothing, after)
}
