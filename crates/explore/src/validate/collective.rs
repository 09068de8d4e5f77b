//! Predicting a collective.

use memwall_hardware::catalog;
use memwall_simulator::{Call, CollectiveOutcome, Communicator};

use super::predict::{Machine, Prediction, Refusal};
use super::roofline::Roofline;
use super::row::{Row, Shape};

/// A system of so many nodes, and the library that measured rows used.
pub(crate) fn machine(system: &str, nodes: u64) -> Result<Machine, Refusal> {
    let refuse = |error: &dyn std::fmt::Display| Refusal(error.to_string());
    let system = catalog::system(system).map_err(|error| refuse(&error))?;
    let nodes = u32::try_from(nodes).map_err(|error| refuse(&error))?;
    let refuse_all = |errors: Vec<memwall_hardware::HardwareError>| {
        let reasons: Vec<String> = errors.iter().map(ToString::to_string).collect();
        Refusal(format!("{nodes} nodes of {}: {}", system.name, reasons.join("; ")))
    };
    let system = if nodes > 1 { system.with_nodes(nodes).map_err(refuse_all)? } else { system };
    let library = catalog::communication("nccl").map_err(|error| refuse(&error))?;
    Ok(Machine { system, library })
}

/// Predicts a collective's row; the ranks are the first devices of each node.
pub(crate) fn predict(machine: &Machine, row: &Row) -> Result<Prediction, Refusal> {
    let Shape::Collective { kind, ranks, nodes, bytes, .. } = row.shape else {
        return Err(Refusal("it is no collective".to_owned()));
    };
    let refuse = |error: &dyn std::fmt::Display| Refusal(error.to_string());
    let ranks = u32::try_from(ranks).map_err(|error| refuse(&error))?;
    let nodes = u32::try_from(nodes).map_err(|error| refuse(&error))?.max(1);
    let fabric = machine.system.fabric();
    let width = fabric.levels().first().map_or(1, |level| level.devices);
    let each = ranks / nodes;
    if each > width {
        return Err(Refusal(format!("{each} ranks on a node of {width} devices")));
    }
    let group = (0..nodes).flat_map(|node| (0..each).map(move |rank| node * width + rank)).collect();
    let call = Call::new(kind, bytes, group);
    let outcome = Communicator::new(fabric, &machine.library).run(&call).map_err(|error| refuse(&error))?;
    Ok(Prediction {
        seconds: outcome.time.as_secs_f64(),
        bound_by: bound_by(&outcome),
        roofline: roofline(machine, &call, ranks),
        // Vidur's rows are whole microseconds.
        resolution: if row.source.contains("1 us resolution") { 1e-6 } else { 0.0 },
    })
}

fn bound_by(outcome: &CollectiveOutcome) -> String {
    let way = format!("{}, {}", outcome.algorithm.name(), outcome.protocol.name());
    if 2 * outcome.latency.0 > outcome.time.0 { format!("latency ({way})") } else { way }
}

/// The buffer once at the bandwidth of the slowest level it must cross.
fn roofline(machine: &Machine, call: &Call, ranks: u32) -> Roofline {
    let fabric = machine.system.fabric();
    let first = call.group.first().copied().unwrap_or_default();
    let crossed = call.group.iter().map(|&device| fabric.joining_level(first, device)).max();
    let levels = fabric.levels().get(..=crossed.unwrap_or_default()).unwrap_or_default();
    let slowest = levels.iter().map(|level| level.bandwidth.value.0).fold(f64::INFINITY, f64::min);
    // Nothing is sent where there is one rank only.
    let bytes = call.bytes as f64 * f64::from(ranks.saturating_sub(1)) / f64::from(ranks.max(1));
    Roofline { compute: 0.0, memory: bytes / slowest, bytes }
}
