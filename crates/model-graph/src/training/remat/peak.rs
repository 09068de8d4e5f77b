//! What a schedule needs of memory.

use thiserror::Error;

use super::Problem;

/// The moment at which a schedule needs most.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Peak {
    /// Bytes alive then.
    pub bytes: u64,
    /// The place in the schedule, the first if there are several.
    pub at: usize,
    /// What is alive, in the order in which it was made.
    pub alive: Vec<Alive>,
}

/// A value that is alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alive {
    /// Which.
    pub value: u32,
    /// Its bytes.
    pub bytes: u64,
    /// Place in the schedule of the operator that made it.
    pub made: usize,
}

/// Why a sequence of operators is no schedule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// There is no such operator.
    #[error("the schedule names an operator that there is not, at place {at}")]
    Unknown {
        /// The place in the schedule.
        at: usize,
    },
    /// An operator runs before what it reads was made.
    #[error("the operator {operator} at place {at} reads the value {value}, which is not made yet")]
    NotMade {
        /// The place in the schedule.
        at: usize,
        /// The operator.
        operator: u32,
        /// What it reads.
        value: u32,
    },
    /// An operator never runs, runs before one that comes first in the fixed order, or is of the backward pass and runs
    /// twice.
    #[error("the operator {operator} does not run first in its turn")]
    Order {
        /// The operator.
        operator: u32,
    },
}

/// Runs through a schedule: each value lives from the operator that makes it to the last one that reads it before it is
/// made again.
///
/// # Errors
/// [`ScheduleError`] when it is no schedule of the problem.
pub fn peak(problem: &Problem, schedule: &[u32]) -> Result<Peak, ScheduleError> {
    let lives = lives(problem, schedule)?;
    let mut change = vec![0_i128; schedule.len() + 1];
    for (alive, last) in &lives {
        change[alive.made] += i128::from(alive.bytes);
        change[last + 1] -= i128::from(alive.bytes);
    }
    let (mut now, mut most, mut at) = (0_i128, 0_i128, 0);
    for (place, by) in change.iter().enumerate() {
        now += by;
        if now > most {
            (most, at) = (now, place);
        }
    }
    let then = |(alive, last): (Alive, usize)| (alive.made <= at && at <= last).then_some(alive);
    let alive = lives.into_iter().filter_map(then).collect();
    Ok(Peak { bytes: u64::try_from(most).unwrap_or(u64::MAX), at, alive })
}

/// Every version of every value, with the last place that needs it.
fn lives(problem: &Problem, schedule: &[u32]) -> Result<Vec<(Alive, usize)>, ScheduleError> {
    let mut lives: Vec<(Alive, usize)> = Vec::with_capacity(problem.values());
    let mut latest = vec![usize::MAX; problem.values()];
    let mut next = 0;
    for (at, operator) in schedule.iter().copied().enumerate() {
        let work = problem.operators().get(operator as usize).ok_or(ScheduleError::Unknown { at })?;
        match (operator as usize).cmp(&next) {
            std::cmp::Ordering::Equal => next += 1,
            std::cmp::Ordering::Less if (operator as usize) < problem.forward() => {}
            _ => return Err(ScheduleError::Order { operator }),
        }
        for value in work.inputs.iter().copied() {
            match lives.get_mut(latest[value as usize]) {
                Some((_, last)) => *last = at,
                None => return Err(ScheduleError::NotMade { at, operator, value }),
            }
        }
        for value in work.outputs.iter().copied() {
            latest[value as usize] = lives.len();
            lives.push((Alive { value, bytes: problem.bytes(value), made: at }, at));
        }
    }
    if next < problem.operators().len() {
        return Err(ScheduleError::Order { operator: next as u32 });
    }
    Ok(lives)
}
