//! What is to be scheduled.

use thiserror::Error;

/// The most operators and values of a problem.
pub const MAX_VALUES: usize = 1 << 20;

/// One operator.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Work {
    /// Its time, in picoseconds.
    pub cost: u64,
    /// The values it reads, each once.
    pub inputs: Vec<u32>,
    /// The values it makes.
    pub outputs: Vec<u32>,
}

/// A forward and a backward pass, as operators in order and the values between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Bytes of each value.
    bytes: Vec<u64>,
    operators: Vec<Work>,
    forward: usize,
    /// For each value, the operator that makes it.
    producers: Vec<u32>,
    /// For each value, the operators that read it, in order.
    readers: Vec<Vec<u32>>,
    /// For each value, the number of its first gap among all: a gap follows its making and each reader.
    gaps: Vec<u32>,
}

/// What can be wrong with a problem.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProblemError {
    /// More operators or values than [`MAX_VALUES`].
    #[error("there are more than {MAX_VALUES} operators or values to schedule")]
    TooMany,
    /// An operator reads or writes a value that the problem does not have.
    #[error("the operator {operator} uses a value that there is not")]
    Unknown {
        /// Its place in the order.
        operator: usize,
    },
    /// A value that no operator makes, that two make, or that is read before it is made.
    #[error("the value {value} is not made once, before it is read")]
    Unmade {
        /// Its number.
        value: u32,
    },
    /// The forward pass is longer than the whole.
    #[error("there are fewer operators than the forward pass is said to have")]
    Forward,
}

impl Problem {
    /// Values of these bytes and operators in order, the first `forward` of which are the forward pass.
    ///
    /// # Errors
    /// [`ProblemError`] where they are not a problem.
    pub fn new(bytes: Vec<u64>, mut operators: Vec<Work>, forward: usize) -> Result<Self, ProblemError> {
        if bytes.len() > MAX_VALUES || operators.len() > MAX_VALUES {
            return Err(ProblemError::TooMany);
        }
        if forward > operators.len() {
            return Err(ProblemError::Forward);
        }
        let mut producers = vec![u32::MAX; bytes.len()];
        let mut readers = vec![Vec::new(); bytes.len()];
        for (index, work) in operators.iter_mut().enumerate() {
            work.inputs.sort_unstable();
            work.inputs.dedup();
            if work.inputs.iter().chain(&work.outputs).any(|value| *value as usize >= bytes.len()) {
                return Err(ProblemError::Unknown { operator: index });
            }
            for input in &work.inputs {
                if producers[*input as usize] == u32::MAX {
                    return Err(ProblemError::Unmade { value: *input });
                }
                readers[*input as usize].push(index as u32);
            }
            for output in &work.outputs {
                if std::mem::replace(&mut producers[*output as usize], index as u32) != u32::MAX {
                    return Err(ProblemError::Unmade { value: *output });
                }
            }
        }
        match producers.iter().position(|producer| *producer == u32::MAX) {
            Some(value) => Err(ProblemError::Unmade { value: value as u32 }),
            None => {
                let mut gaps = Vec::with_capacity(readers.len() + 1);
                gaps.push(0);
                for readers in &readers {
                    gaps.push(gaps.last().copied().unwrap_or(0) + readers.len() as u32 + 1);
                }
                Ok(Self { bytes, operators, forward, producers, readers, gaps })
            }
        }
    }

    /// The operators, in the order of their first executions.
    #[must_use]
    pub fn operators(&self) -> &[Work] {
        &self.operators
    }

    /// How many of them are the forward pass; only these may be repeated.
    #[must_use]
    pub const fn forward(&self) -> usize {
        self.forward
    }

    /// How many values there are.
    #[must_use]
    pub const fn values(&self) -> usize {
        self.bytes.len()
    }

    /// Bytes of a value.
    #[must_use]
    pub fn bytes(&self, value: u32) -> u64 {
        self.bytes[value as usize]
    }

    /// The operator that makes a value.
    #[must_use]
    pub fn producer(&self, value: u32) -> u32 {
        self.producers[value as usize]
    }

    /// The operators that read a value, in order.
    #[must_use]
    pub fn readers(&self, value: u32) -> &[u32] {
        &self.readers[value as usize]
    }

    /// Whether a forward operator makes it, so that it can be made again.
    #[must_use]
    pub fn is_forward(&self, value: u32) -> bool {
        (self.producer(value) as usize) < self.forward
    }

    /// Time of every operator once, in picoseconds, held at the maximum.
    #[must_use]
    pub fn cost(&self) -> u64 {
        self.operators.iter().fold(0, |sum, work| sum.saturating_add(work.cost))
    }

    /// What a schedule computes more than once, in picoseconds, held at the maximum.
    #[must_use]
    pub fn extra(&self, schedule: &[u32]) -> u64 {
        let cost = |index: &u32| self.operators.get(*index as usize).map_or(0, |work| work.cost);
        let all = schedule.iter().map(cost).fold(0_u64, u64::saturating_add);
        all.saturating_sub(self.cost())
    }

    /// For each value, the last operator of the backward pass that reads it.
    pub(super) fn last_backward_reader(&self, value: u32) -> Option<u32> {
        self.readers(value).last().copied().filter(|reader| *reader as usize >= self.forward)
    }

    /// The numbers of a value's gaps.
    pub(super) fn gaps(&self, value: u32) -> std::ops::Range<usize> {
        self.gaps[value as usize] as usize..self.gaps[value as usize + 1] as usize
    }

    /// The number of the gap of a value in which operator `at` begins.
    pub(super) fn gap_at(&self, value: u32, at: u32) -> usize {
        let passed = self.readers(value).partition_point(|reader| *reader < at);
        self.gaps(value).start + passed
    }

    /// How many gaps there are.
    pub(super) fn all_gaps(&self) -> usize {
        self.gaps.last().map_or(0, |last| *last as usize)
    }

    /// A measure of how long going through the problem once takes: operators and what they read and write.
    pub(super) fn size(&self) -> usize {
        self.operators.iter().map(|work| 1 + work.inputs.len() + work.outputs.len()).sum()
    }
}
