//! Checks of whole traces, replicas and communicator groups.

use super::super::{ChakraError, CommunicatorGroups, ExecutionTrace, TraceCollective, TraceNode, TraceWork};
use super::{node, nothing};

fn fault(nodes: Vec<TraceNode>) -> String {
    let trace = ExecutionTrace { version: String::new(), nodes };
    let fault = trace.check().expect_err("a fault");
    assert_eq!(ExecutionTrace::read(&trace.write()), Err(fault.clone()), "reading checks as well");
    fault.to_string()
}

#[test]
fn faults_of_the_graph_name_the_nodes() {
    let named = |id, name: &str, after: &[u64]| TraceNode { name: name.to_owned(), ..nothing(id, after) };
    assert_eq!(
        fault(vec![named(4, "one", &[]), named(5, "", &[]), named(4, "two", &[])]),
        "node 4 (one) and node 4 (two) have the same id: expected each once"
    );
    assert_eq!(
        fault(vec![named(4, "one", &[]), named(5, "two", &[4, 6])]),
        "node 5 (two) depends on node 6, which is not in the trace"
    );
    assert_eq!(
        fault(vec![nothing(0, &[]), named(1, "a", &[0, 2]), named(2, "b", &[1]), named(3, "c", &[2])]),
        "nodes wait for each other and none can start: node 1 (a) -> node 2 (b) -> node 1 (a)"
    );
    assert_eq!(
        fault(vec![nothing(7, &[7])]),
        "nodes wait for each other and none can start: node 7 -> node 7"
    );
    // The walk from the first stuck node leads into the cycle, and is not part of it.
    assert_eq!(
        fault(vec![nothing(1, &[2]), nothing(2, &[3]), nothing(3, &[2])]),
        "nodes wait for each other and none can start: node 2 -> node 3 -> node 2"
    );
}

#[test]
fn a_long_cycle_and_a_long_name_are_shown_in_part() {
    let long = (0..100_000).map(|id| nothing(id, &[(id + 1) % 100_000])).collect();
    let text = fault(long);
    let end = "node 10 -> node 11 -> 99988 more -> node 0";
    assert!(text.len() < 300 && text.ends_with(end), "{text}");
    let label = TraceNode { name: "\u{1b}[31m\n".to_owned() + &"x".repeat(5000), ..nothing(1, &[]) }.label();
    assert_eq!(label.to_string(), format!("node 1 (\\u{{1b}}[31m\\n{}...)", "x".repeat(34)));
}

#[test]
fn a_replica_communicates_at_the_same_distance() {
    let collective = TraceWork::Collective {
        kind: TraceCollective::Broadcast,
        bytes: 1,
        group: None,
        dimensions: Vec::new(),
        root: Some(2),
    };
    let ring = |to, from| ExecutionTrace {
        version: "1".to_owned(),
        nodes: vec![
            node(0, TraceWork::Send { to, bytes: 8, tag: 1 }, &[]),
            node(1, TraceWork::Receive { from, bytes: 8, tag: 1 }, &[]),
            node(2, collective.clone(), &[0, 1]),
        ],
    };
    let rank_0 = ring(1, 3);
    assert_eq!(rank_0.for_rank(0, 4), Ok(ring(1, 3)));
    assert_eq!(rank_0.for_rank(1, 4), Ok(ring(2, 0)));
    assert_eq!(rank_0.for_rank(3, 4), Ok(ring(0, 2)));
    assert_eq!(rank_0.for_rank(4, 4), Err(ChakraError::Rank { rank: 4, ranks: 4 }));
    let far = rank_0.for_rank(0, 3).expect_err("rank 3 of three").to_string();
    assert_eq!(far, "node 1 communicates with rank 3, and there are 3 ranks, from 0 on");
    let huge = ring(u32::MAX - 1, 0).for_rank(u32::MAX - 1, u32::MAX);
    assert_eq!(huge, Ok(ring(u32::MAX - 2, u32::MAX - 1)), "no sum overflows");
}

#[test]
fn groups_are_read_from_json_and_checked() {
    let read =
        |text: &str| serde_json::from_str::<CommunicatorGroups>(text).map_err(|error| error.to_string());
    let groups = read(r#"{"0": [0, 1, 2, 3], "1": [0, 2], "2": [1, 3]}"#).expect("groups");
    assert_eq!(groups.check(4), Ok(()));
    assert_eq!(groups.members(Some("1")), Ok(Some(&[0, 2][..])));
    assert_eq!(groups.members(Some("0")), Ok(Some(&[0, 1, 2, 3][..])));
    assert_eq!(groups.members(None), Ok(None), "all ranks");
    assert_eq!(CommunicatorGroups::default().members(Some("0")), Ok(None), "all ranks");
    assert_eq!(groups.iter().count(), 3);
    let text = |result: Result<_, ChakraError>| result.expect_err("a fault").to_string();
    let unknown = text(groups.members(Some("7")).map(|_| ()));
    assert_eq!(unknown, "communicator group \"7\" is not given: expected one of 0, 1, 2");
    for (json, expected) in [
        (r#"{"a": []}"#, "communicator group \"a\" has no ranks"),
        (r#"{"a": [1, 0, 1]}"#, "communicator group \"a\" has rank 1 twice"),
        (r#"{"a": [0, 4]}"#, "communicator group \"a\" has rank 4, and there are 4 ranks, from 0 on"),
    ] {
        assert_eq!(text(read(json).expect("groups").check(4)), expected);
    }
    let twice = read(r#"{"1": [0], "1": [1]}"#).expect_err("twice");
    assert!(twice.starts_with("communicator group \"1\" stands twice"), "{twice}");
    let list = read("[1]").expect_err("a list");
    assert!(list.contains("expected names of communicator groups, each with a list of ranks"), "{list}");
    assert!(read(r#"{"1": [-1]}"#).is_err());
}
