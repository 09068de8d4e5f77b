//! Every design of a space against constraints, on all cores, at `bound` fidelity.

use memwall_hardware::Device;
use memwall_simulator::{Screen, Screened};
use rayon::prelude::*;

use super::front::{Front, Scored};
use super::space::DesignSpace;

/// Designs that one task screens before its front joins the others'.
const CHUNK: u64 = 1 << 14;

/// Chunks that are screened side by side before the front is looked at.
const BLOCK: usize = 64;

/// What becomes of a design.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// It keeps every constraint; its scores are written where they belong.
    Kept,
    /// It breaks the constraint of this number.
    Broken(usize),
    /// It cannot be made, or nobody knows what it takes.
    Unfit,
}

/// What screening found.
#[derive(Debug, Clone, PartialEq)]
pub struct Screening {
    /// Designs that were looked at: all.
    pub designs: u64,
    /// Of these, where the workload does not fit or cannot run.
    pub unfit: u64,
    /// Designs that broke a constraint, by the first one they broke.
    pub broken: Vec<u64>,
    /// The designs no other beats, the best in the first objective first.
    pub front: Vec<Scored>,
}

/// A front with more members is no help to anybody.
pub const MOST_ON_THE_FRONT: usize = 20_000;

/// More designs are on the front than one can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "more than {MOST_ON_THE_FRONT} designs are on the Pareto front: take fewer objectives, fewer values, or tighter \
     constraints"
)]
pub struct FrontTooLong;

/// Screens all designs of `space`: `base` with other figures. `judge` scores one by its number, its figures and its
/// time: it writes one score an objective, less being better, or says why the design is out. The result is the same for any number of threads.
///
/// # Errors
/// [`FrontTooLong`].
pub fn screen_designs(
    screen: &Screen,
    base: &Device,
    space: &DesignSpace,
    constraints: usize,
    judge: impl Fn(u64, &Device, &Screened, &mut Vec<f64>) -> Verdict + Sync,
) -> Result<Screening, FrontTooLong> {
    let chunk = |start: u64| {
        let (mut screen, mut device) = (screen.clone(), base.clone());
        let mut part = Part::new(constraints);
        let mut scores = Vec::new();
        for design in start..(start + CHUNK).min(space.designs()) {
            space.apply(design, &mut device);
            let Some(screened) = screen.time(&device) else {
                part.unfit += 1;
                continue;
            };
            scores.clear();
            match judge(design, &device, &screened, &mut scores) {
                Verdict::Broken(constraint) => part.broken[constraint] += 1,
                Verdict::Unfit => part.unfit += 1,
                Verdict::Kept => part.front.offer(design, &scores),
            }
        }
        part
    };
    let chunks = space.designs().div_ceil(CHUNK);
    let mut whole = Part::new(constraints);
    // Blocks of chunks, joined in order: whether the front is too long must not depend on which thread is first.
    for block in (0..chunks).step_by(BLOCK) {
        let indices = block..(block + BLOCK as u64).min(chunks);
        let parts: Vec<Part> = indices.into_par_iter().map(|index| chunk(index * CHUNK)).collect();
        whole = parts.into_iter().fold(whole, Part::joined);
        if whole.front.len() > MOST_ON_THE_FRONT {
            return Err(FrontTooLong);
        }
    }
    Ok(Screening {
        designs: space.designs(),
        unfit: whole.unfit,
        broken: whole.broken,
        front: whole.front.into_sorted(),
    })
}

/// What some of the designs gave.
struct Part {
    unfit: u64,
    broken: Vec<u64>,
    front: Front,
}

impl Part {
    fn new(constraints: usize) -> Self {
        Self { unfit: 0, broken: vec![0; constraints], front: Front::default() }
    }

    fn joined(self, other: Self) -> Self {
        let broken = self.broken.iter().zip(&other.broken).map(|(a, b)| a + b).collect();
        Self { unfit: self.unfit + other.unfit, broken, front: self.front.joined(other.front) }
    }
}
