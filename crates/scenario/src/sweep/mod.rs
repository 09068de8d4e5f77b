//! `sweep:` and `uncertain:`: which parameters take which values, and the case at each point.

mod amount;
mod argument;
mod axis;
mod points;
mod read;
pub(crate) mod spec;
mod uncertain;

pub use axis::{Axis, AxisValue, Shown};
pub use points::Points;
pub(crate) use read::sweep;
pub use spec::{Sample, SampleMethod};
pub(crate) use uncertain::uncertain;

use crate::Scenario;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::Place;

/// Most points of one sweep.
pub const MAX_SWEEP_POINTS: u64 = 10_000_000;
/// Most axes of one sweep.
pub const MAX_AXES: usize = 64;

/// Which parameters take which values.
#[derive(Debug, Clone)]
pub struct Sweep {
    /// The parameters; of a grid, the last varies fastest.
    pub axes: Vec<Axis>,
    /// How points are drawn; `None` for every combination.
    pub sample: Option<Sample>,
    /// Whether the axes are distributions of what is not known exactly.
    pub uncertain: bool,
    pub(crate) place: Place,
}

impl Sweep {
    /// How many points it has, held at `u64::MAX`.
    #[must_use]
    pub fn points(&self) -> u64 {
        u64::try_from(self.points_unbounded()).unwrap_or(u64::MAX)
    }

    /// How many values each axis takes in a grid.
    #[must_use]
    pub fn grid(&self) -> Vec<u64> {
        let steps = match self.sample {
            Some(Sample { method: SampleMethod::Grid, points, .. }) => self.steps_for(points),
            _ => 1,
        };
        let list = |axis: &Axis| matches!(axis.spread, axis::Spread::List(_));
        let of = |axis: &Axis| {
            if list(axis) || self.sample.is_none() { axis.len().unwrap_or(steps) } else { steps }
        };
        self.axes.iter().map(of).collect()
    }

    /// The most steps on every range with which a grid has at most `points`.
    fn steps_for(&self, points: u64) -> u64 {
        let lists = self.axes.iter().filter(|axis| matches!(axis.spread, axis::Spread::List(_)));
        let listed = lists
            .clone()
            .fold(1_u128, |product, axis| product.saturating_mul(u128::from(axis.len().unwrap_or(1))));
        let ranges = self.axes.len() - lists.count();
        let fits = |steps: u64| {
            let product = (0..ranges).fold(listed, |product, _| product.saturating_mul(u128::from(steps)));
            product <= u128::from(points)
        };
        if ranges == 0 {
            return 1;
        }
        let (mut low, mut high) = (1, points.clamp(1, MAX_SWEEP_POINTS) + 1);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if fits(middle) { low = middle } else { high = middle }
        }
        low
    }

    pub(crate) fn points_unbounded(&self) -> u128 {
        match self.sample {
            Some(sample) if sample.method != SampleMethod::Grid => u128::from(sample.points),
            _ => self.grid().into_iter().fold(1, |product, steps| product.saturating_mul(u128::from(steps))),
        }
    }
}

impl Scenario {
    /// The sweep to run: the file's, with the axes of the command line (`path=values`) added or put in place of those
    /// of the same path, and `sample` in place of the file's where given.
    ///
    /// # Errors
    /// No axes, too many points, an axis that makes no sense, or more than one case to sweep.
    pub fn sweep_with(&mut self, axes: &[String], sample: Option<Sample>) -> Result<Sweep, Diagnostics> {
        let mut sweep = self.sweep.clone().unwrap_or(Sweep {
            axes: Vec::new(),
            sample: None,
            uncertain: false,
            place: self.common_place(),
        });
        let mut problems = Diagnostics::default();
        for argument in axes {
            match argument::read(self.sources_mut(), argument) {
                Ok(axis) => {
                    sweep.place = axis.place;
                    match sweep.axes.iter_mut().find(|known| known.path == axis.path) {
                        Some(known) => *known = axis,
                        None => sweep.axes.push(axis),
                    }
                }
                Err(found) => found.list.into_iter().for_each(|problem| problems.push(problem)),
            }
        }
        sweep.sample = sample.or(sweep.sample);
        if problems.is_empty() && sweep.axes.is_empty() {
            let problem = Diagnostic::at(self.sources(), sweep.place, "nothing to sweep", "no `sweep:` here");
            problems.push(problem.with_help("add `sweep:` to the scenario, or `--axis workload.batch=1,8`"));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        self.ready(sweep)
    }

    /// The Monte Carlo of the scenario's `uncertain:` parameters, with `samples` in place of the file's where given.
    ///
    /// # Errors
    /// There is no such key, too many samples, or more than one case.
    pub fn monte_carlo(&self, samples: Option<u64>) -> Result<Sweep, Diagnostics> {
        let Some(mut sweep) = self.uncertain.clone() else {
            let place = self.common_place();
            let problem =
                Diagnostic::at(self.sources(), place, "nothing is uncertain", "no `uncertain:` here");
            let help = "such as `uncertain: { parameters: { hardware.memory.hbm.bandwidth: +-10 % } }`";
            return Err(problem.with_help(help).into());
        };
        if let (Some(sample), Some(samples)) = (&mut sweep.sample, samples) {
            sample.points = samples;
        }
        self.ready(sweep)
    }

    fn ready(&self, sweep: Sweep) -> Result<Sweep, Diagnostics> {
        let place = self.common_place();
        let wrong = |message: String, help: &str| -> Result<Sweep, Diagnostics> {
            Err(Diagnostic::at(self.sources(), place, message, "").with_help(help).into())
        };
        match self.cases.len() {
            0 => wrong(
                format!("a scenario of kind `{}` cannot be swept", self.kind.name()),
                "sweeps are of scenarios of kind `run`; `cases:` with a grid compares the others",
            ),
            1 => read::check(self.sources(), &sweep).map(|()| sweep),
            cases => wrong(
                format!("a sweep is of one case, and this scenario has {cases}"),
                "choose one with `--case NAME`",
            ),
        }
    }
}
