//! Writes down the passes of one stage, numbering each part's forward, backward and weight passes as they come.

use super::{Pass, PassKind};

/// The passes of one stage so far, and which micro-batch of each part comes next.
pub(super) struct Program {
    pub(super) passes: Vec<Pass>,
    forward: [u32; 2],
    backward: [u32; 2],
    weight: [u32; 2],
}

impl Program {
    /// Nothing so far; `first` is the first micro-batch of either part, `passes` how many will be written.
    pub(super) fn new(first: [u32; 2], passes: usize) -> Self {
        Self { passes: Vec::with_capacity(passes), forward: first, backward: first, weight: first }
    }

    /// The next forward pass of a part.
    pub(super) fn forward(&mut self, part: u16) {
        let micro_batch = take(&mut self.forward, part);
        self.passes.push(Pass::new(PassKind::Forward, part, micro_batch));
    }

    /// The next backward pass of a part, gradients of weights and all.
    pub(super) fn backward(&mut self, part: u16) {
        let micro_batch = take(&mut self.backward, part);
        self.passes.push(Pass::new(PassKind::Backward, part, micro_batch));
    }

    /// The next backward pass of a part without the gradients of weights, and of which micro-batch it is.
    pub(super) fn input(&mut self, part: u16) -> u32 {
        let micro_batch = take(&mut self.backward, part);
        self.passes.push(Pass::new(PassKind::BackwardInput, part, micro_batch));
        micro_batch
    }

    /// The gradients of weights that a part has put off longest.
    pub(super) fn weight(&mut self, part: u16) {
        let micro_batch = take(&mut self.weight, part);
        self.weight_of(part, micro_batch);
    }

    /// The gradients of weights of a micro-batch, where not all passes put them off.
    pub(super) fn weight_of(&mut self, part: u16, micro_batch: u32) {
        self.passes.push(Pass::new(PassKind::BackwardWeight, part, micro_batch));
    }

    /// A forward pass of `forward` and, beside it, a whole backward pass of `backward`.
    pub(super) fn pair(&mut self, forward: u16, backward: u16) {
        self.forward(forward);
        if let Some(last) = self.passes.last_mut() {
            last.paired = true;
        }
        self.backward(backward);
    }

    /// Micro-batches of a part that went forward, backward, and had their gradients of weights computed apart.
    pub(super) fn done(&self, part: u16) -> [u32; 3] {
        let part = usize::from(part);
        [self.forward[part], self.backward[part], self.weight[part]]
    }
}

fn take(next: &mut [u32; 2], part: u16) -> u32 {
    let next = &mut next[usize::from(part)];
    *next += 1;
    *next - 1
}
