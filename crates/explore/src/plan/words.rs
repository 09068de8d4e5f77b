//! Plans in words.

use memwall_model_graph::Recompute;
use memwall_report::{PlanParts, PlanRow};
use memwall_scenario::{PlanCase, TrainingChoice};

use super::screen::{Memory, Parts, Screened};
use super::tally::Choice;

/// What a plan takes to be shown: its screened figures, and where they go.
#[derive(Debug, Clone, Copy)]
pub struct Shown {
    /// The plan's number, where it has one.
    pub number: Option<u64>,
    /// The plan.
    pub choice: TrainingChoice,
    /// What it takes at least.
    pub screened: Screened,
    /// Where its time goes.
    pub parts: Parts,
    /// Where its memory goes.
    pub memory: Memory,
}

/// A plan as a row of the report.
pub fn row(case: &PlanCase, shown: &Shown) -> PlanRow {
    let Shown { number, choice, screened, parts, .. } = shown;
    let parallel = &choice.parallel;
    PlanRow {
        plan: *number,
        devices: choice.devices(),
        tensor: parallel.tensor,
        sequence: parallel.sequence,
        pipeline: parallel.pipeline,
        context: parallel.context,
        data: parallel.data,
        expert: parallel.expert,
        micro_batch: choice.micro_batch,
        micro_batches: parallel.micro_batches,
        zero: choice.zero.number(),
        recompute: recompute(choice.recompute),
        schedule: choice.schedule.kind.name(),
        chunks: choice.schedule.parts(),
        bound_s: screened.time,
        bound_bytes: screened.memory,
        device_hours: device_hours(case, choice, screened.time),
        parts: PlanParts {
            computing_s: parts.computing,
            recompute_s: parts.again,
            tensor_s: parts.sent.tensor,
            context_s: parts.sent.context,
            expert_s: parts.sent.expert,
            bubble_s: parts.bubble,
            data_s: parts.data,
            optimizer_s: parts.optimizer,
        },
        simulated: None,
        failed: None,
        why: String::new(),
    }
}

/// Device-hours for a trillion tokens at this time an iteration.
pub fn device_hours(case: &PlanCase, choice: &TrainingChoice, seconds: f64) -> f64 {
    let tokens = case.batch as f64 * case.tokens as f64;
    choice.devices() as f64 * seconds / 3600.0 * (1e12 / tokens)
}

/// `tensor 8, pipeline 16, data 128, micro-batch 1, recompute full, 1f1b, ZeRO-1`.
pub fn sentence(plan: &TrainingChoice) -> String {
    let parallel = &plan.parallel;
    let mut text =
        format!("tensor {}, pipeline {}, data {}", parallel.tensor, parallel.pipeline, parallel.data);
    if parallel.context > 1 {
        text += &format!(", context {}", parallel.context);
    }
    if parallel.expert > 1 {
        text += &format!(", expert {}", parallel.expert);
    }
    text += &format!(", micro-batch {}, recompute {}", plan.micro_batch, recompute(plan.recompute));
    if parallel.pipeline > 1 {
        text += &format!(", {}", plan.schedule.kind.name());
    }
    text + &format!(", ZeRO-{}", plan.zero.number())
}

/// `full`, `every 2`.
pub fn recompute(rule: Recompute) -> String {
    match rule {
        Recompute::None => "none".to_owned(),
        Recompute::Selective => "selective".to_owned(),
        Recompute::Full => "full".to_owned(),
        Recompute::Every(every) => format!("every {every}"),
        Recompute::Optimal(bytes) => format!("optimal {bytes}"),
    }
}

/// The key of a choice under `plan:`, and its value.
pub fn choice(choice: &Choice, rules: &[Recompute]) -> (&'static str, String) {
    match choice {
        Choice::Devices(value) => ("devices", value.to_string()),
        Choice::Tensor(value) => ("tensor", value.to_string()),
        Choice::Sequence(value) => ("sequence", value.to_string()),
        Choice::Pipeline(value) => ("pipeline", value.to_string()),
        Choice::Context(value) => ("context", value.to_string()),
        Choice::Expert(value) => ("expert", value.to_string()),
        Choice::MicroBatch(value) => ("micro_batch", value.to_string()),
        Choice::Zero(value) => ("zero", value.number().to_string()),
        Choice::Recompute(place) => {
            let rule = rules.get(*place as usize).copied().unwrap_or_default();
            ("recompute", recompute(rule))
        }
        Choice::Schedule(kind) => ("schedule", kind.name().to_owned()),
    }
}
