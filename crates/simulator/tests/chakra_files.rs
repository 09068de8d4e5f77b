//! The traces in `traces/chakra/`: what they are, and that the files are what is written today.

use std::fs;
use std::path::PathBuf;

use memwall_simulator::chakra::{CommunicatorGroups, ExecutionTrace, TraceCollective, TraceNode, TraceWork};

const MIB: u64 = 1 << 20;

fn trace(nodes: Vec<TraceNode>) -> ExecutionTrace {
    ExecutionTrace { version: "0.0.4".to_owned(), nodes }
}

fn named(id: u64, name: &str, work: TraceWork, after: &[u64]) -> TraceNode {
    TraceNode { id, name: name.to_owned(), work, after: after.to_vec(), duration: None }
}

/// A large and a small all-reduce, one after the other.
fn all_reduce() -> ExecutionTrace {
    let all_reduce = |bytes| TraceWork::Collective {
        kind: TraceCollective::AllReduce,
        bytes,
        group: Some("0".to_owned()),
        dimensions: Vec::new(),
        root: None,
    };
    trace(vec![
        named(0, "all_reduce_64mib", all_reduce(64 * MIB), &[]),
        named(1, "all_reduce_8kib", all_reduce(8 << 10), &[0]),
    ])
}

/// A layer of the pipeline: 8 GFLOP on 24 MiB.
fn compute(id: u64, name: &str, layers: u64, after: &[u64]) -> TraceNode {
    let work = TraceWork::Compute { flops: layers * 8_000_000_000, bytes: layers * 24 * MIB, on_host: false };
    named(id, name, work, after)
}

/// Two microbatches through two stages: activations forward, gradients back. The backward pass computes twice what the
/// forward pass does.
fn pipeline(rank: u32) -> ExecutionTrace {
    let send = |tag| TraceWork::Send { to: 1 - rank, bytes: 4 * MIB, tag };
    let receive = |tag| TraceWork::Receive { from: 1 - rank, bytes: 4 * MIB, tag };
    trace(if rank == 0 {
        vec![
            compute(0, "forward_0", 1, &[]),
            named(1, "send_activations_0", send(0), &[0]),
            compute(2, "forward_1", 1, &[0]),
            named(3, "send_activations_1", send(1), &[1, 2]),
            named(4, "receive_gradients_0", receive(2), &[]),
            compute(5, "backward_0", 2, &[2, 4]),
            named(6, "receive_gradients_1", receive(3), &[4]),
            compute(7, "backward_1", 2, &[5, 6]),
        ]
    } else {
        vec![
            named(0, "receive_activations_0", receive(0), &[]),
            compute(1, "forward_backward_0", 3, &[0]),
            named(2, "send_gradients_0", send(2), &[1]),
            named(3, "receive_activations_1", receive(1), &[0]),
            compute(4, "forward_backward_1", 3, &[1, 3]),
            named(5, "send_gradients_1", send(3), &[2, 4]),
        ]
    })
}

/// Each rank sends only after it has received, so none ever does.
fn deadlock(rank: u32) -> ExecutionTrace {
    let peer = 1 - rank;
    trace(vec![
        named(0, "receive", TraceWork::Receive { from: peer, bytes: MIB, tag: peer }, &[]),
        named(1, "send", TraceWork::Send { to: peer, bytes: MIB, tag: rank }, &[0]),
    ])
}

#[test]
fn the_traces_that_ship_are_what_is_written() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../traces/chakra");
    let refresh = std::env::var_os("UPDATE_TRACES").is_some();
    for (name, trace) in [
        ("all_reduce.0.et", all_reduce()),
        ("pipeline.0.et", pipeline(0)),
        ("pipeline.1.et", pipeline(1)),
        ("deadlock.0.et", deadlock(0)),
        ("deadlock.1.et", deadlock(1)),
    ] {
        let path = folder.join(name);
        if refresh {
            fs::write(&path, trace.write()).expect("a writable file");
        }
        let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(bytes == trace.write(), "{name} is stale: run this test with UPDATE_TRACES=1");
        assert_eq!(ExecutionTrace::read(&bytes), Ok(trace), "{name}");
    }
    let groups = fs::read_to_string(folder.join("all_reduce.groups.json")).expect("a readable file");
    let groups: CommunicatorGroups = serde_json::from_str(&groups).expect("groups");
    assert_eq!(groups.check(4), Ok(()));
    assert_eq!(groups.members(Some("0")), Ok(Some(&[0, 1, 2, 3][..])));
}

/// The pipeline sends what it receives and the other way round; the deadlock is one only across ranks.
#[test]
fn sends_and_receives_of_the_traces_that_ship_pair_up() {
    for traces in [[pipeline(0), pipeline(1)], [deadlock(0), deadlock(1)]] {
        let of = |trace: &ExecutionTrace, sent: bool| {
            let mut sides: Vec<(u32, u64)> = trace
                .nodes
                .iter()
                .filter_map(|node| match node.work {
                    TraceWork::Send { bytes, tag, .. } if sent => Some((tag, bytes)),
                    TraceWork::Receive { bytes, tag, .. } if !sent => Some((tag, bytes)),
                    _ => None,
                })
                .collect();
            sides.sort_unstable();
            sides
        };
        let [first, second] = &traces;
        assert!(!of(first, true).is_empty());
        assert_eq!(of(first, true), of(second, false));
        assert_eq!(of(second, true), of(first, false));
        assert_eq!((first.check(), second.check()), (Ok(()), Ok(())));
    }
}
