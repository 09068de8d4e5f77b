//! Gradients of weights put off into the bubble, one part of the model a stage (Qi et al. 2023, arXiv:2401.10241).

use super::Pass;
use super::program::Program;

/// H1 has a `depth` of 1, H2 of 2: the forward passes that a stage is ahead for each stage behind it, and the weight
/// passes that it is late for each stage before it.
///
/// Whatever the stage, ahead and late together make `depth` x (stages - 1), so all stages hold as many activations.
pub(super) fn passes(stages: u32, stage: u32, micro_batches: u32, depth: u32) -> Vec<Pass> {
    let ahead = (depth * (stages - 1 - stage) + 1).min(micro_batches);
    let late = depth * stage;
    let mut program = Program::new([0; 2], 3 * micro_batches as usize);
    for _ in 0..ahead {
        program.forward(0);
    }
    for k in 0..micro_batches {
        program.input(0);
        if k >= late {
            program.weight(0);
        }
        if program.done(0)[0] < micro_batches {
            program.forward(0);
        }
    }
    while program.done(0)[2] < micro_batches {
        program.weight(0);
    }
    program.passes
}
