//! `flow` against its oracle `step`, and what a bigger machine does to one operator.

use memwall_simulator::{Fidelity, Record};
use memwall_tests::machines::Machine;
use memwall_tests::upgrades::{Resource, upgrades};
use memwall_tests::{cases, dags, machines, models, runs};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

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

/// How much slower a better machine may make one operator when its plan is made anew: the mapper ranks plans by an
/// estimate, so it may change to a plan that is worse. Found to be 64 % at most, where parts of a split attention
/// are combined, and rare.
const WORST_NEW_PLAN: f64 = 1.75;
/// Slower than this counts, and this share of cases may count.
const SLOWER: f64 = 1.02;
const SLOWER_SHARE: f64 = 0.03;

/// One operator, planned anew for a better machine, is seldom slower and never by much. More cores at the same peak
/// are left out: they are slower cores. So are the attention kernels of libraries, which are not planned but taken as they
/// are: one whose blocks a larger memory has room for pads a short sequence to them, and a smaller memory cannot hold it.
#[test]
fn one_operator_planned_anew_for_a_better_machine_is_seldom_slower() {
    let mut runner = TestRunner::new(cases(400));
    let slower = std::cell::Cell::new(0_u32);
    let seen = std::cell::Cell::new(0_u32);
    let better = upgrades().prop_filter("cores", |upgrade| upgrade.resource != Resource::Cores);
    let result =
        runner.run(&(machines::machines(), dags::single(), better), |(mut machine, dag, upgrade)| {
            machine.software.attention = Default::default();
            let mut better = machine.clone();
            upgrade.apply(&mut better.device);
            let graph = dag.graph(&machine);
            let time = |machine: &Machine| {
                let record = runs::run_graph(machine, &graph, runs::at(Fidelity::Flow)).unwrap();
                record.operators[0].time.0 as f64
            };
            let (before, after) = (time(&machine), time(&better));
            prop_assert!(after <= WORST_NEW_PLAN * before, "{before} -> {after} ps");
            slower.set(slower.get() + u32::from(after > SLOWER * before));
            seen.set(seen.get() + 1);
            Ok(())
        });
    if let Err(error) = result {
        panic!("{error}");
    }
    let most = SLOWER_SHARE * f64::from(seen.get());
    assert!(f64::from(slower.get()) <= most, "{} of {} are slower", slower.get(), seen.get());
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
