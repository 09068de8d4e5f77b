//! What ranks do together, and what they cannot.

use memwall_hardware::{CommunicationLibrary, Device, System, catalog};
use memwall_model_graph::CollectiveKind;
use memwall_units::Picos;

use super::*;
use crate::chakra::{TraceCollective, TraceNode, TraceWork};
use crate::{Call, Communicator};

const MIB: u64 = 1 << 20;
const US: u64 = 1_000_000;

struct Machine(Device, System, CommunicationLibrary);

impl Machine {
    fn new() -> Self {
        let get = (catalog::device("h100-sxm"), catalog::system("dgx-h100"), catalog::communication("nccl"));
        Self(get.0.unwrap(), get.1.unwrap(), get.2.unwrap())
    }

    fn run(&self, traces: &[ExecutionTrace]) -> Result<TraceRecord, TraceRunError> {
        self.run_with(traces, "{}")
    }

    fn run_with(&self, traces: &[ExecutionTrace], groups: &str) -> Result<TraceRecord, TraceRunError> {
        let groups = serde_json::from_str(groups).unwrap();
        let setup = TraceSetup {
            device: &self.0,
            fabric: self.1.fabric(),
            library: &self.2,
            groups: &groups,
            timeline: true,
        };
        let record = run_traces(&setup, traces)?;
        for rank in &record.ranks {
            assert_eq!(rank.busy.0 + rank.exposed.0 + rank.idle.0, record.wall.0, "the books close");
        }
        Ok(record)
    }

    fn alone(&self, kind: CollectiveKind, bytes: u64, group: Vec<u32>) -> Picos {
        Communicator::new(self.1.fabric(), &self.2).run(&Call::new(kind, bytes, group)).unwrap().time
    }
}

fn trace(nodes: Vec<TraceNode>) -> ExecutionTrace {
    ExecutionTrace { version: String::new(), nodes }
}

fn node(id: u64, work: TraceWork, after: &[u64]) -> TraceNode {
    TraceNode { id, name: format!("n{id}"), work, after: after.to_vec(), duration: None }
}

fn compute(id: u64, micros: u64, after: &[u64]) -> TraceNode {
    let work = TraceWork::Compute { flops: 0, bytes: 0, on_host: false };
    TraceNode { duration: Some(Picos(micros * US)), ..node(id, work, after) }
}

fn send(id: u64, to: u32, after: &[u64]) -> TraceNode {
    node(id, TraceWork::Send { to, bytes: MIB, tag: 0 }, after)
}

fn receive(id: u64, from: u32, after: &[u64]) -> TraceNode {
    node(id, TraceWork::Receive { from, bytes: MIB, tag: 0 }, after)
}

fn of_group(id: u64, kind: TraceCollective, bytes: u64, group: Option<&str>, after: &[u64]) -> TraceNode {
    let group = group.map(str::to_owned);
    node(id, TraceWork::Collective { kind, bytes, group, dimensions: Vec::new(), root: None }, after)
}

fn all_reduce(id: u64, after: &[u64]) -> TraceNode {
    of_group(id, TraceCollective::AllReduce, MIB, None, after)
}

fn message(result: Result<TraceRecord, TraceRunError>) -> String {
    result.expect_err("an error").to_string()
}

#[test]
fn a_collective_starts_when_the_last_rank_comes_and_hides_behind_other_work() {
    let machine = Machine::new();
    let rank = |micros| trace(vec![compute(0, micros, &[]), all_reduce(1, &[0]), compute(2, 500, &[0])]);
    let record = machine.run(&[rank(10), rank(30)]).unwrap();
    let time = machine.alone(CollectiveKind::AllReduce, MIB, vec![0, 1]);
    assert!(time.0 < 480 * US);
    assert_eq!(record.wall.0, 530 * US);
    assert_eq!(record.traffic[0].waiting.0, 20 * US);
    assert_eq!(record.traffic[0].time, time);
    assert_eq!((record.ranks[0].exposed.0, record.ranks[0].idle.0), (0, 20 * US));
    assert_eq!(record.ranks[1].communication, time);
}

#[test]
fn one_stream_computes_one_thing_at_a_time_and_the_host_is_another() {
    let machine = Machine::new();
    let host = TraceWork::Compute { flops: 0, bytes: 0, on_host: true };
    let host = TraceNode { duration: Some(Picos(15 * US)), ..node(2, host, &[]) };
    let record = machine.run(&[trace(vec![compute(0, 10, &[]), compute(1, 10, &[]), host])]).unwrap();
    assert_eq!(record.wall.0, 20 * US);
    assert_eq!(record.ranks[0].busy, record.wall);
}

#[test]
fn what_has_no_duration_takes_its_roofline() {
    let machine = Machine::new();
    let peak = machine.0.matmul_peak("bf16").unwrap().rate.0;
    let memory = machine.0.memory().unwrap().bandwidth.value.0;
    let work = |flops, bytes| TraceWork::Compute { flops, bytes, on_host: false };
    for (work, seconds) in [
        (work(1 << 40, 1), (1_u64 << 40) as f64 / peak),
        (work(1, 1 << 30), f64::from(1 << 30) / memory),
        (TraceWork::MemoryLoad { bytes: 1 << 30 }, f64::from(1 << 30) / memory),
        (TraceWork::MemoryStore { bytes: 1 << 30 }, f64::from(1 << 30) / memory),
    ] {
        let record = machine.run(&[trace(vec![node(0, work, &[])])]).unwrap();
        assert_eq!(record.wall, Picos::from_secs_f64_ceil(seconds));
    }
    let record = machine.run(&[trace(vec![node(0, work(0, 0), &[])])]).unwrap();
    assert_eq!(record.wall, Picos::ZERO);
    assert_eq!(record.notes.len(), 1);
}

#[test]
fn a_send_does_not_wait_for_its_receive_and_a_receive_holds_no_stream() {
    let machine = Machine::new();
    // Rank 0 waits for a receive from the start, and still sends.
    let first = trace(vec![receive(0, 1, &[]), send(1, 1, &[])]);
    let second = trace(vec![compute(0, 100, &[]), receive(1, 0, &[0]), send(2, 0, &[1])]);
    let record = machine.run(&[first, second]).unwrap();
    let back = machine.alone(CollectiveKind::Send, MIB, vec![1, 0]);
    assert_eq!(record.wall.0, 100 * US + back.0);
}

#[test]
fn messages_of_one_tag_keep_the_order_of_the_programs() {
    let machine = Machine::new();
    let sized = |work: fn(u64) -> TraceWork, id, bytes, after: &[u64]| node(id, work(bytes), after);
    let to = |bytes| TraceWork::Send { to: 1, bytes, tag: 7 };
    let from = |bytes| TraceWork::Receive { from: 0, bytes, tag: 7 };
    // The ids of rank 0 run against what its nodes are after: the program has node 5 first.
    let first = trace(vec![sized(to, 3, 2 * MIB, &[5]), sized(to, 5, MIB, &[])]);
    let second = trace(vec![sized(from, 0, MIB, &[]), sized(from, 1, 2 * MIB, &[])]);
    assert!(machine.run(&[first.clone(), second]).is_ok());
    let crossed = trace(vec![sized(from, 0, 2 * MIB, &[]), sized(from, 1, MIB, &[])]);
    assert_eq!(
        message(machine.run(&[first, crossed])),
        "rank 0 node 5 (send n5) is to go with rank 1 node 0 (recv n0), both number 1 from 0 to 1 with tag 7: \
         one is of 1048576 bytes, the other of 2097152"
    );
}

#[test]
fn groups_communicate_beside_each_other() {
    let machine = Machine::new();
    let groups = r#"{"a": [0, 1], "b": [2, 3]}"#;
    let rank = |group| trace(vec![of_group(0, TraceCollective::AllGather, MIB, Some(group), &[])]);
    let record = machine.run_with(&[rank("a"), rank("a"), rank("b"), rank("b")], groups).unwrap();
    // What a rank puts in is half of what nccl-tests counts.
    assert_eq!(record.wall, machine.alone(CollectiveKind::AllGather, 2 * MIB, vec![0, 1]));
    assert_eq!((record.traffic[0].count, record.traffic[0].bytes), (2, u128::from(4 * MIB)));
    let error = message(machine.run_with(&[rank("a"), rank("a"), rank("b"), rank("a")], groups));
    assert_eq!(error, "rank 3 node 0 (all_gather n0) is in group \"a\", of which rank 3 is no member");
    let error = message(machine.run(&[rank("c")]));
    assert_eq!(error, "rank 0: communicator group \"c\" is not given: there are no groups");
}

#[test]
fn every_kind_of_collective_runs_with_and_without_a_root() {
    let machine = Machine::new();
    use TraceCollective::{
        AllGather, AllReduce, AllToAll, Broadcast, Gather, Reduce, ReduceScatter, Scatter,
    };
    for kind in [AllReduce, Reduce, AllGather, Gather, Scatter, Broadcast, AllToAll, ReduceScatter] {
        for given in [None, Some(1), Some(4)] {
            let work =
                TraceWork::Collective { kind, bytes: MIB, group: None, dimensions: vec![true], root: given };
            let result = machine.run(&vec![trace(vec![node(0, work, &[])]); 4]);
            assert_eq!(result.is_ok(), given != Some(4), "{kind:?}: {result:?}");
        }
    }
}

#[test]
fn ranks_that_wait_for_each_other_are_named() {
    let machine = Machine::new();
    let crossed = |peer| trace(vec![receive(0, peer, &[]), send(1, peer, &[0])]);
    assert_eq!(
        message(machine.run(&[crossed(1), crossed(0)])),
        "deadlock: rank 0 node 0 (recv n0) waits for rank 1 node 1 (send n1) waits for rank 1 node 0 (recv n0) \
         waits for rank 0 node 1 (send n1) waits for rank 0 node 0"
    );
    // Rank 1 receives before it comes to the collective, and rank 0 sends after it.
    let first = trace(vec![all_reduce(0, &[]), send(1, 1, &[0])]);
    let second = trace(vec![receive(0, 0, &[]), all_reduce(1, &[0])]);
    assert_eq!(
        message(machine.run(&[first, second])),
        "deadlock: rank 0 node 0 (all_reduce n0) waits for rank 1 node 1 (all_reduce n1) waits for rank 1 node 0 \
         (recv n0) waits for rank 0 node 1 (send n1) waits for rank 0 node 0"
    );
}

#[test]
fn a_long_cycle_is_cut_in_the_message() {
    let machine = Machine::new();
    let ranks: Vec<_> = (0..8)
        .map(|rank| trace(vec![receive(0, (rank + 7) % 8, &[]), send(1, (rank + 1) % 8, &[0])]))
        .collect();
    let text = message(machine.run(&ranks));
    assert!(text.contains("waits for 4 more, of which the last waits for rank 0 node 0"), "{text}");
}

#[test]
fn a_rank_that_never_comes_is_named() {
    let machine = Machine::new();
    let often = trace(vec![all_reduce(0, &[]), all_reduce(1, &[0])]);
    assert_eq!(
        message(machine.run(&[often, trace(vec![all_reduce(0, &[])])])),
        "rank 0 node 1 (all_reduce n1) waits for rank 1, which never comes to it: it has 1 collective of this group, \
         and this is the second"
    );
    let idle = || trace(vec![compute(0, 1, &[])]);
    assert_eq!(
        message(machine.run(&[trace(vec![receive(0, 1, &[])]), idle()])),
        "rank 0 node 0 (recv n0) waits for rank 1, which never comes to it: with tag 0 it sends to rank 0 never"
    );
    assert!(
        message(machine.run(&[trace(vec![send(0, 1, &[])]), idle()])).contains("receives from rank 0 never")
    );
}

#[test]
fn ranks_that_mean_different_collectives_are_named() {
    let machine = Machine::new();
    let other = |kind, bytes| trace(vec![of_group(4, kind, bytes, None, &[])]);
    let first = || other(TraceCollective::AllReduce, MIB);
    let start = "rank 0 node 4 (all_reduce n4) is to go with rank 1 node 4 ";
    assert_eq!(
        message(machine.run(&[first(), other(TraceCollective::AllGather, MIB)])),
        format!("{start}(all_gather n4), both number 1 of their group: they are not the same")
    );
    assert_eq!(
        message(machine.run(&[first(), other(TraceCollective::AllReduce, 8)])),
        format!(
            "{start}(all_reduce n4), both number 1 of their group: one is of 1048576 bytes, the other of 8"
        )
    );
}

#[test]
fn what_cannot_be_run_at_all_is_refused() {
    let machine = Machine::new();
    let one = || trace(vec![compute(0, 1, &[])]);
    assert_eq!(message(machine.run(&vec![one(); 9])), "9 ranks need as many devices, and the system has 8");
    assert!(message(machine.run(&[])).contains("cannot be divided"));
    assert!(message(machine.run(&[trace(vec![send(0, 0, &[])])])).contains("its own rank"));
    assert!(message(machine.run(&[trace(vec![send(0, 3, &[])])])).contains("there are 1 ranks"));
    assert!(
        message(machine.run(&[trace(vec![compute(0, 1, &[1]), compute(1, 1, &[0])])]))
            .contains("rank 0: nodes wait")
    );
    let long = TraceNode { duration: Some(Picos(u64::MAX / 3)), ..compute(0, 1, &[]) };
    assert!(machine.run(&[trace(vec![long])]).is_err_and(|error| error.is_limit()));
    let work = TraceWork::Collective {
        kind: TraceCollective::AllReduce,
        bytes: 1,
        group: None,
        dimensions: vec![true, false],
        root: None,
    };
    assert!(message(machine.run(&[trace(vec![node(0, work, &[])])])).contains("involved_dim"));
}

#[test]
fn files_stand_for_as_many_ranks_each() {
    let stage = |to: Option<u32>, from: Option<u32>| {
        let sends = to.map(|to| send(0, to, &[]));
        trace(sends.into_iter().chain(from.map(|from| receive(1, from, &[]))).collect())
    };
    let ranks = replicated(&[stage(Some(2), None), stage(None, Some(0))], 4).unwrap();
    let TraceWork::Send { to, .. } = ranks[1].nodes[0].work else { panic!("a send") };
    let TraceWork::Receive { from, .. } = ranks[3].nodes[0].work else { panic!("a receive") };
    assert_eq!((to, from), (3, 1));
    assert!(Machine::new().run(&ranks).is_ok());
    assert!(replicated(&ranks, 6).is_err());
    let many = trace((0..1000).map(|id| compute(id, 1, &[])).collect());
    assert!(replicated(&[many], 10_000).is_err_and(|error| error.is_limit()));
}

#[test]
fn the_order_of_the_file_does_not_matter() {
    let machine = Machine::new();
    let nodes = vec![
        compute(0, 3, &[]),
        compute(1, 5, &[]),
        all_reduce(2, &[0]),
        all_reduce(3, &[1]),
        compute(4, 7, &[2, 3]),
    ];
    let mut turned = nodes.clone();
    turned.reverse();
    let straight = machine.run(&[trace(nodes.clone()), trace(nodes.clone())]).unwrap();
    let mixed = machine.run(&[trace(turned), trace(nodes)]).unwrap();
    assert_eq!((straight.wall, straight.ranks), (mixed.wall, mixed.ranks));
}
