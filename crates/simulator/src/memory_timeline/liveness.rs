//! What passes of a training graph hold, from when each of its tensors is made and read last.

use memwall_model_graph::{Pass, TensorId, TensorRole, TrainingGraph};

use super::PartMemory;

impl PartMemory {
    /// What one rank holds of one micro-batch of `graph`. Where `split`, the gradients of weights are a pass of their
    /// own, done later; otherwise they are computed where the graph has them.
    ///
    /// A tensor lives from its producer to its last reader, in the order of the operators. What nobody makes, such as
    /// token ids or the gradient that another stage sends, lives from its first reader. Sums of gradients of weights are
    /// held all the time and are no part of it.
    #[must_use]
    pub fn of(graph: &TrainingGraph, split: bool) -> Self {
        let order = Order::new(graph, split);
        let lives = order.lives(graph);
        let [forward, input, end] = order.ends;
        let across = |boundary: usize| {
            let lives = lives.iter().filter(|life| life.first < boundary && life.last >= boundary);
            lives.fold(0_u64, |sum, life| sum.saturating_add(life.bytes))
        };
        let (activations, kept_for_weights) = (across(forward), across(input));
        let total = live(&lives, end);
        let fullest = |from: usize, to: usize| (from..to).rev().max_by_key(|position| total[*position]);
        let above = |from: usize, to: usize, held: u64| {
            fullest(from, to).map_or(0, |position| total[position].saturating_sub(held))
        };
        let backward = above(forward, input, activations);
        let again = fullest(forward, input).map_or(0, |position| {
            let there = lives.iter().filter(|life| life.first <= position && life.last >= position);
            there.filter(|life| life.recomputed).fold(0_u64, |sum, life| sum.saturating_add(life.bytes))
        });
        let recomputed = again.min(backward);
        Self {
            activations,
            kept_for_weights,
            recomputed,
            forward_temporary: above(0, forward, activations),
            backward_temporary: backward - recomputed,
            weight_temporary: above(input, end, kept_for_weights),
        }
    }
}

/// In what order operators run, and where passes end in it.
struct Order {
    /// Of each operator, when it runs.
    position: Vec<usize>,
    /// Ends of the forward pass, the backward pass, and that of the gradients of weights.
    ends: [usize; 3],
}

/// A tensor and when it is there.
struct Life {
    first: usize,
    last: usize,
    bytes: u64,
    recomputed: bool,
}

impl Order {
    fn new(graph: &TrainingGraph, split: bool) -> Self {
        let count = graph.passes.len();
        let forward = graph.forward_operators();
        let is_late = |index: &usize| split && graph.passes[*index] == Pass::WeightGradient;
        let late: Vec<usize> = (forward..count).filter(is_late).collect();
        let input = count - late.len();
        let sequence = (0..count).filter(|index| *index < forward || !is_late(index)).chain(late);
        let mut position = vec![0; count];
        for (when, index) in sequence.enumerate() {
            position[index] = when;
        }
        Self { position, ends: [forward, input, count] }
    }

    /// Tensors that come and go.
    fn lives(&self, graph: &TrainingGraph) -> Vec<Life> {
        let tensors = graph.graph.tensors();
        let mut spans: Vec<Option<(usize, usize)>> = vec![None; tensors.len()];
        for (index, operator) in graph.graph.operators().iter().enumerate() {
            let when = self.position[index];
            for operand in operator.inputs.iter().chain(&operator.outputs) {
                let span = spans[operand.tensor.0 as usize].get_or_insert((when, when));
                *span = (span.0.min(when), span.1.max(when));
            }
        }
        let life = |(index, span): (usize, &Option<(usize, usize)>)| {
            let (first, last) = (*span)?;
            let passing = matches!(tensors[index].role, TensorRole::Activation | TensorRole::Input);
            let producer = graph.graph.producer(TensorId(index as u32));
            let recomputed =
                producer.is_some_and(|producer| graph.passes[producer.0 as usize] == Pass::Recompute);
            passing.then(|| Life { first, last, bytes: tensors[index].bytes(), recomputed })
        };
        spans.iter().enumerate().filter_map(life).collect()
    }
}

/// Bytes there are while each operator runs.
fn live(lives: &[Life], count: usize) -> Vec<u64> {
    let mut begins = vec![0_u64; count + 1];
    let mut ends = vec![0_u64; count + 1];
    for life in lives {
        begins[life.first] = begins[life.first].saturating_add(life.bytes);
        ends[life.last + 1] = ends[life.last + 1].saturating_add(life.bytes);
    }
    let mut now = 0_u64;
    (0..count)
        .map(|position| {
            now = now.saturating_add(begins[position]).saturating_sub(ends[position]);
            now
        })
        .collect()
}
