//! Whether a training run fits in device memory, and if not, the smallest change after which it does.

use memwall_model_graph::Parallel;
use memwall_scenario::{Case, Subject, TrainingPlan};
use memwall_simulator::memory_timeline::{Divided, MemoryChange, MemoryVerdict};
use memwall_simulator::{Record, SimulationError, training_memory};
use memwall_units::Bytes;

/// Says what would do where the run of `case` needs more memory than its device has.
///
/// # Errors
/// [`SimulationError::Capacity`].
pub(crate) fn check(case: &Case, plan: &TrainingPlan, record: &Record) -> Result<(), SimulationError> {
    let memory = record.training.as_ref().and_then(|training| training.memory.as_ref());
    let Some(memory) = memory else { return Ok(()) };
    let peak = memory.timeline.peak();
    let capacity = memory.timeline.capacity;
    if peak.bytes <= capacity {
        return Ok(());
    }
    let changes = changes(case, plan);
    let verdict = MemoryVerdict::of(peak.bytes, capacity, changes);
    let mut detail: Vec<String> =
        peak.alive.iter().map(|(item, bytes)| format!("{} {}", item.name(), Bytes(*bytes))).collect();
    detail.push(would_do(&verdict));
    Err(SimulationError::Capacity {
        tier: case.device.memory().map_or_else(String::new, |tier| tier.name.clone()),
        needed: Bytes(peak.bytes),
        capacity: Bytes(capacity),
        detail: detail.join(", "),
    })
}

/// The end of the message: what would do.
fn would_do(verdict: &MemoryVerdict) -> String {
    match verdict {
        MemoryVerdict::FitsAfter { change, then, .. } => {
            format!("with {change} it would need {} and fit", Bytes(*then))
        }
        MemoryVerdict::TooMuch { closest: Some((change, then)), .. } => {
            format!("nothing tried fits; closest is {change}, with {}", Bytes(*then))
        }
        other => other.to_string(),
    }
}

/// What could be changed, least costly first, and the bytes needed then; each is looked at when it is asked for.
fn changes<'a>(case: &'a Case, plan: &'a TrainingPlan) -> impl Iterator<Item = (String, u64)> + 'a {
    let parallel = case.parallel();
    let (layers, batch) = match &case.subject {
        Subject::Model { architecture, workload, .. } => (architecture.layers, workload.batch),
        _ => (1, 1),
    };
    let of_rank = batch.div_ceil(u64::from(parallel.data.max(1)));
    let micro_batch = of_rank.div_ceil(u64::from(parallel.micro_batches.max(1)));
    let now = Divided {
        recompute: plan.training.recompute,
        zero: plan.training.zero,
        micro_batch: u32::try_from(micro_batch).unwrap_or(u32::MAX),
        stages: parallel.pipeline,
        layers: u32::try_from(layers).unwrap_or(u32::MAX),
        data: parallel.data,
    };
    MemoryChange::up_to_two(now).into_iter().filter_map(move |steps| {
        let words: Vec<String> = steps.iter().map(|step| step.words()).collect();
        let then = steps.iter().fold(now, |now, step| step.apply(now));
        needed(case, plan, then, of_rank).map(|bytes| (words.join(" and "), bytes))
    })
}

/// Bytes needed when divided so.
fn needed(case: &Case, plan: &TrainingPlan, then: Divided, of_rank: u64) -> Option<u64> {
    let mut changed = case.clone();
    let mut training = plan.clone();
    training.training.recompute = then.recompute;
    training.training.zero = then.zero;
    training.micro_batch = None;
    let micro_batches = u32::try_from(of_rank / u64::from(then.micro_batch.max(1))).ok()?.max(1);
    let parallel = Parallel { micro_batches, pipeline: then.stages, ..case.parallel() };
    changed.training = Some(training);
    let model = changed.training_model_as(&parallel)?.ok()?;
    training_memory(&model, &parallel, &case.software).ok()
}
