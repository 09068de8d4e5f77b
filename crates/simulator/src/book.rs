//! Where a kernel's core-time went while it ran.

use crate::chip::MAX_LEVELS;

/// Core-picoseconds of all units by what they did. Exact: integers only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Book {
    /// Computing (or waiting for a per-core memory, which is part of a step's time).
    pub compute: u128,
    pub ramp: u128,
    pub capacity: u128,
    pub occupancy: u128,
    pub bandwidth: [u128; MAX_LEVELS],
    pub latency: [u128; MAX_LEVELS],
    /// Of `compute`, the steps that had to wait for their data: a faster step would only have waited longer, so
    /// what is not useful in them costs nothing. By what they waited for.
    pub paced_by_bandwidth: [u128; MAX_LEVELS],
    pub paced_by_latency: [u128; MAX_LEVELS],
}

/// What a unit that does not compute waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    Ramp,
    Capacity,
    /// It has nothing to do in this wave.
    Occupancy,
    Bandwidth(usize),
    Latency(usize),
}

impl Book {
    pub fn add_wait(&mut self, wait: Wait, core_ps: u128) {
        match wait {
            Wait::Ramp => self.ramp += core_ps,
            Wait::Capacity => self.capacity += core_ps,
            Wait::Occupancy => self.occupancy += core_ps,
            Wait::Bandwidth(level) => self.bandwidth[level] += core_ps,
            Wait::Latency(level) => self.latency[level] += core_ps,
        }
    }

    /// A step computes; `pace` is what it waited for before.
    pub fn add_compute(&mut self, pace: Option<Wait>, core_ps: u128) {
        self.compute += core_ps;
        match pace {
            Some(Wait::Bandwidth(level)) => self.paced_by_bandwidth[level] += core_ps,
            Some(Wait::Latency(level)) => self.paced_by_latency[level] += core_ps,
            _ => {}
        }
    }

    /// `self + times x (self - earlier)`: the stretch since `earlier` happens `times` more.
    pub fn repeat_since(&mut self, earlier: &Self, times: u128) {
        let more = |now: &mut u128, then: u128| *now += (*now - then) * times;
        more(&mut self.compute, earlier.compute);
        more(&mut self.ramp, earlier.ramp);
        more(&mut self.capacity, earlier.capacity);
        more(&mut self.occupancy, earlier.occupancy);
        for level in 0..MAX_LEVELS {
            more(&mut self.bandwidth[level], earlier.bandwidth[level]);
            more(&mut self.latency[level], earlier.latency[level]);
            more(&mut self.paced_by_bandwidth[level], earlier.paced_by_bandwidth[level]);
            more(&mut self.paced_by_latency[level], earlier.paced_by_latency[level]);
        }
    }
}
