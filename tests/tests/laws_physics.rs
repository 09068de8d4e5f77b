//! Physics: nothing beats its roofline, no link carries more than bandwidth x time, no tier holds more than it can,
//! and what was never in a cache comes from memory. The engine asserts the same from the inside (that tiles fit, that
//! caches balance), and these tests run with its assertions on.

use std::collections::BTreeMap;

use memwall_hardware::{Duplex, Scope, Tier, TierKind};
use memwall_model_graph::{Graph, OpKind, Operator, TensorRole};
use memwall_simulator::{Fidelity, Record, TierRecord};
use memwall_tests::machines::Machine;
use memwall_tests::{cases, dags, machines, models, runs};
use proptest::prelude::*;

/// A jump over repetitions may be off by 1 ppm.
const ROUNDING: f64 = 1e-6;

proptest! {
    #![proptest_config(cases(40))]

    /// Whole models on any machine.
    #[test]
    fn models_obey_physics(machine in machines::machines(), task in models::tasks()) {
        let steps = task.steps(&machine);
        let graphs: Vec<&Graph> = steps.iter().map(|(_, graph)| graph).collect();
        for fidelity in [Fidelity::Bound, Fidelity::Flow] {
            let record = runs::run_steps(&machine, &steps, runs::at(fidelity)).unwrap();
            obeys_physics(&machine, &graphs, &record)?;
        }
    }
}

proptest! {
    #![proptest_config(cases(150))]

    /// Random operator graphs on any machine.
    #[test]
    fn random_graphs_obey_physics(machine in machines::machines(), dag in dags::dags()) {
        let graph = dag.graph(&machine);
        for fidelity in [Fidelity::Bound, Fidelity::Flow] {
            let record = runs::run_graph(&machine, &graph, runs::at(fidelity)).unwrap();
            obeys_physics(&machine, &[&graph], &record)?;
        }
    }

    /// One operator on cold caches fetches all that it reads from memory.
    #[test]
    fn one_operator_fetches_what_it_reads(machine in machines::machines(), dag in dags::single()) {
        let graph = dag.graph(&machine);
        let reads = first_reads(&[&graph]);
        prop_assert!(reads > 0);
        for fidelity in [Fidelity::Bound, Fidelity::Flow] {
            let record = runs::run_graph(&machine, &graph, runs::at(fidelity)).unwrap();
            let fetched = record.operators[0].dram_bytes.0;
            prop_assert!(fetched + 1 >= reads, "{fetched} of {reads} bytes at {fidelity:?}");
        }
    }
}

fn obeys_physics(machine: &Machine, graphs: &[&Graph], record: &Record) -> Result<(), TestCaseError> {
    let wall = record.wall.as_secs_f64() * (1.0 + ROUNDING);
    for tier in &record.tiers {
        let device_tier = machine.device.tiers.iter().find(|known| known.name == tier.name).unwrap();
        let needed = link_seconds(machine, device_tier, tier);
        // Records hold whole bytes.
        let byte = 2.0 / device_tier.bandwidth.value.0;
        prop_assert!(
            needed <= wall + byte,
            "{} moved {} and {} bytes in {}: {needed} s",
            tier.name,
            tier.bytes_read.0,
            tier.bytes_written.0,
            record.wall
        );
        prop_assert!((0.0..=1.0).contains(&tier.bandwidth_utilization));
        let share = (needed / record.wall.as_secs_f64()).min(1.0);
        prop_assert!(
            (tier.bandwidth_utilization - share).abs() < 1e-6,
            "{} said to be {} busy, is {share}",
            tier.name,
            tier.bandwidth_utilization
        );
        prop_assert!(tier.peak_occupancy <= tier.capacity, "{}", tier.name);
    }
    let dram = machine.device.tiers.iter().find(|tier| tier.kind == TierKind::Dram).unwrap();
    let fastest = fastest_seconds(dram);
    let arithmetic = contraction_seconds(machine, graphs);
    for operator in &record.operators {
        let time = operator.time.as_secs_f64() * (1.0 + ROUNDING);
        let memory = (operator.dram_bytes.as_f64() - 1.0) * fastest;
        prop_assert!(memory <= time, "{} beats memory: {memory} > {time} s", &operator.label);
        let compute = arithmetic.get(operator.label.as_str()).copied().unwrap_or(0.0);
        prop_assert!(compute <= time, "{} beats its engine: {compute} > {time} s", &operator.label);
        prop_assert!(operator.roofline <= operator.time, "{} beats its roofline", &operator.label);
    }
    let fetched: u64 = record.operators.iter().map(|operator| operator.dram_bytes.0).sum();
    let reads = first_reads(graphs);
    let rounding = record.operators.len() as u64;
    prop_assert!(fetched + rounding >= reads, "{fetched} bytes crossed memory, {reads} were never written");
    Ok(())
}

/// Seconds a tier's link needs for what it moved, at the datasheet's rates.
fn link_seconds(machine: &Machine, tier: &Tier, moved: &TierRecord) -> f64 {
    let rate = tier.bandwidth.value.0;
    let write_rate = tier.write_bandwidth.as_ref().map_or(rate, |figure| figure.value.0);
    let (read, written) = (moved.bytes_read.as_f64() / rate, moved.bytes_written.as_f64() / write_rate);
    match (tier.scope, tier.duplex) {
        // What fills a core's own memory has a port of its own.
        (Scope::PerCore, _) => read / f64::from(machine.device.cores.value),
        (Scope::Shared(_), Duplex::Half) => read + written,
        (Scope::Shared(_), Duplex::Full) => read.max(written),
    }
}

/// Seconds a byte takes at least, in whichever direction is faster, both at once where they do not share a bus.
fn fastest_seconds(tier: &Tier) -> f64 {
    let rate = tier.bandwidth.value.0;
    let write_rate = tier.write_bandwidth.as_ref().map_or(rate, |figure| figure.value.0);
    match tier.duplex {
        Duplex::Half => 1.0 / rate.max(write_rate),
        Duplex::Full => 1.0 / (rate + write_rate),
    }
}

/// Seconds the products of each label take at the peak of the engine that can do them.
fn contraction_seconds<'a>(machine: &Machine, graphs: &[&'a Graph]) -> BTreeMap<&'a str, f64> {
    let mut seconds = BTreeMap::new();
    for operator in graphs.iter().flat_map(|graph| graph.operators()) {
        let peak =
            machine.device.matmul_peak(operator.compute.name()).map_or(f64::INFINITY, |peak| peak.rate.0);
        *seconds.entry(operator.label.as_ref()).or_insert(0.0) += products(operator) / peak;
    }
    seconds
}

fn products(operator: &Operator) -> f64 {
    let flops = match &operator.kind {
        OpKind::MatMul(shape) => shape.flops(),
        OpKind::GroupedMatMul(shape) => shape.flops(),
        OpKind::Attention(shape) => shape.matmul_flops(),
        _ => 0,
    };
    flops as f64
}

/// Bytes of what is read and no operator wrote, each tensor once: no cache can have held them.
fn first_reads(graphs: &[&Graph]) -> u64 {
    let mut reads = BTreeMap::new();
    for graph in graphs {
        for operand in graph.operators().iter().flat_map(|operator| &operator.inputs) {
            let tensor = graph.tensor(operand.tensor);
            let given = graph.producer(operand.tensor).is_none() && tensor.role != TensorRole::KvCache;
            if given {
                let most = reads.entry(tensor.key).or_insert(0_u64);
                *most = (*most).max(tensor.dtype.bytes_for(operand.elements));
            }
        }
    }
    reads.values().sum()
}
