//! Ways back through what works on images.

use super::Walk;
use crate::{Convolution, OpKind, Operand, Operator, TensorRole};

use super::super::Pass;

impl Walk<'_> {
    /// Two convolutions: one spreads the gradient over the input, one sums it up for the weights.
    pub(super) fn convolution(&mut self, operator: &Operator, shape: &Convolution, given: Operand) {
        let [input, weight, added @ ..] = operator.inputs.as_slice() else { return };
        let (input, weight) = (*input, *weight);
        if self.wants(input.tensor) {
            let gradient = self.gradient_like(input.tensor, &self.suffix(input, operator), input.elements);
            let kind = OpKind::Convolution(shape.input_gradient());
            let back = Self::like(operator, ".dgrad", kind, vec![given, weight], vec![gradient]);
            self.emit(back, Pass::Backward);
            self.give(input, gradient, false);
        }
        let kind = OpKind::Convolution(shape.weight_gradient());
        self.weight_gradient(weight, operator, |before, out| {
            let inputs = [input, given].into_iter().chain(before).collect();
            Self::like(operator, ".wgrad", kind, inputs, vec![out])
        });
        self.column_sum(operator, added, vec![given]);
    }

    /// Reads the gradient and, of the largest pixels, where they were.
    pub(super) fn pool(&mut self, operator: &Operator, given: Operand) {
        let Some(input) = operator.inputs.first().copied().filter(|input| self.wants(input.tensor)) else {
            return;
        };
        let gradient = self.gradient_like(input.tensor, &self.suffix(input, operator), input.elements);
        let inputs = std::iter::once(given).chain(operator.outputs.get(1).copied()).collect();
        let back = Self::like(operator, ".grad", operator.kind.clone(), inputs, vec![gradient]);
        self.emit(back, Pass::Backward);
        self.give(input, gradient, false);
    }

    /// Sums for the scale and the shift, then the gradient of the input; both read the input again.
    pub(super) fn channel_norm(&mut self, operator: &Operator, given: Operand) {
        let Some((images, known)) = operator.inputs.split_first() else { return };
        let weights: Vec<Operand> = known
            .iter()
            .filter(|operand| self.tensor_of(**operand).role == TensorRole::Weight)
            .copied()
            .collect();
        self.column_sum(operator, &weights, vec![given, *images]);
        if !self.wants(images.tensor) {
            return;
        }
        let gradient = self.gradient_like(images.tensor, &self.suffix(*images, operator), images.elements);
        let inputs = std::iter::once(given).chain(operator.inputs.iter().copied()).collect();
        let back = Self::like(operator, ".grad", operator.kind.clone(), inputs, vec![gradient]);
        self.emit(back, Pass::Backward);
        self.give(*images, gradient, false);
    }
}
