//! Ways back through what goes row by row or element by element.

use super::Walk;
use crate::{Activation, OpKind, Operand, Operator, TensorRole};

use super::super::Pass;

impl Walk<'_> {
    /// From the loss to the logits: a probability less one at the target.
    pub(super) fn loss(&mut self, operator: &Operator, rows: u64, cols: u64) {
        let Some(logits) = operator.inputs.first().copied() else { return };
        let targets = operator.inputs.get(1).copied();
        let gradient = self.gradient_like(logits.tensor, ".grad", logits.elements);
        let (kept, kind) = match operator.outputs.get(1) {
            Some(probabilities) => {
                let kind = OpKind::Elementwise { function: Activation::Mul, elements: logits.elements };
                (*probabilities, kind)
            }
            None => (logits, OpKind::Softmax { rows, cols }),
        };
        let mut inputs: Vec<Operand> = std::iter::once(kept).chain(targets).collect();
        if self.how.fused {
            // PyTorch's loss is two functions, and what goes from one to the other on the way back is as large as the
            // logits.
            let between = self.gradient_like(logits.tensor, ".grad.dense", logits.elements);
            let scatter = Self::pointwise(operator, ".scatter", Activation::Copy, Vec::new(), vec![between]);
            self.emit(scatter, Pass::Backward);
            inputs.push(between);
        }
        self.emit(Self::like(operator, ".grad", kind, inputs, vec![gradient]), Pass::Backward);
        self.give(logits, gradient, false);
    }

    /// Reads the gradient of the result, the input and the scales; all that were added up get the same gradient.
    pub(super) fn norm(&mut self, operator: &Operator, given: &[Option<Operand>]) {
        let (weights, summands): (Vec<Operand>, Vec<Operand>) =
            operator.inputs.iter().partition(|input| self.tensor_of(**input).role == TensorRole::Weight);
        // Of a sum, the sum is what was kept.
        let kept = operator.outputs.get(1).or(summands.first()).copied();
        let (Some(kept), Some(first)) = (kept, summands.first().copied()) else { return };
        let Some(of_result) = given.first().copied().flatten() else {
            // Nobody needs the normalised values: only the sum goes on.
            if let Some(of_sum) = given.get(1).copied().flatten() {
                summands.iter().for_each(|input| self.give(*input, of_sum, false));
            }
            return;
        };
        let gradient = self.gradient_like(first.tensor, ".grad", first.elements);
        let mut inputs = vec![of_result, kept];
        inputs.extend(weights.first());
        let of_sum = given.get(1).copied().flatten();
        if self.how.fused {
            inputs.extend(of_sum);
        }
        let operator_back = Self::like(operator, ".grad", operator.kind.clone(), inputs, vec![gradient]);
        self.emit(operator_back, Pass::Backward);
        self.column_sum(operator, &weights, vec![of_result, kept]);
        let total = match of_sum.filter(|_| !self.how.fused) {
            Some(of_sum) => {
                let total = self.gradient_like(first.tensor, ".grad.total", first.elements);
                let sum = Self::pointwise(
                    operator,
                    ".grad.add",
                    Activation::Add,
                    vec![gradient, of_sum],
                    vec![total],
                );
                self.emit(sum, Pass::Backward);
                total
            }
            None => gradient,
        };
        summands.iter().for_each(|input| self.give(*input, total, false));
    }

    /// Reads the weights that came out and their gradients.
    pub(super) fn softmax(&mut self, operator: &Operator, given: Operand) {
        let (Some(scores), Some(weights)) = (operator.inputs.first(), operator.outputs.first()) else {
            return;
        };
        let gradient = self.gradient_like(scores.tensor, ".grad", scores.elements);
        let inputs = vec![given, *weights];
        let back = Self::like(operator, ".grad", operator.kind.clone(), inputs, vec![gradient]);
        self.emit(back, Pass::Backward);
        self.give(*scores, gradient, false);
    }

    /// Element by element.
    pub(super) fn elementwise(&mut self, operator: &Operator, function: Activation, given: Operand) {
        let kept: Vec<Operand> = match function {
            // A sum hands its gradient on to every summand.
            Activation::Add => {
                operator.inputs.iter().for_each(|input| self.give(*input, given, false));
                return;
            }
            Activation::Scale | Activation::Copy => Vec::new(),
            Activation::Relu | Activation::Tanh => operator.outputs.iter().take(1).copied().collect(),
            Activation::Dropout => operator.outputs.iter().skip(1).copied().collect(),
            Activation::Gelu
            | Activation::Silu
            | Activation::Mul
            | Activation::Div
            | Activation::Pow
            | Activation::SiluMul
            | Activation::GeluMul => operator.inputs.clone(),
        };
        let gradients = self.input_gradients(&operator.inputs);
        if gradients.is_empty() {
            return;
        }
        let inputs = std::iter::once(given).chain(kept).collect();
        let outputs = gradients.iter().map(|(_, gradient)| *gradient).collect();
        self.emit(Self::pointwise(operator, ".grad", function, inputs, outputs), Pass::Backward);
        for (input, gradient) in gradients {
            self.give(input, gradient, false);
        }
    }

    /// A table's gradient: rows added where they were looked up.
    pub(super) fn lookup(&mut self, operator: &Operator, given: Operand) {
        let tables: Vec<Operand> = operator
            .inputs
            .iter()
            .filter(|input| self.tensor_of(**input).role == TensorRole::Weight)
            .copied()
            .collect();
        for table in tables {
            let kind = match operator.kind {
                OpKind::Gather { cols, .. } => OpKind::Gather { rows: table.elements / cols.max(1), cols },
                ref other => other.clone(),
            };
            self.weight_gradient(table, operator, |before, out| {
                let inputs = std::iter::once(given).chain(before).collect();
                Self::like(operator, ".wgrad", kind, inputs, vec![out])
            });
        }
    }
}
