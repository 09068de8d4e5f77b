//! Ways back through matrix products.

use super::{REPLICATED, Walk};
use crate::{
    Attention, CollectiveKind, Dimension, GroupedMatMul, MatMul, OpKind, Operand, Operator, TensorRole,
};

use super::super::Pass;

impl Walk<'_> {
    /// C = A B: dA = dC B^T and dB = A^T dC.
    pub(super) fn matmul(&mut self, operator: &Operator, shape: &MatMul, given: Operand) {
        let (Some(a), Some(b)) = (operator.inputs.first().copied(), operator.inputs.get(1).copied()) else {
            return;
        };
        let is_weight = self.tensor_of(b).role == TensorRole::Weight;
        let read = if is_weight { self.kept(a) } else { a };
        if self.wants(a.tensor) {
            let gradient = self.gradient_like(a.tensor, &self.suffix(a, operator), a.elements);
            let kind = OpKind::MatMul(MatMul { n: shape.k, k: shape.n, ..*shape });
            let product = Self::like(operator, ".dgrad", kind, vec![given, b], vec![gradient]);
            self.emit(product, Pass::Backward);
            let partial = is_weight && self.is_partial(operator, a);
            self.give(a, gradient, partial);
        }
        let shared = shape.b_shared_by.max(1);
        let kind = OpKind::MatMul(MatMul {
            batch: shape.batch / shared,
            m: shape.k,
            n: shape.n,
            k: shape.m.saturating_mul(shared),
            b_shared_by: 1,
        });
        if !is_weight {
            if self.wants(b.tensor) {
                let gradient = self.gradient_like(b.tensor, &self.suffix(b, operator), b.elements);
                let product = Self::like(operator, ".dgrad_b", kind, vec![a, given], vec![gradient]);
                self.emit(product, Pass::Backward);
                self.give(b, gradient, false);
            }
            return;
        }
        self.weight_gradient(b, operator, |before, out| {
            let inputs = [read, given].into_iter().chain(before).collect();
            Self::like(operator, ".wgrad", kind, inputs, vec![out])
        });
        self.column_sum(operator, operator.inputs.get(2..).unwrap_or_default(), vec![given]);
    }

    /// Every expert's rows times its weights.
    pub(super) fn grouped(&mut self, operator: &Operator, shape: &GroupedMatMul, given: Operand) {
        let (Some(rows), Some(weights)) = (operator.inputs.first().copied(), operator.inputs.get(1).copied())
        else {
            return;
        };
        if self.wants(rows.tensor) {
            let gradient = self.gradient_like(rows.tensor, ".grad", rows.elements);
            let kind = OpKind::GroupedMatMul(GroupedMatMul { n: shape.k, k: shape.n, ..shape.clone() });
            let product = Self::like(operator, ".dgrad", kind, vec![given, weights], vec![gradient]);
            self.emit(product, Pass::Backward);
            self.give(rows, gradient, false);
        }
        // Per expert, a product over its rows; as many operations, and as many bytes of weights written as were read.
        let experts = shape.experts().max(1);
        let kind = OpKind::MatMul(MatMul {
            batch: experts,
            m: shape.k,
            n: shape.n,
            k: shape.rows().div_ceil(experts).max(1),
            b_shared_by: 1,
        });
        self.weight_gradient(weights, operator, |before, out| {
            let inputs = [rows, given].into_iter().chain(before).collect();
            Self::like(operator, ".wgrad", kind, inputs, vec![out])
        });
    }

    /// A fused attention: one kernel that computes the scores again.
    pub(super) fn attention(&mut self, operator: &Operator, shape: &Attention, given: Operand) {
        let gradients = self.input_gradients(&operator.inputs);
        let outputs = gradients.iter().map(|(_, gradient)| *gradient).collect();
        let mut inputs = operator.inputs.clone();
        inputs.extend(operator.outputs.first().copied());
        inputs.push(given);
        let kind = OpKind::AttentionGradient(*shape);
        self.emit(Self::like(operator, ".grad", kind, inputs, outputs), Pass::Backward);
        for (input, gradient) in gradients {
            self.give(input, gradient, false);
        }
    }

    /// What to call one reader's gradient of a tensor: with its own name where others read it too.
    pub(super) fn suffix(&self, input: Operand, reader: &Operator) -> String {
        let is_last = self.forward.last_reader(input.tensor).map(|id| self.forward.operator(id));
        match is_last {
            Some(last) if std::ptr::eq(last, reader) => ".grad".to_owned(),
            _ => format!(".grad.{}", reader.label),
        }
    }

    /// Whether each rank has a part of the gradient of what this product with a weight reads: it has a part of the
    /// weight's columns, and the input is whole, and no collective on the way back adds them up anyway.
    fn is_partial(&self, operator: &Operator, input: Operand) -> bool {
        if self.how.tensor <= 1 || REPLICATED.contains(&operator.label.as_ref()) {
            return false;
        }
        let reduced = operator.outputs.iter().any(|output| {
            let reader = self.forward.last_reader(output.tensor).map(|id| self.forward.operator(id));
            reader.is_some_and(|reader| {
                is_tensor_collective(reader, CollectiveKind::AllReduce)
                    || is_tensor_collective(reader, CollectiveKind::ReduceScatter)
            })
        });
        let producer = self.forward.producer(input.tensor).map(|id| self.forward.operator(id));
        let gathered = producer.is_some_and(|maker| is_tensor_collective(maker, CollectiveKind::AllGather));
        !reduced && !gathered
    }
}

fn is_tensor_collective(operator: &Operator, kind: CollectiveKind) -> bool {
    matches!(&operator.kind, OpKind::Collective(collective)
        if collective.kind == kind && collective.dimension == Dimension::Tensor)
}
