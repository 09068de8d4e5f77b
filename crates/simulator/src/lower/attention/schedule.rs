//! How blocks are dealt out to cores, and what the uneven ones cost.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::mask::Visits;

/// Steps of the cores: all take the even ones, some the tail.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Schedule {
    pub units: f64,
    pub even: f64,
    pub tail: f64,
    pub tail_units: f64,
}

/// Up to this many blocks a core they are dealt out one by one; beyond, the last round is a small part.
const DEALT_OUT: f64 = 4.0;

impl Schedule {
    /// `tiles` blocks of `steps` steps each: full rounds, and the rest.
    pub fn uniform(units: f64, tiles: f64, steps: f64) -> Self {
        let units = units.min(tiles).max(1.0);
        let rounds = (tiles / units).floor();
        let left = tiles - rounds * units;
        let tail = if left > 0.0 { steps } else { 0.0 };
        Self { units, even: rounds * steps, tail, tail_units: left.max(1.0) }
    }

    /// All cores end within the longest block of each other: `visits` steps in all, the busiest core taking `busiest`.
    pub fn uneven(units: f64, visits: f64, busiest: f64) -> Self {
        let even = (2.0 * visits / units - busiest).clamp(0.0, busiest).floor();
        Self { units, even, tail: (busiest - even).ceil(), tail_units: (units / 2.0).ceil() }
    }

    /// Blocks of `heads` equal heads, each to the core that is free first; in the order of the queries, or the
    /// longest of a head first. `extra` is what a block takes besides its steps, in steps.
    pub fn dealt(units: f64, heads: f64, visits: &Visits, extra: f64, longest_first: bool) -> Self {
        let tiles = heads * visits.count;
        let shortest = visits.each.iter().copied().min().unwrap_or(1);
        if f64::from(shortest) >= visits.longest {
            return Self::uniform(units, tiles, visits.longest);
        }
        let units = units.min(tiles).max(1.0);
        let total = heads * visits.total;
        let longest = visits.longest + extra;
        let work = total + tiles * extra;
        let busiest = if tiles > DEALT_OUT * units || visits.each.len() as f64 != visits.count {
            (work / units + if longest_first { 0.25 } else { 0.5 } * longest).max(longest)
        } else {
            busiest(units as usize, heads as usize, visits, extra, longest_first)
        };
        Self::uneven(units, total, (busiest * total / work).max(visits.longest).max((total / units).ceil()))
    }

    /// Steps of all cores.
    pub fn unit_steps(&self) -> f64 {
        self.units * self.even + self.tail_units * self.tail
    }
}

fn busiest(units: usize, heads: usize, visits: &Visits, extra: f64, longest_first: bool) -> f64 {
    // Sixteenths of a step: whole numbers, so that ties do not depend on rounding.
    let cost = |steps: &u32| u64::from(*steps) * 16 + (extra * 16.0) as u64;
    let mut free: BinaryHeap<Reverse<u64>> = (0..units).map(|_| Reverse(0)).collect();
    let mut last = 0;
    let mut deal = |steps: &u32| {
        if let Some(mut first) = free.peek_mut() {
            first.0 += cost(steps);
            last = last.max(first.0);
        }
    };
    for _ in 0..heads {
        if longest_first {
            visits.each.iter().rev().for_each(&mut deal);
        } else {
            visits.each.iter().for_each(&mut deal);
        }
    }
    last as f64 / 16.0
}
