//! How many training plans a second are screened on one core: GPT-3 175B on 4,096 A100s, with all that is noted of each.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use memwall_explore::plan::{CostTable, PlanSpace, Screen, screen_plans};
use memwall_scenario::{NoFiles, Scenario};

const SCENARIO: &str = "kind: plan
model: gpt3-175b
system: { extends: hgx-a100-ib, nodes: 512 }
workload: { phase: train, batch: 1536, prompt: 2048, dtype: bf16 }
plan: { tensor: [4, 8], context: 1, pipeline: [8, 16] }
";

fn screen(criterion: &mut Criterion) {
    let scenario = Scenario::read("bench.yaml", SCENARIO, &[], &NoFiles).expect("it is sound");
    let case = &scenario.plans[0];
    let space = PlanSpace::new(case).expect("something divides");
    let table = CostTable::new(case, space.shapes()).expect("it can be costed");
    let screen = Screen::new(case, &table);
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("one thread is to be had");
    let mut group = criterion.benchmark_group("plan");
    group.throughput(Throughput::Elements(space.plans()));
    group.bench_function("screen", |bencher| {
        bencher.iter(|| one.install(|| screen_plans(case, &space, &screen, None, &|_, _| {}).fitting));
    });
    group.finish();
}

criterion_group!(benches, screen);
criterion_main!(benches);
