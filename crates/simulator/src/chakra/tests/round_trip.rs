//! What is written is read again, and is what others write and read.

use memwall_units::Picos;
use proptest::prelude::*;

use super::super::{ExecutionTrace, TraceCollective, TraceNode, TraceWork};
use super::hand::{Wire, attribute, fields, file, messages, number, packed, text};
use super::{node, nothing};

const KINDS: [TraceCollective; 8] = [
    TraceCollective::AllReduce,
    TraceCollective::Reduce,
    TraceCollective::AllGather,
    TraceCollective::Gather,
    TraceCollective::Scatter,
    TraceCollective::Broadcast,
    TraceCollective::AllToAll,
    TraceCollective::ReduceScatter,
];

fn any_work() -> impl Strategy<Value = TraceWork> {
    prop_oneof![
        (any::<u64>(), any::<u64>(), any::<bool>()).prop_map(|(flops, bytes, on_host)| TraceWork::Compute {
            flops,
            bytes,
            on_host
        }),
        any::<u64>().prop_map(|bytes| TraceWork::MemoryLoad { bytes }),
        any::<u64>().prop_map(|bytes| TraceWork::MemoryStore { bytes }),
        (any::<u32>(), any::<u64>(), any::<u32>()).prop_map(|(to, bytes, tag)| TraceWork::Send {
            to,
            bytes,
            tag
        }),
        (any::<u32>(), any::<u64>(), any::<u32>()).prop_map(|(from, bytes, tag)| TraceWork::Receive {
            from,
            bytes,
            tag
        }),
        (
            prop::sample::select(KINDS.to_vec()),
            any::<u64>(),
            prop::option::of("[a-z0-9]{1,5}"),
            prop::collection::vec(any::<bool>(), 0..4),
            prop::option::of(any::<u32>()),
        )
            .prop_map(|(kind, bytes, group, dimensions, root)| TraceWork::Collective {
                kind,
                bytes,
                group,
                dimensions,
                root
            }),
        Just(TraceWork::Nothing),
    ]
}

/// Traces with ids far apart, in which nodes depend on any of those before them.
fn any_trace() -> impl Strategy<Value = ExecutionTrace> {
    let node = (any_work(), "\\PC{0,8}", prop::option::of(any::<u64>()), any::<u16>(), 1..u64::MAX / 64);
    ("[0-9.]{0,6}", prop::collection::vec(node, 0..24)).prop_map(|(version, drawn)| {
        let mut nodes: Vec<TraceNode> = Vec::new();
        let mut last = 0;
        for (work, name, duration, chosen, step) in drawn {
            let before = nodes.iter().enumerate();
            let after =
                before.filter(|(at, _)| chosen >> (at % 16) & 1 == 1).map(|(_, node)| node.id).collect();
            last += step;
            nodes.push(TraceNode { id: last, name, work, after, duration: duration.map(Picos) });
        }
        ExecutionTrace { version, nodes }
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(trace in any_trace()) {
        prop_assert_eq!(trace.check(), Ok(()));
        prop_assert_eq!(ExecutionTrace::read(&trace.write()), Ok(trace));
    }

    #[test]
    fn the_order_of_nodes_in_a_file_means_nothing(trace in any_trace()) {
        let mut turned = trace;
        turned.nodes.reverse();
        prop_assert_eq!(ExecutionTrace::read(&turned.write()), Ok(turned));
    }
}

#[test]
fn durations_are_kept_to_the_picosecond() {
    for picos in [0, 1, 999_999, 1_000_000, 1_000_001, u64::MAX - 1, u64::MAX] {
        let mut trace = ExecutionTrace { version: String::new(), nodes: vec![nothing(1, &[])] };
        trace.nodes[0].duration = Some(Picos(picos));
        let bytes = trace.write();
        assert_eq!(ExecutionTrace::read(&bytes), Ok(trace), "{picos}");
        let micros = fields(&messages(&bytes)[1]).into_iter().find(|(number, _)| *number == 7);
        let expected = (picos > 0).then(|| (7, Wire::Varint(picos.div_ceil(1_000_000))));
        assert_eq!(micros, expected, "others read {picos} rounded up to whole microseconds");
    }
}

/// Bytes made without prost, in the types that public generators write, are read as what they say.
#[test]
fn bytes_of_a_foreign_writer_are_read() {
    let int32 = |name, value| attribute(name, 7, &Wire::Varint(value));
    let int64 = |name, value| attribute(name, 9, &Wire::Varint(value));
    let uint64 = |name, value| attribute(name, 13, &Wire::Varint(value));
    let device = || attribute("is_cpu_op", 27, &Wire::Varint(0));
    let host = attribute("is_cpu_op", 27, &Wire::Varint(1));
    let dimensions = Wire::Bytes([1, 0].iter().flat_map(|truth| number(1, *truth)).collect());
    let bytes = file(&[
        [number(1, 10), text(2, "host"), number(3, 4), number(7, 3), host].concat(),
        [
            number(1, 11),
            number(3, 4),
            // Dependencies one by one, one of them twice, control and data mixed.
            number(4, 10),
            number(5, 10),
            int64("num_ops", 1 << 40),
            uint64("tensor_size", 4096),
            device(),
            // Fields that are not read: start time, inputs with shapes, an unknown one, a list of floats.
            number(6, 77),
            text(8, &String::from_utf8(text(2, "[[1, 2]]")).expect("text")),
            number(99, 5),
            attribute("scale", 6, &Wire::Bytes(vec![10, 4, 0, 0, 128, 63])),
        ]
        .concat(),
        // Dependencies packed.
        [number(1, 12), number(3, 2), text(5, "\u{b}\u{a}"), uint64("tensor_size", 64)].concat(),
        [number(3, 3), uint64("tensor_size", 65)].concat(),
        [number(1, 13), number(3, 5), int32("comm_dst", 7), int64("comm_size", 8), int32("comm_tag", 9)]
            .concat(),
        [number(1, 14), number(3, 6), int32("comm_src", 3), uint64("comm_size", 1)].concat(),
        [
            number(1, 15),
            number(3, 7),
            int64("comm_type", 0),
            int64("comm_size", 1 << 20),
            attribute("involved_dim", 28, &dimensions),
            attribute("pg_name", 29, &Wire::Bytes(b"dp".to_vec())),
        ]
        .concat(),
        [number(1, 16), number(3, 7), int64("comm_type", 9)].concat(),
    ]);
    let mut on_host = node(10, TraceWork::Compute { flops: 0, bytes: 0, on_host: true }, &[]);
    on_host.name = "host".to_owned();
    on_host.duration = Some(Picos(3_000_000));
    let collective = TraceWork::Collective {
        kind: TraceCollective::AllReduce,
        bytes: 1 << 20,
        group: Some("dp".to_owned()),
        dimensions: vec![true, false],
        root: None,
    };
    let nodes = vec![
        on_host,
        node(11, TraceWork::Compute { flops: 1 << 40, bytes: 4096, on_host: false }, &[10]),
        node(12, TraceWork::MemoryLoad { bytes: 64 }, &[10, 11]),
        node(0, TraceWork::MemoryStore { bytes: 65 }, &[]),
        node(13, TraceWork::Send { to: 7, bytes: 8, tag: 9 }, &[]),
        node(14, TraceWork::Receive { from: 3, bytes: 1, tag: 0 }, &[]),
        node(15, collective, &[]),
        nothing(16, &[]),
    ];
    assert_eq!(ExecutionTrace::read(&bytes), Ok(ExecutionTrace { version: "0.0.4".to_owned(), nodes }));
}

/// What is written says what it should to a reader that knows nothing of prost.
#[test]
fn a_foreign_reader_reads_what_is_written() {
    let collective = TraceWork::Collective {
        kind: TraceCollective::ReduceScatter,
        bytes: 300,
        group: Some("4".to_owned()),
        dimensions: vec![true, false],
        root: None,
    };
    let mut send = node(300, TraceWork::Send { to: 1, bytes: u64::MAX, tag: 2 }, &[5, 200]);
    send.name = "send".to_owned();
    let trace = ExecutionTrace { version: "0.0.4".to_owned(), nodes: vec![send, node(5, collective, &[])] };
    let messages = messages(&trace.write());
    assert_eq!(messages.len(), 3);
    let bytes = |wire: &Wire| match wire {
        Wire::Bytes(bytes) => bytes.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(fields(&messages[0]), [(1, Wire::Bytes(b"0.0.4".to_vec()))]);
    let attributes = |message: &[u8]| -> Vec<(String, u64, Wire)> {
        let attributes = fields(message).into_iter().filter(|(number, _)| *number == 10);
        attributes
            .map(|(_, wire)| match fields(&bytes(&wire)).as_slice() {
                [(1, name), (kind, value)] => {
                    (String::from_utf8(bytes(name)).expect("text"), *kind, value.clone())
                }
                other => panic!("{other:?}"),
            })
            .collect()
    };
    let send = fields(&messages[1]);
    assert_eq!(send[..3], [(1, Wire::Varint(300)), (2, Wire::Bytes(b"send".to_vec())), (3, Wire::Varint(5))]);
    assert_eq!((send[3].0, packed(&bytes(&send[3].1))), (5, vec![5, 200]));
    let named = |name: &str, kind, value| (name.to_owned(), kind, value);
    assert_eq!(
        attributes(&messages[1]),
        [
            named("is_cpu_op", 27, Wire::Varint(0)),
            named("comm_dst", 7, Wire::Varint(1)),
            named("comm_size", 13, Wire::Varint(u64::MAX)),
            named("comm_tag", 7, Wire::Varint(2)),
        ]
    );
    let packed_truths = Wire::Bytes(vec![1 << 3 | 2, 2, 1, 0]);
    assert_eq!(
        attributes(&messages[2]),
        [
            named("is_cpu_op", 27, Wire::Varint(0)),
            named("comm_type", 9, Wire::Varint(7)),
            named("comm_size", 9, Wire::Varint(300)),
            named("pg_name", 29, Wire::Bytes(b"4".to_vec())),
            named("involved_dim", 28, packed_truths),
        ]
    );
}
