//! Running points on many threads and handing them out in order.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use memwall_report::{CaseReport, Context, SweepRow};
use memwall_scenario::{Diagnostic, Diagnostics, Loader, Points};

use super::SweepPlan;
use super::plan::cell;
use crate::run::run_case;

/// Rows of a thread that may wait until those before them are done: enough that nobody waits for a slow point, few
/// enough to hold in memory.
const ROWS_AHEAD: u64 = 256;

/// Runs the rows of `plan` from number `first` on, on `threads` threads, and hands each to `on_row` in order, until that
/// breaks off. The rows are the same for any number of threads; a point that cannot be run is a row with its error.
pub fn run_sweep(
    plan: &SweepPlan<'_>,
    first: u64,
    threads: usize,
    loader: &(dyn Loader + Sync),
    mut on_row: impl FnMut(SweepRow) -> ControlFlow<()>,
) {
    let threads = threads.max(1);
    let queue = Queue {
        state: Mutex::new(State { next: first, out: first, done: BTreeMap::new(), stop: false }),
        changed: Condvar::new(),
        rows: plan.rows(),
        ahead: ROWS_AHEAD * threads as u64,
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| work(plan, &queue, loader));
        }
        let _stop = StopAtEnd(&queue);
        while let Some(row) = queue.wait_for_row() {
            if on_row(row).is_break() {
                break;
            }
        }
    });
}

/// One thread: points, one after the other, until there are no more.
fn work(plan: &SweepPlan<'_>, queue: &Queue, loader: &dyn Loader) {
    // Whatever ends this thread must not leave the others waiting for its row.
    let _stop = StopAtEnd(queue);
    let mut points = Points::new(plan.scenario, &plan.sweep.axes, loader);
    while let Some(row) = queue.take() {
        let done = run_point(plan, &mut points, plan.index(row));
        queue.hand_in(row, done);
    }
    std::mem::forget(_stop);
}

fn run_point(plan: &SweepPlan<'_>, points: &mut Points<'_>, index: u64) -> SweepRow {
    let values = plan.values(index);
    let cells = values.iter().map(cell).collect();
    let outcome = points.case(&values).map_err(|problems| words(&problems)).and_then(|case| {
        let record = run_case(&case).map_err(|error| error.reason.to_string())?;
        // Names and notes stand in no column.
        let context = Context { counting: case.counting, ..Context::default() };
        Ok(CaseReport::new(&case.name, &record, &context))
    });
    plan.columns().row(index, cells, outcome.as_ref().map_err(String::as_str))
}

/// What is wrong with a point, in one line.
fn words(problems: &Diagnostics) -> String {
    let one = |problem: &Diagnostic| {
        let known = problem.path.is_empty() || problem.message.contains(&problem.path);
        let path = (!known).then_some(problem.path.as_str());
        let label = problem.spots.first().map(|spot| spot.label.as_str()).filter(|label| !label.is_empty());
        let parts = [path, Some(problem.message.as_str()), label].into_iter().flatten();
        parts.chain(problem.help.iter().map(String::as_str)).collect::<Vec<_>>().join(": ")
    };
    problems.list.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// What the threads share.
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    rows: u64,
    ahead: u64,
}

struct State {
    /// The next row to be run.
    next: u64,
    /// The next row to be handed out.
    out: u64,
    /// Rows that were run before those in front of them.
    done: BTreeMap<u64, SweepRow>,
    stop: bool,
}

impl Queue {
    /// The next row to run; waits while too many are ahead of the slowest.
    fn take(&self) -> Option<u64> {
        let mut state = self.lock();
        while !state.stop && state.next < self.rows && state.next >= state.out + self.ahead {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.stop || state.next >= self.rows {
            return None;
        }
        state.next += 1;
        Some(state.next - 1)
    }

    fn hand_in(&self, row: u64, done: SweepRow) {
        let mut state = self.lock();
        state.done.insert(row, done);
        if row == state.out {
            self.changed.notify_all();
        }
    }

    /// The next row in order; `None` after the last, or when the work was stopped.
    fn wait_for_row(&self) -> Option<SweepRow> {
        let mut state = self.lock();
        loop {
            let out = state.out;
            if let Some(row) = state.done.remove(&out) {
                state.out += 1;
                // Only who waits at the window's end is woken, and that is rare.
                if state.next >= out + self.ahead {
                    self.changed.notify_all();
                }
                return Some(row);
            }
            if state.stop || out >= self.rows {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stops all threads when it goes out of scope.
struct StopAtEnd<'a>(&'a Queue);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.lock().stop = true;
        self.0.changed.notify_all();
    }
}
