//! The optimizer's step as a graph.

use super::{StateFormats, Training};
use crate::{Activation, Dtype, GraphBuilder, OpClass, OpKind, Operand, Operator, TensorRole};

/// Passes over the gradients that come before the update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct UpdatePasses {
    /// Gradients are set to zero for the next iteration in a pass of their own.
    pub zero: bool,
    /// Gradients are copied to the master weights' format, and weights back from it, in passes of their own.
    pub copy: bool,
    /// Gradients are scaled back and searched for overflow.
    pub unscale: bool,
    /// The norm of all gradients is computed, and they are scaled to it.
    pub clip: bool,
}

impl Training {
    /// Adds what updating its parameters takes: the passes that come before, and the update of weights, master weights
    /// and state.
    pub(super) fn add_update(&self, update: &mut Updating, weights: Dtype, passes: UpdatePasses) {
        let StateFormats { gradients, master, state } = self.formats;
        let raw = update.held("gradients", gradients);
        let gradient = before_update(update, raw, master.unwrap_or(weights), passes);
        let states = (self.optimizer.states() * update.parameters as f64).round() as u64;
        let mut read = vec![gradient];
        let mut written = Vec::new();
        for (label, dtype, elements) in
            [("master", master.unwrap_or(weights), update.parameters), ("state", state, states)]
        {
            if elements > 0 {
                let (before, after) = update.pair(label, dtype, elements);
                read.push(before);
                written.push(after);
            }
        }
        let updated = written.first().copied();
        let stored = master.map(|_| update.held("weights", weights));
        written.extend(stored.filter(|_| !passes.copy));
        update.add("optimizer.update", OpKind::Update { elements: update.parameters }, read, written);
        if let (Some(stored), true) = (stored, passes.copy) {
            update.pass(
                "optimizer.copy_weights",
                Activation::Copy,
                updated.into_iter().collect(),
                vec![stored],
            );
        }
        if passes.zero {
            let zeroed = update.again("gradients.zeroed", raw);
            update.pass("optimizer.zero_gradients", Activation::Copy, Vec::new(), vec![zeroed]);
        }
    }
}

/// Passes over the gradients: what the update then reads.
fn before_update(update: &mut Updating, raw: Operand, wide: Dtype, passes: UpdatePasses) -> Operand {
    let mut gradient = raw;
    if passes.copy && update.builder.dtype(raw.tensor) != Some(wide) {
        let copy = update.held("gradients.wide", wide);
        update.pass("optimizer.copy_gradients", Activation::Copy, vec![gradient], vec![copy]);
        gradient = copy;
    }
    if passes.unscale {
        let checked = update.again("gradients.unscaled", gradient);
        update.pass("optimizer.unscale", Activation::Scale, vec![gradient], vec![checked]);
        gradient = checked;
    }
    if passes.clip {
        let norm = update.scalar("gradients.norm");
        update.pass("optimizer.norm", Activation::Mul, vec![gradient], vec![norm]);
        let clipped = update.again("gradients.clipped", gradient);
        update.pass("optimizer.clip", Activation::Scale, vec![gradient, norm], vec![clipped]);
        gradient = clipped;
    }
    gradient
}

/// An update being put together.
pub(super) struct Updating {
    pub builder: GraphBuilder,
    pub parameters: u64,
}

impl Updating {
    /// Of that many parameters.
    pub fn new(parameters: u64) -> Self {
        Self { builder: GraphBuilder::new(), parameters }
    }

    fn tensor(&mut self, label: String, dtype: Dtype, elements: u64) -> Operand {
        let tensor = self.builder.tensor(label, None, TensorRole::Held, dtype, vec![elements.max(1)]);
        Operand { tensor, elements }
    }

    fn held(&mut self, label: &str, dtype: Dtype) -> Operand {
        self.tensor(label.to_owned(), dtype, self.parameters)
    }

    pub fn scalar(&mut self, label: &str) -> Operand {
        self.tensor(label.to_owned(), Dtype::Fp32, 1)
    }

    /// The same values once they have changed.
    fn again(&mut self, label: &str, of: Operand) -> Operand {
        let dtype = self.builder.dtype(of.tensor).unwrap_or(Dtype::Fp32);
        self.tensor(label.to_owned(), dtype, of.elements)
    }

    /// Values before and after a change.
    fn pair(&mut self, label: &str, dtype: Dtype, elements: u64) -> (Operand, Operand) {
        (self.tensor(label.to_owned(), dtype, elements), self.tensor(format!("{label}.new"), dtype, elements))
    }

    fn pass(
        &mut self,
        label: &'static str,
        function: Activation,
        inputs: Vec<Operand>,
        outputs: Vec<Operand>,
    ) {
        let elements = self.parameters;
        self.add(label, OpKind::Elementwise { function, elements }, inputs, outputs);
    }

    fn add(&mut self, label: &'static str, kind: OpKind, inputs: Vec<Operand>, outputs: Vec<Operand>) {
        self.builder.operator(Operator {
            label: label.into(),
            layer: None,
            kind,
            class: OpClass::Other,
            compute: Dtype::Fp32,
            inputs,
            outputs,
        });
    }
}
