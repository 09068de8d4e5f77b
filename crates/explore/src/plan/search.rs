//! Screening every plan, on all cores, with the same result for any number of threads.

use memwall_scenario::{PlanCase, TrainingChoice};
use rayon::prelude::*;

use super::screen::{Screen, Screened, capacity_of};
use super::space::PlanSpace;
use super::tally::{ShapeTally, Tally};
use crate::optimize::{Front, Scored};

/// Shapes that one task screens.
const CHUNK: usize = 64;
/// Tasks that are joined before progress is told.
const BLOCK: usize = 256;
/// The best plans of as many shapes are kept to choose from.
const KEPT: usize = 4096;

/// What screening found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Searched {
    /// Plans that fit.
    pub fitting: u64,
    /// The best plans of the best shapes, by the objective, best first: score and number.
    pub best: Vec<(f64, u64)>,
    /// The plans that no other beats in time, memory and device-seconds a sequence.
    pub front: Vec<Scored>,
    /// Plans quicker than the published one.
    pub ahead: u64,
    /// What plans with the same choice come to.
    pub(super) tally: Tally,
}

/// Is told how many plans were screened so far, and of how many.
pub type Progress<'a> = dyn Fn(u64, u64) + Sync + 'a;

/// Screens all plans of a case. `published` is what the published plan takes at least.
pub fn screen_plans(
    case: &PlanCase,
    space: &PlanSpace,
    screen: &Screen<'_>,
    published: Option<f64>,
    progress: &Progress<'_>,
) -> Searched {
    let capacity = capacity_of(case);
    let shapes = space.shapes().len();
    let chunks = shapes.div_ceil(CHUNK);
    let mut whole = Part::default();
    for block in (0..chunks).step_by(BLOCK) {
        let indices = block..(block + BLOCK).min(chunks);
        let last = indices.end.saturating_mul(CHUNK).min(shapes);
        let parts: Vec<Part> = indices
            .into_par_iter()
            .map(|index| {
                let mut part = Part::default();
                for shape in index * CHUNK..((index + 1) * CHUNK).min(shapes) {
                    part.screen_shape(case, space, screen, (shape, capacity, published));
                }
                part
            })
            .collect();
        whole = parts.into_iter().fold(whole, Part::joined);
        progress(space.first_plan(last), space.plans());
    }
    Searched {
        fitting: whole.fitting,
        best: whole.best,
        front: whole.front.into_sorted(),
        ahead: whole.ahead,
        tally: whole.tally,
    }
}

/// What less of is better, by the objective.
#[must_use]
pub fn score(case: &PlanCase, choice: &TrainingChoice, time: f64, memory: f64) -> f64 {
    use memwall_scenario::PlanObjective::{Cost, Memory, Time};
    match case.objective {
        Time => time,
        Memory => memory,
        Cost => time * choice.devices() as f64,
    }
}

/// What some of the shapes gave.
#[derive(Debug, Default)]
struct Part {
    fitting: u64,
    ahead: u64,
    best: Vec<(f64, u64)>,
    front: Front,
    tally: Tally,
}

impl Part {
    fn screen_shape(
        &mut self,
        case: &PlanCase,
        space: &PlanSpace,
        screen: &Screen<'_>,
        (number, capacity, published): (usize, f64, Option<f64>),
    ) {
        let mut shape = screen.shape(number, space.shapes()[number]);
        let mut tally = ShapeTally::new(space.recompute().len());
        let mut best: Option<(f64, u64)> = None;
        let mut any = None;
        // Where all devices are used, what costs less is what is quicker.
        let costs = case.choices.devices.len() > 1;
        space.each_plan(number, |plan, choice| {
            let screened = shape.screen(choice);
            let rule =
                space.recompute().iter().position(|rule| *rule == choice.recompute).unwrap_or_default();
            tally.note((plan, rule), (choice.zero, &choice.schedule), &screened, capacity);
            any = Some(*choice);
            let Screened { time, memory } = screened;
            if memory > capacity {
                return;
            }
            self.ahead += u64::from(published.is_some_and(|published| time < published));
            let own = score(case, choice, time, memory);
            if best.is_none_or(|best| own < best.0) {
                best = Some((own, plan));
            }
            let scores = [time, memory, time * choice.devices() as f64];
            self.front.offer(plan, &scores[..if costs { 3 } else { 2 }]);
        });
        self.fitting += tally.whole().fitting;
        self.best.extend(best);
        if let Some(any) = any {
            tally.add_to(&mut self.tally, &any);
        }
    }

    fn joined(mut self, other: Self) -> Self {
        self.best.extend(other.best);
        self.best.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        self.best.truncate(KEPT);
        Self {
            fitting: self.fitting + other.fitting,
            ahead: self.ahead + other.ahead,
            best: self.best,
            front: self.front.joined(other.front),
            tally: self.tally.joined(&other.tally),
        }
    }
}
