//! The mapper: from an operator and the state of the caches to a [`KernelPlan`].

mod attention;
mod engine_time;
mod matmul;
mod stream;
mod tile_search;

use memwall_model_graph::OpKind;

use crate::SimulationError;
use crate::chip::Chip;
use crate::demand::Demand;
use crate::plan::KernelPlan;

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
