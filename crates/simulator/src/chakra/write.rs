//! From a trace to the bytes of a file.
//!
//! Attributes are written in the types that ASTRA-sim's feeder reads, which are narrower than what `read.rs` takes.

use memwall_units::Picos;
use prost::Message;

use super::message::{Attribute, BoolList, GlobalMetadata, Node, Value, attribute, node_type};
use super::trace::{ExecutionTrace, TraceCollective, TraceNode, TraceWork};

pub(super) fn write(trace: &ExecutionTrace) -> Vec<u8> {
    let mut bytes = GlobalMetadata { version: trace.version.clone() }.encode_length_delimited_to_vec();
    for node in &trace.nodes {
        bytes.extend(message(node).encode_length_delimited_to_vec());
    }
    bytes
}

fn message(node: &TraceNode) -> Node {
    let (r#type, mut attr) = work(&node.work);
    let mut duration_micros = 0;
    if let Some(duration) = node.duration {
        duration_micros = micros(duration);
        if duration == Picos::ZERO || !duration.0.is_multiple_of(PICOS_PER_MICRO) {
            attr.push(wide(attribute::DURATION_PICOS, duration.0));
        }
    }
    Node {
        id: node.id,
        name: node.name.clone(),
        r#type,
        ctrl_deps: Vec::new(),
        data_deps: node.after.clone(),
        duration_micros,
        attr,
    }
}

pub(super) const PICOS_PER_MICRO: u64 = 1_000_000;

/// Whole microseconds, rounded up.
pub(super) fn micros(duration: Picos) -> u64 {
    duration.0.div_ceil(PICOS_PER_MICRO)
}

fn work(work: &TraceWork) -> (i32, Vec<Attribute>) {
    let on_device = || of(attribute::IS_CPU_OP, Value::Bool(false));
    match work {
        TraceWork::Compute { flops, bytes, on_host } => {
            let attributes = vec![
                of(attribute::IS_CPU_OP, Value::Bool(*on_host)),
                signed(attribute::NUM_OPS, *flops),
                wide(attribute::TENSOR_SIZE, *bytes),
            ];
            (node_type::COMP, attributes)
        }
        TraceWork::MemoryLoad { bytes } => {
            (node_type::MEM_LOAD, vec![on_device(), wide(attribute::TENSOR_SIZE, *bytes)])
        }
        TraceWork::MemoryStore { bytes } => {
            (node_type::MEM_STORE, vec![on_device(), wide(attribute::TENSOR_SIZE, *bytes)])
        }
        TraceWork::Send { to, bytes, tag } => {
            (node_type::COMM_SEND, point_to_point(on_device(), attribute::COMM_DST, *to, *bytes, *tag))
        }
        TraceWork::Receive { from, bytes, tag } => {
            (node_type::COMM_RECV, point_to_point(on_device(), attribute::COMM_SRC, *from, *bytes, *tag))
        }
        TraceWork::Collective { kind, bytes, group, dimensions, root } => {
            let mut attributes = vec![
                on_device(),
                of(attribute::COMM_TYPE, Value::Int64(comm_type(*kind))),
                signed(attribute::COMM_SIZE, *bytes),
            ];
            if let Some(group) = group {
                attributes.push(of(attribute::PG_NAME, Value::Text(group.clone())));
            }
            if !dimensions.is_empty() {
                let list = BoolList { values: dimensions.clone() };
                attributes.push(of(attribute::INVOLVED_DIM, Value::BoolList(list)));
            }
            attributes.extend(root.map(|root| narrow(attribute::COMM_ROOT, root)));
            (node_type::COMM_COLL, attributes)
        }
        TraceWork::Nothing => (node_type::METADATA, Vec::new()),
    }
}

fn point_to_point(
    on_device: Attribute,
    peer_name: &'static str,
    peer: u32,
    bytes: u64,
    tag: u32,
) -> Vec<Attribute> {
    vec![
        on_device,
        narrow(peer_name, peer),
        signed(attribute::COMM_SIZE, bytes),
        narrow(attribute::COMM_TAG, tag),
    ]
}

fn comm_type(kind: TraceCollective) -> i64 {
    match kind {
        TraceCollective::AllReduce => 0,
        TraceCollective::Reduce => 1,
        TraceCollective::AllGather => 2,
        TraceCollective::Gather => 3,
        TraceCollective::Scatter => 4,
        TraceCollective::Broadcast => 5,
        TraceCollective::AllToAll => 6,
        TraceCollective::ReduceScatter => 7,
    }
}

fn of(name: &'static str, value: Value) -> Attribute {
    Attribute { name: name.to_owned(), value: Some(value) }
}

fn wide(name: &'static str, value: u64) -> Attribute {
    of(name, Value::Uint64(value))
}

/// As `int64`, or as `uint64` what does not fit.
fn signed(name: &'static str, value: u64) -> Attribute {
    of(name, i64::try_from(value).map_or(Value::Uint64(value), Value::Int64))
}

/// As `int32`, or as `uint32` what does not fit.
fn narrow(name: &'static str, value: u32) -> Attribute {
    of(name, i32::try_from(value).map_or(Value::Uint32(value), Value::Int32))
}
