//! What is noted of all plans with the same value of one choice.

use std::collections::BTreeMap;

use memwall_model_graph::{PipelineSchedule, Recompute, ZeroStage};
use memwall_scenario::TrainingChoice;

use super::screen::Screened;

/// One choice of a plan, and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Choice {
    /// Devices in use.
    Devices(u64),
    /// Tensor-parallel ranks.
    Tensor(u32),
    /// Whether the stream is divided too.
    Sequence(bool),
    /// Pipeline stages.
    Pipeline(u32),
    /// Ranks that share each sequence.
    Context(u32),
    /// Ranks that share the experts.
    Expert(u32),
    /// Sequences of a micro-batch.
    MicroBatch(u64),
    /// The ZeRO stage.
    Zero(ZeroStage),
    /// What is computed again: by its place among those that are tried.
    Recompute(u32),
    /// The schedule, its chunks put together.
    Schedule(memwall_model_graph::ScheduleKind),
}

/// What plans with one value of a choice come to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Group {
    /// How many there are.
    pub plans: u64,
    /// How many fit.
    pub fitting: u64,
    /// The quickest that fits: seconds and number.
    pub best: Option<(f64, u64)>,
    /// The one that needs the least memory: bytes and number.
    pub leanest: (f64, u64),
}

impl Default for Group {
    fn default() -> Self {
        Self { plans: 0, fitting: 0, best: None, leanest: (f64::INFINITY, u64::MAX) }
    }
}

impl Group {
    /// Notes a plan; it fits if its memory is at most `capacity`.
    pub fn note(&mut self, number: u64, screened: &Screened, capacity: f64) {
        self.plans += 1;
        self.leanest = lesser(self.leanest, (screened.memory, number));
        if screened.memory <= capacity {
            self.fitting += 1;
            let own = (screened.time, number);
            self.best = Some(self.best.map_or(own, |best| lesser(best, own)));
        }
    }

    fn join(&mut self, other: &Self) {
        self.plans += other.plans;
        self.fitting += other.fitting;
        self.leanest = lesser(self.leanest, other.leanest);
        self.best = match (self.best, other.best) {
            (Some(a), Some(b)) => Some(lesser(a, b)),
            (a, b) => a.or(b),
        };
    }
}

/// The lesser score; of equal ones, the lower number.
fn lesser(a: (f64, u64), b: (f64, u64)) -> (f64, u64) {
    if b.0 < a.0 || (b.0 == a.0 && b.1 < a.1) { b } else { a }
}

/// All choices and their values.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tally {
    groups: BTreeMap<Choice, Group>,
}

impl Tally {
    /// Adds what was noted of plans that share a value.
    pub fn add(&mut self, choice: Choice, group: &Group) {
        if group.plans > 0 {
            self.groups.entry(choice).or_default().join(group);
        }
    }

    /// Adds what was noted elsewhere.
    #[must_use]
    pub fn joined(mut self, other: &Self) -> Self {
        for (choice, group) in &other.groups {
            self.add(*choice, group);
        }
        self
    }

    /// Every value of every choice, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Choice, &Group)> {
        self.groups.iter()
    }
}

/// The groups that change from plan to plan of one shape.
#[derive(Debug)]
pub struct ShapeTally {
    whole: Group,
    zero: [Group; 4],
    recompute: Vec<Group>,
    schedule: [Group; 7],
}

impl ShapeTally {
    /// Nothing noted, of `rules` rules of recomputing.
    pub fn new(rules: usize) -> Self {
        Self {
            whole: Group::default(),
            zero: [Group::default(); 4],
            recompute: vec![Group::default(); rules],
            schedule: [Group::default(); 7],
        }
    }

    /// Notes a plan, whose rule of recomputing has this place.
    pub fn note(
        &mut self,
        (number, rule): (u64, usize),
        (zero, schedule): (ZeroStage, &PipelineSchedule),
        screened: &Screened,
        capacity: f64,
    ) {
        self.whole.note(number, screened, capacity);
        self.zero[usize::from(zero.number())].note(number, screened, capacity);
        self.recompute[rule].note(number, screened, capacity);
        self.schedule[schedule.kind as usize].note(number, screened, capacity);
    }

    /// All plans of the shape.
    pub const fn whole(&self) -> &Group {
        &self.whole
    }

    /// Adds all to `tally`, as plans of the shape of `any`.
    pub fn add_to(&self, tally: &mut Tally, any: &TrainingChoice) {
        use memwall_model_graph::ScheduleKind;
        let parallel = &any.parallel;
        for choice in [
            Choice::Devices(any.devices()),
            Choice::Tensor(parallel.tensor),
            Choice::Sequence(parallel.sequence),
            Choice::Pipeline(parallel.pipeline),
            Choice::Context(parallel.context),
            Choice::Expert(parallel.expert),
            Choice::MicroBatch(any.micro_batch),
        ] {
            tally.add(choice, &self.whole);
        }
        let stages = [ZeroStage::None, ZeroStage::Optimizer, ZeroStage::Gradients, ZeroStage::Weights];
        for stage in stages {
            tally.add(Choice::Zero(stage), &self.zero[usize::from(stage.number())]);
        }
        for (rule, group) in (0..).zip(&self.recompute) {
            tally.add(Choice::Recompute(rule), group);
        }
        for kind in ScheduleKind::ALL {
            tally.add(Choice::Schedule(kind), &self.schedule[kind as usize]);
        }
    }
}

/// The value of a choice that a plan has, of the same kind as `like`; `rules` are the rules of recomputing.
#[must_use]
pub fn value_of(like: &Choice, plan: &TrainingChoice, rules: &[Recompute]) -> Choice {
    match like {
        Choice::Devices(_) => Choice::Devices(plan.devices()),
        Choice::Tensor(_) => Choice::Tensor(plan.parallel.tensor),
        Choice::Sequence(_) => Choice::Sequence(plan.parallel.sequence),
        Choice::Pipeline(_) => Choice::Pipeline(plan.parallel.pipeline),
        Choice::Context(_) => Choice::Context(plan.parallel.context),
        Choice::Expert(_) => Choice::Expert(plan.parallel.expert),
        Choice::MicroBatch(_) => Choice::MicroBatch(plan.micro_batch),
        Choice::Zero(_) => Choice::Zero(plan.zero),
        Choice::Recompute(_) => {
            let place = rules.iter().position(|rule| *rule == plan.recompute);
            Choice::Recompute(place.unwrap_or_default() as u32)
        }
        Choice::Schedule(_) => Choice::Schedule(plan.schedule.kind),
    }
}
