//! The ledger: for every engine, `units x wall = busy + sum of stalls`, in integers.

use memwall_hardware::{Duplex, TierKind};
use memwall_simulator::{Fidelity, Options, Placement, Record, SimulationError};
use memwall_tests::{cases, dags, machines, models, runs};
use proptest::prelude::*;

const FIDELITIES: [Fidelity; 3] = [Fidelity::Bound, Fidelity::Flow, Fidelity::Step];

proptest! {
    #![proptest_config(cases(40))]

    /// Whole models on any machine, at every fidelity.
    #[test]
    fn the_books_of_models_close(machine in machines::machines(), task in models::tasks()) {
        let steps = task.steps(&machine);
        for fidelity in FIDELITIES {
            let record = runs::run_steps(&machine, &steps, runs::at(fidelity)).unwrap();
            books_close(&record)?;
            prop_assert_eq!(record.phases.iter().map(|phase| phase.steps).sum::<u64>(), steps.len() as u64);
        }
    }
}

proptest! {
    #![proptest_config(cases(150))]

    /// Random operator graphs on any machine, at every fidelity.
    #[test]
    fn the_books_of_random_graphs_close(machine in machines::machines(), dag in dags::dags()) {
        let graph = dag.graph(&machine);
        for fidelity in FIDELITIES {
            let record = runs::run_graph(&machine, &graph, runs::at(fidelity)).unwrap();
            books_close(&record)?;
            let executed: u64 = record.operators.iter().map(|operator| operator.count).sum();
            prop_assert_eq!(executed, graph.operators().len() as u64);
        }
    }
}

proptest! {
    #![proptest_config(cases(60))]

    /// The same where weights and tables are kept behind the device memory, whose link carries no more than it can.
    #[test]
    fn the_books_close_with_weights_elsewhere(
        machine in machines::machines(),
        dag in dags::dags(),
        (weights, tables, prefetch) in any::<(bool, bool, bool)>(),
    ) {
        let graph = dag.graph(&machine);
        let tier = machine.device.tiers.iter().position(|tier| tier.kind == TierKind::Host);
        let Some(tier) = tier else { return Ok(()) };
        let placement = Placement { tier: tier as u32, weights, tables, prefetch, ..Placement::default() };
        for fidelity in FIDELITIES {
            let options = Options { placement: Some(placement), ..runs::at(fidelity) };
            let record = match runs::run_graph(&machine, &graph, options) {
                Err(SimulationError::Capacity { .. }) => continue,
                record => record.unwrap(),
            };
            books_close(&record)?;
            let link = &machine.device.tiers[tier];
            let used = record.tiers.iter().find(|used| used.name == link.name).unwrap();
            let least = used.bytes_read.as_f64() / link.bandwidth.value.0;
            prop_assert!(least <= record.wall.as_secs_f64() * (1.0 + 1e-9), "{least} s of copies");
            // Copies are written to the memory that operators read; only rooflines look at one at a time.
            let memory = machine.device.tiers.iter().find(|tier| tier.kind == TierKind::Dram).unwrap();
            let used = record.tiers.iter().find(|used| used.name == memory.name).unwrap();
            let moved = (used.bytes_read.as_f64() + used.bytes_written.as_f64() - 2.0) / memory.bandwidth.value.0;
            let both = memory.duplex == Duplex::Half && fidelity != Fidelity::Bound;
            prop_assert!(!both || moved <= record.wall.as_secs_f64() * (1.0 + 1e-9), "{moved} s of memory");
            for operator in &record.operators {
                prop_assert!(operator.roofline <= operator.time, "{} beats its roofline", &operator.label);
            }
        }
    }
}

fn books_close(record: &Record) -> Result<(), TestCaseError> {
    prop_assert!(record.wall.0 > 0, "nothing takes no time");
    prop_assert!(record.engines.len() >= 3, "matrix, vector and host at least");
    for engine in &record.engines {
        let booked = engine.busy + engine.stalls.iter().map(|stall| stall.ps).sum::<u128>();
        let all = u128::from(engine.units) * u128::from(record.wall.0);
        prop_assert_eq!(booked, all, "{} at {:?}", &engine.name, record.fidelity);
        prop_assert!(engine.stalls.iter().all(|stall| stall.ps > 0), "an empty line");
        prop_assert!(engine.stalls.is_sorted_by(|a, b| a.ps >= b.ps), "not largest first");
    }
    // What an operator's own engine did while it ran is all of its time.
    let units = u128::from(record.engines[0].units);
    for operator in &record.operators {
        let booked = operator.busy + operator.stalls.iter().map(|stall| stall.ps).sum::<u128>();
        prop_assert_eq!(booked, units * u128::from(operator.time.0), "{}", &operator.label);
    }
    let phases: u64 = record.phases.iter().map(|phase| phase.time.0).sum();
    prop_assert!(phases <= record.wall.0, "phases overlap");
    Ok(())
}
