//! Micro-batches from both ends at once, on two copies of the weights (DeepSeek-AI 2024, arXiv:2412.19437, 3.2.1; the
//! order is that of the program they published as DualPipe).

use std::collections::VecDeque;

use super::Pass;
use super::error::ScheduleError;
use super::program::Program;

/// An even number of stages, and of micro-batches at least two a stage.
pub(super) fn check(stages: u32, micro_batches: u32) -> Result<(), ScheduleError> {
    if !stages.is_multiple_of(2) {
        return Err(ScheduleError::OddStages { stages });
    }
    let least = 2 * u64::from(stages);
    if u64::from(micro_batches) < least || !micro_batches.is_multiple_of(2) {
        let nearest = u64::from(micro_batches).next_multiple_of(2).max(least);
        return Err(ScheduleError::TooFew { micro_batches, stages, nearest });
    }
    Ok(())
}

/// The passes of a stage. A stage and its mirror image do the same with the two directions exchanged.
pub(super) fn passes(stages: u32, stage: u32, micro_batches: u32) -> Vec<Pass> {
    let half = micro_batches / 2;
    let from_end = stage.min(stages - 1 - stage);
    // Direction 0 is the one in which the stage is nearer to the start.
    let near = u16::from(stage >= stages / 2);
    let writer = Writer {
        program: Program::new([0, half], 3 * micro_batches as usize),
        put_off: VecDeque::new(),
        parts: [near, 1 - near],
    };
    writer.write(stages / 2 - from_end - 1, from_end, half - stages)
}

/// What [`Program`] does, in directions instead of parts, and with one queue of what both put off.
struct Writer {
    program: Program,
    put_off: VecDeque<(u16, u32)>,
    parts: [u16; 2],
}

impl Writer {
    /// `inside` stages lie between this one and the middle, `outside` between it and the nearer end; `spare`
    /// micro-batches of a direction are more than one a stage.
    fn write(mut self, inside: u32, outside: u32, spare: u32) -> Vec<Pass> {
        for _ in 0..2 * inside {
            self.forward(0);
        }
        for _ in 0..=outside {
            self.forward(0);
            self.forward(1);
        }
        for _ in 0..inside {
            self.input(1);
            self.weight();
            self.forward(1);
        }
        for k in 0..=spare + outside {
            if k == 0 && inside == 0 {
                // In the middle the first two are not done at once: the forward pass is awaited on the other side.
                self.forward(0);
                self.backward(1);
            } else {
                self.pair(0, 1);
            }
            self.pair(1, 0);
        }
        for _ in 0..inside {
            self.backward(1);
            self.pair(1, 0);
        }
        // The second half of these puts off the gradients of weights.
        for k in 0..=2 * outside + 1 {
            let direction = usize::from(k.is_multiple_of(2));
            if k > outside { self.input(direction) } else { self.backward(direction) }
        }
        for _ in 0..inside {
            self.weight();
            self.input(0);
        }
        while !self.put_off.is_empty() {
            self.weight();
        }
        self.program.passes
    }

    fn forward(&mut self, direction: usize) {
        self.program.forward(self.parts[direction]);
    }

    fn backward(&mut self, direction: usize) {
        self.program.backward(self.parts[direction]);
    }

    fn pair(&mut self, forward: usize, backward: usize) {
        self.program.pair(self.parts[forward], self.parts[backward]);
    }

    fn input(&mut self, direction: usize) {
        let part = self.parts[direction];
        let micro_batch = self.program.input(part);
        self.put_off.push_back((part, micro_batch));
    }

    fn weight(&mut self) {
        if let Some((part, micro_batch)) = self.put_off.pop_front() {
            self.program.weight_of(part, micro_batch);
        }
    }
}
