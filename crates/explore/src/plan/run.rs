//! A search from the case to its report.

use memwall_report::{LoserReport, PlanDocument, PlanReport, PlanRow, PublishedRow};
use memwall_scenario::{PlanCase, PublishedPlan, Scenario, TrainingChoice};
use rayon::prelude::*;

use super::PlanError;
use super::config::config;
use super::reasons::{too_large, why};
use super::sample::Sample;
use super::screen::{Screen, Screened, capacity_of};
use super::search::{Progress, Searched, score, screen_plans};
use super::simulate::simulate;
use super::space::{PlanSpace, Shape};
use super::table::CostTable;
use super::tally::{Choice, Group, value_of};
use super::words::{self, Shown, device_hours};

/// So many times as many plans are simulated as were asked for, at most, until as many fit.
const MOST_TRIED: usize = 4;
/// Plans that are shown where none is simulated.
const SHOWN: usize = 8;

/// Runs every case of a scenario of kind `plan` on that many threads, or as many as there are cores; `progress` is told how
/// many plans of a case were screened, and of how many.
///
/// # Errors
/// The first case, in order, that no plan divides or that cannot be costed.
pub fn run_plans(
    scenario: &Scenario,
    threads: Option<usize>,
    progress: &Progress<'_>,
) -> Result<PlanDocument, PlanError> {
    let run = || -> Result<Vec<PlanReport>, PlanError> {
        scenario.plans.iter().map(|case| run_plan(case, progress)).collect()
    };
    let pool = threads.map(|threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build());
    // Where no threads are to be had, the present one does it.
    let reports = match pool {
        Some(Ok(pool)) => pool.install(run),
        _ => run(),
    };
    Ok(PlanDocument::new(&scenario.name, scenario.description.as_deref(), reports?))
}

/// Screens all plans of a case and simulates the best.
///
/// # Errors
/// No plan divides the model and the batch, or the device cannot run them.
pub fn run_plan(case: &PlanCase, progress: &Progress<'_>) -> Result<PlanReport, PlanError> {
    let space = PlanSpace::new(case)?;
    // The published plan may be none of those that are tried.
    let published = case.published.as_ref().map(|published| published.choice);
    let own = published.map(|choice| Shape { parallel: choice.parallel, micro_batch: choice.micro_batch });
    let shapes: Vec<Shape> = space.shapes().iter().copied().chain(own).collect();
    let table = CostTable::new(case, &shapes)?;
    let screen = Screen::new(case, &table);
    let planner = Planner { case, space: &space, screen: &screen };
    let published =
        case.published.as_ref().map(|published| (published, planner.published(&published.choice)));
    let bar = published.as_ref().map(|(_, shown)| shown.screened.time);
    let searched = screen_plans(case, &space, &screen, bar, progress);
    Ok(planner.report(&searched, published.as_ref()))
}

struct Planner<'a> {
    case: &'a PlanCase,
    space: &'a PlanSpace,
    screen: &'a Screen<'a>,
}

/// A plan that was simulated, or could not be.
struct Tried {
    shown: Shown,
    row: PlanRow,
}

impl Planner<'_> {
    /// The figures of the plan of a number.
    fn shown(&self, number: u64) -> Option<Shown> {
        let choice = self.space.plan(number)?;
        let shape = self.space.shape_of(number);
        Some(self.figures(Some(number), choice, shape))
    }

    fn published(&self, choice: &TrainingChoice) -> Shown {
        self.figures(None, *choice, self.space.shapes().len())
    }

    fn figures(&self, number: Option<u64>, choice: TrainingChoice, shape: usize) -> Shown {
        let own = Shape { parallel: choice.parallel, micro_batch: choice.micro_batch };
        let mut screen = self.screen.shape(shape, own);
        let screened = screen.screen(&choice);
        let (parts, memory) = screen.explain(&choice);
        Shown { number, choice, screened, parts, memory }
    }

    fn report(&self, searched: &Searched, published: Option<&(&PublishedPlan, Shown)>) -> PlanReport {
        let case = self.case;
        let capacity = capacity_of(case);
        let best_screened = searched.best.first().and_then(|(_, number)| self.shown(*number));
        let tried = self.simulate_best(searched);
        let simulated = tried.iter().filter(|tried| tried.row.simulated.is_some()).count() as u64;
        let mut plans: Vec<PlanRow> = tried.iter().map(|tried| tried.row.clone()).collect();
        let fabric = case.system.fabric();
        if let Some(best) = tried.first() {
            for (row, tried) in plans.iter_mut().zip(&tried).skip(1) {
                row.why = why(fabric, &tried.shown, &best.shown);
            }
        }
        let front = searched.front.iter().filter_map(|scored| self.shown(scored.design));
        let mut losers = Vec::new();
        if let Some(best) = &best_screened {
            losers = self.losers(searched, best, capacity);
        }
        let published = published.map(|(published, shown)| {
            let row = self.try_one(shown, false).row;
            let why = match tried.first() {
                Some(best) if shown.screened.memory <= capacity => why(fabric, shown, &best.shown),
                _ => too_large(&shown.memory, capacity, shown),
            };
            PublishedRow {
                row: PlanRow { why, ..row },
                fits: shown.screened.memory <= capacity,
                ahead: searched.ahead,
                time_s: published.time,
                mfu: published.mfu,
                source: published.source.clone(),
            }
        });
        let mut notes = case.notes.clone();
        notes.extend(self.nothing_fits(searched, capacity));
        PlanReport {
            name: case.name.clone(),
            model: case.model.clone(),
            system: case.system.name.clone(),
            devices: case.system.fabric().devices(),
            batch: case.batch,
            tokens: case.tokens,
            objective: case.objective.name(),
            capacity_bytes: capacity,
            screened: self.space.plans(),
            fitting: searched.fitting,
            simulated,
            config: tried.first().map(|best| config(case, &best.shown.choice)),
            plans,
            front: front.map(|shown| words::row(case, &shown)).collect(),
            published,
            losers,
            notes,
        }
    }

    /// By how much the leanest plan misses, where none fits.
    fn nothing_fits(&self, searched: &Searched, capacity: f64) -> Option<String> {
        if searched.fitting > 0 {
            return None;
        }
        let leanest = searched.tally.iter().map(|(_, group)| group.leanest);
        let (_, number) =
            leanest.fold((f64::INFINITY, 0), |least, next| if next.0 < least.0 { next } else { least });
        let shown = self.shown(number)?;
        let plan = words::sentence(&shown.choice);
        let text = too_large(&shown.memory, capacity, &shown);
        Some(format!("Nothing fits. The plan that needs least, {plan}, is {text}."))
    }

    /// Simulates what looks best: by its bound, and by what a few layers divided in the same way take over theirs.
    fn simulate_best(&self, searched: &Searched) -> Vec<Tried> {
        let case = self.case;
        // Where none is to be simulated, some are shown as they were screened.
        let most = if case.simulate > 0 { case.simulate as usize } else { SHOWN };
        let looked_at = if case.simulate > 0 { searched.best.len() } else { most };
        let best = searched.best.iter().take(looked_at).filter_map(|(_, number)| self.shown(*number));
        let mut expected: Vec<(f64, Shown)> = if case.simulate > 0 {
            Sample::correct(case, best.collect())
        } else {
            best.map(|shown| (shown.screened.time, shown)).collect()
        };
        // The order of bounds stays among equals.
        expected.sort_by(|a, b| {
            let own = |(time, shown): &(f64, Shown)| score(case, &shown.choice, *time, shown.screened.memory);
            own(a).total_cmp(&own(b))
        });
        // What turns out not to fit makes room for the next, for a while.
        let mut tried: Vec<Tried> = Vec::new();
        let mut left = expected.iter().map(|(_, shown)| shown).take(most * MOST_TRIED);
        loop {
            let good =
                tried.iter().filter(|tried| case.simulate == 0 || tried.row.simulated.is_some()).count();
            let next: Vec<&Shown> = left.by_ref().take(most.saturating_sub(good)).collect();
            if next.is_empty() {
                break;
            }
            tried.par_extend(next.par_iter().map(|shown| self.try_one(shown, true)));
        }
        let order = |tried: &Tried| {
            let row = &tried.row;
            let own = score(case, &tried.shown.choice, row.time_s(), row.memory_bytes());
            (case.simulate > 0 && row.simulated.is_none(), own)
        };
        tried.sort_by(|a, b| {
            let (a, b) = (order(a), order(b));
            a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
        });
        tried.truncate(most);
        tried
    }

    /// Simulates a plan; where `must_fit`, only if it fits.
    fn try_one(&self, shown: &Shown, must_fit: bool) -> Tried {
        let mut row = words::row(self.case, shown);
        if self.case.simulate > 0 {
            let capacity = if must_fit { capacity_of(self.case) } else { f64::INFINITY };
            match simulate(self.case, &shown.choice, (&shown.memory, capacity)) {
                Ok(simulated) => {
                    row.device_hours = device_hours(self.case, &shown.choice, simulated.time_s);
                    row.simulated = Some(simulated);
                }
                Err(error) => row.failed = Some(error.to_string()),
            }
        }
        Tried { shown: *shown, row }
    }

    /// What every other value of every choice loses to the best plan.
    fn losers(&self, searched: &Searched, best: &Shown, capacity: f64) -> Vec<LoserReport> {
        let rules = self.space.recompute();
        let others =
            searched.tally.iter().filter(|(choice, _)| value_of(choice, &best.choice, rules) != **choice);
        others.map(|(choice, group)| self.loser(choice, group, (best, capacity))).collect()
    }

    fn loser(&self, choice: &Choice, group: &Group, (best, capacity): (&Shown, f64)) -> LoserReport {
        let (name, value) = words::choice(choice, self.space.recompute());
        let quickest = group.best.and_then(|(_, number)| self.shown(number));
        let why = match &quickest {
            Some(shown) => why(self.case.system.fabric(), shown, best),
            None => self.shown(group.leanest.1).map_or_else(String::new, |shown| {
                let plan = words::sentence(&shown.choice);
                format!("{}, even with {plan}", too_large(&shown.memory, capacity, &shown))
            }),
        };
        let Screened { time: least, .. } = best.screened;
        LoserReport {
            choice: name,
            value,
            plans: group.plans,
            fitting: group.fitting,
            bound_s: group.best.map(|(time, _)| time),
            loses: group.best.map(|(time, _)| time / least - 1.0),
            why,
        }
    }
}
