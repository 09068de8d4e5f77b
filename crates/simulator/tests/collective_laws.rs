//! Laws of collectives: what they move, what bounds them, and that folding and pipelining change nothing they should not.

use memwall_hardware::{CommunicationLibrary, Fabric, FabricSpec, catalog};
use memwall_model_graph::CollectiveKind;
use memwall_simulator::{Algorithm, Call, CollectiveError, CollectiveOutcome, Communicator, Protocol};
use memwall_units::{BytesPerSec, Picos};
use proptest::prelude::*;
use serde_json::{Value, json};

const MIB: u64 = 1 << 20;
const KINDS: [CollectiveKind; 6] = [
    CollectiveKind::AllReduce,
    CollectiveKind::AllGather,
    CollectiveKind::ReduceScatter,
    CollectiveKind::AllToAll,
    CollectiveKind::Broadcast,
    CollectiveKind::Reduce,
];

// ---- machines ------------------------------------------------------------------------------------------------------

fn fabric(spec: &Value) -> Fabric {
    let read: FabricSpec =
        serde_json::from_value(spec.clone()).unwrap_or_else(|error| panic!("{spec}: {error}"));
    Fabric::try_from_spec(&read).unwrap_or_else(|errors| panic!("{spec}: {errors:?}"))
}

/// A level of `GB/s` and nanoseconds, with what its topology needs.
fn level(topology: &str, gigabytes: u32, nanoseconds: u32, more: &Value) -> Value {
    let mut level = json!({
        "title": topology,
        "topology": topology,
        "bandwidth": format!("{gigabytes} GB/s"),
        "latency": format!("{nanoseconds} ns"),
    });
    let target = level.as_object_mut().expect("an object");
    target.extend(more.as_object().expect("an object").clone());
    level
}

/// Devices on one switch, 100 GB/s and 500 ns a link.
fn switch(devices: u32) -> Value {
    json!({ "levels": { "switch": level("switch", 100, 500, &json!({ "count": devices })) } })
}

/// Nodes on rails.
fn nodes(width: u32, count: u32) -> Value {
    json!({ "levels": {
        "inside": level("switch", 100, 500, &json!({ "count": width })),
        "rails": level("rail_optimized", 25, 1000, &json!({ "count": count })),
    } })
}

/// Every kind of protocol over links of any generation, in round figures.
fn library() -> CommunicationLibrary {
    let flag = |rate: &str| json!({ "start": "1 us", "step": "250 ns", "rate": rate });
    serde_json::from_value(json!({
        "name": "test",
        "title": "Test",
        "cores": 16,
        "generations": { "default": {
            "launch": "5 us",
            "ll": flag("10 GB/s"),
            "ll128": flag("60 GB/s"),
            "simple": { "start": "7 us", "step": "600 ns", "efficiency": 0.8, "copy_rate": "500 GB/s" },
            "direct": {
                "launch": "4 us", "peer": "300 ns", "short_rate": "5 GB/s", "start": "6 us", "efficiency": 0.7,
                "copy_rate": "400 GB/s",
            },
            "in_network": { "launch": "30 us", "efficiency": 0.6, "least_ranks": 2 },
        } },
    }))
    .expect("a library")
}

/// A library whose only costs are a launch of 5 us, a start of 7 us and steps of 600 ns.
fn ideal() -> CommunicationLibrary {
    let mut library = library();
    for links in library.generations.values_mut() {
        links.simple.efficiency.value = 1.0;
        links.simple.copy_rate.value = BytesPerSec(f64::INFINITY);
        links.in_network.as_mut().expect("it has one").efficiency.value = 1.0;
    }
    library
}

fn call(kind: CollectiveKind, bytes: u64, devices: std::ops::Range<u32>) -> Call {
    Call::new(kind, bytes, devices.collect())
}

fn by(algorithm: Algorithm, bytes: u64, devices: std::ops::Range<u32>) -> Call {
    let call = call(CollectiveKind::AllReduce, bytes, devices);
    Call { algorithm: Some(algorithm), protocol: Some(Protocol::Simple), ..call }
}

fn run(fabric: &Fabric, library: &CommunicationLibrary, call: &Call) -> CollectiveOutcome {
    Communicator::new(fabric, library).run(call).unwrap_or_else(|error| panic!("{call:?}: {error}"))
}

fn refused(fabric: &Fabric, call: &Call) -> CollectiveError {
    let library = library();
    Communicator::new(fabric, &library).run(call).expect_err("it cannot be run")
}

// ---- random machines and calls ----------------------------------------------------------------------------------------

fn topologies() -> impl Strategy<Value = Value> {
    let one = prop_oneof![
        (2_u32..17).prop_map(|count| ("switch", json!({ "count": count }))),
        (2_u32..10).prop_map(|count| ("ring", json!({ "count": count }))),
        (2_u32..9).prop_map(|count| ("fully_connected", json!({ "count": count }))),
        prop::collection::vec(1_u32..5, 1..4).prop_map(|dims| ("torus", json!({ "dims": dims }))),
        prop::collection::vec(1_u32..5, 1..4).prop_map(|dims| ("mesh", json!({ "dims": dims }))),
        (1_u32..5, 1_u32..4)
            .prop_map(|(leaf, leaves)| ("fat_tree", json!({ "down": [leaf, leaves], "up": [leaf] }))),
    ];
    let outer = prop_oneof![
        Just(("rail_optimized", json!({}))),
        Just(("switch", json!({}))),
        Just(("switch", json!({ "ports": "per_group" }))),
    ];
    (one, prop::option::of((outer, 2_u32..5)), 20_u32..200, 5_u32..60).prop_filter_map(
        "a fabric of two devices and more",
        |((topology, more), outer, inner_rate, outer_rate)| {
            let mut levels = serde_json::Map::new();
            levels.insert("inner".to_owned(), level(topology, inner_rate, 400, &more));
            if let Some(((topology, mut more), count)) = outer {
                more["count"] = json!(count);
                levels.insert("outer".to_owned(), level(topology, outer_rate, 1500, &more));
            }
            let spec = json!({ "levels": levels });
            let read: FabricSpec = serde_json::from_value(spec.clone()).ok()?;
            (Fabric::try_from_spec(&read).ok()?.devices() > 1).then_some(spec)
        },
    )
}

/// A fabric, one of whose links may be slower than the others.
fn fabrics() -> impl Strategy<Value = Fabric> {
    (topologies(), prop::option::of((any::<prop::sample::Index>(), 1_u32..20))).prop_map(
        |(mut spec, slow)| {
            if let Some((which, gigabytes)) = slow {
                let whole = fabric(&spec);
                let links: Vec<_> = whole.links().collect();
                let link = whole.link_name(*which.get(&links));
                spec["overrides"] = json!([{ "link": link, "bandwidth": format!("{gigabytes} GB/s") }]);
            }
            fabric(&spec)
        },
    )
}

/// A call over some of the fabric's devices in any order, and perhaps another group beside it.
fn calls(devices: u32) -> impl Strategy<Value = Call> {
    let order = Just((0..devices).collect::<Vec<u32>>()).prop_shuffle();
    let sorted = Just((0..devices).collect::<Vec<u32>>());
    let bytes = prop_oneof![Just(0), 1_u64..4096, 4096_u64..(256 << 20)];
    (
        prop_oneof![order, sorted],
        2..=devices,
        any::<bool>(),
        prop::sample::select(&KINDS[..]),
        bytes,
        0.0..1.0,
    )
        .prop_map(|(order, ranks, beside, kind, bytes, skew)| {
            let mut groups = order.chunks_exact(ranks as usize).map(<[u32]>::to_vec);
            let group = groups.next().expect("one fits");
            let skewed = kind == CollectiveKind::AllToAll;
            Call {
                skew: if skewed { 1.0 + skew * (f64::from(ranks) - 1.0) } else { 1.0 },
                beside: groups.take(usize::from(beside)).collect(),
                ..Call::new(kind, bytes, group)
            }
        })
}

fn tasks() -> impl Strategy<Value = (Fabric, Call)> {
    fabrics().prop_flat_map(|fabric| {
        let devices = fabric.devices();
        (Just(fabric), calls(devices))
    })
}

/// Every algorithm and protocol that does for a call.
fn every_way(communicator: &Communicator<'_>, call: &Call) -> Vec<CollectiveOutcome> {
    let mut all = Vec::new();
    for algorithm in Algorithm::ALL {
        match communicator.compare(&Call { algorithm: Some(algorithm), ..call.clone() }) {
            Ok(outcomes) => all.extend(outcomes),
            Err(CollectiveError::NoWay { .. }) => {}
            Err(error) => panic!("{call:?} by {algorithm:?}: {error}"),
        }
    }
    assert!(!all.is_empty(), "{call:?}");
    all
}

fn close(a: Picos, b: Picos, relative: f64) -> bool {
    a.0.abs_diff(b.0) as f64 <= relative * a.0.max(b.0) as f64
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    /// One flow for all that are alike takes as long as a flow for each, to a millionth, and so moves the same.
    #[test]
    fn folded_equals_unfolded((fabric, call) in tasks()) {
        let library = library();
        let folded = Communicator::new(&fabric, &library);
        let (folded, unfolded) = (every_way(&folded, &call), every_way(&folded.unfolded(), &call));
        prop_assert_eq!(folded.len(), unfolded.len());
        let way = |outcome: &CollectiveOutcome| (outcome.algorithm, outcome.protocol);
        for one in &folded {
            let other = unfolded.iter().find(|other| way(other) == way(one)).expect("the same ways");
            prop_assert!(close(one.time, other.time, 1e-6), "{:?}\n{:?}", one, other);
            prop_assert_eq!(one.transfers, other.transfers);
            prop_assert_eq!(other.flows, other.transfers);
            prop_assert!(one.flows <= one.transfers);
            prop_assert_eq!(&one.levels.len(), &other.levels.len());
        }
    }

    /// The busiest link of each level needs no more than the time, and the others carry no more than it.
    #[test]
    fn no_link_carries_more_than_it_can((fabric, call) in tasks()) {
        let library = library();
        for outcome in every_way(&Communicator::new(&fabric, &library), &call) {
            prop_assert!(outcome.latency <= outcome.time);
            for level in &outcome.levels {
                prop_assert!(level.utilization <= 1.0 + 1e-9, "{outcome:?}");
                let fastest = fabric.levels()[usize::from(level.level)].bandwidth.value.0;
                let each = level.bytes / level.links as f64 / fastest;
                prop_assert!(each <= outcome.time.as_secs_f64() * (1.0 + 1e-9), "{outcome:?}");
            }
        }
    }

    /// More bytes never take less time, way by way and for the way the library takes.
    #[test]
    fn time_grows_with_the_bytes((fabric, call) in tasks(), more in 1.0..8.0_f64) {
        let library = library();
        let communicator = Communicator::new(&fabric, &library);
        let larger = Call { bytes: (call.bytes as f64 * more) as u64 + 1, ..call.clone() };
        // Rounding up to picoseconds may differ by one of them in each phase.
        let rounding = Picos(64);
        let (small, large) = (every_way(&communicator, &call), every_way(&communicator, &larger));
        for one in &small {
            let other = large.iter().find(|other| (other.algorithm, other.protocol) == (one.algorithm, one.protocol));
            prop_assert!(one.time <= other.expect("the same ways").time.saturating_add(rounding));
        }
        let best = |call: &Call| communicator.run(call).map(|outcome| outcome.time);
        prop_assert!(best(&call).unwrap() <= best(&larger).unwrap().saturating_add(rounding));
    }

    /// Links that are all faster make no algorithm and protocol slower.
    #[test]
    fn faster_links_are_never_slower(
        spec in topologies(), times in 1_u32..5, which in 0_usize..2, bytes in 1_u64..(64 << 20),
        kind in prop::sample::select(&KINDS[..]),
    ) {
        let library = library();
        let slow = fabric(&spec);
        let mut faster = spec.clone();
        let names = ["inner", "outer"];
        let name = names[which.min(slow.levels().len() - 1)];
        let bandwidth = slow.levels()[which.min(slow.levels().len() - 1)].bandwidth.value.0 / 1e9;
        faster["levels"][name]["bandwidth"] = json!(format!("{} GB/s", bandwidth * f64::from(times)));
        let fast = fabric(&faster);
        let call = call(kind, bytes, 0..slow.devices());
        let before = every_way(&Communicator::new(&slow, &library), &call);
        let after = every_way(&Communicator::new(&fast, &library), &call);
        for one in &before {
            let other = after.iter().find(|other| (other.algorithm, other.protocol) == (one.algorithm, one.protocol));
            let other = other.expect("the same ways");
            prop_assert!(other.time <= one.time.saturating_add(Picos(64)), "{one:?}\n{other:?}");
        }
    }

    /// For large buffers on one switch a ring takes as long as its steps one by one, by each protocol.
    #[test]
    fn a_pipelined_ring_takes_as_long_as_its_steps(
        devices in 2_u32..24, size in 64_u64..1024, protocol in prop::sample::select(&Protocol::ALL[..]),
        kind in prop::sample::select(&KINDS[..3]),
    ) {
        let (fabric, library) = (fabric(&switch(devices)), library());
        let communicator = Communicator::new(&fabric, &library);
        let call = Call {
            algorithm: Some(Algorithm::Ring),
            protocol: Some(protocol),
            ..call(kind, size * MIB, 0..devices)
        };
        let (pipelined, explicit) = (communicator.run(&call).unwrap(), communicator.run_explicit(&call).unwrap());
        prop_assert!(close(pipelined.time, explicit.time, 0.02), "{} and {}", pipelined.time, explicit.time);
    }

    /// Every exchange after the one before: the sum of what each takes.
    #[test]
    fn halving_and_doubling_step_by_step_is_its_closed_form(bits in 1_u32..7, bytes in 0_u64..(256 << 20)) {
        let (fabric, library) = (fabric(&switch(1 << bits)), ideal());
        let communicator = Communicator::new(&fabric, &library);
        let call = by(Algorithm::HalvingDoubling, bytes, 0..1 << bits);
        let explicit = communicator.run_explicit(&call).unwrap();
        let expected: f64 = (0..bits)
            .map(|bit| {
                let part = bytes as f64 * f64::from(1 << bit) / f64::from(1 << bits);
                2.0 * (600e-9 + 2.0 * 500e-9 + part / 100e9)
            })
            .sum::<f64>() + 12e-6;
        let error = explicit.time.as_secs_f64() - expected;
        // A picosecond of rounding up for each exchange, and what the sum rounds.
        prop_assert!((-1e-15..=f64::from(2 * bits + 1) * 1e-12).contains(&error), "{error} s off {expected} s");
        prop_assert_eq!(explicit.sends, u64::from(2 * bits) << bits);
        let pipelined = communicator.run(&call).unwrap();
        prop_assert!(pipelined.time.0.abs_diff(explicit.time.0) <= 64, "{} and {}", pipelined.time, explicit.time);
    }

    /// Without reduction in the network no bus bandwidth is above that of a device's link.
    #[test]
    fn bus_bandwidth_is_within_the_link(devices in 2_u32..33, size in 0_u32..31, kind in prop::sample::select(&KINDS[..])) {
        let (fabric, library) = (fabric(&switch(devices)), ideal());
        let call = call(kind, 1 << size, 0..devices);
        for outcome in every_way(&Communicator::new(&fabric, &library), &call) {
            prop_assert!(outcome.bus_bandwidth <= 100e9 * (1.0 + 1e-9), "{outcome:?}");
        }
    }
}

// ---- closed forms and bytes --------------------------------------------------------------------------------------------

/// launch + start + steps x (step + path) + bytes / bandwidth, to the picosecond.
#[test]
fn an_ideal_ring_is_its_closed_form() {
    for devices in [2_u32, 3, 8, 100] {
        let fabric = fabric(&switch(devices));
        for (kind, times) in [
            (CollectiveKind::AllReduce, 2),
            (CollectiveKind::AllGather, 1),
            (CollectiveKind::ReduceScatter, 1),
        ] {
            // A buffer of whole microseconds: a rank sends (n-1)/n of it at 100 GB/s.
            let bytes = u64::from(devices) * 100_000;
            let call = Call { kind, ..by(Algorithm::Ring, bytes, 0..devices) };
            let steps = times * (u64::from(devices) - 1);
            let expected = Picos(12_000_000 + steps * (600_000 + 1_000_000) + steps * 1_000_000);
            let outcome = run(&fabric, &ideal(), &call);
            assert!(outcome.time.0.abs_diff(expected.0) <= 1, "{} for {expected}", outcome.time);
            assert_eq!(outcome.latency, Picos(12_000_000 + steps * 1_600_000));
        }
    }
}

/// On one switch, n ranks are one flow.
#[test]
fn a_ring_on_a_switch_folds_into_one_flow() {
    let outcome = run(&fabric(&switch(64)), &library(), &by(Algorithm::Ring, MIB, 0..64));
    assert_eq!((outcome.transfers, outcome.flows), (64, 1));
}

/// A slow link holds one transfer back, and the others are told from it.
#[test]
fn a_slow_link_is_seen_and_named() {
    let mut spec = switch(16);
    spec["overrides"] = json!([{ "link": "gpu5 -> switch", "bandwidth": "10 GB/s" }]);
    let outcome = run(&fabric(&spec), &ideal(), &by(Algorithm::Ring, 64 * MIB, 0..16));
    assert_eq!(outcome.held_by.as_deref(), Some("gpu5 -> switch"));
    assert!(outcome.flows > 1 && outcome.flows < 16, "{}", outcome.flows);
    let bytes = 2.0 * 15.0 / 16.0 * 64.0 * MIB as f64;
    let moving = (outcome.time.saturating_sub(outcome.latency)).as_secs_f64();
    assert!((moving / (bytes / 10e9) - 1.0).abs() < 1e-6, "{moving}");
}

/// Switches that add up spare each link half of a ring's bytes, and nothing else does better than the link.
#[test]
fn reduction_in_the_network_goes_above_the_link() {
    let mut spec = switch(8);
    spec["levels"]["switch"]["in_network_reduction"] = json!(true);
    let fabric = fabric(&spec);
    let outcome = run(&fabric, &ideal(), &call(CollectiveKind::AllReduce, 1 << 33, 0..8));
    assert_eq!(outcome.algorithm, Algorithm::InNetwork);
    let most = 100e9 * 2.0 * 7.0 / 8.0;
    assert!(
        outcome.bus_bandwidth > 0.99 * most && outcome.bus_bandwidth <= most,
        "{}",
        outcome.bus_bandwidth
    );
    let ring = run(&fabric, &ideal(), &by(Algorithm::Ring, 1 << 33, 0..8));
    assert!(ring.bus_bandwidth > 99e9 && ring.bus_bandwidth <= 100e9, "{}", ring.bus_bandwidth);
}

/// Every device sends 2 (n-1)/n of the buffer, over its own links only, whatever the dimensions.
#[test]
fn a_torus_moves_what_a_ring_moves() {
    for dims in [vec![4, 4], vec![4, 4, 4], vec![2, 3, 5], vec![8], vec![2, 2], vec![1, 4]] {
        let torus = level("torus", 50, 500, &json!({ "dims": dims }));
        let fabric = fabric(&json!({ "levels": { "ici": torus } }));
        let n = f64::from(fabric.devices());
        let outcome = run(&fabric, &library(), &by(Algorithm::Ring, 64 * MIB, 0..fabric.devices()));
        let expected = 2.0 * (n - 1.0) / n * 64.0 * MIB as f64;
        let sent = outcome.levels[0].bytes / n;
        assert!((sent / expected - 1.0).abs() < 1e-9, "{dims:?}: {sent} for {expected}");
        assert_eq!(outcome.levels.len(), 1);
    }
}

/// What crosses each level of nodes of `w` ranks on rails. Each transfer crosses two links, up and down.
#[test]
fn ring_tree_and_hierarchy_move_their_bytes() {
    let (w, k, bytes) = (4.0, 6.0, 48.0 * MIB as f64);
    let n = w * k;
    let fabric = fabric(&nodes(4, 6));
    // Inside the nodes, and between them.
    let expected = [
        (Algorithm::Ring, 2.0 * (n - 1.0) * (w - 1.0) / w, 2.0 * (n - 1.0) / w),
        (Algorithm::Tree, 2.0 * n * (w - 1.0) / w, 2.0 * (k - 1.0)),
        (Algorithm::Hierarchical, 2.0 * n * (w - 1.0) / w, 2.0 * (k - 1.0)),
    ];
    for (algorithm, inside, between) in expected {
        let outcome = run(&fabric, &library(), &by(algorithm, 48 * MIB, 0..24));
        let carried: Vec<f64> = outcome.levels.iter().map(|level| level.bytes / bytes / 2.0).collect();
        assert_eq!(carried.len(), 2, "{algorithm:?}");
        assert!((carried[0] / inside - 1.0).abs() < 1e-9, "{algorithm:?}: {carried:?} for {inside}");
        assert!((carried[1] / between - 1.0).abs() < 1e-9, "{algorithm:?}: {carried:?} for {between}");
        // Every device's link up and down at each level, counted once however many phases use it.
        let links: Vec<u64> = outcome.levels.iter().map(|level| level.links).collect();
        assert!(links.iter().all(|&links| links <= 48), "{algorithm:?}: {links:?}");
    }
}

/// The hierarchy's phases follow one another, so the links inside are busy in two of three of them.
#[test]
fn utilization_is_of_all_phases() {
    let mut spec = nodes(4, 2);
    spec["levels"]["rails"]["bandwidth"] = json!("10000 GB/s");
    let outcome = run(&fabric(&spec), &ideal(), &by(Algorithm::Hierarchical, 1 << 33, 0..8));
    assert!(outcome.levels[0].utilization > 0.95, "{outcome:?}");
}

/// Four devices have 1, 1, 2 and 2 links to each other: as the bus bandwidths measured on a DGX-1 (vTrain's nccl-tests)
/// show, a pair has one link, and eight devices six rings.
#[test]
fn rings_of_a_hybrid_cube_mesh() {
    let system = catalog::system("dgx-v100").expect("the catalog has it");
    let library = catalog::communication("nccl").expect("the catalog has it");
    // GB/s at 512 MiB: 22.6 and 134.1 measured.
    for (ranks, rings, measured) in [(2_u32, 1, 22.6), (8, 6, 134.1)] {
        let call = Call { protocol: Some(Protocol::Simple), ..by(Algorithm::Ring, 512 * MIB, 0..ranks) };
        let outcome = run(system.fabric(), &library, &call);
        assert_eq!(outcome.transfers, rings * u64::from(ranks));
        let bus = outcome.bus_bandwidth / 1e9;
        assert!((bus / measured - 1.0).abs() < 0.1, "{ranks} ranks: {bus} GB/s, {measured} measured");
    }
}

// ---- groups side by side -----------------------------------------------------------------------------------------------

#[test]
fn groups_without_a_link_in_common_do_not_slow_each_other() {
    let (fabric, library) = (fabric(&switch(8)), library());
    for kind in KINDS {
        let alone = call(kind, 16 * MIB, 0..4);
        let both = Call { beside: vec![(4..8).collect()], ..alone.clone() };
        assert_eq!(run(&fabric, &library, &alone).time, run(&fabric, &library, &both).time, "{kind:?}");
    }
}

#[test]
fn groups_on_the_same_port_share_it() {
    let mut spec = nodes(4, 2);
    spec["levels"]["rails"] = level("switch", 25, 1000, &json!({ "count": 2, "ports": "per_group" }));
    let fabric = fabric(&spec);
    let library = ideal();
    let alone = Call { group: vec![0, 4], ..by(Algorithm::Ring, 256 * MIB, 0..2) };
    let both = Call { beside: vec![vec![1, 5]], ..alone.clone() };
    let (alone, both) = (run(&fabric, &library, &alone), run(&fabric, &library, &both));
    let moving = |outcome: &CollectiveOutcome| outcome.time.saturating_sub(outcome.latency).as_secs_f64();
    assert!((moving(&both) / moving(&alone) - 2.0).abs() < 1e-6, "{both:?}\n{alone:?}");
    assert_eq!(both.latency, alone.latency);
}

/// One group stays within a node and the other does not: the time is that of the slower, as if it were alone.
#[test]
fn the_slowest_of_unlike_groups_counts() {
    let (fabric, library) = (fabric(&nodes(4, 2)), library());
    for bytes in [0, MIB] {
        let time = |group: Vec<u32>, beside: Vec<Vec<u32>>| {
            run(&fabric, &library, &Call { group, beside, ..by(Algorithm::Ring, bytes, 0..2) }).time
        };
        let (near, far) = (vec![0, 1], vec![2, 6]);
        let slower = time(far.clone(), Vec::new());
        assert!(slower > time(near.clone(), Vec::new()));
        assert_eq!(time(near.clone(), vec![far.clone()]), slower, "{bytes} bytes");
        assert_eq!(time(far, vec![near]), slower, "{bytes} bytes");
    }
}

// ---- what cannot be run ------------------------------------------------------------------------------------------------

#[test]
fn groups_that_make_no_sense_are_refused() {
    let fabric = fabric(&switch(8));
    let message = |call: &Call| refused(&fabric, call).to_string();
    let all_reduce = |group: Vec<u32>| Call::new(CollectiveKind::AllReduce, MIB, group);
    assert_eq!(message(&all_reduce(vec![])), "all_reduce over 0 ranks: it needs at least 1");
    assert_eq!(message(&all_reduce(vec![0, 1, 0])), "ranks 0 and 2 are both on device 0");
    assert_eq!(message(&all_reduce(vec![0, 8])), "rank 1 is on device 8, and the machine has 8");
    let beside = Call { beside: vec![vec![2, 1]], ..all_reduce(vec![0, 1]) };
    assert_eq!(message(&beside), "ranks 1 and 3 are both on device 1");
    let beside = Call { beside: vec![vec![2, 3, 4]], ..all_reduce(vec![0, 1]) };
    assert_eq!(message(&beside), "all_reduce over 3 ranks: it needs as many as the group beside it");
    let send = Call::new(CollectiveKind::Send, MIB, vec![0, 1, 2]);
    assert_eq!(message(&send), "send over 3 ranks: it needs exactly 2");
}

#[test]
fn ways_that_there_are_not_are_refused() {
    let (eight, library) = (fabric(&switch(8)), library());
    let message = |call: &Call| refused(&eight, call).to_string();
    assert_eq!(
        message(&by(Algorithm::HalvingDoubling, MIB, 0..6)),
        "all_reduce over 6 ranks cannot run as halving_doubling: it needs a power of two of ranks"
    );
    assert_eq!(
        message(&by(Algorithm::Tree, MIB, 0..8)),
        "all_reduce over 8 ranks cannot run as tree: it needs two nodes or more with as many ranks each"
    );
    assert_eq!(
        message(&by(Algorithm::InNetwork, MIB, 0..8)),
        "all_reduce over 8 ranks cannot run as in_network: no one switch that adds up joins all of its ranks"
    );
    let communicator = Communicator::new(&eight, &library);
    let tree = communicator.run_explicit(&by(Algorithm::Tree, MIB, 0..8)).unwrap_err();
    assert!(tree.to_string().ends_with("there is no step-by-step form of it"), "{tree}");
    let beside = Call { beside: vec![(4..8).collect()], ..by(Algorithm::Ring, MIB, 0..4) };
    let beside = communicator.run_explicit(&beside).unwrap_err();
    assert!(beside.to_string().ends_with("step by step runs one group alone"), "{beside}");
}

/// Nothing goes around a device's only link.
#[test]
fn a_dead_link_that_all_must_cross_is_named() {
    let mut spec = switch(4);
    spec["overrides"] = json!([{ "link": "gpu2 -> switch", "dead": true }]);
    let fabric = fabric(&spec);
    for kind in KINDS {
        let error = refused(&fabric, &call(kind, MIB, 0..4));
        assert!(matches!(error, CollectiveError::Route(_)), "{error:?}");
        assert!(error.to_string().contains("gpu2 -> switch"), "{error}");
    }
    // Those who do not need it are not held up.
    run(&fabric, &library(), &call(CollectiveKind::AllReduce, MIB, 0..2));
}

/// Sizes that no memory holds are refused before anything is listed.
#[test]
fn more_ranks_than_can_be_listed_are_refused() {
    let spec: FabricSpec = serde_json::from_value(switch(1_000_000_000)).expect("it reads");
    let errors = Fabric::try_from_spec(&spec).expect_err("a billion devices");
    assert!(errors[0].to_string().contains("1000000000"), "{errors:?}");
    let million = fabric(&switch(1 << 20));
    let error = refused(&million, &call(CollectiveKind::AllToAll, MIB, 0..1 << 20));
    assert!(matches!(error, CollectiveError::TooMany { .. }), "{error:?}");
    // Groups beside count too.
    let beside = (1..512).map(|number| (number * 2048..(number + 1) * 2048).collect()).collect();
    let error = refused(&million, &Call { beside, ..call(CollectiveKind::AllToAll, MIB, 0..2048) });
    assert!(matches!(error, CollectiveError::TooMany { .. }), "{error:?}");
    let halving = refused(&million, &by(Algorithm::HalvingDoubling, MIB, 0..1 << 20));
    assert!(matches!(halving, CollectiveError::TooMany { .. }), "{halving:?}");
}

/// A ring over a million devices is one flow.
#[test]
fn a_million_ranks_fold() {
    let outcome = run(&fabric(&switch(1 << 20)), &library(), &by(Algorithm::Ring, 1 << 40, 0..1 << 20));
    assert_eq!((outcome.transfers, outcome.flows), (1 << 20, 1));
}

/// All to one: the others get nothing at all.
#[test]
fn the_most_uneven_all_to_all_runs() {
    let (fabric, library) = (fabric(&switch(4)), library());
    let even = call(CollectiveKind::AllToAll, 64 * MIB, 0..4);
    let uneven = Call { skew: 4.0, ..even.clone() };
    let (even, uneven) = (run(&fabric, &library, &even), run(&fabric, &library, &uneven));
    let moving = |outcome: &CollectiveOutcome| outcome.time.saturating_sub(outcome.latency).as_secs_f64();
    assert!((moving(&uneven) / moving(&even) - 4.0).abs() < 1e-6, "{uneven:?}\n{even:?}");
}

/// A group of one has nothing to do, and no bytes take only the latency.
#[test]
fn one_rank_and_no_bytes() {
    let (fabric, library) = (fabric(&switch(4)), library());
    for kind in KINDS {
        assert_eq!(run(&fabric, &library, &call(kind, MIB, 2..3)).time, Picos::ZERO);
        let nothing = run(&fabric, &library, &call(kind, 0, 0..4));
        assert!(nothing.time > Picos::ZERO && nothing.time == nothing.latency, "{kind:?}: {nothing:?}");
    }
    let explicit = Communicator::new(&fabric, &library).run_explicit(&by(Algorithm::Ring, 0, 0..4)).unwrap();
    assert_eq!(explicit.sends, 2 * 3 * 4);
}
