//! Why a pipeline has no order, or does not get to the end of it.

use thiserror::Error;

use super::{Pass, PassKind, PipelineOrder};

/// Why a schedule's rule cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// Nothing to do, or nobody to do it.
    #[error(
        "{stages} stages with {parts} model parts each and {micro_batches} micro-batches: need at least 1 of each, \
         and at most 65535 parts"
    )]
    Empty {
        /// Stages.
        stages: u32,
        /// Micro-batches.
        micro_batches: u32,
        /// Model parts a stage.
        parts: u32,
    },
    /// Several model parts a stage under a rule that says how many there are.
    #[error(
        "{schedule} does not take {chunks} model parts a stage: only interleaved leaves their number open"
    )]
    Chunks {
        /// The rule.
        schedule: &'static str,
        /// Model parts asked for.
        chunks: u32,
    },
    /// Interleaved stages take micro-batches in groups.
    #[error(
        "interleaved needs micro-batches in multiples of the {stages} stages, and there are {micro_batches}: \
         {would_do} would do"
    )]
    NotMultiple {
        /// Micro-batches.
        micro_batches: u32,
        /// Stages.
        stages: u32,
        /// The nearest numbers of micro-batches that do.
        would_do: String,
    },
    /// DualPipe pairs stages.
    #[error("dualpipe needs an even number of stages, and there are {stages}: {} would do", u64::from(*stages) + 1)]
    OddStages {
        /// Stages.
        stages: u32,
    },
    /// DualPipe fills the pipeline from both ends.
    #[error(
        "dualpipe needs an even number of micro-batches, at least two for each of the {stages} stages, and there are \
         {micro_batches}: {nearest} would do"
    )]
    TooFew {
        /// Micro-batches.
        micro_batches: u32,
        /// Stages.
        stages: u32,
        /// The least number, no less than asked for, that does.
        nearest: u64,
    },
    /// More than is written down.
    #[error("{passes} passes of all stages, and the limit is {limit}: take fewer micro-batches or stages")]
    TooMany {
        /// Passes.
        passes: u128,
        /// The limit.
        limit: u64,
    },
}

/// Why an order cannot be run.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PipelineError {
    /// Work was given for another number of parts than there are.
    #[error(
        "work is given for {given} model parts, and {stages} stages with {parts} each have {}",
        u64::from(*stages) * u64::from(*parts)
    )]
    WrongWork {
        /// Parts with work.
        given: usize,
        /// Stages.
        stages: u32,
        /// Parts a stage.
        parts: u32,
    },
    /// The clock or a count of bytes cannot hold it.
    #[error("the pipeline would take longer than 213 days, or hold more than 16 EiB")]
    TooMuch,
    /// A pass is left out, done twice, or done before what it needs of the same stage.
    #[error("stage {stage}: {problem}")]
    Order {
        /// The stage.
        stage: u32,
        /// What is wrong.
        problem: String,
    },
    /// Stages wait for each other.
    #[error("nothing goes on: {}", chain(waits))]
    Deadlock {
        /// Who waits for whom, each for the next.
        waits: Vec<Waiting>,
    },
}

/// A stage that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// The stage.
    pub stage: u32,
    /// What it would do.
    pub pass: Pass,
    /// For whom it waits.
    pub other: u32,
}

/// Most waits that a message shows.
const SHOWN: usize = 8;

fn chain(waits: &[Waiting]) -> String {
    let one = |wait: &Waiting| {
        format!("stage {} waits for stage {} before {}", wait.stage, wait.other, describe(wait.pass))
    };
    let mut text = waits.iter().take(SHOWN).map(one).collect::<Vec<_>>().join("; ");
    if waits.len() > SHOWN {
        text.push_str(&format!("; and {} more", waits.len() - SHOWN));
    }
    text
}

/// `forward of micro-batch 3, part 0`.
fn describe(pass: Pass) -> String {
    format!("{} of micro-batch {}, part {}", pass.kind.name(), pass.micro_batch, pass.part)
}

/// What a part has done with a micro-batch.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Done {
    Nothing,
    Forward,
    Input,
    All,
}

/// Each stage does each pass once, and those of one micro-batch in order.
pub(super) fn check_order(order: &PipelineOrder) -> Result<(), PipelineError> {
    let passes = order.stages.iter().map(|passes| passes.len() as u64).sum::<u64>();
    let slots = u128::from(order.parts) * u128::from(order.micro_batches);
    if passes > super::MAX_PASSES || slots > u128::from(super::MAX_PASSES) {
        return Err(PipelineError::TooMuch);
    }
    (0u32..).zip(&order.stages).try_for_each(|(stage, passes)| {
        check_stage(order, passes).map_err(|problem| PipelineError::Order { stage, problem })
    })
}

fn check_stage(order: &PipelineOrder, passes: &[Pass]) -> Result<(), String> {
    let width = order.micro_batches as usize;
    let mut done = vec![Done::Nothing; order.parts as usize * width];
    for (index, pass) in passes.iter().enumerate() {
        let part = u32::from(pass.part);
        let has = part < order.parts
            && order.placement.micro_batches(part, order.micro_batches).contains(&pass.micro_batch);
        if !has {
            return Err(format!("it has no {}", describe(*pass)));
        }
        let partner = passes.get(index + 1).map(|next| next.kind);
        if pass.paired && (pass.kind, partner) != (PassKind::Forward, Some(PassKind::Backward)) {
            return Err(format!("{} has no backward pass beside it", describe(*pass)));
        }
        let slot = &mut done[pass.part as usize * width + pass.micro_batch as usize];
        *slot = match (pass.kind, *slot) {
            (PassKind::Forward, Done::Nothing) => Done::Forward,
            (PassKind::Backward, Done::Forward) => Done::All,
            (PassKind::BackwardInput, Done::Forward) => Done::Input,
            (PassKind::BackwardWeight, Done::Input) => Done::All,
            _ => return Err(format!("{} is done twice, or too early", describe(*pass))),
        };
    }
    for part in 0..order.parts {
        for micro_batch in order.placement.micro_batches(part, order.micro_batches) {
            if done[part as usize * width + micro_batch as usize] != Done::All {
                return Err(format!("passes of micro-batch {micro_batch}, part {part}, are left out"));
            }
        }
    }
    Ok(())
}
