//! Plans made for one machine and executed on another.

use memwall_hardware::{Device, SoftwareProfile, catalog};
use memwall_model_graph::{BuildOptions, Dtype, Graph, Phase, Precision, Workload, build_step};
use memwall_simulator::{Options, Record, Simulation};
use memwall_units::Picos;

fn software() -> SoftwareProfile {
    catalog::software("tensorrt-llm").unwrap()
}

fn graph(phase: Phase, batch: u64, prompt: u64) -> Graph {
    let architecture = memwall_model_graph::catalog::find("llama-3-8b").unwrap();
    let workload = Workload { phase, batch, prompt, context: 0, tokens: 1 };
    let options = BuildOptions::fused(Precision::uniform(Dtype::Bf16));
    build_step(&architecture, &workload.steps().next().unwrap(), &options).unwrap()
}

fn run(device: &Device, held: Option<&Device>, graph: &Graph) -> Record {
    let mut simulation = Simulation::new(device, &software(), Options::default()).unwrap();
    if let Some(held) = held {
        simulation = simulation.with_plans_of(held).unwrap();
    }
    simulation.step(graph, "step", 1).unwrap();
    simulation.finish()
}

/// Plans of the same machine are its own.
#[test]
fn plans_of_itself_change_nothing() {
    for name in ["h100-sxm", "tpu-v4", "xeon-gold-6242"] {
        let device = catalog::device(name).unwrap();
        for graph in [graph(Phase::Prefill, 1, 512), graph(Phase::Decode, 8, 512)] {
            let (own, held) = (run(&device, None, &graph), run(&device, Some(&device), &graph));
            assert_eq!(own.wall, held.wall, "{name}");
            assert_eq!((own.engines, own.tiers), (held.engines, held.tiers), "{name}");
        }
    }
}

type Change = fn(&mut Device);

/// A machine that is better in one thing is never slower with the plans held fixed, operator by operator.
#[test]
fn more_of_one_thing_is_never_slower_with_the_same_plans() {
    // A power limit would make a faster machine wait: what it computes in less time it draws in less time.
    let mut base = catalog::device("h100-sxm").unwrap();
    base.power.tdp.value.0 *= 100.0;
    let better: [(&str, Change); 5] = [
        ("hbm bandwidth", |device| tier(device, "hbm").bandwidth.value.0 *= 1.1),
        ("l2 bandwidth", |device| tier(device, "l2").bandwidth.value.0 *= 1.1),
        ("shared bandwidth", |device| tier(device, "shared").bandwidth.value.0 *= 1.1),
        ("hbm latency", |device| {
            let latency = &mut tier(device, "hbm").latency.value;
            *latency = Picos(latency.0 / 10 * 9);
        }),
        ("matrix peak", |device| device.matrix.peak.values_mut().for_each(|peak| peak.value.0 *= 1.1)),
    ];
    let graphs =
        [graph(Phase::Prefill, 1, 300), graph(Phase::Decode, 1, 1024), graph(Phase::Decode, 64, 512)];
    let mut slower = Vec::new();
    for graph in &graphs {
        let before = run(&base, None, graph);
        for (what, change) in &better {
            let mut device = base.clone();
            change(&mut device);
            let after = run(&device, Some(&base), graph);
            for (old, new) in before.operators.iter().zip(&after.operators) {
                // Jumps and rounding up may each cost a part in a million.
                if new.time.0 as f64 > old.time.0 as f64 * (1.0 + 1e-5) {
                    slower.push(format!("{what}: {} {} -> {}", old.label, old.time, new.time));
                }
            }
        }
    }
    assert!(slower.is_empty(), "{slower:#?}");
}

fn tier<'a>(device: &'a mut Device, name: &str) -> &'a mut memwall_hardware::Tier {
    device.tiers.iter_mut().find(|tier| tier.name == name).unwrap()
}

#[test]
fn plans_of_a_machine_with_other_cores_are_refused() {
    let device = catalog::device("h100-sxm").unwrap();
    let other = catalog::device("a100-sxm-80gb").unwrap();
    let simulation = Simulation::new(&device, &software(), Options::default()).unwrap();
    let error = simulation.with_plans_of(&other).unwrap_err().to_string();
    assert_eq!(error, "h100-sxm: plans of a100-sxm-80gb have other cores or tiers");
}
