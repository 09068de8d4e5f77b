//! Random machines, random calls: what holds for all of them.

use memwall_hardware::{Fabric, FabricSpec};
use memwall_model_graph::CollectiveKind;
use memwall_simulator::{Algorithm, Call, CollectiveError, CollectiveOutcome, Communicator, Protocol};
use memwall_units::Picos;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::machines::*;

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
