//! The latencies of Fig. 3 d and of the Gemmini-like accelerator against the published ones, within the targets set
//! for them. Parameters are the machines' and the software's own: none is per point.

use memwall_hardware::catalog;
use memwall_model_graph::{BuildOptions, Dtype, Phase, Precision, Workload, build_step, catalog as models};
use memwall_simulator::{Options, Record, Simulation};

const LENGTHS: [u64; 6] = [128, 256, 512, 1024, 2048, 4096];
const MODELS: [&str; 3] = ["bert-base", "bert-large", "gpt2"];
/// Kim et al. 2023 (arXiv:2302.14017), Fig. 9: measured on a Xeon Gold 6242, over BERT-Base at 128, rounded.
const MEASURED: [[f64; 6]; 3] = [
    [1.0, 2.0, 3.0, 9.0, 25.0, 84.0],
    [3.0, 6.0, 10.0, 26.0, 72.0, 218.0],
    [45.0, 93.0, 201.0, 427.0, 965.0, 2344.0],
];
/// The same, Fig. 32: of their analytical model of a Gemmini-like accelerator.
const MODELLED: [[f64; 6]; 3] = [
    [1.0, 2.0, 5.0, 11.0, 28.0, 80.0],
    [3.0, 7.0, 14.0, 33.0, 82.0, 229.0],
    [18.0, 37.0, 75.0, 159.0, 352.0, 840.0],
];
/// Percent of BERT-Base's time in attention between the projections, softmax apart; read off Fig. 7 (+-0.3 points).
const ACT_ACT_PERCENT: [f64; 6] = [10.7, 14.3, 21.4, 46.2, 56.4, 65.2];

fn run(device: &str, software: &str, model: &str, length: u64, dtype: Dtype) -> Record {
    let device = catalog::device(device).expect("the catalog has it");
    let software = catalog::software(software).expect("the catalog has it");
    let architecture = models::find(model).expect("the catalog has it");
    let options = BuildOptions {
        separate_scaling: software.separate_scaling,
        ..BuildOptions::unfused(Precision::uniform(dtype))
    };
    let (phase, prompt, tokens) =
        if model == "gpt2" { (Phase::Decode, 0, length) } else { (Phase::Encode, length, 0) };
    let workload = Workload { phase, batch: 1, prompt, context: 0, tokens };
    let mut simulation = Simulation::new(&device, &software, Options::default()).expect("a sound machine");
    for step in workload.steps() {
        let graph = build_step(&architecture, &step, &options).expect("the model has the step");
        simulation.step(&graph, step.phase.name(), step.tokens()).expect("it runs");
    }
    simulation.finish()
}

/// Published and simulated latencies over BERT-Base at 128.
fn points(device: &str, software: &str, dtype: Dtype, published: &[[f64; 6]; 3]) -> Vec<(f64, f64)> {
    let seconds = |model, length| run(device, software, model, length, dtype).wall.as_secs_f64();
    let base = seconds("bert-base", 128);
    let mut points = Vec::new();
    for (model, row) in MODELS.into_iter().zip(published) {
        for (length, value) in LENGTHS.into_iter().zip(row) {
            points.push((*value, seconds(model, length) / base));
        }
    }
    points
}

/// Kendall's tau, ties ignored.
fn kendall_tau(points: &[(f64, f64)]) -> f64 {
    let (mut agree, mut all) = (0.0, 0.0);
    for (index, a) in points.iter().enumerate() {
        for b in points.iter().take(index).filter(|b| b.0 != a.0) {
            agree += if (a.0 - b.0) * (a.1 - b.1) > 0.0 { 1.0 } else { -1.0 };
            all += 1.0;
        }
    }
    agree / all
}

/// Validates 17 latencies measured on the CPU: order and mean error, 0 inside the printed rounding.
#[test]
fn latencies_of_the_cpu_follow_the_measured_ones() {
    let points = points("xeon-gold-6242", "pytorch-cpu", Dtype::Fp32, &MEASURED);
    let error = |(published, ours): &(f64, f64)| {
        if (published - ours).abs() <= 0.5 { 0.0 } else { libm::log(ours / published).abs() }
    };
    let mean = points.iter().skip(1).map(error).sum::<f64>() / 17.0;
    assert!(mean <= 0.20, "{mean} {points:?}");
    assert!(kendall_tau(&points) >= 0.95, "{points:?}");
}

/// Validates 18 latencies of the published analytical model.
#[test]
fn latencies_of_the_gemmini_like_accelerator_follow_the_published_ones() {
    let points = points("gemmini-kim2023", "kim2023-gemmini", Dtype::Int8, &MODELLED);
    let mean = points.iter().map(|(published, ours)| (ours / published - 1.0).abs()).sum::<f64>() / 18.0;
    assert!(mean <= 0.15, "{mean} {points:?}");
    assert!(kendall_tau(&points) >= 0.95, "{points:?}");
}

/// Validates that time is where it was measured: attention grows from a tenth of BERT-Base's to most of it.
/// Dispatch is booked to the operator dispatched, as a profiler sees it.
#[test]
fn attentions_share_on_the_cpu_follows_the_measured_one() {
    for (length, published) in LENGTHS.into_iter().zip(ACT_ACT_PERCENT) {
        let record = run("xeon-gold-6242", "pytorch-cpu", "bert-base", length, Dtype::Fp32);
        let computing: f64 = record.operators.iter().map(|operator| operator.time.as_secs_f64()).sum();
        let count: u64 = record.operators.iter().map(|operator| operator.count).sum();
        let dispatch = (record.wall.as_secs_f64() - computing) / count as f64;
        let attention: f64 = record
            .operators
            .iter()
            .filter(|operator| operator.class == "act_act")
            .map(|operator| operator.time.as_secs_f64() + dispatch * operator.count as f64)
            .sum();
        let ours = 100.0 * attention / record.wall.as_secs_f64();
        assert!((ours - published).abs() <= 12.0, "{length}: {ours} against {published}");
    }
}
