//! What cannot be run is said clearly and quickly; what looks odd and can be, is.

use memwall_hardware::{Fabric, FabricSpec};
use memwall_model_graph::CollectiveKind;
use memwall_simulator::{Algorithm, Call, CollectiveError, CollectiveOutcome, Communicator};
use memwall_units::Picos;
use serde_json::json;

use crate::machines::*;

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
