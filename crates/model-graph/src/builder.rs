//! Putting a graph together.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use crate::limits::{MAX_ELEMENTS, MAX_OPERATORS};
use crate::{Dtype, Graph, GraphError, OpId, Operand, Operator, Tensor, TensorId, TensorKey, TensorRole};

/// Collects tensors and operators, in any order, and checks them at the end.
#[derive(Debug, Default)]
pub struct GraphBuilder {
    graph: Graph,
}

impl GraphBuilder {
    /// An empty graph.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty graph with room for that many operators and about two tensors each.
    #[must_use]
    pub fn with_capacity(operators: usize) -> Self {
        let operators = operators.min(MAX_OPERATORS);
        let mut graph = Graph::default();
        graph.operators.reserve(operators);
        graph.tensors.reserve(operators.saturating_mul(5) / 2);
        Self { graph }
    }

    /// Adds a tensor. Its key is made of its name, so the same name means the same bytes in every graph; an
    /// activation's key leaves the layer out, because layers hand the same buffers on.
    pub fn tensor(
        &mut self,
        label: impl Into<Cow<'static, str>>,
        layer: Option<u32>,
        role: TensorRole,
        dtype: Dtype,
        shape: Vec<u64>,
    ) -> TensorId {
        let label = label.into();
        let keyed_layer = if role == TensorRole::Activation { None } else { layer };
        let key = TensorKey::of(keyed_layer, &label);
        let id = TensorId(u32::try_from(self.graph.tensors.len()).unwrap_or(u32::MAX));
        self.graph.tensors.push(Tensor { label, layer, role, dtype, shape, key, sparsity: None });
        id
    }

    /// Adds a tensor as it is, its key included.
    pub(crate) fn push(&mut self, tensor: Tensor) -> TensorId {
        let id = TensorId(u32::try_from(self.graph.tensors.len()).unwrap_or(u32::MAX));
        self.graph.tensors.push(tensor);
        id
    }

    /// Makes a tensor the same bytes as any other of this key.
    pub(crate) fn set_key(&mut self, tensor: TensorId, key: TensorKey) {
        if let Some(tensor) = self.graph.tensors.get_mut(tensor.0 as usize) {
            tensor.key = key;
        }
    }

    /// A whole tensor as an operand.
    #[must_use]
    pub fn whole(&self, tensor: TensorId) -> Operand {
        let elements = self.graph.tensors.get(tensor.0 as usize).map_or(0, Tensor::elements);
        Operand { tensor, elements }
    }

    /// What a tensor added before is for.
    #[must_use]
    pub fn role(&self, tensor: TensorId) -> Option<TensorRole> {
        self.graph.tensors.get(tensor.0 as usize).map(|tensor| tensor.role)
    }

    /// The number format of a tensor added before.
    #[must_use]
    pub fn dtype(&self, tensor: TensorId) -> Option<Dtype> {
        self.graph.tensors.get(tensor.0 as usize).map(|tensor| tensor.dtype)
    }

    /// Adds an operator.
    pub fn operator(&mut self, operator: Operator) {
        self.graph.operators.push(operator);
    }

    /// How many operators there are so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.graph.operators.len()
    }

    /// Whether there is no operator yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.graph.operators.is_empty()
    }

    /// The graph, its operators in an order in which each comes after all it depends on; otherwise as they
    /// were added.
    ///
    /// # Errors
    /// A cycle, a tensor with two producers, a graph or tensor beyond its limit.
    pub fn finish(self) -> Result<Graph, GraphError> {
        let mut graph = self.graph;
        check_sizes(&graph)?;
        graph.producers = producers(&graph)?;
        if !is_ordered(&graph) {
            order(&mut graph)?;
            graph.producers = producers(&graph)?;
        }
        graph.last_readers = last_readers(&graph);
        Ok(graph)
    }
}

fn check_sizes(graph: &Graph) -> Result<(), GraphError> {
    if graph.operators.len() > MAX_OPERATORS {
        return Err(GraphError::TooManyOperators);
    }
    match graph.tensors.iter().find(|tensor| tensor.elements() > MAX_ELEMENTS) {
        Some(tensor) => Err(GraphError::TooLarge { tensor: tensor.name() }),
        None => Ok(()),
    }
}

fn producers(graph: &Graph) -> Result<Vec<Option<OpId>>, GraphError> {
    let mut producers = vec![None; graph.tensors.len()];
    for (id, operator) in graph.iter() {
        for input in &operator.inputs {
            if input.tensor.0 as usize >= producers.len() {
                return Err(GraphError::ForeignTensor { operator: operator.name() });
            }
        }
        for output in &operator.outputs {
            let slot = producers.get_mut(output.tensor.0 as usize);
            let Some(slot) = slot else {
                return Err(GraphError::ForeignTensor { operator: operator.name() });
            };
            if let Some(first) = slot.replace(id) {
                return Err(GraphError::TwoProducers {
                    tensor: graph.tensor(output.tensor).name(),
                    first: graph.operator(first).name(),
                    second: operator.name(),
                });
            }
        }
    }
    Ok(producers)
}

fn last_readers(graph: &Graph) -> Vec<Option<OpId>> {
    let mut readers = vec![None; graph.tensors.len()];
    for (id, operator) in graph.iter() {
        for input in &operator.inputs {
            readers[input.tensor.0 as usize] = Some(id);
        }
    }
    readers
}

fn is_ordered(graph: &Graph) -> bool {
    graph.iter().all(|(id, operator)| {
        operator.inputs.iter().all(|input| graph.producer(input.tensor).is_none_or(|producer| producer < id))
    })
}

/// Puts the operators in dependency order, earlier-added first among those that are ready (Kahn's algorithm).
fn order(graph: &mut Graph) -> Result<(), GraphError> {
    let count = graph.operators.len();
    let mut waiting = vec![0_usize; count];
    let mut dependants = vec![Vec::new(); count];
    for (id, _) in graph.iter() {
        for dependency in graph.dependencies(id) {
            waiting[id.0 as usize] += 1;
            dependants[dependency.0 as usize].push(id.0);
        }
    }
    let mut ready: BinaryHeap<_> =
        (0_u32..).zip(&waiting).filter(|(_, missing)| **missing == 0).map(|(id, _)| Reverse(id)).collect();
    let mut sequence = Vec::with_capacity(count);
    while let Some(Reverse(id)) = ready.pop() {
        sequence.push(id);
        for dependant in &dependants[id as usize] {
            let missing = &mut waiting[*dependant as usize];
            *missing -= 1;
            if *missing == 0 {
                ready.push(Reverse(*dependant));
            }
        }
    }
    if sequence.len() < count {
        return Err(GraphError::Cycle { names: name_cycle(graph) });
    }
    let mut taken: Vec<_> = std::mem::take(&mut graph.operators).into_iter().map(Some).collect();
    graph.operators = sequence.iter().filter_map(|id| taken[*id as usize].take()).collect();
    Ok(())
}

/// The names along one cycle, starting at its earliest-added operator, which is repeated at the end.
fn name_cycle(graph: &Graph) -> Vec<String> {
    let mut digraph: DiGraph<(), ()> = DiGraph::new();
    let nodes: Vec<NodeIndex> = graph.operators.iter().map(|_| digraph.add_node(())).collect();
    for (id, _) in graph.iter() {
        for dependency in graph.dependencies(id) {
            digraph.add_edge(nodes[dependency.0 as usize], nodes[id.0 as usize], ());
        }
    }
    let components = kosaraju_scc(&digraph);
    let is_cycle = |component: &&Vec<NodeIndex>| {
        component.len() > 1 || component.iter().any(|node| digraph.contains_edge(*node, *node))
    };
    let Some(component) = components.iter().filter(is_cycle).min_by_key(|nodes| nodes.iter().min().copied())
    else {
        return Vec::new();
    };
    let mut inside = vec![false; nodes.len()];
    for node in component {
        inside[node.index()] = true;
    }
    // Walking to the smallest successor inside the component must come back to a node already seen.
    let mut path: Vec<NodeIndex> = component.iter().min().copied().into_iter().collect();
    let mut place = vec![None; nodes.len()];
    while let Some(last) = path.last().copied() {
        place[last.index()] = Some(path.len() - 1);
        let Some(next) = digraph.neighbors(last).filter(|node| inside[node.index()]).min() else { break };
        path.push(next);
        if let Some(start) = place[next.index()] {
            path.drain(..start);
            break;
        }
    }
    path.iter().map(|node| graph.operators[node.index()].name()).collect()
}
