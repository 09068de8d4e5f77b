//! The books of an engine: every core-picosecond of a run is useful work or has a cause and a place.

use crate::book::Book;
use crate::chip::{Chip, EngineKind, MAX_LEVELS};
use crate::plan::Compute;
use crate::record::{Stall, bound_by};
use crate::{Cause, EngineRecord};

/// Where a stall happened: the index of a tier (or, beyond them, of a level of the fabric), or nowhere in particular.
const NOWHERE: u8 = u8::MAX;

/// One engine's core-picoseconds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Ledger {
    pub busy: u128,
    /// Few lines, in order of first booking.
    lines: Vec<(Cause, u8, u128)>,
}

impl Ledger {
    pub fn add(&mut self, cause: Cause, place: Option<usize>, ps: u128) {
        let place = place.and_then(|place| u8::try_from(place).ok()).unwrap_or(NOWHERE);
        self.add_line(cause, place, ps);
    }

    pub fn add_all(&mut self, other: &Self) {
        self.busy += other.busy;
        for (cause, place, ps) in &other.lines {
            self.add_line(*cause, *place, *ps);
        }
    }

    /// The same so many times.
    pub fn times(&self, times: u64) -> Self {
        let times = u128::from(times);
        let lines = self.lines.iter().map(|(cause, place, ps)| (*cause, *place, ps * times)).collect();
        Self { busy: self.busy * times, lines }
    }

    pub fn total(&self) -> u128 {
        self.busy + self.lines.iter().map(|(_, _, ps)| ps).sum::<u128>()
    }

    /// All that was booked for a cause, wherever.
    pub fn of(&self, cause: Cause) -> u128 {
        self.lines.iter().filter(|line| line.0 == cause).map(|line| line.2).sum()
    }

    /// Lines, largest first; ties in the order of [`Cause`] and place. `places` are the names of the places.
    pub fn stalls(&self, places: &[String]) -> Vec<Stall> {
        let mut lines = self.lines.clone();
        lines.sort_by(|a, b| b.2.cmp(&a.2).then(a.0.cmp(&b.0)).then(a.1.cmp(&b.1)));
        let name = |place: u8| places.get(usize::from(place)).cloned();
        lines.into_iter().map(|(cause, place, ps)| Stall { cause, place: name(place), ps }).collect()
    }

    /// `compute`, or the largest stall as `cause(place)`.
    pub fn bound_by(&self, places: &[String]) -> String {
        bound_by(self.busy, &self.stalls(places))
    }

    pub fn record(&self, name: &str, units: u32, places: &[String]) -> EngineRecord {
        EngineRecord { name: name.to_owned(), units, busy: self.busy, stalls: self.stalls(places) }
    }

    fn add_line(&mut self, cause: Cause, place: u8, ps: u128) {
        if ps == 0 {
            return;
        }
        match self.lines.iter_mut().find(|line| line.0 == cause && line.1 == place) {
            Some(line) => line.2 += ps,
            None => self.lines.push((cause, place, ps)),
        }
    }
}

/// What engine `kind` did while a kernel ran. What the kernel's own engine waited for, the others waited for too:
/// it is what held the data they need next.
pub(crate) fn kernel_ledger(chip: &Chip, book: &Book, compute: &Compute, kind: EngineKind) -> Ledger {
    let mut ledger = Ledger::default();
    ledger.add(Cause::Ramp, None, book.ramp);
    ledger.add(Cause::Occupancy, None, book.occupancy);
    ledger.add(Cause::Capacity, Some(chip.tile.tier), book.capacity);
    for level in 0..MAX_LEVELS.min(chip.levels.len()) {
        let tier = Some(chip.levels[level].tier);
        ledger.add(Cause::Bandwidth, tier, book.bandwidth[level]);
        ledger.add(Cause::Latency, tier, book.latency[level]);
    }
    let share = compute.shares[kind as usize];
    let mut left = book.compute;
    // Rounding each part down leaves at most a few picoseconds, which go to the last.
    let mut take = |part: f64| {
        let ps = (part.max(0.0) as u128).min(left);
        left -= ps;
        ps
    };
    ledger.busy = take(share.useful);
    let not_useful = 1.0 - (share.useful / (book.compute as f64).max(1.0)).min(1.0);
    let mut paced = 0.0;
    for level in 0..chip.levels.len() {
        let tier = Some(chip.levels[level].tier);
        for (cause, core_ps) in [
            (Cause::Bandwidth, book.paced_by_bandwidth[level]),
            (Cause::Latency, book.paced_by_latency[level]),
        ] {
            paced += core_ps as f64;
            let ps = take(core_ps as f64 * not_useful);
            ledger.add(cause, tier, ps);
        }
    }
    let unpaced = 1.0 - (paced / (book.compute as f64).max(1.0)).min(1.0);
    let padding = take(share.padding * unpaced);
    let power = take(share.power * unpaced);
    let feed = take(compute.feed * unpaced);
    let tile = take(compute.tile);
    let efficiency = take(share.efficiency * unpaced);
    ledger.add(Cause::Occupancy, None, padding);
    ledger.add(Cause::Power, None, power);
    ledger.add(Cause::Bandwidth, Some(compute.feed_tier), feed);
    ledger.add(Cause::Ramp, None, tile);
    ledger.add(Cause::Efficiency, None, efficiency);
    let others = book.compute as f64 - compute.feed - compute.tile - share.total();
    let rest = if others > 1e-3 * book.compute as f64 { Cause::Dependency } else { Cause::Efficiency };
    ledger.add(rest, None, left);
    ledger
}
