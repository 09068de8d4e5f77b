//! Two model parts a stage, laid out in a V, gradients of weights put off (Qi et al. 2024, arXiv:2405.15362).

use super::program::Program;
use super::{Pass, PassKind};

/// The order is made for at least two micro-batches a stage less one, which fill the V; with fewer, what is beyond
/// them is left out.
pub(super) fn passes(stages: u32, stage: u32, micro_batches: u32) -> Vec<Pass> {
    let filled = micro_batches.max(2 * stages - 1);
    let mut program = Program::new([0; 2], 6 * filled as usize);
    fill(&mut program, stages, stage);
    while program.done(1)[0] < program.done(0)[0] || program.done(0)[0] < filled {
        if program.done(0)[0] < filled {
            program.forward(0);
        }
        whole_backward(&mut program, 0);
        program.forward(1);
        whole_backward(&mut program, 1);
    }
    drain(&mut program, stages, stage);
    let mut passes = program.passes;
    passes.retain(|pass| pass.micro_batch < micro_batches);
    debug_assert!(
        passes.iter().filter(|pass| pass.kind == PassKind::Forward).count() == 2 * micro_batches as usize
    );
    passes
}

/// Forward passes until the first micro-batch is back from the other end of the V, and as many of part 1 as that
/// leaves room for.
fn fill(program: &mut Program, stages: u32, stage: u32) {
    for _ in 0..2 * (stages - stage) - 1 {
        program.forward(0);
    }
    for _ in 0..stage {
        program.forward(1);
        program.forward(0);
    }
    for _ in 0..stages - stage {
        program.forward(1);
        whole_backward(program, 1);
    }
}

/// The last backward passes first, since others wait for them; the weights' when nothing else is left.
fn drain(program: &mut Program, stages: u32, stage: u32) {
    for _ in 0..stage {
        program.input(0);
        program.input(1);
    }
    for _ in 0..stages - stage {
        program.input(0);
        program.weight(0);
    }
    for part in [1, 0] {
        while program.done(part)[2] < program.done(part)[1] {
            program.weight(part);
        }
    }
}

/// Both halves of a backward pass, the one that others wait for first.
fn whole_backward(program: &mut Program, part: u16) {
    program.input(part);
    program.weight(part);
}
