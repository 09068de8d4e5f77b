//! The lines of one level: which are present, and which makes room.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::config::{CacheConfig, Replacement};

/// No line has this number.
const EMPTY: u64 = u64::MAX;

/// A line that is present.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    /// Address over line size.
    pub number: u64,
    /// Sectors present, one bit each.
    pub valid: u64,
    /// Sectors written since they came in.
    pub dirty: u64,
    /// Brought in ahead and not asked for since.
    pub ahead: bool,
    /// When it was last used, in accesses.
    used: u64,
}

/// All lines of a level.
#[derive(Debug, Clone)]
pub(super) struct Lines {
    lines: Vec<Line>,
    /// Tree bits of each set, for PLRU.
    trees: Vec<u64>,
    ways: usize,
    sets: u64,
    replacement: Replacement,
    clock: u64,
    rng: Pcg64,
}

impl Lines {
    pub fn new(config: &CacheConfig, seed: u64) -> Self {
        let count = config.size.0 / config.line.0.max(1);
        let ways = config.ways_of_a_set().max(1);
        let empty = Line { number: EMPTY, valid: 0, dirty: 0, ahead: false, used: 0 };
        let sets = (count / ways).max(1);
        Self {
            lines: vec![empty; (sets * ways) as usize],
            trees: vec![0; if config.replacement == Replacement::Plru { sets as usize } else { 0 }],
            ways: ways as usize,
            sets,
            replacement: config.replacement,
            clock: 0,
            rng: Pcg64::seed_from_u64(seed),
        }
    }

    fn set(&self, number: u64) -> usize {
        (number % self.sets) as usize
    }

    /// The place of a line, if it is present.
    pub fn find(&self, number: u64) -> Option<usize> {
        let first = self.set(number) * self.ways;
        (first..first + self.ways).find(|&at| self.lines[at].number == number)
    }

    pub fn get_mut(&mut self, at: usize) -> &mut Line {
        &mut self.lines[at]
    }

    /// Notes that a line was used.
    pub fn touch(&mut self, at: usize) {
        self.clock += 1;
        self.lines[at].used = self.clock;
        if self.replacement == Replacement::Plru {
            let (set, way) = (at / self.ways, at % self.ways);
            // Each bit on the way down points to the other half.
            let (mut node, mut half) = (1_usize, self.ways / 2);
            let mut within = way;
            while half > 0 {
                let right = within >= half;
                let bit = 1_u64 << node;
                self.trees[set] = if right { self.trees[set] & !bit } else { self.trees[set] | bit };
                node = 2 * node + usize::from(right);
                within %= half;
                half /= 2;
            }
        }
    }

    /// Puts a new line in and returns the one that made room, if one had to.
    pub fn insert(&mut self, number: u64) -> (usize, Option<Line>) {
        let set = self.set(number);
        let first = set * self.ways;
        let at = (first..first + self.ways)
            .find(|&at| self.lines[at].number == EMPTY)
            .unwrap_or_else(|| first + self.victim(set));
        let old = std::mem::replace(
            &mut self.lines[at],
            Line { number, valid: 0, dirty: 0, ahead: false, used: 0 },
        );
        self.touch(at);
        (at, (old.number != EMPTY).then_some(old))
    }

    fn victim(&mut self, set: usize) -> usize {
        let first = set * self.ways;
        match self.replacement {
            Replacement::Lru => (0..self.ways).min_by_key(|&way| self.lines[first + way].used).unwrap_or(0),
            Replacement::Random => self.rng.random_range(0..self.ways),
            Replacement::Plru => {
                let (mut node, mut half, mut way) = (1_usize, self.ways / 2, 0);
                while half > 0 {
                    let right = self.trees[set] >> node & 1 == 1;
                    way += if right { half } else { 0 };
                    node = 2 * node + usize::from(right);
                    half /= 2;
                }
                way
            }
        }
    }

    /// Lines present.
    pub fn resident(&self) -> u64 {
        self.lines.iter().filter(|line| line.number != EMPTY).count() as u64
    }
}
