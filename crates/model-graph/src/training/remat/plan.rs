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
    /// For each value one more than it has readers.
    gaps: Vec<Vec<Gap>>,
}

impl Plan {
    /// Nothing is dropped.
    #[must_use]
    pub fn keep_all(problem: &Problem) -> Self {
        let gaps = |value: u32| vec![Gap::Keep; problem.readers(value).len() + 1];
        Self { gaps: (0..problem.values() as u32).map(gaps).collect() }
    }

    /// Of the forward pass, only these values are kept for the backward pass; others are made again once, when the
    /// first operator needs them.
    #[must_use]
    pub fn keep(problem: &Problem, kept: impl Fn(u32) -> bool) -> Self {
        let mut plan = Self::keep_all(problem);
        for value in 0..problem.values() as u32 {
            if problem.is_forward(value) && !kept(value) {
                let gap = gap_at(problem, value, problem.forward() as u32);
                plan.gaps[value as usize][gap] = Gap::Once;
            }
        }
        plan
    }

    /// What becomes of `value` in the gap in which operator `at` begins.
    #[must_use]
    pub fn gap(&self, problem: &Problem, value: u32, at: u32) -> Gap {
        self.gaps[value as usize][gap_at(problem, value, at)]
    }

    pub(super) fn set(&mut self, problem: &Problem, value: u32, at: u32, gap: Gap) {
        self.gaps[value as usize][gap_at(problem, value, at)] = gap;
    }

    /// Whether it is dropped anywhere.
    pub(super) fn drops(&self, value: u32) -> bool {
        self.gaps[value as usize].iter().any(|gap| *gap != Gap::Keep)
    }

    /// Keeps it everywhere.
    pub(super) fn restore(&mut self, value: u32) {
        self.gaps[value as usize].fill(Gap::Keep);
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
            passed: vec![0; problem.values()],
            schedule: Vec::with_capacity(problem.operators().len() * 4 / 3),
            wanted: vec![false; problem.forward()],
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

/// Readers of `value` before `at`: the number of the gap in which `at` begins.
fn gap_at(problem: &Problem, value: u32, at: u32) -> usize {
    problem.readers(value).partition_point(|reader| *reader < at)
}

struct Walk<'a> {
    problem: &'a Problem,
    plan: &'a Plan,
    /// Values that can be read.
    there: Vec<bool>,
    /// For each value, how many of its readers ran.
    passed: Vec<u32>,
    schedule: Vec<u32>,
    /// Operators about to be repeated.
    wanted: Vec<bool>,
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
            self.passed[*value as usize] += 1;
        }
        for operator in &again {
            let repeated = &self.problem.operators()[*operator as usize];
            for value in repeated.inputs.iter().chain(&repeated.outputs) {
                self.release(*value, Gap::Again);
            }
        }
        for value in work.inputs.iter().chain(&work.outputs) {
            self.release(*value, Gap::Once);
        }
    }

    /// What has to be repeated before an operator can run, in order.
    fn missing(&mut self, index: u32) -> Vec<u32> {
        let mut again = Vec::new();
        let mut open = vec![index];
        while let Some(operator) = open.pop() {
            for value in &self.problem.operators()[operator as usize].inputs {
                let producer = self.problem.producer(*value);
                if !self.there[*value as usize] && !self.wanted[producer as usize] {
                    self.wanted[producer as usize] = true;
                    again.push(producer);
                    open.push(producer);
                }
            }
        }
        again.sort_unstable();
        again
    }

    fn execute(&mut self, operator: u32) {
        self.schedule.push(operator);
        for value in &self.problem.operators()[operator as usize].outputs {
            self.there[*value as usize] = true;
        }
    }

    /// Drops a value if its gap says so at least as strongly as `from`.
    fn release(&mut self, value: u32, from: Gap) {
        let gap = self.plan.gaps[value as usize][self.passed[value as usize] as usize];
        if gap >= from && self.problem.is_forward(value) {
            self.there[value as usize] = false;
        }
    }
}
