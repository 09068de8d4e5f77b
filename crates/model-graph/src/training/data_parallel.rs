//! What data-parallel ranks send each other: sums of gradients, and weights gathered layer by layer.
//!
//! Weights and gradients of one layer travel together (a unit, as FSDP wraps a model); what is in no layer, the
//! embedding and the head, is a unit of its own.

use std::collections::HashMap;

use super::{Pass, TrainingGraph, ZeroStage};
use crate::{
    Collective, CollectiveKind, Dimension, Dtype, GraphBuilder, GraphError, OpClass, OpId, OpKind, Operand,
    Operator, TensorId, TensorRole,
};

/// How gradients are summed over the ranks that have copies of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DataParallel {
    /// Ranks with a copy of every weight but the experts'.
    pub ranks: u32,
    /// Ranks with a copy of an expert's.
    pub expert_ranks: u32,
    /// What of each parameter is divided over them.
    pub zero: ZeroStage,
    /// Number format in which weights are gathered.
    pub weights: Dtype,
    /// Number format in which gradients are summed.
    pub gradients: Dtype,
}

/// Weights of one unit: of every rank's copy, and of experts.
#[derive(Debug, Clone, Copy, Default)]
struct Unit {
    shared: u64,
    experts: u64,
}

impl TrainingGraph {
    /// The same with what data parallelism adds to a micro-batch: where weights are divided, they are gathered before
    /// each layer, one layer ahead, on the way there and on the way back; where `sums`, the gradients of each layer are
    /// summed as soon as they are there, beside the layers before it.
    ///
    /// # Errors
    /// The graph gets too large.
    pub fn with_data_parallel(&self, how: &DataParallel, sums: bool) -> Result<Self, GraphError> {
        let gathers = how.zero == ZeroStage::Weights && how.ranks.max(how.expert_ranks) > 1;
        // Divided weights leave no room for whole gradients: they are summed after every micro-batch.
        let sums = (sums || gathers) && how.ranks.max(how.expert_ranks) > 1;
        if !gathers && !sums {
            return Ok(self.clone());
        }
        Weaver::new(self, how, gathers, sums).weave()
    }

    /// Elements of the weights of the largest layer, or of what is in none.
    #[must_use]
    pub fn largest_unit(&self) -> u64 {
        units(self).values().map(|unit| unit.shared.saturating_add(unit.experts)).max().unwrap_or(0)
    }

    /// Elements of all weights, those of experts apart.
    #[must_use]
    pub fn parameters(&self) -> (u64, u64) {
        let units = units(self);
        let sum = |of: fn(&Unit) -> u64| units.values().fold(0_u64, |sum, unit| sum.saturating_add(of(unit)));
        (sum(|unit| unit.shared), sum(|unit| unit.experts))
    }
}

/// Elements by layer.
fn units(graph: &TrainingGraph) -> HashMap<Option<u32>, Unit> {
    let mut units: HashMap<Option<u32>, Unit> = HashMap::new();
    let experts = experts(graph);
    for (index, tensor) in graph.graph.tensors().iter().enumerate() {
        if tensor.role == TensorRole::Weight {
            let unit = units.entry(tensor.layer).or_default();
            let of = if experts[index] { &mut unit.experts } else { &mut unit.shared };
            *of = of.saturating_add(tensor.elements());
        }
    }
    units
}

/// Of each tensor, whether it is experts' weights.
fn experts(graph: &TrainingGraph) -> Vec<bool> {
    let mut found = vec![false; graph.graph.tensors().len()];
    for operator in graph.graph.operators() {
        if let (OpKind::GroupedMatMul(_), Some(weights)) = (&operator.kind, operator.inputs.get(1)) {
            found[weights.tensor.0 as usize] = true;
        }
    }
    found
}

/// Puts collectives between the operators.
struct Weaver<'a> {
    of: &'a TrainingGraph,
    how: &'a DataParallel,
    gathers: bool,
    sums: bool,
    units: HashMap<Option<u32>, Unit>,
    builder: GraphBuilder,
    passes: Vec<Pass>,
    /// What the first operator of a unit waits for.
    arrived: HashMap<(bool, Option<u32>), Vec<TensorId>>,
}

impl<'a> Weaver<'a> {
    fn new(of: &'a TrainingGraph, how: &'a DataParallel, gathers: bool, sums: bool) -> Self {
        let mut builder = GraphBuilder::with_capacity(of.passes.len());
        for tensor in of.graph.tensors() {
            builder.push(tensor.clone());
        }
        let units = units(of);
        Self { of, how, gathers, sums, units, builder, passes: Vec::new(), arrived: HashMap::new() }
    }

    fn weave(mut self) -> Result<TrainingGraph, GraphError> {
        let visits = visits(self.of);
        if self.gathers
            && let Some(first) = visits.first()
        {
            self.gather(*first);
        }
        let mut visit = 0;
        let last_sums = if self.sums { last_of_units(self.of) } else { HashMap::new() };
        for (index, pass) in self.of.passes.iter().enumerate() {
            let mut operator = self.of.graph.operator(OpId(index as u32)).clone();
            let here = (*pass == Pass::Forward, operator.layer);
            let enters = visits.get(visit) == Some(&here);
            if enters {
                visit += 1;
                if self.gathers
                    && let Some(next) = visits.get(visit)
                {
                    self.gather(*next);
                }
                let arrived = self.arrived.remove(&here).unwrap_or_default();
                operator.inputs.extend(arrived.into_iter().map(|tensor| Operand { tensor, elements: 0 }));
            }
            let (layer, gradients) = (operator.layer, gradients_of(&operator, self.of));
            self.builder.operator(operator);
            self.passes.push(*pass);
            if last_sums.get(&layer) == Some(&index) {
                self.reduce(layer, &gradients);
            }
        }
        Ok(TrainingGraph { graph: self.builder.finish()?, passes: self.passes })
    }

    /// Gathers the weights of a unit from the ranks that each have a part.
    fn gather(&mut self, visit: (bool, Option<u32>)) {
        let (forward, layer) = visit;
        let unit = self.units.get(&layer).copied().unwrap_or_default();
        let pass = if forward { Pass::Forward } else { Pass::Backward };
        let label = if forward { "weights.all_gather" } else { "weights.all_gather.again" };
        for (elements, ranks, dimension) in self.groups(unit) {
            let bytes = self.how.weights.bytes_for(elements);
            let collective = Collective::even(CollectiveKind::AllGather, dimension, ranks, bytes);
            let out = self.builder.tensor(
                format!("{label}.{}", dimension.name()),
                layer,
                TensorRole::Held,
                self.how.weights,
                vec![1],
            );
            self.add(label, layer, collective, Vec::new(), vec![Operand { tensor: out, elements: 0 }], pass);
            self.arrived.entry(visit).or_default().push(out);
        }
    }

    /// Sums up the gradients of a unit.
    fn reduce(&mut self, layer: Option<u32>, gradients: &[Operand]) {
        let unit = self.units.get(&layer).copied().unwrap_or_default();
        let kind = if self.how.zero == ZeroStage::None {
            CollectiveKind::AllReduce
        } else {
            CollectiveKind::ReduceScatter
        };
        let label = if kind == CollectiveKind::AllReduce {
            "gradients.all_reduce"
        } else {
            "gradients.reduce_scatter"
        };
        for (elements, ranks, dimension) in self.groups(unit) {
            let bytes = self.how.gradients.bytes_for(elements);
            let collective = Collective::even(kind, dimension, ranks, bytes);
            let inputs = gradients.iter().map(|operand| Operand { elements: 0, ..*operand }).collect();
            self.add(label, layer, collective, inputs, Vec::new(), Pass::WeightGradient);
        }
    }

    /// Elements of a unit that travel together, over how many ranks, and which.
    fn groups(&self, unit: Unit) -> Vec<(u64, u32, Dimension)> {
        let all = [
            (unit.shared, self.how.ranks, Dimension::Data),
            (unit.experts, self.how.expert_ranks, Dimension::ExpertData),
        ];
        all.into_iter().filter(|(elements, ranks, _)| *elements > 0 && *ranks > 1).collect()
    }

    fn add(
        &mut self,
        label: &'static str,
        layer: Option<u32>,
        collective: Collective,
        inputs: Vec<Operand>,
        outputs: Vec<Operand>,
        pass: Pass,
    ) {
        self.builder.operator(Operator {
            label: label.into(),
            layer,
            kind: OpKind::Collective(collective),
            class: OpClass::Other,
            compute: self.how.weights,
            inputs,
            outputs,
        });
        self.passes.push(pass);
    }
}

/// The units in the order in which they are entered: on the way there, then on the way back. What is in no layer is
/// entered once each way.
fn visits(of: &TrainingGraph) -> Vec<(bool, Option<u32>)> {
    let mut visits: Vec<(bool, Option<u32>)> = Vec::new();
    for (index, pass) in of.passes.iter().enumerate() {
        let visit = (*pass == Pass::Forward, of.graph.operator(OpId(index as u32)).layer);
        if !visits.contains(&visit) {
            visits.push(visit);
        }
    }
    visits
}

/// Of each unit, the last operator that writes gradients of its weights.
fn last_of_units(of: &TrainingGraph) -> HashMap<Option<u32>, usize> {
    let mut last = HashMap::new();
    for (index, operator) in of.graph.operators().iter().enumerate() {
        if !gradients_of(operator, of).is_empty() {
            last.insert(operator.layer, index);
        }
    }
    last
}

/// The sums of gradients that an operator writes.
fn gradients_of(operator: &Operator, of: &TrainingGraph) -> Vec<Operand> {
    let is_sum = |operand: &&Operand| of.graph.tensor(operand.tensor).role == TensorRole::Held;
    operator.outputs.iter().filter(is_sum).copied().collect()
}
