//! The mapper: from an operator and the state of the caches to a [`KernelPlan`].

mod attention;
mod engine_time;
mod matmul;
mod stream;
mod tile_search;

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
        OpKind::Attention(shape) => attention::call_overhead(chip, demand, *shape, plan.choice),
        _ => Picos::ZERO,
    }
}

/// Chooses tiles and waves for one operator.
///
/// # Errors
/// No engine computes in the format, or no tile fits.
pub(crate) fn lower(chip: &Chip, demand: &Demand) -> Result<KernelPlan, SimulationError> {
    match demand.kind {
        OpKind::MatMul(shape) => matmul::lower_matmul(chip, demand, *shape),
        OpKind::GroupedMatMul(shape) => matmul::lower_grouped(chip, demand, shape),
        OpKind::Attention(shape) => attention::lower(chip, demand, *shape),
        _ => stream::lower(chip, demand),
    }
}
