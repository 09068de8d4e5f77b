//! One plan, simulated.

use memwall_model_graph::{Pass, Recompute, Step, StepPhase, Training, TrainingModel};
use memwall_report::SimulatedPlan;
use memwall_scenario::{PlanCase, TrainingChoice};
use memwall_simulator::{Options, Record, SimulationError, Team, TeamSetup};

use super::screen::Memory;
use memwall_scenario::training_settings;

/// Why a plan has no simulated figures.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NotSimulated {
    /// Its graphs could not be built.
    #[error(transparent)]
    Graph(#[from] memwall_model_graph::GraphError),
    /// It could not be run, or not to its end.
    #[error(transparent)]
    Simulation(#[from] SimulationError),
    /// What is computed again is not simulated.
    #[error("computing again is not simulated")]
    Recompute,
    /// It needs more memory than there is.
    #[error("out of memory when simulated: {needed} of {capacity}")]
    Memory {
        /// What it needs.
        needed: memwall_units::Bytes,
        /// What there is.
        capacity: memwall_units::Bytes,
    },
}

/// Simulates one iteration of a plan with `flow`. `screened` says what its parameters take of memory, of which there is
/// `capacity`.
///
/// # Errors
/// It does not fit, or the simulator cannot run it.
pub fn simulate(
    case: &PlanCase,
    choice: &TrainingChoice,
    (screened, capacity): (&Memory, f64),
) -> Result<SimulatedPlan, NotSimulated> {
    let (record, useful) = iteration(case, choice)?;
    let memory_bytes = memory(&record, screened);
    if memory_bytes > capacity {
        let bytes = |number: f64| memwall_units::Bytes(number as u64);
        return Err(NotSimulated::Memory { needed: bytes(memory_bytes), capacity: bytes(capacity) });
    }
    let time_s = record.wall.as_secs_f64();
    let peak = case.device.matmul_peak(case.options.precision.activations.name());
    let peak = peak.map_or(f64::INFINITY, |peak| peak.rate.0);
    let mfu = useful / (time_s * peak * choice.devices() as f64);
    Ok(SimulatedPlan { time_s, memory_bytes, mfu })
}

/// One iteration with `flow`, whatever it takes of memory, and its useful operations.
///
/// # Errors
/// The simulator cannot run it.
pub fn iteration(case: &PlanCase, choice: &TrainingChoice) -> Result<(Record, f64), NotSimulated> {
    let training = Training {
        zero: choice.zero,
        recompute: choice.recompute,
        schedule: choice.schedule,
        ..case.training.clone()
    };
    let model = TrainingModel::build(
        &case.architecture,
        &step(case),
        &case.options,
        &choice.parallel,
        &training,
        &training_settings(&case.software),
    )?;
    if choice.recompute != Recompute::None && !computes_again(&model) {
        return Err(NotSimulated::Recompute);
    }
    let team = Team::new(TeamSetup {
        device: &case.device,
        software: &case.software,
        fabric: case.system.fabric(),
        library: &case.library,
        parallel: choice.parallel,
        slow: &[],
        options: Options::default(),
        plans_of: None,
    })?;
    let useful = model.useful_flops(&choice.parallel);
    let record = team.train(&model, case.batch.saturating_mul(case.tokens))?;
    Ok((record, useful))
}

/// The whole batch as one step.
fn step(case: &PlanCase) -> Step {
    Step {
        phase: StepPhase::Train,
        batch: case.batch,
        q_len: case.tokens,
        kv_len: case.tokens,
        prompt_len: case.tokens,
    }
}

fn computes_again(model: &TrainingModel) -> bool {
    let mut graphs = model.stages.iter().flat_map(|stage| &stage.parts).map(|part| &part.graph);
    graphs.any(|graph| graph.passes.contains(&Pass::Recompute))
}

/// Bytes of the fullest device: parameters and what belongs to them as they were screened, and the activations that the
/// schedule held at most.
fn memory(record: &Record, screened: &Memory) -> f64 {
    let stages = record.training.iter().flat_map(|training| &training.pipeline.stages);
    let held = stages.map(|stage| stage.peak_held).max().unwrap_or_default() as f64;
    screened.total() - screened.activations + held + screened.working
}
