//! Closed forms, and who sends how many bytes.

use memwall_hardware::catalog;
use memwall_model_graph::CollectiveKind;
use memwall_simulator::{Algorithm, Call, Protocol};
use memwall_units::Picos;
use serde_json::json;

use crate::machines::*;

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
