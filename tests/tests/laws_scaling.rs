//! Scaling: what more layers, sequences and context must do to time, operations and bytes.

use memwall_hardware::TierKind;
use memwall_model_graph::{
    Architecture, BuildOptions, Dtype, Graph, Phase, Precision, Step, Workload, build_step,
};
use memwall_simulator::{Fidelity, Record};
use memwall_tests::machines::{Machine, PARTS};
use memwall_tests::models::Task;
use memwall_tests::{cases, machines, models, runs};
use memwall_units::Bytes;
use proptest::prelude::*;

/// Of what two more layers take, the share by which the next two may differ: caches hold a little more or less of
/// what came before.
const LAYER_SHARE: f64 = 0.05;
/// By how much a token may be faster with a longer context on real parts: key blocks come in whole numbers, so do
/// waves, and a longer context may be split over more cores.
const SAW_TOOTH: f64 = 0.02;
/// The same on random machines, some of them with many more cores than bandwidth for them.
const WILD_SAW_TOOTH: f64 = 0.4;

proptest! {
    #![proptest_config(cases(40))]

    /// Beyond the first layers, every two layers add the same time.
    #[test]
    fn each_further_layer_adds_the_same_time(machine in machines::machines(), task in models::tasks()) {
        let step = one_step(&task);
        let time = |layers| {
            let architecture = Architecture { layers, ..step.architecture.clone() };
            run(&machine, &Task { architecture, ..step.clone() }, Fidelity::Flow).wall.0 as f64
        };
        // Windows and mixtures alternate by layer, so layers come in pairs.
        let (four, six, eight) = (time(4), time(6), time(8));
        let (second, third) = (six - four, eight - six);
        prop_assert!(second > 0.0 && third > 0.0);
        prop_assert!((second - third).abs() <= LAYER_SHARE * second, "{second} ps, then {third} ps");
    }

    /// Twice the sequences are never fewer operations, bytes accessed or bytes that must cross memory, nor less
    /// time by bound.
    #[test]
    fn twice_the_batch_is_never_less_work(machine in machines::machines(), task in models::tasks()) {
        let step = one_step(&task);
        let workload = Workload { batch: 2 * step.workload.batch, ..step.workload };
        let single = run(&machine, &step, Fidelity::Bound);
        let double = run(&machine, &Task { workload, ..step }, Fidelity::Bound);
        for (one, two) in single.operators.iter().zip(&double.operators) {
            prop_assert_eq!(&one.label, &two.label);
            prop_assert!(two.flops >= one.flops, "{}", &one.label);
            prop_assert!(two.mops >= one.mops, "{}", &one.label);
        }
        let bytes = |record: &Record| record.operators.iter().map(|operator| operator.dram_bytes.0).sum::<u64>();
        prop_assert!(bytes(&double) + double.operators.len() as u64 >= bytes(&single));
        prop_assert!(double.wall >= single.wall);
    }

    /// A longer context never makes a token cheaper by bound, and by flow only by the saw-tooth of whole blocks.
    #[test]
    fn a_longer_context_never_makes_a_token_cheaper(
        machine in machines::machines(),
        task in models::tasks(),
        factor in 1.0_f64..4.0,
    ) {
        prop_assume!(task.architecture.kind == memwall_model_graph::ModelKind::Decoder);
        let at = |context| Task {
            workload: Workload { phase: Phase::Decode, prompt: 0, context, tokens: 1, ..task.workload },
            ..task.clone()
        };
        let short = task.workload.context;
        let long = (short as f64 * factor) as u64;
        for (fidelity, slack) in [(Fidelity::Bound, 0.0), (Fidelity::Flow, WILD_SAW_TOOTH)] {
            let before = run(&machine, &at(short), fidelity).wall.0 as f64;
            let after = run(&machine, &at(long), fidelity).wall.0 as f64;
            prop_assert!(after >= before * (1.0 - slack), "{short} -> {long}: {before} -> {after} ps");
        }
    }
}

/// The same on the parts of the catalog, with a few layers of a published model, over contexts from 1 to 8 Ki.
#[test]
fn a_longer_context_makes_a_token_dearer_on_real_parts() {
    for part in PARTS.into_iter().filter(|part| *part != "gemmini-kim2023") {
        let machine = Machine::of(part, "generic");
        let mut model = memwall_model_graph::catalog::find("llama-3-8b").expect("the catalog has it");
        model.layers = 4;
        let options = BuildOptions::fused(Precision::uniform(Dtype::Bf16));
        let mut before = 0.0;
        let mut context = 1;
        while context <= 8192 {
            let workload = Workload { phase: Phase::Decode, batch: 1, prompt: 0, context, tokens: 1 };
            let build = |step: Step| (step, build_step(&model, &step, &options).expect("it decodes"));
            let steps: Vec<(Step, Graph)> = workload.steps().map(build).collect();
            let options = runs::at(Fidelity::Flow);
            let after = runs::run_steps(&machine, &steps, options).expect("it fits").wall.0 as f64;
            assert!(after >= before * (1.0 - SAW_TOOTH), "{part} at {context}: {before} -> {after} ps");
            before = after;
            context += (context / 3).max(1);
        }
        assert!(before > 0.0);
    }
}

/// Effort does not grow with layers: identical layers turn out identical and are simulated once. Counted in events,
/// never on a clock.
#[test]
fn further_layers_cost_no_events() {
    for part in PARTS.into_iter().filter(|part| *part != "gemmini-kim2023") {
        let mut machine = Machine::of(part, "generic");
        machine.tier_of(TierKind::Dram).capacity.value = Bytes(1_000_000_000_000);
        let events = |layers| {
            let mut model = memwall_model_graph::catalog::find("llama-3-8b").expect("the catalog has it");
            model.layers = layers;
            let options = BuildOptions::fused(Precision::uniform(Dtype::Bf16));
            let workload = Workload { phase: Phase::Decode, batch: 8, prompt: 0, context: 1000, tokens: 1 };
            let build = |step: Step| (step, build_step(&model, &step, &options).expect("it decodes"));
            let steps: Vec<(Step, Graph)> = workload.steps().map(build).collect();
            runs::run_steps(&machine, &steps, runs::at(Fidelity::Flow)).expect("it fits").events
        };
        let (few, many) = (events(4), events(64));
        assert!(few > 0 && many <= 2 * few, "{part}: {few} events for 4 layers, {many} for 64");
    }
}

fn run(machine: &Machine, task: &Task, fidelity: Fidelity) -> Record {
    runs::run_steps(machine, &task.steps(machine), runs::at(fidelity)).expect("it runs")
}

/// The task with one step only.
fn one_step(task: &Task) -> Task {
    let mut workload = task.workload;
    match workload.phase {
        Phase::Generate => workload = Workload { phase: Phase::Prefill, tokens: 0, ..workload },
        Phase::Decode => workload.tokens = 1,
        Phase::Encode | Phase::Prefill | Phase::Train => {}
    }
    Task { workload, ..task.clone() }
}
