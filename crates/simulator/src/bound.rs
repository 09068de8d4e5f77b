//! The `bound` fidelity: an operator takes the longest of its rooflines. Closed form, monotone in every resource.

use memwall_units::Picos;

use crate::chip::{Chip, EngineKind};
use crate::demand::Demand;
use crate::energy::{Operations, runs_as};
use crate::ledger::Ledger;
use crate::lower::attention_format;
use crate::outcome::{Outcome, level_seconds};
use crate::plan::Traffic;
use crate::{Cause, SimulationError};
use memwall_model_graph::{Dtype, OpKind};

/// What bounds an operator: useful operations of one engine, and the bytes that must move.
pub(crate) struct BoundWork {
    pub primary: EngineKind,
    pub dtype: Dtype,
    pub useful: f64,
    pub traffic: Traffic,
}

/// Compulsory bytes and useful operations.
pub(crate) fn bound_work(chip: &Chip, demand: &Demand) -> Result<BoundWork, SimulationError> {
    let (primary, dtype) = match demand.kind {
        OpKind::Collective(_) => return Err(crate::lower::collective_alone(chip, demand)),
        OpKind::Attention(shape) | OpKind::AttentionGradient(shape) => {
            let compute = attention_format(chip, demand, *shape);
            (chip.contraction_engine(compute)?, compute)
        }
        OpKind::MatMul(_) | OpKind::GroupedMatMul(_) => {
            (chip.contraction_engine(demand.compute)?, demand.compute)
        }
        OpKind::Convolution(shape) if !shape.is_depthwise() => {
            (chip.contraction_engine(demand.compute)?, demand.compute)
        }
        _ if demand.compute == Dtype::Fp64 => (EngineKind::Vector, Dtype::Fp64),
        _ => (EngineKind::Vector, Dtype::Fp32),
    };
    let useful = match demand.kind {
        // The softmax between the products is another engine's.
        OpKind::Attention(shape) => shape.matmul_flops() as f64,
        OpKind::AttentionGradient(shape) => shape.gradient_flops() as f64,
        _ => demand.flops,
    };
    let mut traffic = Traffic::default();
    for level in 0..chip.dram() {
        traffic.read[level] = demand.input_bytes();
        traffic.write[level] = demand.output_bytes();
    }
    // When a cache writes results back depends on its size in no simple way: a larger one may do so at a worse moment.
    // Only what it cannot hold at all must leave it now, and that is monotone.
    let cached = chip.last_cache().map_or(0.0, |level| chip.levels[level].capacity);
    traffic.read[chip.dram()] = demand.missed_bytes();
    traffic.write[chip.dram()] = (demand.output_bytes() - cached).max(0.0);
    Ok(BoundWork { primary, dtype, useful, traffic })
}

/// The roofline of one operator: its work at datasheet peaks and bandwidths.
pub(crate) fn bound_run(chip: &Chip, demand: &Demand) -> Result<Outcome, SimulationError> {
    let BoundWork { primary, dtype, useful, traffic } = bound_work(chip, demand)?;
    let compute = useful / chip.peak(primary, dtype)?;
    let slowest = (0..chip.levels.len())
        .map(|level| (level, level_seconds(chip, &traffic, level)))
        .fold((0, 0.0), |best, next| if next.1 > best.1 { next } else { best });
    if slowest.1.is_infinite() {
        let waits_for = chip.level_name(slowest.0).to_owned();
        return Err(SimulationError::Deadlock { operator: demand.name.to_owned(), waits_for });
    }
    let duration = Picos::from_secs_f64_ceil(compute.max(slowest.1));
    let all = u128::from(chip.units) * u128::from(duration.0);
    let ledgers = EngineKind::ALL.map(|kind| {
        let mut ledger = Ledger::default();
        let busy = ((compute * 1e12 * f64::from(chip.units)) as u128).min(all);
        if kind == primary {
            ledger.busy = busy;
        } else {
            ledger.add(Cause::Dependency, None, busy);
        }
        let cause = if slowest.1 > compute { Cause::Bandwidth } else { Cause::Efficiency };
        let tier = (cause == Cause::Bandwidth).then(|| chip.levels[slowest.0].tier);
        ledger.add(cause, tier, all - busy);
        ledger
    });
    let mut counted = Operations::default();
    counted[primary as usize] = (runs_as(chip, primary, dtype), useful);
    Ok(Outcome {
        duration,
        ledgers,
        primary,
        traffic,
        feed_bytes: [0.0; 3],
        tile_bytes: 0.0,
        operations: counted,
        roofline: Picos(duration.0.saturating_sub(1)),
        events: 0,
        overhead: Picos::ZERO,
    })
}
