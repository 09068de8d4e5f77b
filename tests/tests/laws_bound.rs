//! `bound` is a lower bound, and no better machine makes it larger.

use memwall_model_graph::{Graph, SparsePattern, Sparsity};
use memwall_simulator::{Fidelity, Record};
use memwall_tests::machines::Machine;
use memwall_tests::upgrades::{Upgrade, upgrades};
use memwall_tests::{cases, dags, machines, models, runs};
use memwall_units::Picos;
use proptest::prelude::*;

proptest! {
    #![proptest_config(cases(40))]

    /// No model runs faster than its bound: not in all, not in any operator.
    #[test]
    fn models_run_no_faster_than_their_bound(machine in machines::machines(), task in models::tasks()) {
        let steps = task.steps(&machine);
        let bound = runs::run_steps(&machine, &steps, runs::at(Fidelity::Bound)).unwrap();
        let flow = runs::run_steps(&machine, &steps, runs::at(Fidelity::Flow)).unwrap();
        is_below(&bound, &flow)?;
    }
}

proptest! {
    #![proptest_config(cases(150))]

    /// No random graph runs faster than its bound.
    #[test]
    fn random_graphs_run_no_faster_than_their_bound(machine in machines::machines(), dag in dags::dags()) {
        let graph = dag.graph(&machine);
        let bound = runs::run_graph(&machine, &graph, runs::at(Fidelity::Bound)).unwrap();
        let flow = runs::run_graph(&machine, &graph, runs::at(Fidelity::Flow)).unwrap();
        is_below(&bound, &flow)?;
    }

    /// No random graph with pruned weights does, and its books close.
    #[test]
    fn pruned_graphs_run_no_faster_than_their_bound(
        machine in machines::machines(),
        dag in dags::dags(),
        pattern in prop::sample::select(vec![
            SparsePattern::Structured,
            SparsePattern::Unstructured,
            SparsePattern::TwoFour,
        ]),
        kept_ppm in 10_000_u32..1_000_000,
    ) {
        let sparsity = match pattern {
            SparsePattern::TwoFour => Sparsity::TWO_FOUR,
            pattern => Sparsity { pattern, kept_ppm, index_bits: if pattern == SparsePattern::Structured { 0 } else { 16 } },
        };
        let graph = dag.graph(&machine).pruned(sparsity);
        let bound = runs::run_graph(&machine, &graph, runs::at(Fidelity::Bound)).unwrap();
        let flow = runs::run_graph(&machine, &graph, runs::at(Fidelity::Flow)).unwrap();
        is_below(&bound, &flow)?;
        for engine in &flow.engines {
            let booked = engine.busy + engine.stalls.iter().map(|stall| stall.ps).sum::<u128>();
            prop_assert_eq!(booked, u128::from(engine.units) * u128::from(flow.wall.0), "{}", &engine.name);
        }
    }

    /// More bandwidth, capacity, peak or cores, or less latency, of anything: the bound falls or stays.
    #[test]
    fn the_bound_is_monotone_in_every_resource(
        machine in machines::machines(),
        dag in dags::dags(),
        upgrade in upgrades(),
    ) {
        let graph = dag.graph(&machine);
        falls_or_stays(&machine, &[&graph], &upgrade)?;
    }

    /// The same for whole models, several steps of them.
    #[test]
    fn the_bound_of_models_is_monotone_in_every_resource(
        machine in machines::machines(),
        task in models::tasks(),
        upgrade in upgrades(),
    ) {
        let steps = task.steps(&machine);
        let graphs: Vec<&Graph> = steps.iter().map(|(_, graph)| graph).collect();
        falls_or_stays(&machine, &graphs, &upgrade)?;
    }
}

fn is_below(bound: &Record, flow: &Record) -> Result<(), TestCaseError> {
    // A jump of `flow` may be off by 1 ppm.
    let below = |least: Picos, real: Picos| least.0 as f64 <= real.0 as f64 * (1.0 + 1e-6) + 1.0;
    prop_assert!(below(bound.wall, flow.wall), "{} > {}", bound.wall, flow.wall);
    prop_assert_eq!(bound.operators.len(), flow.operators.len());
    for (least, real) in bound.operators.iter().zip(&flow.operators) {
        prop_assert_eq!(&least.label, &real.label);
        prop_assert!(below(least.time, real.time), "{}: {} > {}", &least.label, least.time, real.time);
        // What must cross memory is the least that does.
        let rounding = least.count;
        prop_assert!(
            least.dram_bytes.0 <= real.dram_bytes.0 + rounding,
            "{}: {} > {}",
            &least.label,
            least.dram_bytes,
            real.dram_bytes
        );
    }
    Ok(())
}

fn falls_or_stays(machine: &Machine, graphs: &[&Graph], upgrade: &Upgrade) -> Result<(), TestCaseError> {
    let mut better = machine.clone();
    upgrade.apply(&mut better.device);
    let before = run_all(machine, graphs);
    let after = run_all(&better, graphs);
    prop_assert!(after.wall <= before.wall, "{} -> {}", before.wall, after.wall);
    Ok(())
}

fn run_all(machine: &Machine, graphs: &[&Graph]) -> Record {
    let options = runs::at(Fidelity::Bound);
    let mut simulation =
        memwall_simulator::Simulation::new(&machine.device, &machine.software, options).unwrap();
    for graph in graphs {
        simulation.step(graph, "step", 1).unwrap();
    }
    simulation.finish()
}
