//! Gives the passes of a pipeline their times: each stage does its own in order, and waits for what it needs.
//!
//! Nothing is shared between stages but what they send each other, so a pass starts when the one before it on the same
//! stage has ended and its message is there, whatever else happens meanwhile. Stages can therefore be followed one
//! after the other, each as far as it gets, without a clock.

use memwall_units::Picos;

use super::error::PipelineError;
use super::record::{PassInterval, PipelineRecord, PipelineStage, PipelineWaits};
use super::{Pass, PassKind, PipelineOrder, stuck};

/// What is to be done in a pipeline.
#[derive(Debug, Clone, PartialEq)]
pub struct PipelineWork {
    /// Of each part of the first stage, then of the second, and so on.
    pub parts: Vec<PartWork>,
    /// Whether a stage waits until what it sends has arrived, as Megatron's batched sends and receives do.
    pub sender_waits: bool,
}

/// What one part of the model on one stage does with one micro-batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PartWork {
    /// Time of a forward pass.
    pub forward: Picos,
    /// Time of a backward pass, gradients of weights and all.
    pub backward: Picos,
    /// Time of a backward pass without the gradients of weights.
    pub backward_input: Picos,
    /// Time of the gradients of weights.
    pub backward_weight: Picos,
    /// Time of a forward pass of this part with a whole backward pass of the other part beside it; one after the other
    /// where nothing is said.
    pub together: Option<Picos>,
    /// Time that the outcome of a forward pass takes to the stage that goes on.
    pub send_forward: Picos,
    /// Time that the gradient takes to the stage before.
    pub send_backward: Picos,
    /// What is held of a micro-batch from the start of its forward pass to the end of its backward pass, in bytes or
    /// in whatever is to be counted.
    pub activations: u64,
    /// What is held after that until the gradients of weights are computed, where those are put off: what they need of it,
    /// and gradients that they need.
    pub kept_for_weights: u64,
}

/// What is kept of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Sums of each stage.
    Totals,
    /// Every pass with its start and end, too.
    Intervals,
}

/// Runs a pipeline.
///
/// # Errors
///
/// When `work` is not of as many parts as `order` has, when times or bytes are too large to add up, and when stages
/// wait for each other.
pub fn run(
    order: &PipelineOrder,
    work: &PipelineWork,
    detail: Detail,
) -> Result<PipelineRecord, PipelineError> {
    let (stages, parts) = (order.stages(), order.parts);
    if work.parts.len() as u64 != u64::from(stages) * u64::from(parts) {
        return Err(PipelineError::WrongWork { given: work.parts.len(), stages, parts });
    }
    check_sums(order, work)?;
    let mut run = Run::new(order, work, detail);
    let mut ready: Vec<u32> = (0..stages).rev().collect();
    while let Some(stage) = ready.pop() {
        run.follow(stage, &mut ready);
    }
    match stuck::deadlock(order, &run.positions()) {
        Some(deadlock) => Err(deadlock),
        None => Ok(run.record()),
    }
}

/// Nobody has sent this yet.
const NOT_YET: u64 = u64::MAX;

struct Run<'a> {
    order: &'a PipelineOrder,
    work: &'a PipelineWork,
    detail: Detail,
    /// When forward, and behind those backward, passes ended: of each part of each stage, each micro-batch.
    ended: Vec<u64>,
    progress: Vec<Progress>,
}

/// How far a stage is.
#[derive(Debug, Clone, Default)]
struct Progress {
    /// Passes done.
    position: usize,
    /// The index in `ended` that it waits for.
    needs: Option<usize>,
    /// When it can begin another pass.
    free: u64,
    held: u64,
    busy: u64,
    waits: PipelineWaits,
    first: u64,
    last: u64,
    peak_held: u64,
    peak_at: u64,
    intervals: Vec<PassInterval>,
}

/// What a pass waits for: when it was computed, and when it is there.
#[derive(Clone, Copy, Default)]
struct Arrival {
    computed: u64,
    there: u64,
}

impl<'a> Run<'a> {
    fn new(order: &'a PipelineOrder, work: &'a PipelineWork, detail: Detail) -> Self {
        let slots = work.parts.len() * order.micro_batches as usize;
        let progress = vec![Progress::default(); order.stages.len()];
        Self { order, work, detail, ended: vec![NOT_YET; 2 * slots], progress }
    }

    fn positions(&self) -> Vec<usize> {
        self.progress.iter().map(|progress| progress.position).collect()
    }

    /// Does passes of a stage until one waits for another stage; `ready` gets the stages that waited for this one.
    fn follow(&mut self, stage: u32, ready: &mut Vec<u32>) {
        let passes = self.order.passes(stage);
        while let Some(&pass) = passes.get(self.progress[stage as usize].position) {
            let position = self.progress[stage as usize].position;
            let part = self.part(stage, pass);
            let (at_once, duration) = match part.together {
                Some(together) if pass.paired => (&passes[position..position + 2], together),
                _ => (&passes[position..=position], duration(part, pass.kind)),
            };
            match self.last_arrival(stage, at_once) {
                Ok(arrival) => {
                    let start = self.begin(stage, arrival);
                    if pass.kind == PassKind::Forward {
                        self.hold(stage, part.activations, start);
                    }
                    self.end(stage, at_once, start, start + duration.0, ready);
                }
                Err(needs) => {
                    self.progress[stage as usize].needs = Some(needs);
                    return;
                }
            }
        }
    }

    fn part(&self, stage: u32, pass: Pass) -> &'a PartWork {
        &self.work.parts[stage as usize * self.order.parts as usize + usize::from(pass.part)]
    }

    /// Where `ended` has the pass of a part over a micro-batch.
    fn index(&self, stage: u32, part: u32, micro_batch: u32, backward: bool) -> usize {
        let slot = stage as usize * self.order.parts as usize + part as usize;
        let half = if backward { self.ended.len() / 2 } else { 0 };
        half + slot * self.order.micro_batches as usize + micro_batch as usize
    }

    /// What comes last of what passes that are done at once need.
    fn last_arrival(&self, stage: u32, passes: &[Pass]) -> Result<Arrival, usize> {
        passes.iter().try_fold(Arrival::default(), |last, pass| {
            let arrival = self.arrival(stage, *pass)?;
            Ok(if arrival.there > last.there { arrival } else { last })
        })
    }

    /// What `pass` needs of another part, and when it is there; the index in `ended` of what is not computed yet.
    fn arrival(&self, stage: u32, pass: Pass) -> Result<Arrival, usize> {
        let Some((other, part)) = self.order.needs(stage, pass) else { return Ok(Arrival::default()) };
        let backward = pass.kind != PassKind::Forward;
        let index = self.index(other, part, pass.micro_batch, backward);
        let computed = self.ended[index];
        if computed == NOT_YET {
            return Err(index);
        }
        let sender = &self.work.parts[other as usize * self.order.parts as usize + part as usize];
        let message = match (other == stage, backward) {
            (true, _) => 0,
            (false, false) => sender.send_forward.0,
            (false, true) => sender.send_backward.0,
        };
        Ok(Arrival { computed, there: computed + message })
    }

    /// Books the wait for `arrival` and says when the pass starts.
    fn begin(&mut self, stage: u32, arrival: Arrival) -> u64 {
        let progress = &mut self.progress[stage as usize];
        let start = progress.free.max(arrival.there);
        let message = start - progress.free.max(arrival.computed).min(start);
        let bubble = start - progress.free - message;
        progress.waits.message.0 += message;
        if progress.position == 0 {
            progress.waits.fill.0 += bubble;
            progress.first = start;
        } else {
            progress.waits.between.0 += bubble;
        }
        start
    }

    /// Holds more from `when` on.
    fn hold(&mut self, stage: u32, more: u64, when: u64) {
        let progress = &mut self.progress[stage as usize];
        progress.held += more;
        if progress.held > progress.peak_held {
            (progress.peak_held, progress.peak_at) = (progress.held, when);
        }
    }

    /// Ends passes that ran from `start` to `end`, tells who waited for them, and lets go of what they needed.
    fn end(&mut self, stage: u32, passes: &[Pass], start: u64, end: u64, ready: &mut Vec<u32>) {
        let (mut sending, mut kept_on) = (0, 0);
        for &pass in passes {
            let part = self.part(stage, pass);
            let progress = &mut self.progress[stage as usize];
            progress.held -= released(part, pass.kind);
            kept_on += if pass.kind == PassKind::BackwardInput { part.kept_for_weights } else { 0 };
            if self.detail == Detail::Intervals {
                progress.intervals.push(PassInterval { pass, start: Picos(start), end: Picos(end) });
            }
            sending = sending.max(self.send(stage, pass, end, ready));
        }
        self.hold(stage, kept_on, end);
        let wait = if self.work.sender_waits { sending } else { 0 };
        let progress = &mut self.progress[stage as usize];
        progress.position += passes.len();
        progress.needs = None;
        progress.busy += end - start;
        progress.last = end;
        progress.waits.message.0 += wait;
        progress.free = end + wait;
    }

    /// Notes when a pass ended, wakes the stage that waits for it, and says how long the message takes.
    fn send(&mut self, stage: u32, pass: Pass, end: u64, ready: &mut Vec<u32>) -> u64 {
        if pass.kind == PassKind::BackwardWeight {
            return 0;
        }
        let backward = pass.kind != PassKind::Forward;
        let index = self.index(stage, u32::from(pass.part), pass.micro_batch, backward);
        self.ended[index] = end;
        let Some((other, _)) = self.order.feeds(stage, pass) else { return 0 };
        if other == stage {
            return 0;
        }
        let receiver = &mut self.progress[other as usize];
        if receiver.needs == Some(index) {
            receiver.needs = None;
            ready.push(other);
        }
        let part = self.part(stage, pass);
        if backward { part.send_backward.0 } else { part.send_forward.0 }
    }

    fn record(self) -> PipelineRecord {
        let wall = self.progress.iter().map(|progress| progress.last).max().unwrap_or(0);
        let stage = |progress: Progress| {
            // What a stage sends last is awaited by another, so it is there before the end.
            let drain = Picos(wall - progress.free);
            PipelineStage {
                busy: Picos(progress.busy),
                waits: PipelineWaits { drain, ..progress.waits },
                first: Picos(progress.first),
                last: Picos(progress.last),
                peak_held: progress.peak_held,
                peak_at: Picos(progress.peak_at),
                intervals: progress.intervals,
            }
        };
        PipelineRecord { wall: Picos(wall), stages: self.progress.into_iter().map(stage).collect() }
    }
}

fn duration(part: &PartWork, kind: PassKind) -> Picos {
    match kind {
        PassKind::Forward => part.forward,
        PassKind::Backward => part.backward,
        PassKind::BackwardInput => part.backward_input,
        PassKind::BackwardWeight => part.backward_weight,
    }
}

/// What of a micro-batch is let go at the end of a pass.
fn released(part: &PartWork, kind: PassKind) -> u64 {
    match kind {
        PassKind::Forward => 0,
        PassKind::Backward | PassKind::BackwardInput => part.activations,
        PassKind::BackwardWeight => part.kept_for_weights,
    }
}

/// All times one after the other, and all activations at once, fit: then nothing below can overflow.
fn check_sums(order: &PipelineOrder, work: &PipelineWork) -> Result<(), PipelineError> {
    let of_part = |part: &PartWork| {
        let times = [
            part.forward,
            part.backward,
            part.backward_input,
            part.backward_weight,
            part.together.unwrap_or(Picos::ZERO),
            part.send_forward,
            part.send_backward,
        ];
        times.iter().map(|time| u128::from(time.0)).sum::<u128>()
    };
    let micro_batches = u128::from(order.micro_batches);
    let time = work.parts.iter().map(of_part).sum::<u128>();
    let of_part = |part: &PartWork| u128::from(part.activations) + u128::from(part.kept_for_weights);
    let held = work.parts.iter().map(of_part).sum::<u128>();
    // An order holds no more than 2^24 passes, so neither product overflows.
    if time * micro_batches >= u128::from(NOT_YET) || held * micro_batches >= u128::from(NOT_YET) {
        return Err(PipelineError::TooMuch);
    }
    Ok(())
}
