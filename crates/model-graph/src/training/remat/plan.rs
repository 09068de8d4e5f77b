//! What is kept from use to use, and the schedule that follows.

use super::Problem;

/// What becomes of a value between two uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gap {
    /// It is kept.
    Keep,
    /// It is dropped; once made again for something else, it is kept from then on.
    Once,
    /// It is dropped, whenever it is made.
    Again,
}

/// What becomes of each forward value after it is made and after each operator that reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Of all values, one after the other.
    gaps: Vec<Gap>,
    /// Whether what the next operator reads is made before this one runs, while what this one makes is not there yet.
    ahead: Vec<bool>,
}

impl Plan {
    /// Nothing is dropped.
    #[must_use]
    pub fn keep_all(problem: &Problem) -> Self {
        Self { gaps: vec![Gap::Keep; problem.all_gaps()], ahead: vec![false; problem.operators().len()] }
    }

    /// Of the forward pass, only these values are kept for the backward pass; others are made again once, when the
    /// first operator needs them.
    #[must_use]
    pub fn keep(problem: &Problem, kept: impl Fn(u32) -> bool) -> Self {
        let mut plan = Self::keep_all(problem);
        for value in 0..problem.values() as u32 {
            if problem.is_forward(value) && !kept(value) {
                plan.set(problem, value, problem.forward() as u32, Gap::Once);
            }
        }
        plan
    }

    /// What becomes of `value` in the gap in which operator `at` begins.
    #[must_use]
    pub fn gap(&self, problem: &Problem, value: u32, at: u32) -> Gap {
        self.gaps[problem.gap_at(value, at)]
    }

    pub(super) fn set(&mut self, problem: &Problem, value: u32, at: u32, gap: Gap) {
        self.gaps[problem.gap_at(value, at)] = gap;
    }

    /// Whether it is dropped anywhere.
    pub(super) fn drops(&self, problem: &Problem, value: u32) -> bool {
        self.gaps[problem.gaps(value)].iter().any(|gap| *gap != Gap::Keep)
    }

    /// Makes what the operator after `before` reads ahead of it; false if that was so already.
    pub(super) fn look_ahead(&mut self, before: u32) -> bool {
        self.ahead.get_mut(before as usize).is_some_and(|ahead| !std::mem::replace(ahead, true))
    }

    /// Keeps it everywhere.
    pub(super) fn restore(&mut self, problem: &Problem, value: u32) {
        self.gaps[problem.gaps(value)].fill(Gap::Keep);
    }

    /// The operators in order; before each, what it reads and is not there is made again, each in its turn.
    ///
    /// With [`Gap::Again`] everywhere a schedule can be as long as the square of the problem; after `most` operators
    /// it is given up.
    #[must_use]
    pub fn schedule(&self, problem: &Problem, most: usize) -> Option<Vec<u32>> {
        let mut walk = Walk {
            problem,
            plan: self,
            there: vec![false; problem.values()],
            gaps: (0..problem.values() as u32).map(|value| problem.gaps(value).start as u32).collect(),
            schedule: Vec::with_capacity(problem.operators().len() * 4 / 3),
            wanted: vec![false; problem.forward()],
            again: Vec::new(),
            open: Vec::new(),
        };
        for index in 0..problem.operators().len() as u32 {
            walk.run(index);
            if walk.schedule.len() > most {
                return None;
            }
        }
        Some(walk.schedule)
    }
}

struct Walk<'a> {
    problem: &'a Problem,
    plan: &'a Plan,
    /// Values that can be read.
    there: Vec<bool>,
    /// For each value, the gap that it is in.
    gaps: Vec<u32>,
    schedule: Vec<u32>,
    /// Operators about to be repeated.
    wanted: Vec<bool>,
    again: Vec<u32>,
    open: Vec<u32>,
}

impl Walk<'_> {
    /// Runs an operator for the first time, after what has to be repeated for it.
    fn run(&mut self, index: u32) {
        let again = self.missing(index);
        for operator in &again {
            self.wanted[*operator as usize] = false;
            self.execute(*operator);
        }
        self.execute(index);
        let work = &self.problem.operators()[index as usize];
        for value in &work.inputs {
            self.gaps[*value as usize] += 1;
        }
        for operator in &again {
            let repeated = &self.problem.operators()[*operator as usize];
            for value in repeated.inputs.iter().chain(&repeated.outputs) {
                if !self.is_for_next(index, *value) {
                    self.release(*value, Gap::Again);
                }
            }
        }
        for value in work.inputs.iter().chain(&work.outputs) {
            self.release(*value, Gap::Once);
        }
        self.again = again;
    }

    /// What has to be repeated before an operator can run, in order.
    fn missing(&mut self, index: u32) -> Vec<u32> {
        let mut again = std::mem::take(&mut self.again);
        again.clear();
        self.open.push(index);
        if self.plan.ahead[index as usize] && index as usize + 1 < self.problem.operators().len() {
            self.open.push(index + 1);
        }
        while let Some(operator) = self.open.pop() {
            for value in &self.problem.operators()[operator as usize].inputs {
                let producer = self.problem.producer(*value);
                // What comes ahead may also read what is not made yet.
                let is_made = producer < index && !self.there[*value as usize];
                if is_made && !self.wanted[producer as usize] {
                    self.wanted[producer as usize] = true;
                    again.push(producer);
                    self.open.push(producer);
                }
            }
        }
        again.sort_unstable();
        again
    }

    /// Whether a value was made ahead for the operator after `index`.
    fn is_for_next(&self, index: u32, value: u32) -> bool {
        let next = self.problem.operators().get(index as usize + 1);
        self.plan.ahead[index as usize] && next.is_some_and(|next| next.inputs.contains(&value))
    }

    fn execute(&mut self, operator: u32) {
        self.schedule.push(operator);
        for value in &self.problem.operators()[operator as usize].outputs {
            self.there[*value as usize] = true;
        }
    }

    /// Drops a value if its gap says so at least as strongly as `from`.
    fn release(&mut self, value: u32, from: Gap) {
        let gap = self.plan.gaps[self.gaps[value as usize] as usize];
        if gap >= from && self.problem.is_forward(value) {
            self.there[value as usize] = false;
        }
    }
}
