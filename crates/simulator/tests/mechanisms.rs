//! Mechanisms that make a CPU, and an accelerator with a single-ported cache, slower than their rooflines: each is
//! switched off and on with all else equal, and must change what it is about by what arithmetic says.

use memwall_hardware::{Device, LaunchMode, SoftwareProfile, catalog};
use memwall_model_graph::{BuildOptions, Dtype, Phase, Precision, Workload, build_step, catalog as models};
use memwall_simulator::{OperatorRecord, Options, Record, Simulation};
use memwall_units::Picos;

fn cpu() -> (Device, SoftwareProfile) {
    let device = catalog::device("xeon-gold-6242").expect("the catalog has it");
    (device, catalog::software("pytorch-cpu").expect("the catalog has it"))
}

fn encode(length: u64) -> Workload {
    Workload { phase: Phase::Encode, batch: 1, prompt: length, context: 0, tokens: 0 }
}

fn decode(context: u64) -> Workload {
    Workload { phase: Phase::Decode, batch: 1, prompt: 0, context, tokens: 1 }
}

fn run(device: &Device, software: &SoftwareProfile, model: &str, workload: Workload, dtype: Dtype) -> Record {
    let architecture = models::find(model).expect("the catalog has it");
    let options = BuildOptions {
        separate_scaling: software.separate_scaling,
        ..BuildOptions::unfused(Precision::uniform(dtype))
    };
    let mut simulation = Simulation::new(device, software, Options::default()).expect("a sound machine");
    for step in workload.steps() {
        let graph = build_step(&architecture, &step, &options).expect("the model has the step");
        simulation.step(&graph, step.phase.name(), step.tokens()).expect("it runs");
    }
    simulation.finish()
}

fn operator<'a>(record: &'a Record, label: &str) -> &'a OperatorRecord {
    record.operators.iter().find(|operator| operator.label == label).expect("the model has the operator")
}

fn dram_bytes_each(record: &Record, label: &str) -> f64 {
    let operator = operator(record, label);
    operator.dram_bytes.as_f64() / operator.count as f64
}

fn seconds_each(record: &Record, label: &str) -> f64 {
    let operator = operator(record, label);
    operator.time.as_secs_f64() / operator.count as f64
}

fn set_fetch_on_write(device: &mut Device, on: bool) {
    device.tiers.iter_mut().for_each(|tier| tier.fetch_on_write = on && tier.name == "l3");
}

/// A pass over scores far larger than the cache reads them, fetches the lines of the result and writes it: three
/// times their bytes, and two where nothing is fetched.
#[test]
fn a_pass_over_what_no_cache_holds_moves_its_bytes_three_times() {
    let (mut device, software) = cpu();
    let scores = 12.0 * 2048.0 * 2048.0 * 4.0;
    for (on, times) in [(true, 3.0), (false, 2.0)] {
        set_fetch_on_write(&mut device, on);
        let record = run(&device, &software, "bert-base", encode(2048), Dtype::Fp32);
        let moved = dram_bytes_each(&record, "attn.scale") / scores;
        // What the cache of 22 MB keeps of 201 MB is neither read again nor fetched.
        assert!(moved > times * 0.85 && moved <= times, "{on}: {moved}");
    }
}

/// Scores that fit into what earlier results left free cause no traffic to memory at all.
#[test]
fn a_result_that_finds_room_in_the_cache_is_not_fetched() {
    let (device, software) = cpu();
    let record = run(&device, &software, "bert-base", encode(128), Dtype::Fp32);
    assert_eq!(dram_bytes_each(&record, "attn.scale"), 0.0);
}

/// Packing moves no byte over DRAM that the product would not move, but the time of reading them no longer hides
/// behind the arithmetic.
#[test]
fn packing_exposes_the_reading_of_the_weights() {
    let (device, mut software) = cpu();
    let mut once = |packs| {
        software.packs_operands = packs;
        run(&device, &software, "bert-base", encode(128), Dtype::Fp32)
    };
    let (packed, plain) = (once(true), once(false));
    let (with, without) = (seconds_each(&packed, "mlp.up"), seconds_each(&plain, "mlp.up"));
    let (bytes, rate) = (768.0 * 3072.0 * 4.0, 140.8e9 * 0.82);
    assert!(with > without + 0.7 * bytes / rate, "{with:e} against {without:e}");
    assert!(with < without + 1.5 * bytes / rate, "{with:e} against {without:e}");
    let moved = [&packed, &plain].map(|record| dram_bytes_each(record, "mlp.up"));
    assert!((moved[0] / moved[1] - 1.0).abs() < 0.05, "{moved:?}");
}

/// A matrix times one vector is not packed: every weight is used once.
#[test]
fn a_vector_is_multiplied_without_packing() {
    let (device, mut software) = cpu();
    let mut time = |packs| {
        software.packs_operands = packs;
        run(&device, &software, "gpt2", decode(100), Dtype::Fp32).wall
    };
    assert_eq!(time(true), time(false));
}

/// A host that computes itself dispatches nothing while it computes: every operator pays issue and gap.
#[test]
fn a_cpu_that_is_its_own_host_hides_no_dispatch() {
    let (device, mut software) = cpu();
    let record = run(&device, &software, "bert-base", encode(512), Dtype::Fp32);
    let computing: Picos =
        record.operators.iter().fold(Picos::ZERO, |sum, operator| sum.saturating_add(operator.time));
    let operators: u64 = record.operators.iter().map(|operator| operator.count).sum();
    let each = software.issue.value.0 + software.kernel_gap.value.0;
    assert_eq!(record.wall.0, computing.0 + operators * each);
    software.launch = LaunchMode::Stream;
    let overlapped = run(&device, &software, "bert-base", encode(512), Dtype::Fp32);
    assert!(overlapped.wall < record.wall);
}

/// What is read once from DRAM through a cache with one port takes the time of both hops, 1/16 + 1/64 of a cycle
/// a byte; with a port for each, only the slower.
#[test]
fn one_port_makes_filling_and_reading_take_turns() {
    let mut device = catalog::device("gemmini-kim2023").expect("the catalog has it");
    let software = catalog::software("kim2023-gemmini").expect("the catalog has it");
    let bytes = 768.0 * 3072.0;
    for (single, cycles) in [(true, 1.0 / 16.0 + 1.0 / 64.0), (false, 1.0 / 16.0)] {
        let l2 = device.tiers.iter_mut().find(|tier| tier.name == "l2").expect("it has an L2");
        l2.single_port = single;
        let record = run(&device, &software, "gpt2", decode(0), Dtype::Int8);
        let taken = seconds_each(&record, "mlp.up") * 1e9 / (bytes * cycles);
        assert!((0.999..1.03).contains(&taken), "single port {single}: {taken}");
    }
}
