//! The machine a trace is replayed on: a front that sends accesses, caches, and channels, in one flow of ticks.

use std::collections::{BTreeMap, VecDeque};

use memwall_units::{Bytes, BytesPerSec, Picos};

use super::access::{Access, When};
use super::address_map::AddressMap;
use super::cache::{Hierarchy, MemoryOperation, Reason};
use super::dram::{Accepted, Channel, ChannelCounts, Place};
use super::histogram::Histogram;
use super::replay::{CacheRecord, DramRecord, Latencies, ReplayError, ReplayRecord, ReplaySetup};

/// Bursts a channel may have before its queues: what the front can run ahead of a busy channel.
const AHEAD_OF_QUEUE: usize = 16;
/// Line accesses a tick and channel with caches in front: a cache is faster than its memory, but not infinitely.
const LINES_PER_TICK: usize = 2;
/// Bit of a tag: the burst is a fill of the caches, and the rest its number; else it is an access's own.
const FILL: u64 = 1 << 63;
/// Tag of what nobody waits for.
const NOBODY: u64 = u64::MAX;

/// An access under way.
#[derive(Debug, Clone, Copy, Default)]
struct Transaction {
    start: u64,
    /// Tick of the latest of its data so far.
    end: u64,
    bursts_left: u32,
    write: bool,
    /// Picoseconds spent in caches.
    path: u64,
}

/// A burst on its way to a channel.
#[derive(Debug, Clone, Copy)]
struct Burst {
    place: Place,
    write: bool,
    tag: u64,
}

pub(super) struct Machine<'a> {
    setup: &'a ReplaySetup,
    channels: Vec<Channel>,
    /// For each channel, the next tick at which it can do something.
    wakes: Vec<u64>,
    /// For each channel, bursts that its queues have no room for yet.
    ahead: Vec<VecDeque<Burst>>,
    ahead_total: usize,
    map: AddressMap,
    caches: Hierarchy,
    operations: Vec<MemoryOperation>,
    transactions: Vec<Transaction>,
    free: Vec<u32>,
    under_way: u32,
    /// Bursts the caches wait for, and the accesses that wait with them.
    fills: BTreeMap<u64, Vec<u32>>,
    latencies: Histogram,
    now: u64,
    /// Tick of the last data, and the latest picosecond of a hit.
    last: u64,
    last_picos: u64,
    reads: u64,
    writes: u64,
    bytes: u64,
    tick_femtos: u64,
    ticks_per_clock: u64,
}

impl<'a> Machine<'a> {
    pub fn new(setup: &'a ReplaySetup) -> Result<Self, String> {
        let channel = Channel::new(&setup.part, setup.controller);
        let timing = *channel.timing();
        let count = setup.channels as usize;
        Ok(Self {
            setup,
            wakes: vec![channel.wake(); count],
            channels: vec![channel; count],
            ahead: vec![VecDeque::new(); count],
            ahead_total: 0,
            map: AddressMap::new(&setup.part, setup.channels, setup.order),
            caches: Hierarchy::new(&setup.caches, setup.seed)?,
            operations: Vec::new(),
            transactions: Vec::new(),
            free: Vec::new(),
            under_way: 0,
            fills: BTreeMap::new(),
            latencies: Histogram::default(),
            now: 0,
            last: 0,
            last_picos: 0,
            reads: 0,
            writes: 0,
            bytes: 0,
            tick_femtos: timing.tick_femtos,
            ticks_per_clock: if timing.half_clocks { 2 } else { 1 },
        })
    }

    pub fn run<E>(
        mut self,
        mut accesses: impl Iterator<Item = Result<Access, E>>,
    ) -> Result<ReplayRecord, ReplayError<E>> {
        let mut number = 0;
        let mut next = self.fetch(&mut accesses, &mut number)?;
        if next.is_none() {
            return Err(ReplayError::Empty);
        }
        loop {
            let mut sent = 0;
            let mut more_now = false;
            while let Some((access, due)) = next {
                if due > self.now || !self.has_room() {
                    break;
                }
                if !self.caches.is_empty() && sent >= LINES_PER_TICK * self.channels.len() {
                    more_now = true;
                    break;
                }
                sent += self.send(access, due);
                next = self.fetch(&mut accesses, &mut number)?;
            }
            if next.is_none() && self.is_idle() {
                break;
            }
            let mut wake = self.wakes.iter().copied().min().unwrap_or(u64::MAX);
            if more_now {
                wake = self.now + 1;
            }
            if let Some((_, due)) = next
                && due > self.now
            {
                if self.is_idle() {
                    self.skip_to(due);
                    wake = due;
                }
                wake = wake.min(due);
            }
            self.go_to(wake.max(self.now + 1));
        }
        Ok(self.record())
    }

    /// The next access and the tick it is due at.
    fn fetch<E>(
        &self,
        accesses: &mut impl Iterator<Item = Result<Access, E>>,
        number: &mut u64,
    ) -> Result<Option<(Access, u64)>, ReplayError<E>> {
        let Some(access) = accesses.next() else { return Ok(None) };
        let access = access.map_err(ReplayError::Source)?;
        let limits = &self.setup.limits;
        if *number >= limits.requests {
            return Err(ReplayError::TooMany(limits.requests));
        }
        let picos = match access.at {
            Some(When::Time(time)) => u128::from(time.0),
            Some(When::Clock(clock)) => {
                u128::from(clock) * u128::from(self.ticks_per_clock) * u128::from(self.tick_femtos) / 1000
            }
            None => u128::from(self.setup.interval.0) * u128::from(*number),
        };
        *number += 1;
        if picos > u128::from(limits.time.0) || self.picos(self.now) > limits.time.0 {
            return Err(ReplayError::TooLong { access: *number, limit: limits.time });
        }
        let due = (picos * 1000).div_ceil(u128::from(self.tick_femtos.max(1)));
        Ok(Some((access, due as u64)))
    }

    fn picos(&self, ticks: u64) -> u64 {
        let picos = (u128::from(ticks) * u128::from(self.tick_femtos)).div_ceil(1000);
        u64::try_from(picos).unwrap_or(u64::MAX)
    }

    fn has_room(&self) -> bool {
        let limit = self.setup.outstanding;
        let misses = self.caches.miss_limit().map_or(usize::MAX, |limit| limit as usize);
        (limit == 0 || self.under_way < limit)
            && self.ahead_total < AHEAD_OF_QUEUE * self.channels.len()
            && self.fills.len() < misses
    }

    fn is_idle(&self) -> bool {
        self.ahead_total == 0 && self.channels.iter().all(|channel| channel.waiting() == 0)
    }

    /// Sends an access off; says how many lines it was.
    fn send(&mut self, access: Access, due: u64) -> usize {
        let bytes = u64::from(access.bytes.max(1));
        // Bytes past the end of the address space are taken to be its last.
        let address = access.address.min(u64::MAX - bytes);
        self.bytes += bytes;
        *if access.write { &mut self.writes } else { &mut self.reads } += 1;
        let timed = access.at.is_some() || self.setup.interval.0 > 0;
        let start = if timed { due } else { self.now };
        let index = self.begin(Transaction {
            start,
            end: self.now,
            bursts_left: 1,
            write: access.write,
            path: self.path(0),
        });
        let lines = if self.caches.is_empty() {
            self.send_bursts(address, bytes, access.write, u64::from(index));
            1
        } else {
            self.send_lines(address, bytes, access.write, index)
        };
        // The one count too many, held so that it cannot end before all of it was sent.
        self.arrive(index, self.now);
        lines
    }

    /// Picoseconds of an access that missed this many levels, besides those in DRAM.
    fn path(&self, missed: usize) -> u64 {
        let levels = self.setup.caches.len();
        let path = if missed >= levels { self.setup.path.0 } else { 0 };
        self.caches.hit_picos(missed).saturating_add(path)
    }

    fn begin(&mut self, transaction: Transaction) -> u32 {
        self.under_way += 1;
        if let Some(index) = self.free.pop() {
            self.transactions[index as usize] = transaction;
            return index;
        }
        self.transactions.push(transaction);
        (self.transactions.len() - 1) as u32
    }

    /// One of the bursts an access waits for has its data at `tick`.
    fn arrive(&mut self, index: u32, tick: u64) {
        let transaction = &mut self.transactions[index as usize];
        transaction.bursts_left -= 1;
        transaction.end = transaction.end.max(tick);
        self.last = self.last.max(tick);
        if transaction.bursts_left > 0 {
            return;
        }
        let done = *transaction;
        self.under_way -= 1;
        self.free.push(index);
        let taken = self.picos(done.end.saturating_sub(done.start)).saturating_add(done.path);
        let end = self.picos(done.end).saturating_add(done.path);
        self.last_picos = self.last_picos.max(end);
        if !done.write {
            self.latencies.add(taken);
        }
    }

    fn send_bursts(&mut self, address: u64, bytes: u64, write: bool, tag: u64) {
        let size = self.map.burst_bytes();
        let (first, last) = (address / size, (address + (bytes - 1)) / size);
        for burst in first..=last {
            if tag & FILL == 0 {
                self.transactions[tag as usize].bursts_left += 1;
            }
            let (channel, place) = self.map.locate(burst * size);
            self.hand_over(channel, Burst { place, write, tag });
        }
    }

    fn send_lines(&mut self, address: u64, bytes: u64, write: bool, index: u32) -> usize {
        let line = self.caches.first_line_bytes().unwrap_or(64);
        let end = address + bytes;
        let (mut from, mut lines, mut deepest) = (address, 0, 0);
        while from < end {
            let until = (from / line + 1).saturating_mul(line).min(end);
            let mut operations = std::mem::take(&mut self.operations);
            deepest = deepest.max(self.caches.access(from, until - from, write, &mut operations));
            for operation in operations.drain(..) {
                self.operate(operation, index);
            }
            self.operations = operations;
            if !write {
                self.wait_for_fills(from, until - from, index);
            }
            lines += 1;
            from = until;
        }
        self.transactions[index as usize].path = self.path(deepest);
        lines
    }

    /// What the caches ask of memory.
    fn operate(&mut self, operation: MemoryOperation, index: u32) {
        let MemoryOperation { address, bytes, reason } = operation;
        if reason == Reason::Write {
            self.send_bursts(address, bytes.max(1), true, NOBODY);
            return;
        }
        let size = self.map.burst_bytes();
        for burst in address / size..=(address + (bytes.max(1) - 1)) / size {
            let asked = self.fills.contains_key(&burst);
            let waiting = self.fills.entry(burst).or_default();
            // A fetch for a write is waited for by the write; one brought in ahead by nobody yet.
            if reason == Reason::Demand && !waiting.contains(&index) {
                waiting.push(index);
                self.transactions[index as usize].bursts_left += 1;
            }
            if !asked {
                let (channel, place) = self.map.locate(burst * size);
                self.hand_over(channel, Burst { place, write: false, tag: FILL | burst });
            }
        }
    }

    /// A line that is present may still be on its way.
    fn wait_for_fills(&mut self, address: u64, bytes: u64, index: u32) {
        if self.fills.is_empty() {
            return;
        }
        let size = self.map.burst_bytes();
        for burst in address / size..=(address + (bytes - 1)) / size {
            if let Some(waiting) = self.fills.get_mut(&burst)
                && !waiting.contains(&index)
            {
                waiting.push(index);
                self.transactions[index as usize].bursts_left += 1;
            }
        }
    }

    fn hand_over(&mut self, channel: usize, burst: Burst) {
        if !self.ahead[channel].is_empty() || !self.offer(channel, burst) {
            self.ahead[channel].push_back(burst);
            self.ahead_total += 1;
        }
    }

    /// Whether the channel took a burst.
    fn offer(&mut self, index: usize, burst: Burst) -> bool {
        let channel = &mut self.channels[index];
        // What it has to do at this tick it has done; only its clock may lag.
        channel.advance(self.now);
        match channel.accept(burst.place, burst.write, burst.tag) {
            Accepted::Full => return false,
            Accepted::Queued => self.wakes[index] = channel.wake(),
            Accepted::Merged => self.finish(burst.tag, self.now + 1),
        }
        true
    }

    /// A burst moved, or needed not to.
    fn finish(&mut self, tag: u64, tick: u64) {
        self.last = self.last.max(tick);
        if tag == NOBODY {
            return;
        }
        if tag & FILL == 0 {
            self.arrive(tag as u32, tick);
        } else if let Some(waiting) = self.fills.remove(&(tag & !FILL)) {
            for index in waiting {
                self.arrive(index, tick);
            }
        }
    }

    fn go_to(&mut self, tick: u64) {
        self.now = tick;
        for index in 0..self.channels.len() {
            if self.wakes[index] > tick {
                continue;
            }
            let channel = &mut self.channels[index];
            channel.advance(tick);
            self.wakes[index] = channel.wake();
            let mut served = channel.take_served();
            // At most one or two at a tick: no memory is taken for them.
            let (first, second) = (served.next(), served.next());
            drop(served);
            for served in [first, second].into_iter().flatten() {
                self.finish(served.tag, served.done);
            }
            while let Some(&burst) = self.ahead[index].front() {
                if !self.offer(index, burst) {
                    break;
                }
                self.ahead[index].pop_front();
                self.ahead_total -= 1;
            }
        }
    }

    /// Lets idle channels pass the time until `tick`.
    fn skip_to(&mut self, tick: u64) {
        for (channel, wake) in self.channels.iter_mut().zip(&mut self.wakes) {
            while *wake < tick {
                channel.skip_idle(tick);
                let next = channel.wake().min(tick);
                channel.advance(next);
                *wake = channel.wake();
                if next == tick {
                    break;
                }
            }
        }
        self.now = tick.saturating_sub(1).max(self.now);
    }

    fn record(self) -> ReplayRecord {
        let time = Picos(self.last_picos.max(self.picos(self.last)).max(1));
        let per_second = |bytes: u64| BytesPerSec(bytes as f64 / time.as_secs_f64());
        let mut total = ChannelCounts::default();
        for channel in &self.channels {
            let counts = channel.counts();
            total.reads += counts.reads;
            total.writes += counts.writes;
            total.merged += counts.merged;
            total.row_hits += counts.row_hits;
            total.row_misses += counts.row_misses;
            total.row_conflicts += counts.row_conflicts;
            total.refreshes += counts.refreshes;
            total.read_queue_ticks += counts.read_queue_ticks;
            total.write_queue_ticks += counts.write_queue_ticks;
            total.queue_peak = total.queue_peak.max(counts.queue_peak);
        }
        let channels = self.channels.len();
        let moved = (total.reads + total.writes) * self.map.burst_bytes();
        let peak = BytesPerSec(self.setup.part.channel_bandwidth().0 * channels as f64);
        let waited = (total.read_queue_ticks + total.write_queue_ticks) as f64;
        let at = |percent| Picos(self.latencies.percentile(percent));
        ReplayRecord {
            requests: self.reads + self.writes,
            reads: self.reads,
            writes: self.writes,
            bytes: Bytes(self.bytes),
            time,
            bandwidth: per_second(self.bytes),
            read_latency: Latencies {
                mean: Picos(libm::ceil(self.latencies.mean()) as u64),
                p50: at(50),
                p90: at(90),
                p99: at(99),
                max: Picos(self.latencies.largest()),
            },
            caches: self.caches.levels().map(|(config, counts)| CacheRecord::new(config, counts)).collect(),
            dram: DramRecord {
                part: self.setup.part.name.clone(),
                channels: self.setup.channels,
                peak,
                bytes: Bytes(moved),
                bandwidth: per_second(moved),
                fraction_of_peak: moved as f64 / time.as_secs_f64() / peak.0,
                reads: total.reads,
                writes: total.writes,
                merged: total.merged,
                row_hits: total.row_hits,
                row_misses: total.row_misses,
                row_conflicts: total.row_conflicts,
                refreshes: total.refreshes,
                queue_mean: waited / (self.now.max(1) as f64 * channels as f64),
                queue_max: total.queue_peak,
            },
        }
    }
}
