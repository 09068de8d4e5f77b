//! Limits: whatever the sizes, a run ends, either with closed books after few events or with an error that says why.
//! Time is counted in events here, never on a clock.

use memwall_hardware::{Figure, Scope, TierKind};
use memwall_model_graph::{Dtype, Graph, OperatorSpec, SpecOp};
use memwall_simulator::{Fidelity, Limits, Options, Record, Simulation, SimulationError};
use memwall_tests::machines::{Machine, PARTS};
use memwall_tests::{cases, dags, machines, runs};
use memwall_units::{Bytes, BytesPerSec, Picos};
use proptest::prelude::*;

/// Events a single operator may take at `flow`, however large it is. Most take hundreds; millions are left for those
/// whose loads and stores drift past each other by a rounding each round, which no jump may skip.
const MOST_EVENTS: u64 = 2_500_000;

fn extreme_operators() -> Vec<OperatorSpec> {
    let batched = |batch, m, n, k| OperatorSpec { batch: Some(batch), ..dags::matmul(m, n, k) };
    vec![
        dags::matmul(1, 1, 1),
        dags::matmul(1, 1, 1_000_000_000),
        dags::matmul(1, 1_000_000_000, 1),
        dags::matmul(1_000_000_000, 1, 1),
        dags::matmul(1_000_000_000, 3, 5),
        dags::matmul(1_000_000, 1_000_000, 1_000_000),
        batched(1_000_000, 1, 1, 1),
        batched(1_000_000, 127, 129, 65),
        dags::attention(1, 1, 1, 1, 1),
        dags::attention(1, 1, 10_000_000, 8, 1),
        dags::attention(1_000_000, 1, 1000, 8, 8),
        dags::attention(1, 1_000_000, 1_000_000, 64, 8),
        dags::attention(1, 1, 10_000_000, 65_536, 1),
        dags::rows(SpecOp::Softmax, 1, 1),
        dags::rows(SpecOp::Softmax, 1, 10_000_000_000),
        dags::rows(SpecOp::Layernorm, 10_000_000_000, 1),
        dags::rows(SpecOp::Gather, 1_000_000, 100_000),
        dags::elementwise(SpecOp::Add, 1),
        dags::elementwise(SpecOp::GeluMul, 10_000_000_000_000),
    ]
}

/// Every part as it is, with one core, with a million, and without any latency.
fn extreme_machines(part: &str) -> Vec<Machine> {
    let mut plain = Machine::of(part, "generic");
    plain.tier_of(TierKind::Dram).capacity.value = Bytes(1_000_000_000_000_000_000);
    let with = |change: &dyn Fn(&mut Machine)| {
        let mut machine = plain.clone();
        change(&mut machine);
        machine
    };
    let one_core = with(&|machine| {
        machine.device.cores = Figure::scenario(1);
        machine.device.tiers.iter_mut().filter(|tier| tier.scope != Scope::PerCore).for_each(|tier| {
            tier.scope = Scope::Shared(1);
        });
    });
    let a_million_cores = with(&|machine| machine.device.cores = Figure::scenario(1_000_000));
    let no_latency = with(&|machine| {
        machine.device.tiers.iter_mut().for_each(|tier| tier.latency.value = Picos::ZERO);
    });
    vec![plain, one_core, a_million_cores, no_latency]
}

fn run_one(machine: &Machine, entry: &OperatorSpec, options: Options) -> Result<Record, SimulationError> {
    let dtype = if machine.formats().contains(&Dtype::Fp16) { Dtype::Fp16 } else { Dtype::Int8 };
    let graph: Graph = dags::graph(std::slice::from_ref(entry), dtype);
    runs::run_graph(machine, &graph, options)
}

fn books_close(record: &Record) -> bool {
    record.engines.iter().all(|engine| {
        let booked = engine.busy + engine.stalls.iter().map(|stall| stall.ps).sum::<u128>();
        booked == u128::from(engine.units) * u128::from(record.wall.0)
    })
}

/// One operator of any size on any machine ends soon, in few events, with closed books.
#[test]
fn extreme_shapes_end_soon_on_extreme_machines() {
    let mut ended = 0;
    for part in PARTS {
        for machine in extreme_machines(part) {
            for entry in extreme_operators() {
                for fidelity in [Fidelity::Bound, Fidelity::Flow] {
                    let told = format!("{} at {fidelity:?} on {machine:?}", dags::line(&entry));
                    match run_one(&machine, &entry, runs::at(fidelity)) {
                        Ok(record) => {
                            assert!(books_close(&record), "{told}");
                            assert!(record.events <= MOST_EVENTS, "{} events: {told}", record.events);
                            ended += 1;
                        }
                        // The largest take longer than can be simulated on the slowest parts.
                        Err(SimulationError::Limit { .. }) => {}
                        Err(other) => panic!("{other}: {told}"),
                    }
                }
            }
        }
    }
    assert!(ended > 1000, "only {ended} runs came to their end");
}

proptest! {
    #![proptest_config(cases(60))]

    /// The same for large operators of any size on random machines, whose rates are no round numbers.
    #[test]
    fn large_operators_end_soon_on_random_machines(
        machine in machines::machines(),
        (m, n, k) in (1_u64..100_000, 1_u64..100_000, 1_u64..1_000_000),
        elements in 1_000_000_000_u64..1_000_000_000_000,
        kind in 0..4,
    ) {
        let mut machine = machine;
        machine.tier_of(TierKind::Dram).capacity.value = Bytes(1_000_000_000_000_000_000);
        let entry = match kind {
            0 => dags::elementwise(SpecOp::SiluMul, elements),
            1 => dags::rows(SpecOp::Softmax, 100 * m, n),
            2 => dags::matmul(m, n, k),
            _ => dags::attention(1, 1, 10 * k, 8, 8),
        };
        let record = run_one(&machine, &entry, runs::at(Fidelity::Flow)).unwrap();
        prop_assert!(books_close(&record));
        prop_assert!(record.events <= MOST_EVENTS, "{} events: {}", record.events, dags::line(&entry));
    }
}

/// The smallest operators need no more than the smallest memories; larger tiles say that they do not fit.
#[test]
fn small_scratchpads_work_or_say_that_no_tile_fits() {
    let mut refused = 0;
    for part in PARTS {
        for capacity in [1, 64, 1024, 4096, 16_384] {
            let mut machine = Machine::of(part, "generic");
            machine.tier_of(TierKind::Dram).capacity.value = Bytes(1_000_000_000_000_000);
            for tier in machine.device.tiers.iter_mut().filter(|tier| tier.scope == Scope::PerCore) {
                tier.capacity.value = tier.capacity.value.min(Bytes(capacity));
            }
            for entry in extreme_operators() {
                match run_one(&machine, &entry, runs::at(Fidelity::Flow)) {
                    Ok(record) => assert!(books_close(&record)),
                    Err(SimulationError::NoTile { capacity: told, .. }) => {
                        assert!(told.0 <= capacity);
                        refused += 1;
                    }
                    Err(SimulationError::Limit { .. }) => {}
                    Err(other) => panic!("{other}: {} on {machine:?}", dags::line(&entry)),
                }
            }
        }
    }
    assert!(refused > 0, "a tile never fits in one byte");
}

/// A dead link is a deadlock that names it.
#[test]
fn zero_bandwidth_is_a_deadlock_that_names_the_tier() {
    for part in PARTS {
        let mut machine = Machine::of(part, "generic");
        let dram = machine.tier_of(TierKind::Dram);
        dram.bandwidth.value = BytesPerSec(0.0);
        dram.write_bandwidth = None;
        let name = dram.name.clone();
        for entry in [dags::matmul(64, 64, 64), dags::elementwise(SpecOp::Copy, 4096)] {
            for fidelity in [Fidelity::Bound, Fidelity::Flow, Fidelity::Step] {
                let waits_for = match run_one(&machine, &entry, runs::at(fidelity)) {
                    Err(SimulationError::Deadlock { waits_for, .. }) => waits_for,
                    other => panic!("{part} at {fidelity:?}: {other:?}"),
                };
                assert_eq!(waits_for, name);
            }
        }
    }
}

/// Each limit ends a run with an error that names the limit, its value and the operator.
#[test]
fn limits_end_runs_and_say_which() {
    let machine = Machine::of("a100-sxm-80gb", "generic");
    let entry = dags::matmul(8192, 8192, 8192);
    let limited = |fidelity, limits: Limits| {
        run_one(&machine, &entry, Options { fidelity, limits, ..Options::default() })
    };
    let most = Limits::default();
    let cases = [
        (limited(Fidelity::Step, Limits { events: 100, ..most }), 100, "events"),
        (limited(Fidelity::Flow, Limits { operators: 0, ..most }), 0, "operators"),
        (limited(Fidelity::Flow, Limits { simulated_time: Picos(1000), ..most }), 1000, "simulated time"),
        (limited(Fidelity::Bound, Limits { simulated_time: Picos(1000), ..most }), 1000, "simulated time"),
    ];
    for (result, value, word) in cases {
        let error = result.expect_err("the limit is far below what the run takes");
        let text = error.to_string();
        assert!(text.contains(word) && text.contains("mm"), "{text}");
        assert!(matches!(error, SimulationError::Limit { limit, .. } if limit == value), "{error:?}");
    }
    assert!(limited(Fidelity::Flow, most).is_ok());
}

/// A machine that cannot be simulated is refused with what is wrong with it.
#[test]
fn machines_beyond_the_limits_are_refused() {
    let refused = |change: &dyn Fn(&mut Machine)| {
        let mut machine = Machine::of("xeon-gold-6242", "generic");
        change(&mut machine);
        match Simulation::new(&machine.device, &machine.software, Options::default()) {
            Err(SimulationError::Machine { reason, .. }) => reason,
            other => panic!("{other:?}"),
        }
    };
    let four_caches = refused(&|machine| {
        let l1 = machine.device.tiers[1].clone();
        machine.device.tiers.splice(1..1, [l1.clone(), l1]);
    });
    assert!(four_caches.contains("4 memories in each core"), "{four_caches}");
    let no_cores = refused(&|machine| machine.device.cores = Figure::scenario(0));
    assert!(no_cores.contains("no cores"), "{no_cores}");
    let no_memory = refused(&|machine| machine.device.tiers.retain(|tier| tier.kind != TierKind::Dram));
    assert!(no_memory.contains("dram"), "{no_memory}");
}

/// What does not fit in device memory is refused, and what just fits runs.
#[test]
fn memory_holds_what_it_can_and_no_more() {
    let entry = dags::matmul(1000, 2000, 3000);
    let needed = 2 * (1000 * 3000 + 3000 * 2000 + 1000 * 2000);
    let with_memory = |bytes| {
        let mut machine = Machine::of("a100-sxm-80gb", "generic");
        machine.tier_of(TierKind::Dram).capacity.value = Bytes(bytes);
        run_one(&machine, &entry, runs::at(Fidelity::Flow))
    };
    let record = with_memory(needed).expect("it just fits");
    let dram = record.tiers.iter().find(|tier| tier.name == "hbm").expect("the part has it");
    assert_eq!(dram.peak_occupancy, Bytes(needed));
    let error = with_memory(needed - 1).expect_err("a byte too little");
    assert!(
        matches!(error, SimulationError::Capacity { needed: told, .. } if told == Bytes(needed)),
        "{error}"
    );
}
