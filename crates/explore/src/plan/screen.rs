//! The time and the memory of a plan, at least: sums over what its pieces cost.

use memwall_hardware::Fabric;
use memwall_model_graph::{CollectiveKind, Dtype, ScheduleKind, ZeroStage};
use memwall_scenario::{PlanCase, TrainingChoice};

use super::links::{Ranks, least_seconds};
use super::order::{in_flight, iteration};
use super::piece::Sent;
use super::space::Shape;
use super::stages::{Stage, stages};
use super::table::CostTable;

/// What a plan takes at least.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Screened {
    /// Seconds of an iteration.
    pub time: f64,
    /// Bytes of the fullest device.
    pub memory: f64,
}

/// Where the time goes, in seconds of the stage that decides; together the time.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Parts {
    /// Computing what has to be computed.
    pub computing: f64,
    /// Computing again what was not kept.
    pub again: f64,
    /// Sending between ranks that share a layer, a sequence or experts.
    pub sent: Sent,
    /// Waiting for the pipeline to fill and to drain.
    pub bubble: f64,
    /// Sending gradients and weights between data-parallel ranks, where nothing hides it.
    pub data: f64,
    /// Updating the parameters.
    pub optimizer: f64,
}

/// Where the memory goes, in bytes of the fullest device.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Memory {
    /// Weights.
    pub weights: f64,
    /// Gradients.
    pub gradients: f64,
    /// What the optimizer remembers, and the weights that it updates.
    pub state: f64,
    /// What is kept for the way back.
    pub activations: f64,
    /// What one operator, or one layer that is done again, needs on top.
    pub working: f64,
    /// What drivers and libraries take, and what the allocator cannot use.
    pub overhead: f64,
}

impl Memory {
    /// All of it.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.weights + self.gradients + self.state + self.activations + self.working + self.overhead
    }
}

/// A case, ready to screen its plans.
#[derive(Debug)]
pub struct Screen<'a> {
    fabric: &'a Fabric,
    table: &'a CostTable,
    bytes: ParameterBytes,
    tied: bool,
    /// Bytes a second of the device memory.
    bandwidth: f64,
    /// Bytes that the driver's context takes.
    overhead: f64,
    /// Whether gradients are summed beside the way back.
    overlaps: bool,
}

/// Bytes of one parameter.
#[derive(Debug, Clone, Copy)]
struct ParameterBytes {
    weight: f64,
    gradient: f64,
    /// Optimizer state and master weight.
    state: f64,
    /// What an update reads and writes.
    update: f64,
}

/// Bytes of the device memory.
#[must_use]
pub fn capacity_of(case: &PlanCase) -> f64 {
    case.device.shared_tiers().last().map_or(0.0, |tier| tier.capacity.value.0 as f64)
}

/// What is common to all plans of a shape.
#[derive(Debug, Clone, Copy)]
struct Rates {
    /// Seconds to gather or to scatter a byte over the ranks that hold the same parameters.
    dense: f64,
    /// The same of experts' parameters.
    expert: f64,
    /// Seconds to sum up a byte on all of them.
    dense_sum: f64,
    expert_sum: f64,
    /// Ranks that hold the same parameters.
    copies: f64,
    expert_copies: f64,
    /// Seconds to hand the stream to the next stage.
    hop: f64,
}

impl<'a> Screen<'a> {
    /// Screens plans of `case`, whose pieces cost what `table` says.
    #[must_use]
    pub fn new(case: &'a PlanCase, table: &'a CostTable) -> Self {
        let bytes = |dtype: Dtype| dtype.bits() as f64 / 8.0;
        let formats = &case.training.formats;
        let (weight, gradient) = (bytes(case.options.precision.weights), bytes(formats.gradients));
        let master = formats.master.map_or(0.0, bytes);
        let state = case.training.optimizer.states() * bytes(formats.state) + master;
        // The gradient is read, state and weights read and written.
        let update = gradient + 2.0 * state + if master > 0.0 { weight } else { 2.0 * weight };
        let memory = case.device.shared_tiers().last();
        Self {
            fabric: case.system.fabric(),
            table,
            bytes: ParameterBytes { weight, gradient, state, update },
            tied: case.architecture.tied_embeddings,
            bandwidth: memory.map_or(f64::INFINITY, |tier| tier.bandwidth.value.0),
            overhead: case.software.training.context.as_ref().map_or(0.0, |figure| figure.value.0 as f64),
            overlaps: case.software.training.overlaps_gradients,
        }
    }

    /// A shape, ready to screen its plans.
    #[must_use]
    pub fn shape(&self, number: usize, shape: Shape) -> ShapeScreen<'_> {
        let costs = self.table.of(number);
        let parallel = &shape.parallel;
        let [tensor, context, data, expert] =
            [parallel.tensor, parallel.context, parallel.data, parallel.expert].map(u64::from);
        let dense = Ranks { count: data * context, stride: tensor };
        // Experts are held once by so many ranks that follow each other.
        let holders = expert.max(tensor);
        let experts = Ranks { count: (tensor * data * context / holders).max(1), stride: holders };
        const SAMPLE: f64 = 1e9;
        let each = |kind, ranks| least_seconds(self.fabric, kind, SAMPLE, ranks) / SAMPLE;
        let gather = |ranks| each(CollectiveKind::AllGather, ranks);
        let sum = |ranks| each(CollectiveKind::AllReduce, ranks);
        let next = Ranks { count: 2, stride: tensor * data * context };
        let rates = Rates {
            dense: gather(dense),
            expert: gather(experts),
            dense_sum: sum(dense),
            expert_sum: sum(experts),
            copies: dense.count as f64,
            expert_copies: experts.count as f64,
            hop: if parallel.pipeline > 1 {
                least_seconds(self.fabric, CollectiveKind::Send, costs.stream, next)
            } else {
                0.0
            },
        };
        ShapeScreen { screen: self, number, shape, rates, stages: Vec::new(), recompute: None }
    }
}

/// One shape, with its stages under one rule of recomputing.
#[derive(Debug)]
pub struct ShapeScreen<'a> {
    screen: &'a Screen<'a>,
    number: usize,
    shape: Shape,
    rates: Rates,
    stages: Vec<Stage>,
    recompute: Option<memwall_model_graph::Recompute>,
}

impl ShapeScreen<'_> {
    /// The least time and memory of a plan of this shape.
    pub fn screen(&mut self, choice: &TrainingChoice) -> Screened {
        self.prepare(choice);
        let mut memory = 0.0_f64;
        for number in 0..self.stages.len() {
            memory = memory.max(self.memory_of(choice, number).total());
        }
        let time = self.time(choice).0;
        Screened { time, memory }
    }

    /// Where time and memory go.
    pub fn explain(&mut self, choice: &TrainingChoice) -> (Parts, Memory) {
        self.prepare(choice);
        let (time, deciding) = self.time(choice);
        let stage = self.stages[deciding];
        let ends = self.ends_of(choice, &stage);
        let parts = f64::from(self.shape.parallel.micro_batches);
        let sent = stage.sent;
        let sent =
            Sent { tensor: parts * sent.tensor, context: parts * sent.context, expert: parts * sent.expert };
        let (again, optimizer, data) = (parts * stage.again, ends.optimizer, ends.data);
        let computing = parts * stage.computing() - again;
        let bubble = (time - computing - again - sent.total() - optimizer - data).max(0.0);
        let memory = (0..self.stages.len()).map(|number| self.memory_of(choice, number));
        let fullest = memory
            .fold(Memory::default(), |most, next| if next.total() > most.total() { next } else { most });
        (Parts { computing, again, sent, bubble, data, optimizer }, fullest)
    }

    fn prepare(&mut self, choice: &TrainingChoice) {
        if self.recompute == Some(choice.recompute) {
            return;
        }
        self.recompute = Some(choice.recompute);
        let table = self.screen.table;
        let how = (&self.shape, choice.recompute, self.screen.tied);
        stages(table.of(self.number), table.kinds(), how, &mut self.stages);
    }

    /// The least time, and the stage that decides it.
    fn time(&self, choice: &TrainingChoice) -> (f64, usize) {
        let parts = f64::from(self.shape.parallel.micro_batches);
        iteration(&choice.schedule, &self.stages, (parts, self.rates.hop), |stage| {
            self.ends_of(choice, stage)
        })
    }

    fn ends_of(&self, choice: &TrainingChoice, stage: &Stage) -> Ends {
        let bytes = &self.screen.bytes;
        let rates = &self.rates;
        let parts = f64::from(self.shape.parallel.micro_batches);
        let seconds = |each: f64| each * (stage.parameters * rates.dense + stage.experts * rates.expert);
        let (scatter, gather) = (seconds(bytes.gradient), seconds(bytes.weight));
        let summed = stage.parameters * rates.dense_sum + stage.experts * rates.expert_sum;
        let sum = bytes.gradient * summed;
        let back = stage.backward + stage.weight;
        let beyond = |sending: f64, beside: f64| (sending - beside).max(0.0);
        // Sums run beside the last way back, or after it.
        let beside = if self.screen.overlaps { back } else { 0.0 };
        let data = match choice.zero {
            ZeroStage::None => beyond(sum, beside),
            ZeroStage::Optimizer | ZeroStage::Gradients => beyond(scatter, beside) + gather,
            // Gathered before each layer and summed after it, one layer beside the next.
            ZeroStage::Weights => parts * (beyond(gather, stage.forward) + beyond(gather + scatter, back)),
        };
        let held = if choice.zero == ZeroStage::None {
            stage.parameters + stage.experts
        } else {
            stage.parameters / rates.copies + stage.experts / rates.expert_copies
        };
        Ends { data, optimizer: held * bytes.update / self.screen.bandwidth }
    }

    fn memory_of(&self, choice: &TrainingChoice, number: usize) -> Memory {
        let stage = &self.stages[number];
        let bytes = &self.screen.bytes;
        let all = stage.parameters + stage.experts;
        let shared = stage.parameters / self.rates.copies + stage.experts / self.rates.expert_copies;
        let held = |from: ZeroStage| if choice.zero >= from { shared } else { all };
        // Both ends of the pipeline start on every device.
        let twice = if choice.schedule.kind == ScheduleKind::DualPipe { 2.0 } else { 1.0 };
        // Gradients of several micro-batches are added up whole, and summed over ranks once; divided weights leave no room
        // for that.
        let divides = choice.zero == ZeroStage::Weights
            || (choice.zero == ZeroStage::Gradients && self.shape.parallel.micro_batches == 1);
        let gathered = if choice.zero == ZeroStage::Weights { stage.largest } else { 0.0 };
        let stages = (number, self.stages.len());
        let in_flight = in_flight(&choice.schedule, stages, self.shape.parallel.micro_batches);
        Memory {
            weights: bytes.weight * (twice * held(ZeroStage::Weights) + gathered),
            gradients: bytes.gradient * twice * if divides { shared } else { all },
            state: bytes.state * held(ZeroStage::Optimizer),
            activations: in_flight * stage.kept,
            working: stage.working,
            overhead: self.screen.overhead,
        }
    }
}

/// What follows a stage's last way back.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Ends {
    /// Seconds of sending between data-parallel ranks that nothing hides.
    pub data: f64,
    /// Seconds of updating parameters.
    pub optimizer: f64,
}

impl Ends {
    /// All of it.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.data + self.optimizer
    }
}
