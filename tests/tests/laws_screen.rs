//! Screening is the `bound` fidelity, only faster: whatever the design, to the picosecond what a run gives.

use memwall_simulator::{Fidelity, Screen, SimulationError};
use memwall_tests::upgrades::upgrades;
use memwall_tests::{cases, machines, models, runs};
use proptest::prelude::*;

proptest! {
    #![proptest_config(cases(60))]

    /// One screen, a random machine after the other: each as if it were simulated alone.
    #[test]
    fn a_design_takes_what_its_bound_run_takes(
        machine in machines::machines(),
        task in models::tasks(),
        changes in prop::collection::vec(upgrades(), 1..6),
    ) {
        let steps = task.steps(&machine);
        let graphs = steps.iter().map(|(_, graph)| graph.clone()).collect();
        let mut screen = Screen::new(&machine.device, &machine.software, graphs).unwrap();
        let mut design = machine.clone();
        for change in changes {
            let found = screen.time(&design.device).map(|screened| screened.time);
            let wanted = match runs::run_steps(&design, &steps, runs::at(Fidelity::Bound)) {
                Ok(record) => Some(record.wall),
                Err(SimulationError::Capacity { .. } | SimulationError::Deadlock { .. }) => None,
                Err(error) => return Err(TestCaseError::fail(error.to_string())),
            };
            prop_assert_eq!(found, wanted);
            change.apply(&mut design.device);
        }
    }
}

/// What does not fit the memory has no time, and a link of no bandwidth neither.
#[test]
fn what_cannot_run_has_no_time() {
    let machine = machines::Machine::of("h100-sxm", "generic");
    let steps = memwall_tests::dags::graph(
        &[memwall_tests::dags::matmul(512, 512, 512)],
        memwall_model_graph::Dtype::Bf16,
    );
    let mut screen = Screen::new(&machine.device, &machine.software, vec![steps]).unwrap();
    assert!(screen.time(&machine.device).is_some());
    let mut small = machine.clone();
    small.tier_of(memwall_hardware::TierKind::Dram).capacity.value = memwall_units::Bytes(1000);
    assert!(screen.time(&small.device).is_none());
    let mut dead = machine.clone();
    dead.tier_of(memwall_hardware::TierKind::Dram).bandwidth.value = memwall_units::BytesPerSec(0.0);
    assert!(screen.time(&dead.device).is_none());
    let mut idle = machine;
    idle.device.matrix.peak.values_mut().for_each(|peak| peak.value = memwall_units::FlopsPerSec(0.0));
    assert!(screen.time(&idle.device).is_none());
}
