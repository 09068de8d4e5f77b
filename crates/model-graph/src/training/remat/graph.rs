//! From a training graph to a problem and from a schedule back to a graph.

use super::{Problem, ProblemError, Work};
use crate::{
    Graph, GraphBuilder, GraphError, OpId, Operand, Operator, Pass, TensorId, TensorRole, TrainingGraph,
};

impl Problem {
    /// What is to be scheduled of a training graph whose operators take `costs` picoseconds each.
    ///
    /// Its values are the activations and their gradients that operators make, in the order in which they are made.
    /// Weights, their gradients and what is given from outside are there all the time and no part of it.
    ///
    /// # Errors
    /// [`ProblemError::TooMany`].
    pub fn of(training: &TrainingGraph, costs: &[u64]) -> Result<Self, ProblemError> {
        let graph = &training.graph;
        let mut bytes = Vec::new();
        let mut values = vec![None; graph.tensors().len()];
        let mut operators = Vec::with_capacity(graph.operators().len());
        for (id, operator) in graph.iter() {
            let inputs = operator.inputs.iter().filter_map(|input| values[input.tensor.0 as usize]).collect();
            let mut outputs = Vec::new();
            for tensor in operator.outputs.iter().map(|output| output.tensor) {
                if graph.tensor(tensor).role == TensorRole::Activation {
                    let value = bytes.len() as u32;
                    bytes.push(graph.tensor(tensor).bytes());
                    values[tensor.0 as usize] = Some(value);
                    outputs.push(value);
                }
            }
            let cost = costs.get(id.0 as usize).copied().unwrap_or(0);
            operators.push(Work { cost, inputs, outputs });
        }
        Self::new(bytes, operators, training.forward_operators())
    }
}

impl TrainingGraph {
    /// The graph in which operators run in the order of `schedule`, a schedule of its [`Problem`]. Each repetition of a
    /// forward operator is an operator of its own ([`Pass::Recompute`]) with tensors of its own; whoever comes after it
    /// reads these.
    ///
    /// # Errors
    /// The graph gets too large, or the schedule is none.
    pub fn scheduled(&self, schedule: &[u32]) -> Result<Self, GraphError> {
        let mut builder = GraphBuilder::with_capacity(schedule.len());
        let tensors = self.graph.tensors();
        tensors.iter().for_each(|tensor| {
            builder.push(tensor.clone());
        });
        let mut latest: Vec<TensorId> = (0..tensors.len() as u32).map(TensorId).collect();
        let mut ran = vec![false; self.graph.operators().len()];
        let mut passes = Vec::with_capacity(schedule.len());
        for id in schedule.iter().copied().map(OpId) {
            let Some(operator) = self.graph.operators().get(id.0 as usize) else {
                return Err(GraphError::Unsupported("a schedule of another graph".to_owned()));
            };
            let again = std::mem::replace(&mut ran[id.0 as usize], true);
            if again {
                renew(&self.graph, operator, &mut builder, &mut latest);
            }
            let current =
                |operand: &Operand| Operand { tensor: latest[operand.tensor.0 as usize], ..*operand };
            builder.operator(Operator {
                inputs: operator.inputs.iter().map(current).collect(),
                outputs: operator.outputs.iter().map(current).collect(),
                ..operator.clone()
            });
            passes.push(if again { Pass::Recompute } else { self.passes[id.0 as usize] });
        }
        Ok(Self { graph: builder.finish()?, passes })
    }
}

/// New tensors for what an operator makes again.
fn renew(graph: &Graph, operator: &Operator, builder: &mut GraphBuilder, latest: &mut [TensorId]) {
    for output in &operator.outputs {
        latest[output.tensor.0 as usize] = builder.push(graph.tensor(output.tensor).clone());
    }
}
