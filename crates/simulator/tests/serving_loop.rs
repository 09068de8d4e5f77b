//! A serving loop's host time lies between steps, where nothing hides it: a step is longer by exactly that, the ledger
//! books it to launches, and one device and a team agree.

use memwall_hardware::{Figure, SoftwareProfile, catalog};
use memwall_model_graph::{
    BuildOptions, Dtype, Graph, Parallel, Precision, Step, StepPhase, build_step, catalog as models,
};
use memwall_simulator::{Cause, Fidelity, Options, Record, Simulation, Team, TeamSetup};
use memwall_units::Picos;

const STEPS: u64 = 3;
const SEQUENCES: u64 = 7;

fn software(step: u64, sequence: u64) -> SoftwareProfile {
    let mut software = catalog::software("tensorrt-llm").expect("the catalog has it");
    software.serving_step = Some(Figure::assumed(Picos(step), "a test"));
    software.serving_sequence = Some(Figure::assumed(Picos(sequence), "a test"));
    software
}

fn graph() -> Graph {
    let step = Step { phase: StepPhase::Decode, batch: SEQUENCES, q_len: 1, kv_len: 100, prompt_len: 100 };
    let options = BuildOptions::fused(Precision::uniform(Dtype::Bf16));
    build_step(&models::find("gpt2").expect("the catalog has it"), &step, &options).expect("a sound step")
}

fn options(fidelity: Fidelity) -> Options {
    Options { fidelity, sequences: SEQUENCES, ..Options::default() }
}

fn alone(software: &SoftwareProfile, fidelity: Fidelity) -> Record {
    let device = catalog::device("h100-sxm").expect("the catalog has it");
    let mut simulation = Simulation::new(&device, software, options(fidelity)).expect("a sound machine");
    for _ in 0..STEPS {
        simulation.step(&graph(), "decode", SEQUENCES).expect("it runs");
    }
    simulation.finish()
}

fn team(software: &SoftwareProfile) -> Record {
    let device = catalog::device("h100-sxm").expect("the catalog has it");
    let system = catalog::system("dgx-h100").expect("the catalog has it");
    let library = catalog::communication("nccl").expect("the catalog has it");
    let mut team = Team::new(TeamSetup {
        device: &device,
        software,
        fabric: system.fabric(),
        library: &library,
        parallel: Parallel::default(),
        slow: &[],
        options: options(Fidelity::Flow),
        plans_of: None,
    })
    .expect("a sound machine");
    for _ in 0..STEPS {
        team.step(&[&graph()], "decode", SEQUENCES).expect("it runs");
    }
    team.finish()
}

fn launches(record: &Record) -> u128 {
    let stalls = record.engines[0].stalls.iter().filter(|stall| stall.cause == Cause::Launch);
    stalls.map(|stall| stall.ps).sum()
}

#[test]
fn a_step_is_longer_by_what_the_loop_takes() {
    let without = alone(&software(0, 0), Fidelity::Flow);
    let with = alone(&software(5_000_000, 300_000), Fidelity::Flow);
    let added = STEPS * (5_000_000 + SEQUENCES * 300_000);
    // The host has issued nothing ahead when the loop ends, so a graph's own issue shows as well, but for the first.
    let issue = software(0, 0).issue.value.0 * (STEPS - 1);
    let longer = with.wall.0 - without.wall.0;
    assert!((added..=added + issue).contains(&longer), "{longer} ps more, for {added}");
    let units = u128::from(with.engines[0].units);
    assert_eq!(launches(&with) - launches(&without), units * u128::from(longer));
    for engine in &with.engines {
        let booked = engine.busy + engine.stalls.iter().map(|stall| stall.ps).sum::<u128>();
        assert_eq!(booked, u128::from(engine.units) * u128::from(with.wall.0), "{}", engine.name);
    }
}

#[test]
fn one_device_and_a_team_of_one_agree() {
    let software = software(5_000_000, 300_000);
    let (alone, team) = (alone(&software, Fidelity::Flow), team(&software));
    assert_eq!(alone.wall, team.wall);
    assert_eq!(launches(&alone), launches(&team));
    assert_eq!(alone.phases, team.phases);
}

#[test]
fn a_bound_knows_no_loop() {
    let bound = |software: &SoftwareProfile| alone(software, Fidelity::Bound).wall;
    assert_eq!(bound(&software(5_000_000, 300_000)), bound(&software(0, 0)));
}
