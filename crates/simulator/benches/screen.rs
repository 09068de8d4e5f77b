//! How many designs a second screening times on one core: a decode step of Llama 3 8B on H100s of other figures.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use memwall_hardware::{DeviceParameter, catalog};
use memwall_model_graph::{BuildOptions, Dtype, Precision, Step, StepPhase, build_step, catalog as models};
use memwall_simulator::Screen;

/// Designs in one timed iteration.
const DESIGNS: u64 = 10_000;

fn screen(criterion: &mut Criterion) {
    let mut device = catalog::device("h100-sxm").expect("the catalog has it");
    let software = catalog::software("tensorrt-llm").expect("the catalog has it");
    let model = models::find("llama-3-8b").expect("the catalog has it");
    let step = Step { phase: StepPhase::Decode, batch: 16, q_len: 1, kv_len: 1024, prompt_len: 1024 };
    let options = BuildOptions::fused(Precision::uniform(Dtype::Bf16));
    let graph = build_step(&model, &step, &options).expect("a sound step");
    let mut screen = Screen::new(&device, &software, vec![graph]).expect("it runs");
    let paths = ["memory.hbm.bandwidth", "memory.l2.capacity", "memory.l2.bandwidth", "matrix.peak.bf16"];
    let parameters = paths.map(|path| {
        let parameter = DeviceParameter::find(&device, path).expect("an H100 has it");
        let value = parameter.get(&device);
        (parameter, value)
    });
    let mut group = criterion.benchmark_group("screen");
    group.throughput(Throughput::Elements(DESIGNS));
    group.bench_function("four figures of 10 values each", |bencher| {
        bencher.iter(|| {
            let mut fastest = u64::MAX;
            for design in 0..DESIGNS {
                let mut rest = design;
                for (parameter, value) in &parameters {
                    parameter.set(&mut device, value * (0.5 + 0.25 * (rest % 10) as f64));
                    rest /= 10;
                }
                if let Some(screened) = screen.time(&device) {
                    fastest = fastest.min(screened.time.0);
                }
            }
            fastest
        });
    });
    group.finish();
}

criterion_group!(benches, screen);
criterion_main!(benches);
