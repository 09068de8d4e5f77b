//! Every way to train: what divides what, listed.

use std::collections::BTreeMap;

use memwall_model_graph::{Parallel, PipelineSchedule, Recompute, ScheduleKind, ZeroStage};
use memwall_scenario::{PlanCase, PlanChoices, TrainingChoice};

use super::PlanError;

/// The most ways to divide a model and a batch, each with every way to keep and to order; about a gigabyte.
const MOST_SHAPES: usize = 4_000_000;
/// The most plans that are screened: some minutes on one core.
const MOST_PLANS: u64 = 2_000_000_000;
/// Of every how many layers one is kept whole, where nobody says.
const EVERY: [u32; 2] = [2, 4];

/// All plans there are, numbered from 0.
#[derive(Debug)]
pub struct PlanSpace {
    shapes: Vec<Shape>,
    /// The number of each shape's first plan; at the end, how many plans there are.
    starts: Vec<u64>,
    options: Options,
}

/// How the model and the batch are divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Over which ranks, in how many micro-batches.
    pub parallel: Parallel,
    /// Sequences of a micro-batch.
    pub micro_batch: u64,
}

/// What is chosen besides.
#[derive(Debug)]
struct Options {
    zero: Vec<ZeroStage>,
    recompute: Vec<Recompute>,
    /// By stages of the pipeline.
    schedules: BTreeMap<u32, Vec<PipelineSchedule>>,
}

impl PlanSpace {
    /// Lists all plans of a case.
    ///
    /// # Errors
    /// No plan divides the model and the batch, or too many do.
    pub fn new(case: &PlanCase) -> Result<Self, PlanError> {
        let mut shapes = Vec::new();
        for &devices in &case.choices.devices {
            Lister { case, devices, shapes: &mut shapes }.list()?;
        }
        if shapes.is_empty() {
            return Err(PlanError::NothingDivides(why_nothing_divides(case)));
        }
        let options = Options::of(&case.choices, case.architecture.layers, &shapes);
        let mut starts = Vec::with_capacity(shapes.len() + 1);
        let mut plans = 0_u64;
        for shape in &shapes {
            starts.push(plans);
            plans += options.count(shape) as u64;
            if plans > MOST_PLANS {
                return Err(PlanError::TooMany { most: MOST_PLANS });
            }
        }
        starts.push(plans);
        if plans == 0 {
            return Err(PlanError::NothingDivides("no schedule goes with these stages".to_owned()));
        }
        Ok(Self { shapes, starts, options })
    }

    /// How many plans there are.
    #[must_use]
    pub fn plans(&self) -> u64 {
        self.starts.last().copied().unwrap_or_default()
    }

    /// The ways to divide the model and the batch.
    #[must_use]
    pub fn shapes(&self) -> &[Shape] {
        &self.shapes
    }

    /// The number of the first plan of a shape; past the last shape, how many plans there are.
    #[must_use]
    pub fn first_plan(&self, shape: usize) -> u64 {
        self.starts[shape]
    }

    /// Rules of recomputing, the outermost of a shape's choices.
    #[must_use]
    pub fn recompute(&self) -> &[Recompute] {
        &self.options.recompute
    }

    /// Schedules of a shape, next.
    pub fn schedules(&self, shape: usize) -> impl Iterator<Item = &PipelineSchedule> {
        self.options.schedules(&self.shapes[shape])
    }

    /// ZeRO stages of a shape, innermost.
    #[must_use]
    pub fn zeros(&self, shape: usize) -> &[ZeroStage] {
        self.options.zeros(&self.shapes[shape].parallel)
    }

    /// Calls `each` with every plan of a shape, in the order of their numbers.
    pub fn each_plan(&self, shape: usize, mut each: impl FnMut(u64, &TrainingChoice)) {
        let Shape { parallel, micro_batch } = self.shapes[shape];
        let mut number = self.starts[shape];
        for &recompute in self.recompute() {
            for &schedule in self.schedules(shape) {
                for &zero in self.zeros(shape) {
                    each(number, &TrainingChoice { parallel, micro_batch, zero, recompute, schedule });
                    number += 1;
                }
            }
        }
    }

    /// The shape of the plan of a number, which is below [`PlanSpace::plans`].
    #[must_use]
    pub fn shape_of(&self, number: u64) -> usize {
        self.starts.partition_point(|start| *start <= number).saturating_sub(1)
    }

    /// The plan of a number; `None` past the last.
    #[must_use]
    pub fn plan(&self, number: u64) -> Option<TrainingChoice> {
        if number >= self.plans() {
            return None;
        }
        let mut found = None;
        self.each_plan(self.shape_of(number), |own, choice| {
            if own == number {
                found = Some(*choice);
            }
        });
        found
    }
}

impl Options {
    fn of(choices: &PlanChoices, layers: u64, shapes: &[Shape]) -> Self {
        use ZeroStage::{Gradients, None, Optimizer, Weights};
        let zero = choices.zero.clone().unwrap_or_else(|| vec![None, Optimizer, Gradients, Weights]);
        let recompute = choices.recompute.clone().unwrap_or_else(|| {
            let every = EVERY.into_iter().map(Recompute::Every);
            [Recompute::None, Recompute::Selective, Recompute::Full].into_iter().chain(every).collect()
        });
        let stages = shapes.iter().map(|shape| shape.parallel.pipeline);
        let schedules = stages.map(|stages| (stages, schedules_of(choices, layers, stages))).collect();
        Self { zero, recompute, schedules }
    }

    fn count(&self, shape: &Shape) -> usize {
        self.schedules(shape).count() * self.recompute.len() * self.zeros(&shape.parallel).len()
    }

    /// Where nothing is held twice, nothing can be divided.
    fn zeros(&self, parallel: &Parallel) -> &[ZeroStage] {
        let copies = u64::from(parallel.data) * u64::from(parallel.context);
        if copies > 1 { &self.zero } else { &self.zero[..1] }
    }

    fn schedules<'a>(&'a self, shape: &'a Shape) -> impl Iterator<Item = &'a PipelineSchedule> {
        let all = self.schedules.get(&shape.parallel.pipeline).map_or(&[][..], Vec::as_slice);
        all.iter().filter(|schedule| goes_with(schedule, shape))
    }
}

/// Whether a shape's micro-batches are enough of the right number for a schedule.
fn goes_with(schedule: &PipelineSchedule, shape: &Shape) -> bool {
    let (stages, parts) = (shape.parallel.pipeline, shape.parallel.micro_batches);
    match schedule.kind {
        // Micro-batches go through the chunks in groups of as many as there are stages (arXiv:2104.04473, section 2.2).
        ScheduleKind::Interleaved => parts.is_multiple_of(stages),
        // As many from each end.
        ScheduleKind::DualPipe => parts.is_multiple_of(2) && parts / 2 >= stages / 2,
        _ => true,
    }
}

/// The schedules that a pipeline of `stages` can have.
fn schedules_of(choices: &PlanChoices, layers: u64, stages: u32) -> Vec<PipelineSchedule> {
    let wanted = |kind: ScheduleKind| choices.schedule.as_ref().is_none_or(|list| list.contains(&kind));
    let own = u64::from(stages);
    let mut found = Vec::new();
    for kind in ScheduleKind::ALL.into_iter().filter(|kind| wanted(*kind)) {
        let fits = match kind {
            // Without a pipeline all are the same.
            ScheduleKind::OneForwardOneBackward => true,
            ScheduleKind::GPipe | ScheduleKind::ZeroBubbleH1 | ScheduleKind::ZeroBubbleH2 => stages > 1,
            ScheduleKind::ZeroBubbleV => stages > 1 && layers >= 2 * own,
            ScheduleKind::DualPipe => stages > 1 && stages.is_multiple_of(2) && layers >= own,
            ScheduleKind::Interleaved => {
                if stages > 1 {
                    let chunks = chunks_of(choices, layers, stages);
                    found.extend(chunks.map(|chunks| PipelineSchedule { kind, chunks }));
                }
                false
            }
        };
        if fits {
            found.push(PipelineSchedule { kind, chunks: 1 });
        }
    }
    found
}

/// Model parts that a stage can hold: those that divide its layers.
fn chunks_of(choices: &PlanChoices, layers: u64, stages: u32) -> impl Iterator<Item = u32> + '_ {
    let of_stage = layers.div_ceil(u64::from(stages));
    let most = u32::try_from(layers / u64::from(stages)).unwrap_or(u32::MAX);
    (2..=most)
        .filter(move |chunks| of_stage.is_multiple_of(u64::from(*chunks)))
        .filter(|chunks| choices.chunks.as_ref().is_none_or(|list| list.contains(chunks)))
}

/// Lists the shapes of one number of devices.
struct Lister<'a> {
    case: &'a PlanCase,
    devices: u32,
    shapes: &'a mut Vec<Shape>,
}

impl Lister<'_> {
    fn list(&mut self) -> Result<(), PlanError> {
        let choices = &self.case.choices;
        for tensor in divisors(self.devices, choices.tensor.as_deref()) {
            let left = self.devices / tensor;
            for pipeline in divisors(left, choices.pipeline.as_deref()) {
                if u64::from(pipeline) > self.case.architecture.layers {
                    continue;
                }
                let left = left / pipeline;
                for context in divisors(left, choices.context.as_deref()) {
                    let divides = self.case.tokens.is_multiple_of(u64::from(context));
                    let data = left / context;
                    if divides && self.case.batch.is_multiple_of(u64::from(data)) {
                        self.list_experts(Parallel {
                            tensor,
                            pipeline,
                            context,
                            data,
                            ..Parallel::default()
                        })?;
                    }
                }
            }
        }
        Ok(())
    }

    fn list_experts(&mut self, parallel: Parallel) -> Result<(), PlanError> {
        let case = self.case;
        let experts = case.architecture.moe.map_or(1, |moe| u32::try_from(moe.experts).unwrap_or(u32::MAX));
        for expert in divisors(experts, case.choices.expert.as_deref()) {
            let parallel = Parallel { expert, ..parallel };
            if parallel.validate(&case.architecture).is_err() {
                continue;
            }
            for sequence in [false, true] {
                let asked = case.choices.sequence.as_ref().is_none_or(|list| list.contains(&sequence));
                // Without tensor-parallel ranks both are the same.
                let distinct = if parallel.tensor > 1 { asked } else { !sequence };
                if distinct {
                    self.list_micro_batches(Parallel { sequence, ..parallel })?;
                }
            }
        }
        Ok(())
    }

    fn list_micro_batches(&mut self, parallel: Parallel) -> Result<(), PlanError> {
        let of_rank = self.case.batch / u64::from(parallel.data);
        let all;
        let sizes = match &self.case.choices.micro_batch {
            Some(sizes) => sizes.as_slice(),
            None => {
                all = divisors_of(of_rank);
                all.as_slice()
            }
        };
        for &micro_batch in sizes {
            if micro_batch == 0 || !of_rank.is_multiple_of(micro_batch) {
                continue;
            }
            if self.shapes.len() == MOST_SHAPES {
                return Err(PlanError::TooMany { most: MOST_SHAPES as u64 });
            }
            let micro_batches = u32::try_from(of_rank / micro_batch).unwrap_or(u32::MAX);
            self.shapes.push(Shape { parallel: Parallel { micro_batches, ..parallel }, micro_batch });
        }
        Ok(())
    }
}

/// The divisors of `number`, of which `wanted` has all if it is there, in order.
fn divisors(number: u32, wanted: Option<&[u32]>) -> Vec<u32> {
    match wanted {
        Some(list) => list.iter().copied().filter(|one| *one > 0 && number.is_multiple_of(*one)).collect(),
        None => {
            divisors_of(u64::from(number)).into_iter().filter_map(|one| u32::try_from(one).ok()).collect()
        }
    }
}

/// All divisors, in order.
fn divisors_of(number: u64) -> Vec<u64> {
    let small = (1_u64..).take_while(|one| one.saturating_mul(*one) <= number);
    let mut found: Vec<u64> = small.filter(|one| number.is_multiple_of(*one)).collect();
    let large: Vec<u64> =
        found.iter().rev().map(|one| number / one).filter(|one| one * one > number).collect();
    found.extend(large);
    found
}

/// Which of what has to divide does not.
fn why_nothing_divides(case: &PlanCase) -> String {
    let devices: Vec<String> = case.choices.devices.iter().map(u32::to_string).collect();
    let batch = case.batch;
    format!(
        "a batch of {batch} sequences of {} tokens cannot be divided over {} devices as asked: tensor x pipeline x \
         context must divide the devices, what is left over the batch, micro-batches a rank's share, and tensor the \
         model's heads and widths",
        case.tokens,
        devices.join(" or ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divisors_come_in_order_each_once() {
        assert_eq!(divisors_of(1), [1]);
        assert_eq!(divisors_of(36), [1, 2, 3, 4, 6, 9, 12, 18, 36]);
        assert_eq!(divisors(12, Some(&[2, 5, 6])), [2, 6]);
    }
}
