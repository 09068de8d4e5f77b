//! Rounds of screening and simulating: each round simulates some of the designs that look best by what the rounds before
//! have found.

use std::collections::BTreeMap;

use memwall_hardware::Device;
use memwall_report::{Cell, DesignReport};
use memwall_scenario::{AxisValue, Loader, Points, Scenario, Shown, Sweep};
use memwall_simulator::Screen;
use rayon::prelude::*;

use super::OptimizeError;
use super::estimate::Ratios;
use super::front::{Front, Scored};
use super::run::{Judge, Simulated, failed, steps_of};
use super::screening::{Screening, Verdict, screen_designs};
use super::space_of::{Axes, Choice};
use crate::run::run_case;

/// Designs of a choice that are simulated first, spread over all of it.
const SPREAD: u64 = 16;
/// The most designs that a round simulates.
const ROUND: usize = 32;

/// A search under way.
pub(super) struct Search<'a> {
    scenario: &'a Scenario,
    sweep: &'a Sweep,
    axes: &'a Axes<'a>,
    judge: &'a Judge<'a>,
    loader: &'a (dyn Loader + Sync),
    choices: Vec<Searched>,
    /// By number over all choices; `None` where simulating failed.
    tried: BTreeMap<u64, Option<Simulated>>,
    counts: Counts,
}

/// A choice and what is known of it.
struct Searched {
    choice: Choice,
    screen: Screen,
    ratios: Ratios,
    /// The number that its first design has over all choices.
    first: u64,
}

/// What became of the designs in the last screening.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Counts {
    pub designs: u64,
    pub unfit: u64,
    /// By limit.
    pub broken: Vec<u64>,
}

impl<'a> Search<'a> {
    pub fn new(
        scenario: &'a Scenario,
        sweep: &'a Sweep,
        axes: &'a Axes<'a>,
        judge: &'a Judge<'a>,
        loader: &'a (dyn Loader + Sync),
    ) -> Result<Self, OptimizeError> {
        let mut choices: Vec<Searched> = Vec::new();
        let mut first = 0;
        for number in 0..axes.choices() {
            let choice = axes.choice(number, loader)?;
            let case = &choice.case;
            let screen = Screen::new(&case.device, &case.software, steps_of(case)?)
                .map_err(|error| failed(case, error.into()))?;
            let designs = choice.space.designs();
            choices.push(Searched { choice, screen, ratios: Ratios::default(), first });
            first += designs;
        }
        let (tried, counts) = (BTreeMap::new(), Counts::default());
        Ok(Self { scenario, sweep, axes, judge, loader, choices, tried, counts })
    }

    /// Searches until what looks best has been simulated, or `most` designs have; whether it was the former.
    pub fn run(&mut self, most: usize) -> Result<bool, OptimizeError> {
        let spread = |searched: &Searched| {
            let of = SPREAD.min(searched.choice.space.designs());
            (0..of).map(|number| searched.first + searched.choice.space.spread(number)).collect::<Vec<_>>()
        };
        let mut picks: Vec<u64> = self.choices.iter().flat_map(spread).collect();
        picks.sort_unstable();
        picks.dedup();
        picks.truncate(most);
        loop {
            self.simulate(&picks);
            let front = self.screen()?;
            let open: Vec<u64> = front
                .into_sorted()
                .into_iter()
                .map(|scored| scored.design)
                .filter(|design| !self.tried.contains_key(design))
                .collect();
            let left = most.saturating_sub(self.tried.len());
            if open.is_empty() || left == 0 {
                return Ok(open.is_empty());
            }
            picks = evenly(open.len(), ROUND.min(left)).into_iter().map(|at| open[at]).collect();
        }
    }

    /// The choice that comes first.
    pub fn first_choice(&self) -> &Choice {
        &self.choices[0].choice
    }

    pub const fn counts(&self) -> &Counts {
        &self.counts
    }

    /// How many designs were simulated.
    pub fn simulated(&self) -> usize {
        self.tried.len()
    }

    /// The simulated designs that no other one beats.
    pub fn best(&self) -> Vec<DesignReport> {
        let mut front = Front::default();
        for (&design, outcome) in &self.tried {
            let Some(simulated) = outcome else { continue };
            let device = self.device(design);
            let mut scores = Vec::new();
            if self.judge.verdict(&device, simulated.time_s, &mut scores) == Verdict::Kept {
                front.offer(design, &scores);
            }
        }
        let report = |scored: Scored| {
            let simulated = self.tried.get(&scored.design)?.as_ref()?;
            let (searched, own) = self.place(scored.design);
            let numbers = self.axes.numbers(&searched.choice, own);
            let values = self.axes.values(&numbers).into_iter().map(cell).collect();
            let name = (Some(self.axes.index(&numbers)), values);
            Some(self.judge.report(name, searched.screen.clone(), &self.device(scored.design), simulated))
        };
        front.into_sorted().into_iter().filter_map(report).collect()
    }

    /// All designs that no other one beats, by the times to expect.
    fn screen(&mut self) -> Result<Front, OptimizeError> {
        let mut front = Front::default();
        self.counts = Counts { broken: vec![0; self.judge.limits()], ..Counts::default() };
        for searched in &self.choices {
            let screening = searched.screening(self.judge)?;
            self.counts.designs += screening.designs;
            self.counts.unfit += screening.unfit;
            let broken = self.counts.broken.iter_mut().zip(&screening.broken);
            broken.for_each(|(all, own)| *all += own);
            for scored in &screening.front {
                front.offer(searched.first + scored.design, &scored.scores);
            }
        }
        Ok(front)
    }

    /// Simulates designs and learns from them.
    fn simulate(&mut self, picks: &[u64]) {
        let run = |&design: &u64| {
            let case =
                Points::new(self.scenario, &self.sweep.axes, self.loader).case(&self.values(design)).ok()?;
            let record = run_case(&case).ok()?;
            Some(Simulated::of(&case, &record))
        };
        let outcomes: Vec<Option<Simulated>> = picks.par_iter().map(run).collect();
        for (&design, outcome) in picks.iter().zip(outcomes) {
            let device = self.device(design);
            let (at, own) = self.place_at(design);
            let searched = &mut self.choices[at];
            let bound = searched.screen.time(&device).map(|screened| screened.time.as_secs_f64());
            if let (Some(simulated), Some(bound)) = (&outcome, bound.filter(|bound| *bound > 0.0)) {
                let mut place = vec![0.0; searched.choice.space.figures().len()];
                searched.choice.space.place(own, &mut place);
                searched.ratios.add(own, place, simulated.time_s / bound);
            }
            self.tried.insert(design, outcome);
        }
    }

    fn place_at(&self, design: u64) -> (usize, u64) {
        let after = self.choices.partition_point(|searched| searched.first <= design);
        let at = after.saturating_sub(1);
        (at, design - self.choices[at].first)
    }

    /// The choice that a design belongs to, and its number there.
    fn place(&self, design: u64) -> (&Searched, u64) {
        let (at, own) = self.place_at(design);
        (&self.choices[at], own)
    }

    fn values(&self, design: u64) -> Vec<AxisValue> {
        let (searched, own) = self.place(design);
        self.axes.values(&self.axes.numbers(&searched.choice, own))
    }

    fn device(&self, design: u64) -> Device {
        let (searched, own) = self.place(design);
        let mut device = Device::clone(&searched.choice.case.device);
        searched.choice.space.apply(own, &mut device);
        device
    }
}

impl Searched {
    fn screening(&self, judge: &Judge<'_>) -> Result<Screening, OptimizeError> {
        let space = &self.choice.space;
        let screening = screen_designs(
            &self.screen,
            &self.choice.case.device,
            space,
            judge.limits(),
            |design, device, screened, scores| {
                let ratio = self.ratios.at(design, |place| space.place(design, place));
                judge.verdict(device, screened.time.as_secs_f64() * ratio, scores)
            },
        )?;
        Ok(screening)
    }
}

fn cell(value: AxisValue) -> Cell {
    match value.shown {
        Shown::Number(number) => Cell::Number(number),
        Shown::Text(text) => Cell::text(&text),
    }
}

/// `count` of the numbers below `of`, both ends included, as far apart as can be.
fn evenly(of: usize, count: usize) -> Vec<usize> {
    match (of, count) {
        (0, _) | (_, 0) => Vec::new(),
        (_, 1) => vec![0],
        (of, count) if of <= count => (0..of).collect(),
        (of, count) => (0..count).map(|number| number * (of - 1) / (count - 1)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::evenly;

    #[test]
    fn the_ends_are_always_chosen() {
        assert_eq!(evenly(0, 3), Vec::<usize>::new());
        assert_eq!(evenly(5, 1), vec![0]);
        assert_eq!(evenly(2, 5), vec![0, 1]);
        assert_eq!(evenly(10, 4), vec![0, 3, 6, 9]);
    }
}
