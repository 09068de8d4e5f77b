//! Whatever the bytes: a trace or an error that says what is wrong, and neither a panic nor much memory.

use proptest::prelude::*;

use super::super::{ExecutionTrace, MAX_NODE_BYTES, TraceWork};
use super::hand::{Wire, attribute, delimited, field, file, number, text, varint};
use super::{node, nothing};

fn fault(bytes: &[u8]) -> String {
    ExecutionTrace::read(bytes).expect_err("a fault").to_string()
}

fn small() -> ExecutionTrace {
    let mut send = node(300, TraceWork::Send { to: 1, bytes: 1 << 20, tag: 2 }, &[]);
    send.name = "send it".to_owned();
    let compute = TraceWork::Compute { flops: 1 << 40, bytes: 77, on_host: false };
    ExecutionTrace {
        version: "0.0.4".to_owned(),
        nodes: vec![send, node(301, compute, &[300]), nothing(302, &[])],
    }
}

#[test]
fn a_trace_cut_anywhere_is_an_error_or_has_fewer_nodes() {
    let whole = small();
    let bytes = whole.write();
    let (mut shorter, mut refused) = (0, 0);
    for end in 0..bytes.len() {
        match ExecutionTrace::read(&bytes[..end]) {
            Ok(trace) => {
                assert!(trace.nodes.len() < whole.nodes.len());
                assert_eq!(trace.nodes[..], whole.nodes[..trace.nodes.len()]);
                shorter += 1;
            }
            Err(error) => {
                let text = error.to_string();
                let start = format!("the trace ends at byte {end}: expected the ");
                assert!(text.starts_with(&start), "{text}");
                refused += 1;
            }
        }
    }
    assert_eq!((shorter, refused), (3, bytes.len() - 3), "whole messages are read");
}

#[test]
fn framing_faults_say_where_and_what_was_expected() {
    assert_eq!(fault(&[]), "the trace ends at byte 0: expected the metadata that every trace starts with");
    let after = |bytes: &[u8]| [file(&[]), bytes.to_vec()].concat();
    assert_eq!(
        fault(&after(&[200])),
        "the trace ends at byte 9: expected the rest of the length of the 1st node of the file"
    );
    assert_eq!(
        fault(&after(&[5, 1])),
        "the trace ends at byte 10: expected the 5 bytes of the 1st node of the file, from byte 9 on"
    );
    assert_eq!(
        fault(&after(&varint(1 << 60))),
        "the trace ends at byte 17: expected the 1152921504606846976 bytes of the 1st node of the file, \
         from byte 17 on"
    );
    assert!(fault(&after(&varint(u64::MAX))).contains("the 18446744073709551615 bytes"));
    assert_eq!(
        fault(&after(&[255; 11])),
        "at byte 8: expected the length of the 1st node of the file in at most 10 bytes of 7 bits"
    );
    let large = after(&delimited(&vec![0; MAX_NODE_BYTES + 1]));
    assert_eq!(
        fault(&large),
        "the 1st node of the file, which starts at byte 12, cannot be decoded: it has 8388609 bytes, and the limit is \
         8388608"
    );
    assert_eq!(
        fault(&[0x1f, 0x8b, 8, 0]),
        "this is a gzip file and no Chakra trace in protobuf: decompress it first"
    );
    assert_eq!(
        fault(b"{\"schema\": 1}"),
        "this is JSON and no Chakra trace in protobuf: convert it with chakra_converter first"
    );
}

#[test]
fn faults_within_a_message_say_which() {
    let start = "the 1st node of the file, which starts at byte 9, cannot be decoded: ";
    let bad_text = field(2, &Wire::Bytes(vec![b'a', 0xff]));
    // Ten to the ninth dependencies are claimed, and five bytes are there.
    let claimed = [vec![4 << 3 | 2], varint(1_000_000_000), vec![1; 5]].concat();
    let nested = vec![(99 << 3 | 3) as u8; 100];
    let nested: Vec<u8> = nested.iter().flat_map(|_| varint(99 << 3 | 3)).chain(nested.clone()).collect();
    for (node, expected) in [
        (bad_text, "Node.name: invalid string value: data is not UTF-8 encoded"),
        (claimed, "Node.ctrl_deps: buffer underflow"),
        (varint(99 << 3 | 3).repeat(50_000), "recursion limit reached"),
        (nested, "recursion limit reached"),
        (vec![0, 0], "invalid tag value: 0"),
        (vec![1 << 3 | 7], "invalid wire type value: 7"),
        (text(1, "x"), "Node.id: invalid wire type: LengthDelimited (expected Varint)"),
    ] {
        let text = fault(&file(&[node]));
        let known =
            text.starts_with("the 1st node of the file, which starts at byte ") && text.ends_with(expected);
        assert!(known, "{text}\nexpected {start}{expected}");
    }
    let metadata = fault(&delimited(&number(1, 5)));
    assert_eq!(
        metadata,
        "the metadata, which starts at byte 1, cannot be decoded: GlobalMetadata.version: invalid wire type: Varint \
         (expected LengthDelimited)"
    );
}

#[test]
fn nodes_that_cannot_be_simulated_are_named() {
    let of = |kind: u64, attributes: &[Vec<u8>]| {
        let start = [number(1, 5), text(2, "x"), number(3, kind)].concat();
        fault(&file(&[[start, attributes.concat()].concat()]))
    };
    let int64 = |name, value: i64| attribute(name, 9, &Wire::Varint(value as u64));
    let size = || int64("comm_size", 8);
    let double = |value: f64| attribute("comm_size", 3, &Wire::Fixed64(value.to_le_bytes()));
    let words = |name, words: &str| attribute(name, 29, &Wire::Bytes(words.as_bytes().to_vec()));
    let kinds = "expected one from INVALID_NODE (0) to COMM_COLL_NODE (7)";
    for (text, expected) in [
        (of(8, &[]), format!("is of type STORAGE_NODE (8): {kinds}")),
        (of(4242, &[]), format!("is of type 4242: {kinds}")),
        (of(u64::MAX, &[]), format!("is of type -1: {kinds}")),
        (of(2, &[]), ": attribute tensor_size is missing".to_owned()),
        (of(5, &[size()]), ": attribute comm_dst is missing".to_owned()),
        (of(6, &[size(), int64("comm_dst", 1)]), ": attribute comm_src is missing".to_owned()),
        (of(7, &[size()]), ": attribute comm_type is missing".to_owned()),
        (
            of(7, &[size(), int64("comm_type", 10)]),
            ": attribute comm_type is 10: expected a collective from ALL_REDUCE (0) to BARRIER (9)"
                .to_owned(),
        ),
        (
            of(5, &[size(), int64("comm_dst", -1)]),
            ": attribute comm_dst is -1: expected a whole number of 32 bits, from 0 on".to_owned(),
        ),
        (
            of(5, &[size(), int64("comm_dst", 1 << 32)]),
            ": attribute comm_dst is 4294967296: expected a whole number of 32 bits, from 0 on".to_owned(),
        ),
        (
            of(7, &[int64("comm_type", 0), double(1.5)]),
            ": attribute comm_size is 1.5e0: expected a whole number of 64 bits, from 0 on".to_owned(),
        ),
        (
            of(7, &[int64("comm_type", 0), double(f64::NAN)]),
            ": attribute comm_size is NaN: expected a whole number of 64 bits, from 0 on".to_owned(),
        ),
        (
            of(7, &[int64("comm_type", 0), words("comm_size", "8 GB")]),
            ": attribute comm_size is the text \"8 GB\": expected a whole number of 64 bits, from 0 on"
                .to_owned(),
        ),
        (
            of(4, &[words("is_cpu_op", "no")]),
            ": attribute is_cpu_op is the text \"no\": expected true or false".to_owned(),
        ),
        (
            of(7, &[int64("comm_type", 0), size(), int64("pg_name", 3)]),
            ": attribute pg_name is 3: expected a text".to_owned(),
        ),
        (
            of(7, &[int64("comm_type", 0), size(), int64("involved_dim", 3)]),
            ": attribute involved_dim is 3: expected a list of true and false".to_owned(),
        ),
        (
            of(2, &[attribute("tensor_size", 14, &Wire::Bytes(vec![]))]),
            ": attribute tensor_size has no value, or a list of what is no list".to_owned(),
        ),
    ] {
        let separator = if expected.starts_with(':') { "" } else { " " };
        assert_eq!(text, format!("node 5 (x){separator}{expected}"));
    }
    let long = fault(&file(&[[number(1, 5), number(7, u64::MAX)].concat()]));
    assert_eq!(long, "node 5 takes 18446744073709551615 us: expected less than 213 days");
}

#[test]
fn too_many_dependencies_are_refused_while_reading() {
    // Each node claims four million times to depend on node 0, in a byte each.
    let node = |id: u64| [number(1, id), field(5, &Wire::Bytes(vec![0; 1 << 22]))].concat();
    let nodes: Vec<_> = (1..=5).map(node).collect();
    assert_eq!(fault(&file(&nodes)), "the trace has more than 16777216 dependencies, the limit");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn random_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(read_or_refused(&bytes));
    }

    #[test]
    fn a_trace_with_bytes_changed_is_read_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = small().write();
        for (place, value) in changes {
            let at = place.index(bytes.len());
            bytes[at] = value;
        }
        prop_assert!(read_or_refused(&bytes));
    }
}

/// What is read can be written and read again; what is refused has a message.
fn read_or_refused(bytes: &[u8]) -> bool {
    match ExecutionTrace::read(bytes) {
        Ok(trace) => ExecutionTrace::read(&trace.write()) == Ok(trace),
        Err(error) => !error.to_string().is_empty(),
    }
}
