//! The mapper: from an operator and the state of the caches to a [`KernelPlan`].

mod attention;
mod engine_time;
mod matmul;
mod stream;
mod tile_cost;
mod tile_search;
mod tile_traffic;

pub(crate) use attention::format as attention_format;
use memwall_model_graph::OpKind;
use memwall_units::Picos;

use crate::SimulationError;
use crate::chip::Chip;
use crate::demand::Demand;
use crate::plan::KernelPlan;

/// What a library's call of an operator takes besides its main kernel.
pub(crate) fn call_overhead(chip: &Chip, demand: &Demand, plan: &KernelPlan) -> Picos {
    match demand.kind {
        OpKind::Attention(shape) | OpKind::AttentionGradient(shape) => {
            attention::call_overhead(chip, demand, *shape, plan.choice)
        }
        OpKind::Route { .. } => chip.software.experts.overhead.value,
        OpKind::Permute { elements } => {
            let each = u128::from(chip.software.experts.sum_time.value.0);
            Picos(u64::try_from(u128::from(*elements) * each / 1024).unwrap_or(u64::MAX))
        }
        _ => Picos::ZERO,
    }
}

/// The machine for which tiles and waves are chosen, and the operator as it would find it there, where that is not the
/// machine that executes them: plans held fixed while the machine changes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Planner<'a> {
    pub chip: &'a Chip,
    pub demand: &'a Demand<'a>,
}

/// Chooses tiles and waves for one operator; `held` for another machine.
///
/// # Errors
/// No engine computes in the format, or no tile fits.
pub(crate) fn lower(
    chip: &Chip,
    demand: &Demand,
    held: Option<Planner<'_>>,
) -> Result<KernelPlan, SimulationError> {
    match demand.kind {
        OpKind::MatMul(shape) => matmul::lower_matmul(chip, demand, *shape, held),
        OpKind::GroupedMatMul(shape) => matmul::lower_grouped(chip, demand, shape, held),
        OpKind::Attention(shape) | OpKind::AttentionGradient(shape) => {
            attention::lower(chip, demand, *shape, held)
        }
        // An implicit product: windows are read where the image lies. One that mixes no channels streams.
        OpKind::Convolution(shape) if !shape.is_depthwise() => {
            matmul::lower_matmul(chip, demand, shape.product(), held)
        }
        OpKind::Collective(_) => Err(collective_alone(chip, demand)),
        _ => stream::lower(chip, demand, held),
    }
}

/// The error for a collective where one device is simulated by itself.
pub(crate) fn collective_alone(chip: &Chip, demand: &Demand) -> SimulationError {
    let reason = format!("it runs alone, and operator {} needs other devices", demand.name);
    SimulationError::Machine { device: chip.device.name.clone(), reason }
}
