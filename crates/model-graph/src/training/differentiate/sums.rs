//! The gradient of a tensor from what its readers say, and sums of weights' gradients.

use super::Walk;
use crate::{Activation, Dtype, OpClass, OpKind, Operand, Operator, TensorId, TensorKey, TensorRole};

use super::super::Pass;

impl Walk<'_> {
    /// The gradient of a forward tensor, its readers' parts put together; none where nothing depends on it.
    pub(super) fn gradient(&mut self, tensor: TensorId) -> Option<Operand> {
        let parts = std::mem::take(&mut self.gradients[tensor.0 as usize]);
        let partial = parts.iter().any(|part| part.partial);
        let operands: Vec<Operand> = parts.iter().map(|part| part.operand).collect();
        let whole = self.forward.tensor(tensor).elements();
        let all = operands.iter().fold(0_u64, |sum, operand| sum.saturating_add(operand.elements));
        let sum = match operands.as_slice() {
            [] => return None,
            [only] => *only,
            _ if all <= whole => self.put_together(tensor, operands, all),
            _ => self.add_up(tensor, operands),
        };
        Some(if partial { self.all_reduce(tensor, sum) } else { sum })
    }

    /// Parts of one tensor from several readers, copied side by side.
    fn put_together(&mut self, tensor: TensorId, parts: Vec<Operand>, elements: u64) -> Operand {
        let out = self.gradient_like(tensor, ".grad.joined", elements);
        let operator = self.over(tensor, ".grad.join", Activation::Copy, parts, out);
        self.emit(operator, Pass::Backward);
        out
    }

    fn add_up(&mut self, tensor: TensorId, parts: Vec<Operand>) -> Operand {
        let elements = parts.iter().map(|part| part.elements).max().unwrap_or(0);
        if self.how.fused {
            let out = self.gradient_like(tensor, ".grad.total", elements);
            let operator = self.over(tensor, ".grad.add", Activation::Add, parts, out);
            self.emit(operator, Pass::Backward);
            return out;
        }
        let mut sum = parts[0];
        for (index, part) in parts.into_iter().enumerate().skip(1) {
            let suffix = format!(".grad.total.{index}");
            let out = self.gradient_like(tensor, &suffix, elements);
            let operator = self.over(tensor, ".grad.add", Activation::Add, vec![sum, part], out);
            self.emit(operator, Pass::Backward);
            sum = out;
        }
        sum
    }

    fn over(
        &self,
        tensor: TensorId,
        suffix: &str,
        function: Activation,
        inputs: Vec<Operand>,
        out: Operand,
    ) -> Operator {
        let info = self.forward.tensor(tensor);
        Operator {
            label: format!("{}{suffix}", info.label).into(),
            layer: info.layer,
            kind: OpKind::Elementwise { function, elements: out.elements },
            class: OpClass::Other,
            compute: info.dtype,
            inputs,
            outputs: vec![out],
        }
    }

    /// Where the gradient of a weight goes: straight to the sum over micro-batches, or to a tensor that is then added.
    ///
    /// `make` is the operator that computes it, given what it reads besides and where it writes.
    pub(super) fn weight_gradient(
        &mut self,
        weight: Operand,
        of: &Operator,
        make: impl FnOnce(Option<Operand>, Operand) -> Operator,
    ) {
        let info = self.tensor_of(weight);
        let (label, layer, shape, dtype) = (info.label.clone(), info.layer, info.shape.clone(), info.dtype);
        let gradients = self.how.formats.gradients;
        let name = |suffix: &str| format!("{label}{suffix}");
        let mut buffer = |suffix: String, role: TensorRole, dtype: Dtype| {
            let tensor = self.builder.tensor(suffix, layer, role, dtype, shape.clone());
            Operand { tensor, elements: weight.elements }
        };
        // A second reader of the same weight (a tied head) adds to the first one's gradient.
        let again = self.summed.contains_key(&weight.tensor);
        let total = buffer(
            if again { name(".gradient.again") } else { name(".gradient") },
            TensorRole::Held,
            gradients,
        );
        let before = (self.how.accumulate || again)
            .then(|| buffer(name(".gradient.before"), TensorRole::Held, gradients));
        let fresh = (!self.how.fused && (before.is_some() || gradients != dtype))
            .then(|| buffer(name(".wgrad"), TensorRole::Activation, dtype));
        // All of them are the same bytes.
        let key = TensorKey::of(layer, &name(".gradient"));
        for operand in std::iter::once(total).chain(before) {
            self.builder.set_key(operand.tensor, key);
        }
        self.summed.insert(weight.tensor, total.tensor);
        match fresh {
            None => {
                let operator = make(before, total);
                self.defer(operator);
            }
            Some(fresh) => {
                let operator = make(None, fresh);
                self.defer(operator);
                let inputs = std::iter::once(fresh).chain(before).collect();
                let function = if before.is_some() { Activation::Add } else { Activation::Copy };
                let sum = Self::pointwise(of, ".wgrad.add", function, inputs, vec![total]);
                self.defer(sum);
            }
        }
    }

    /// The gradient of a bias or of a norm's parameters: a sum over all rows of `given`.
    pub(super) fn column_sum(&mut self, operator: &Operator, weights: &[Operand], read: Vec<Operand>) {
        let Some(first) = weights.first().copied() else { return };
        let outputs: Vec<Operand> = weights
            .iter()
            .map(|weight| {
                let info = self.forward.tensor(weight.tensor);
                let label = format!("{}.gradient", info.label);
                let (layer, shape) = (info.layer, info.shape.clone());
                let tensor =
                    self.builder.tensor(label, layer, TensorRole::Held, self.how.formats.gradients, shape);
                Operand { tensor, elements: weight.elements }
            })
            .collect();
        let elements = read.iter().map(|operand| operand.elements).max().unwrap_or(0);
        let kind = OpKind::Elementwise { function: Activation::Add, elements };
        self.summed.insert(first.tensor, outputs[0].tensor);
        self.defer(Self::like(operator, ".bgrad", kind, read, outputs));
    }
}
