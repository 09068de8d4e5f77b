//! Same in, same out: to the bit, however often and on however many threads.

use memwall_model_graph::{Graph, Step};
use memwall_scenario::{NoFiles, Scenario};
use memwall_simulator::{Fidelity, Record};
use memwall_tests::machines::Machine;
use memwall_tests::{cases, machines, models, runs};
use proptest::prelude::*;

proptest! {
    #![proptest_config(cases(12))]

    /// One run after the other, and two and eight at once, leave equal records.
    #[test]
    fn records_do_not_depend_on_threads(machine in machines::machines(), task in models::tasks()) {
        let steps = task.steps(&machine);
        for fidelity in [Fidelity::Bound, Fidelity::Flow] {
            let first = run(&machine, &steps, fidelity);
            prop_assert_eq!(&first, &run(&machine, &steps, fidelity), "run again");
            for threads in [2, 8] {
                for record in at_once(threads, &machine, &steps, fidelity) {
                    prop_assert_eq!(&first, &record, "{} threads", threads);
                }
            }
        }
    }

    /// A machine read anew from its description, and graphs built anew, give the same record.
    #[test]
    fn records_do_not_depend_on_where_things_lie(machine in machines::machines(), task in models::tasks()) {
        let again = Machine {
            device: memwall_hardware::Device::try_from_spec(machine.device.to_spec()).unwrap(),
            software: memwall_hardware::SoftwareProfile::try_from_spec(machine.software.to_spec()).unwrap(),
        };
        let first = run(&machine, &task.steps(&machine), Fidelity::Flow);
        let second = run(&again, &task.steps(&again), Fidelity::Flow);
        prop_assert_eq!(format!("{first:?}"), format!("{second:?}"));
    }
}

/// A scenario's report is the same text, to the byte, on one, two and eight threads.
#[test]
fn reports_do_not_depend_on_threads() {
    let text = include_str!("../../scenarios/tutorial/batch.yaml");
    let scenario = Scenario::read("batch.yaml", text, &[], &NoFiles).expect("a shipped scenario is valid");
    assert!(scenario.cases.len() > 1, "one case needs no second thread");
    let json = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads start");
        let document = pool.install(|| memwall_explore::run_scenario(&scenario)).expect("it runs");
        document.to_json().expect("numbers are finite")
    };
    let alone = json(1);
    assert!(alone.contains("\"cases\""));
    for threads in [1, 2, 8] {
        assert!(alone == json(threads), "the report differs on {threads} threads");
    }
}

fn run(machine: &Machine, steps: &[(Step, Graph)], fidelity: Fidelity) -> Record {
    runs::run_steps(machine, steps, runs::at(fidelity)).expect("it runs")
}

fn at_once(threads: usize, machine: &Machine, steps: &[(Step, Graph)], fidelity: Fidelity) -> Vec<Record> {
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(|| run(machine, steps, fidelity))).collect();
        running.into_iter().map(|thread| thread.join().expect("no run panics")).collect()
    })
}
