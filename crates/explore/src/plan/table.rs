//! What one layer, the embedding and the head cost, once for each way to divide them.
//!
//! A stage of a pipeline is layers, perhaps with an end. So what a plan costs is a sum over few numbers, which are
//! worked out here from the graphs that would be simulated, each operator at its roofline.

use std::collections::{BTreeMap, HashMap};

use memwall_model_graph::{
    BuildOptions, Differentiation, Graph, GraphError, OpKind, Parallel, Pass, Recompute, Step, StepPhase,
    TrainingGraph, build_rank_step,
};
use memwall_scenario::PlanCase;
use memwall_simulator::{SimulationError, least_times};
use rayon::prelude::*;
use thiserror::Error;

use super::piece::{Part, Piece};
use super::space::Shape;
use memwall_scenario::training_settings;

/// Why the costs of a plan are not known.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum CostError {
    /// Its graph could not be built.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The device cannot run it.
    #[error(transparent)]
    Simulation(#[from] SimulationError),
}

/// What of a plan decides what a layer costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    tensor: u32,
    sequence: bool,
    context: u32,
    expert: u32,
    micro_batch: u64,
    /// Whether gradients of several micro-batches are summed up.
    accumulates: bool,
}

impl Key {
    fn of(shape: &Shape) -> Self {
        let Parallel { tensor, sequence, context, expert, micro_batches, .. } = shape.parallel;
        let accumulates = micro_batches > 1;
        Self { tensor, sequence, context, expert, micro_batch: shape.micro_batch, accumulates }
    }
}

/// Costs of all pieces of a model, divided in one way.
#[derive(Debug, Clone, PartialEq)]
pub struct Costs {
    /// By rule of recomputing.
    pieces: [Pieces; 3],
    /// Bytes of the stream that a layer hands on.
    pub stream: f64,
}

/// Rules of recomputing of which others are made up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Everything is kept.
    None,
    /// What is large and cheap is done again.
    Selective,
    /// Whole layers are done again.
    Full,
}

/// Costs under one rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Pieces {
    /// By kind of layer.
    pub layers: Vec<Piece>,
    /// Of the embedding.
    pub embedding: Piece,
    /// Of the last norm, the head and the loss.
    pub head: Piece,
}

impl Costs {
    /// The costs under a rule.
    #[must_use]
    pub const fn pieces(&self, rule: Rule) -> &Pieces {
        &self.pieces[rule as usize]
    }
}

/// The costs of every way to divide a layer that a space has.
#[derive(Debug)]
pub struct CostTable {
    costs: Vec<Costs>,
    of_shape: Vec<u32>,
    kinds: LayerKinds,
}

impl CostTable {
    /// Works out what the pieces of `shapes` cost.
    ///
    /// # Errors
    /// A graph that cannot be built, or that the device cannot run.
    pub fn new(case: &PlanCase, shapes: &[Shape]) -> Result<Self, CostError> {
        let mut numbers = HashMap::new();
        let mut keys = Vec::new();
        let number = |shape: &Shape| {
            *numbers.entry(Key::of(shape)).or_insert_with(|| {
                keys.push(Key::of(shape));
                (keys.len() - 1) as u32
            })
        };
        let of_shape = shapes.iter().map(number).collect();
        let kinds = LayerKinds::of(case);
        let costs: Result<Vec<Costs>, CostError> =
            keys.par_iter().map(|key| costs_of(case, &kinds, key)).collect();
        Ok(Self { costs: costs?, of_shape, kinds })
    }

    /// The costs of a shape's pieces.
    #[must_use]
    pub fn of(&self, shape: usize) -> &Costs {
        &self.costs[self.of_shape[shape] as usize]
    }

    /// Which layers are alike.
    #[must_use]
    pub const fn kinds(&self) -> &LayerKinds {
        &self.kinds
    }

    /// How many ways to divide a layer there are.
    #[must_use]
    pub fn ways(&self) -> usize {
        self.costs.len()
    }
}

/// Which layers of a model are alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerKinds {
    /// Of each kind, how many layers before each layer are of it; one entry more than there are layers.
    before: Vec<Vec<u32>>,
    /// Of each kind, a layer.
    examples: Vec<u64>,
}

impl LayerKinds {
    fn of(case: &PlanCase) -> Self {
        let arch = &case.architecture;
        let kind = |layer: u64| (arch.moe_of(layer).is_some(), arch.window_of(layer));
        let mut known = Vec::new();
        let mut kinds = Self { before: Vec::new(), examples: Vec::new() };
        let of_layer: Vec<usize> = (0..arch.layers)
            .map(|layer| {
                let own = kind(layer);
                known.iter().position(|other| *other == own).unwrap_or_else(|| {
                    known.push(own);
                    kinds.examples.push(layer);
                    known.len() - 1
                })
            })
            .collect();
        // One in the middle has no end of the model beside it.
        for (layer, of) in (0_u64..).zip(&of_layer) {
            if kinds.examples[*of] == 0 && layer + 1 < arch.layers {
                kinds.examples[*of] = layer;
            }
        }
        kinds.before = (0..known.len())
            .map(|kind| {
                let mut count = 0;
                let counts = of_layer.iter().map(|of| {
                    count += u32::from(*of == kind);
                    count
                });
                std::iter::once(0).chain(counts).collect()
            })
            .collect();
        kinds
    }

    /// How many layers of a kind are among `layers`.
    #[must_use]
    pub fn count(&self, kind: usize, layers: &std::ops::Range<u64>) -> u32 {
        let before = &self.before[kind];
        before[layers.end as usize] - before[layers.start as usize]
    }

    /// How many layers there are.
    #[must_use]
    pub fn layers(&self) -> u64 {
        self.before.first().map_or(0, |before| before.len() as u64 - 1)
    }
}

/// Costs of the pieces, from the graphs of stages of one layer each.
fn costs_of(case: &PlanCase, kinds: &LayerKinds, key: &Key) -> Result<Costs, CostError> {
    let last = case.architecture.layers.saturating_sub(1);
    // The ends, and an example of each kind; none is built twice.
    let mut stages: BTreeMap<u64, [Stage<'_>; 3]> = BTreeMap::new();
    for layer in [0, last].iter().chain(&kinds.examples) {
        if !stages.contains_key(layer) {
            stages.insert(*layer, Stage::build(case, key, *layer)?);
        }
    }
    let pieces = |rule: Rule| {
        let piece = |layer: &u64, part: Part| stages[layer][rule as usize].piece(part);
        Pieces {
            layers: kinds.examples.iter().map(|layer| piece(layer, Part::Layer)).collect(),
            embedding: piece(&0, Part::Embedding),
            head: piece(&last, Part::Head),
        }
    };
    Ok(Costs {
        pieces: [pieces(Rule::None), pieces(Rule::Selective), pieces(Rule::Full)],
        stream: stream_bytes(case, key),
    })
}

/// Bytes of the stream between layers on one rank.
fn stream_bytes(case: &PlanCase, key: &Key) -> f64 {
    let tokens = key.micro_batch.saturating_mul(case.tokens / u64::from(key.context));
    let divided = if key.sequence { tokens.div_ceil(u64::from(key.tensor)) } else { tokens };
    case.options.precision.activations.bytes_for(divided.saturating_mul(case.architecture.hidden)) as f64
}

/// A stage of one layer, forward and backward, each operator at its roofline.
struct Stage<'a> {
    case: &'a PlanCase,
    parallel: Parallel,
    training: TrainingGraph,
    times: Vec<f64>,
    layer: u32,
}

impl<'a> Stage<'a> {
    /// The stage of a layer, under each rule of recomputing.
    fn build(case: &'a PlanCase, key: &Key, layer: u64) -> Result<[Self; 3], CostError> {
        let parallel = Parallel {
            tensor: key.tensor,
            sequence: key.sequence,
            context: key.context,
            expert: key.expert,
            pipeline: u32::try_from(case.architecture.layers).unwrap_or(u32::MAX),
            // Enough ranks for the experts; their number changes nothing else.
            data: key.expert,
            micro_batches: 1,
        };
        let step = Step {
            phase: StepPhase::Train,
            batch: key.micro_batch.saturating_mul(u64::from(parallel.data)),
            q_len: case.tokens,
            kv_len: case.tokens,
            prompt_len: case.tokens,
        };
        let layer = u32::try_from(layer).unwrap_or(u32::MAX);
        let options = BuildOptions { dropout: case.training.dropout > 0.0, ..case.options };
        let forward: Graph = build_rank_step(&case.architecture, &step, &options, &parallel, layer)?;
        let training = TrainingGraph::differentiate(&forward, &differentiation(case, key))?;
        let whole = training_settings(&case.software).recomputes_whole_layers;
        let under = |rule: Recompute| -> Result<Self, CostError> {
            let training = training.recomputed(rule, whole)?;
            let times = least_times(&case.device, &case.software, &training.graph)?;
            Ok(Self { case, parallel, training, times, layer })
        };
        Ok([under(Recompute::None)?, under(Recompute::Selective)?, under(Recompute::Full)?])
    }

    fn piece(&self, part: Part) -> Piece {
        let fabric = self.case.system.fabric();
        Piece::of(&self.training, &self.times, part, self.layer, (fabric, &self.parallel))
    }
}

/// How graphs are differentiated, as training runs them.
fn differentiation(case: &PlanCase, key: &Key) -> Differentiation {
    let settings = training_settings(&case.software);
    Differentiation {
        tensor: key.tensor,
        formats: case.training.formats,
        fused: settings.fuses_gradients,
        overlap: settings.overlaps_tensor,
        accumulate: key.accumulates,
    }
}

/// Whether an operator is what two stages send each other.
pub(super) fn passes_on(kind: &OpKind) -> bool {
    use memwall_model_graph::CollectiveKind::{Recv, Send};
    matches!(kind, OpKind::Collective(collective) if matches!(collective.kind, Send | Recv))
}

/// Whether a pass is on the way back.
pub(super) const fn is_back(pass: Pass) -> bool {
    !matches!(pass, Pass::Forward)
}
