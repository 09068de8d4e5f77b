//! `flow` against its oracle `step`, and what a bigger machine does to one operator.

use memwall_simulator::{Fidelity, Record};
use memwall_tests::{cases, dags, machines, models, runs};
use proptest::prelude::*;

proptest! {
    #![proptest_config(cases(40))]

    /// Jumping over repetitions changes no model's time by more than 2 %, nor any phase's.
    #[test]
    fn flow_is_within_two_per_cent_of_step_for_models(
        machine in machines::machines(),
        task in models::tasks(),
    ) {
        let steps = task.steps(&machine);
        let flow = runs::run_steps(&machine, &steps, runs::at(Fidelity::Flow)).unwrap();
        let step = runs::run_steps(&machine, &steps, runs::at(Fidelity::Step)).unwrap();
        agrees(&flow, &step)?;
    }
}

proptest! {
    #![proptest_config(cases(150))]

    /// The same for random graphs.
    #[test]
    fn flow_is_within_two_per_cent_of_step_for_random_graphs(
        machine in machines::machines(),
        dag in dags::dags(),
    ) {
        let graph = dag.graph(&machine);
        let flow = runs::run_graph(&machine, &graph, runs::at(Fidelity::Flow)).unwrap();
        let step = runs::run_graph(&machine, &graph, runs::at(Fidelity::Step)).unwrap();
        agrees(&flow, &step)?;
        prop_assert!(flow.events <= step.events);
    }
}

fn agrees(flow: &Record, step: &Record) -> Result<(), TestCaseError> {
    close(flow.wall.0, step.wall.0, "the run")?;
    for (fast, slow) in flow.phases.iter().zip(&step.phases) {
        close(fast.time.0, slow.time.0, &fast.name)?;
    }
    for (fast, slow) in flow.operators.iter().zip(&step.operators) {
        prop_assert_eq!(&fast.label, &slow.label);
        close(fast.time.0, slow.time.0, &fast.label)?;
        prop_assert_eq!(fast.dram_bytes, slow.dram_bytes, "{}", &fast.label);
        prop_assert_eq!(fast.busy, slow.busy, "{}", &fast.label);
    }
    Ok(())
}

fn close(fast: u64, slow: u64, what: &str) -> Result<(), TestCaseError> {
    let off = fast.abs_diff(slow) as f64;
    prop_assert!(off <= 0.02 * slow as f64, "{what}: {fast} ps at flow, {slow} ps at step");
    Ok(())
}
