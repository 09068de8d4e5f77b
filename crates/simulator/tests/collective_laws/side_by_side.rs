//! Groups that do the same at the same time.

use memwall_simulator::{Algorithm, Call, CollectiveOutcome};
use serde_json::json;

use crate::machines::*;

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
