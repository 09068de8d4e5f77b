//! Rules that say what is kept.

use super::{Plan, Problem, segments};
use crate::{CollectiveKind, OpClass, OpId, OpKind, Operator, Recompute, TrainingGraph};

impl Plan {
    /// What a rule keeps of a training graph; `problem` is the graph's own.
    ///
    /// * `none`: everything.
    /// * `full`: what layers read of others, and what is in no layer. A network without layers is cut into segments
    ///   ([`segments`]), each of which counts as a layer.
    /// * `every`: of every that-many-th layer everything, of the others as `full`.
    /// * `selective`: everything but what is between the queries, keys and values and the attention's result; where that
    ///   is one kernel, of each layer its result, every second product's and what ranks add up (as torchtitan's selective
    ///   checkpointing of operators does); where there are no layers, everything but norms and pointwise functions.
    /// * `optimal`: as `none`; [`super::optimal`] finds more.
    #[must_use]
    pub fn of(training: &TrainingGraph, problem: &Problem, rule: Recompute) -> Self {
        let operators = &training.graph.operators()[..problem.forward()];
        match rule {
            Recompute::None | Recompute::Optimal(_) => Self::keep_all(problem),
            Recompute::Full => by_layer(problem, &layers(problem, operators), |_| false),
            Recompute::Every(number) => {
                let keeps = |layer: u32| layer.is_multiple_of(number.max(1));
                by_layer(problem, &layers(problem, operators), keeps)
            }
            Recompute::Selective if has_attention(operators) => {
                let kept = every_second_product(operators);
                by_layer_but(problem, operators, |maker| kept[maker as usize])
            }
            Recompute::Selective => {
                let cheap = cheap(operators);
                Self::keep(problem, |value| !is_inside(training, problem, value, cheap))
            }
        }
    }
}

/// Of each forward operator its layer; of those in none, none, unless there are no layers at all.
fn layers(problem: &Problem, operators: &[Operator]) -> Vec<Option<u32>> {
    if operators.iter().any(|operator| operator.layer.is_some()) {
        return operators.iter().map(|operator| operator.layer).collect();
    }
    segments(problem, None).into_iter().map(Some).collect()
}

/// Keeps what is in no layer, what crosses from one to another, and all of layers that keep theirs.
fn by_layer(problem: &Problem, layers: &[Option<u32>], keeps: impl Fn(u32) -> bool) -> Plan {
    Plan::keep(problem, |value| {
        let Some(layer) = layers[problem.producer(value) as usize] else { return true };
        let mut readers = problem.readers(value).iter().filter_map(|reader| layers.get(*reader as usize));
        keeps(layer) || readers.any(|of| *of != Some(layer))
    })
}

/// Keeps what is in no layer, what crosses from one to another, and what operators make that `keeps` names.
fn by_layer_but(problem: &Problem, operators: &[Operator], keeps: impl Fn(u32) -> bool) -> Plan {
    let layers = layers(problem, operators);
    Plan::keep(problem, |value| {
        let maker = problem.producer(value);
        let Some(layer) = layers[maker as usize] else { return true };
        let mut readers = problem.readers(value).iter().filter_map(|reader| layers.get(*reader as usize));
        keeps(maker) || readers.any(|of| *of != Some(layer))
    })
}

fn has_attention(operators: &[Operator]) -> bool {
    operators.iter().any(|operator| matches!(operator.kind, OpKind::Attention(_)))
}

/// Of each operator, whether it is an attention, the second, fourth ... product of its layer, or adds up over ranks.
fn every_second_product(operators: &[Operator]) -> Vec<bool> {
    let (mut layer, mut products) = (None, 0_u32);
    let kept = operators.iter().map(|operator| {
        if operator.layer != layer {
            (layer, products) = (operator.layer, 0);
        }
        match &operator.kind {
            OpKind::Attention(_) => true,
            OpKind::MatMul(_) | OpKind::GroupedMatMul(_) => {
                products += 1;
                products.is_multiple_of(2)
            }
            OpKind::Collective(collective) => collective.kind == CollectiveKind::ReduceScatter,
            _ => false,
        }
    });
    kept.collect()
}

type Cheap = fn(&Operator) -> bool;

/// What `selective` computes again.
fn cheap(operators: &[Operator]) -> Cheap {
    let has = |wanted: fn(&Operator) -> bool| operators.iter().any(wanted);
    if !has(|operator| operator.layer.is_some()) {
        return |operator| matches!(operator.kind, OpKind::Elementwise { .. } | OpKind::Norm { .. });
    }
    |operator| {
        let scores = operator.class == OpClass::ActAct || matches!(operator.kind, OpKind::Softmax { .. });
        scores || operator.label == "attn.dropout"
    }
}

/// Whether a value is made by a cheap operator; between products of attention, and read by another.
fn is_inside(training: &TrainingGraph, problem: &Problem, value: u32, cheap: Cheap) -> bool {
    let operator = |index: u32| training.graph.operator(OpId(index));
    let maker = operator(problem.producer(value));
    if !cheap(maker) {
        return false;
    }
    let contracts = matches!(maker.kind, OpKind::MatMul(_));
    let mut readers = problem.readers(value).iter().filter(|reader| (**reader as usize) < problem.forward());
    !contracts || readers.any(|reader| cheap(operator(*reader)))
}
