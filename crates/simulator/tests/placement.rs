//! Tensors kept behind the device memory: what copies cost, what prefetch hides, and that books close.

use memwall_hardware::{Device, SoftwareProfile, catalog};
use memwall_model_graph::{Dtype, Graph, OperatorSpec, Precision, SpecOp};
use memwall_simulator::{Fidelity, Options, Placement, Record, Simulation, SimulationError};

fn device() -> Device {
    catalog::device("gh200").expect("in the catalog")
}

fn software() -> SoftwareProfile {
    catalog::software("generic").expect("in the catalog")
}

/// `layers` products of `m` rows with `width` x `width` weights each, one after the other.
fn layers(layers: usize, m: u64, width: u64) -> Graph {
    let entry = |index: usize| OperatorSpec {
        name: format!("layer{index}"),
        op: SpecOp::Matmul,
        m: Some(m),
        n: Some(width),
        k: Some(width),
        inputs: if index == 0 { Vec::new() } else { vec![format!("layer{}", index - 1)] },
        ..Default::default()
    };
    let entries: Vec<OperatorSpec> = (0..layers).map(entry).collect();
    Graph::from_spec(&entries, &Precision::uniform(Dtype::Fp16)).expect("a graph")
}

fn host(prefetch: bool) -> Placement {
    let tier = device().tiers.iter().position(|tier| tier.name == "host").expect("a host tier");
    Placement { tier: tier as u32, weights: true, prefetch, ..Placement::default() }
}

fn run(graph: &Graph, placement: Option<Placement>, fidelity: Fidelity) -> Result<Record, SimulationError> {
    let options = Options { placement, fidelity, ..Options::default() };
    let mut simulation = Simulation::new(&device(), &software(), options)?;
    simulation.step(graph, "graph", 0)?;
    Ok(simulation.finish())
}

fn seconds(graph: &Graph, placement: Option<Placement>) -> f64 {
    run(graph, placement, Fidelity::Flow).expect("a record").wall.as_secs_f64()
}

/// Validates that one row is as slow as the link: bytes over its sustained bandwidth.
#[test]
fn with_little_to_compute_the_link_sets_the_pace() {
    let graph = layers(16, 1, 8192);
    let bytes = 16.0 * 8192.0 * 8192.0 * 2.0;
    let link = bytes / (450e9 * 0.85);
    let found = seconds(&graph, Some(host(true)));
    assert!((found / link - 1.0).abs() < 0.1, "{found} s, the link takes {link} s");
}

/// Validates that copies hide behind arithmetic that takes longer, and that without prefetch they do not.
#[test]
fn prefetch_hides_copies_behind_arithmetic() {
    let graph = layers(16, 16_384, 8192);
    let near = seconds(&graph, None);
    let (ahead, after) = (seconds(&graph, Some(host(true))), seconds(&graph, Some(host(false))));
    let copies = 16.0 * 8192.0 * 8192.0 * 2.0 / (450e9 * 0.85);
    assert!(ahead < near + 0.2 * copies, "{ahead} s with prefetch, {near} s without copies");
    assert!(after > near + 0.9 * copies, "{after} s without prefetch, {near} s without copies");
}

/// Validates the ledger, the tiers and the order of fidelities.
#[test]
fn books_close_and_tiers_carry_what_is_copied() {
    for prefetch in [false, true] {
        let graph = layers(6, 64, 4096);
        let bytes = 6 * 4096 * 4096 * 2;
        let record = run(&graph, Some(host(prefetch)), Fidelity::Flow).expect("a record");
        let tier = |name: &str| record.tiers.iter().find(|tier| tier.name == name).expect("a tier");
        assert_eq!(tier("host").bytes_read.0, bytes);
        assert_eq!(tier("host").peak_occupancy.0, bytes);
        assert!(tier("hbm").bytes_written.0 >= bytes && tier("hbm").bytes_read.0 >= bytes);
        let rate = device().tiers.iter().find(|tier| tier.name == "host").map(|tier| tier.bandwidth.value.0);
        assert!(bytes as f64 <= rate.unwrap_or(0.0) * record.wall.as_secs_f64());
        for engine in &record.engines {
            let stalls: u128 = engine.stalls.iter().map(|stall| stall.ps).sum();
            assert_eq!(
                engine.busy + stalls,
                u128::from(engine.units) * u128::from(record.wall.0),
                "{}",
                engine.name
            );
        }
        let bound = run(&graph, Some(host(prefetch)), Fidelity::Bound).expect("a record");
        assert!(bound.wall <= record.wall);
    }
}

/// Validates that more than the tier, and more than the buffer, is refused.
#[test]
fn what_does_not_fit_is_refused() {
    let graph = layers(2, 1, 8192);
    let small = Placement { buffer: 1000, ..host(true) };
    assert!(matches!(run(&graph, Some(small), Fidelity::Flow), Err(SimulationError::Capacity { .. })));
    let near = device().tiers.iter().position(|tier| tier.name == "hbm").expect("HBM");
    let wrong = Placement { tier: near as u32, ..host(true) };
    assert!(matches!(run(&graph, Some(wrong), Fidelity::Flow), Err(SimulationError::Machine { .. })));
}
