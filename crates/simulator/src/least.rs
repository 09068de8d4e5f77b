//! The least time of each operator of a graph: its roofline, on its own.

use memwall_hardware::{Device, SoftwareProfile};
use memwall_model_graph::{Graph, OpKind};

use crate::bound::{BoundWork, bound_work};
use crate::chip::Chip;
use crate::outcome::level_seconds;
use crate::residency::Residency;
use crate::simulation::touch_cache;
use crate::{SimulationError, demand};

/// Seconds that each operator of `graph` takes at least on `device`, in the order of the graph: the longest of its
/// rooflines, as the `bound` fidelity has it. What is sent between devices takes none.
///
/// # Errors
/// The device has no engine for an operator.
pub fn least_times(
    device: &Device,
    software: &SoftwareProfile,
    graph: &Graph,
) -> Result<Vec<f64>, SimulationError> {
    let chip = Chip::new(device, software)?;
    let mut cache = chip.last_cache().map(|level| Residency::new(chip.levels[level].capacity as u64));
    let mut times = Vec::with_capacity(graph.operators().len());
    for (id, operator) in graph.iter() {
        let mut demand = demand::cold(graph, operator, operator.label.as_ref());
        if let Some(cache) = &mut cache {
            touch_cache(cache, chip.fetch_on_write, graph, id, operator, &mut demand);
        }
        if matches!(operator.kind, OpKind::Collective(_)) {
            times.push(0.0);
            continue;
        }
        let BoundWork { primary, dtype, useful, traffic } = bound_work(&chip, &demand)?;
        let compute = useful / chip.peak(primary, dtype)?;
        let slowest = (0..chip.levels.len()).map(|level| level_seconds(&chip, &traffic, level));
        times.push(slowest.fold(compute, f64::max));
    }
    Ok(times)
}
