//! What a training run keeps in device memory, stage by stage.

use memwall_hardware::SoftwareProfile;
use memwall_model_graph::{Parallel, TrainingGraph, TrainingModel, TrainingStage, ZeroStage};

use crate::Placement;
use crate::memory_timeline::{MemoryItem, MemoryTimeline, PartMemory, StageMemory};
use crate::pipeline::{Detail, PartWork, PipelineOrder, PipelineRecord, PipelineWork, run};
use crate::record::TrainingMemory;
use memwall_units::Picos;

/// What decides how much is kept, beside the model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MemorySetup<'a> {
    pub parallel: &'a Parallel,
    pub software: &'a SoftwareProfile,
    /// What is kept behind device memory.
    pub placement: Option<Placement>,
    /// Device memory of copies to and from there.
    pub buffers: u64,
}

/// Memory of the fullest stage while the pipeline ran as `record` says.
pub(crate) fn fullest(
    model: &TrainingModel,
    setup: &MemorySetup<'_>,
    record: &PipelineRecord,
    capacity: u64,
) -> Option<TrainingMemory> {
    let stages: Vec<StageMemory> =
        model.stages.iter().map(|stage| stage_memory(model, stage, setup)).collect();
    let elsewhere = setup.placement.is_some_and(|placement| placement.activations);
    let most = |index: usize| {
        let held = record.stages.get(index).filter(|_| !elsewhere).map_or(0, |stage| stage.peak_held);
        needed(&stages[index], held)
    };
    let stage = (0..stages.len()).max_by_key(|index| (most(*index), std::cmp::Reverse(*index)))?;
    let memory = &stages[stage];
    let has_intervals = record.stages.get(stage).is_some_and(|stage| !stage.intervals.is_empty());
    let timeline = if has_intervals {
        MemoryTimeline::of_stage(record, stage as u32, memory, capacity)
    } else {
        let held = record.stages.get(stage).filter(|_| !elsewhere).map_or(0, |stage| stage.peak_held);
        steady(memory, held, record.wall, capacity)
    };
    Some(TrainingMemory { stage: stage as u32, timeline })
}

/// Bytes of the fullest stage, without running the model: of a pipeline whose passes all take the same time.
///
/// # Errors
/// The schedule does not go with the numbers of stages and micro-batches.
pub fn training_memory(
    model: &TrainingModel,
    parallel: &Parallel,
    software: &SoftwareProfile,
) -> Result<u64, crate::SimulationError> {
    let refuse = |error: &dyn std::fmt::Display| crate::SimulationError::Schedule(error.to_string());
    let schedule = model.training.schedule;
    let order = PipelineOrder::of(schedule, model.stages.len() as u32, parallel.micro_batches.max(1))
        .map_err(|error| refuse(&error))?;
    let split = schedule.kind.splits_backward();
    let work = |part: &memwall_model_graph::TrainingPart| {
        let memory = PartMemory::of(&part.graph, split);
        PartWork {
            forward: Picos(1),
            backward: Picos(2),
            backward_input: Picos(1),
            backward_weight: Picos(1),
            activations: memory.activations,
            kept_for_weights: memory.kept_for_weights,
            ..PartWork::default()
        }
    };
    let parts = model.stages.iter().flat_map(|stage| stage.parts.iter().map(work)).collect();
    let record = run(&order, &PipelineWork { parts, sender_waits: false }, Detail::Totals)
        .map_err(|error| refuse(&error))?;
    let setup = MemorySetup { parallel, software, placement: None, buffers: 0 };
    let memory = fullest(model, &setup, &record, u64::MAX);
    Ok(memory.map_or(0, |memory| memory.timeline.peak().bytes))
}

fn needed(memory: &StageMemory, held: u64) -> u64 {
    let constant = memory.constant.iter().fold(0_u64, |sum, (_, bytes)| sum.saturating_add(*bytes));
    constant.saturating_add(held).saturating_add(temporary(memory))
}

fn temporary(memory: &StageMemory) -> u64 {
    let most = |part: &PartMemory| {
        let backward = part.backward_temporary.saturating_add(part.recomputed);
        part.forward_temporary.max(backward).max(part.weight_temporary)
    };
    memory.parts.iter().map(most).max().unwrap_or(0)
}

/// Where the pipeline kept no intervals, its fullest moment.
fn steady(memory: &StageMemory, held: u64, end: Picos, capacity: u64) -> MemoryTimeline {
    let mut items = memory.constant.clone();
    let temporary = temporary(memory);
    let lost = (held.saturating_add(temporary) as f64 * memory.fragmentation) as u64;
    items.push((MemoryItem::Activations, held));
    items.push((MemoryItem::Temporary, temporary));
    items.push((MemoryItem::Fragmentation, lost));
    MemoryTimeline::steady(items, end, capacity)
}

fn stage_memory(model: &TrainingModel, stage: &TrainingStage, setup: &MemorySetup<'_>) -> StageMemory {
    let (parallel, own) = (setup.parallel, &setup.software.training);
    let placement = setup.placement.unwrap_or_default();
    let mut constant = parameters(model, stage);
    let groups = [parallel.tensor, parallel.pipeline, parallel.context, parallel.data, parallel.expert];
    let groups = groups.iter().filter(|ranks| **ranks > 1).count() as u64;
    let each = own.communicator.as_ref().map_or(0, |figure| figure.value.0);
    constant.push((MemoryItem::CommunicationBuffers, each.saturating_mul(groups)));
    constant.push((MemoryItem::Context, own.context.as_ref().map_or(0, |figure| figure.value.0)));
    constant.push((MemoryItem::CommunicationBuffers, setup.buffers));
    let is_elsewhere = |item: MemoryItem| {
        placement.optimizer && matches!(item, MemoryItem::MasterWeights | MemoryItem::OptimizerState)
    };
    constant.retain(|(item, bytes)| *bytes > 0 && !is_elsewhere(*item));
    let split = model.training.schedule.kind.splits_backward();
    StageMemory {
        constant,
        parts: stage
            .parts
            .iter()
            .map(|part| part_memory(&part.graph, split, placement.activations))
            .collect(),
        fragmentation: own.fragmentation.as_ref().map_or(0.0, |figure| figure.value),
    }
}

/// What is kept of each parameter, and of the divided ones what is there whole at once.
fn parameters(model: &TrainingModel, stage: &TrainingStage) -> Vec<(MemoryItem, u64)> {
    let (formats, data) = (&model.training.formats, &model.data);
    let (shared, experts) = stage.parameters;
    // DualPipe keeps a copy of the weights for each direction: `parameters` counts both already.
    let state = model.state_of(stage);
    let mut items = vec![
        (MemoryItem::Weights, state.weights),
        (MemoryItem::Gradients, state.gradients),
        (MemoryItem::MasterWeights, state.master),
        (MemoryItem::OptimizerState, state.optimizer),
    ];
    if model.keeps_whole {
        // Whole gradients are summed over micro-batches in their own format.
        let all = shared.saturating_add(experts);
        let whole = data.weights.bytes_for(all).saturating_add(formats.gradients.bytes_for(all));
        items.push((MemoryItem::CommunicationBuffers, whole));
    } else if data.zero == ZeroStage::Weights && data.ranks.max(data.expert_ranks) > 1 {
        // Whole gradients are in the weights' format until they are summed.
        let units = stage.parts.iter().map(|part| part.graph.largest_units()).max().unwrap_or(0);
        let whole = data.weights.bytes_for(units);
        items.push((MemoryItem::CommunicationBuffers, whole.saturating_mul(2)));
    }
    items
}

/// What passes of a part hold; where activations are kept elsewhere, only those of the pass at work, which the buffers
/// of the copies have.
fn part_memory(graph: &TrainingGraph, split: bool, elsewhere: bool) -> PartMemory {
    let held = PartMemory::of(graph, split);
    if elsewhere { PartMemory { activations: 0, kept_for_weights: 0, ..held } } else { held }
}
