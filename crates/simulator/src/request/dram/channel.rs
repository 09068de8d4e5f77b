//! One channel: its controller's queues, and the tick at which something can happen next.

use std::collections::VecDeque;

use memwall_hardware::DramPart;

use super::queue::{Arrival, Entries, NONE, Queue, Slot};
use super::state::State;
use super::timing::DramTiming;

/// When rows are closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PagePolicy {
    /// Only when another row of the bank is wanted, or for a refresh.
    #[default]
    Open,
    /// As soon as no waiting request wants the open row.
    Closed,
}

/// How rows are refreshed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RefreshPolicy {
    /// Not at all.
    None,
    /// All banks of a pseudo channel at once.
    #[default]
    AllBanks,
    /// One bank after the other, where the standard has such a command; else all at once.
    PerBank,
}

/// A channel's controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelOptions {
    /// Reads that can wait.
    pub read_queue: usize,
    /// Writes that can wait.
    pub write_queue: usize,
    /// Writes are drained once more than this many fifths of the write queue are taken.
    pub drain_above_fifths: usize,
    /// Draining ends below this many fifths, if reads wait.
    pub drain_below_fifths: usize,
    /// When rows are closed.
    pub page_policy: PagePolicy,
    /// How rows are refreshed.
    pub refresh: RefreshPolicy,
}

impl Default for ChannelOptions {
    fn default() -> Self {
        Self {
            read_queue: 64,
            write_queue: 64,
            drain_above_fifths: 4,
            drain_below_fifths: 1,
            page_policy: PagePolicy::Open,
            refresh: RefreshPolicy::AllBanks,
        }
    }
}

/// Where in a channel a burst is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Pseudo channel.
    pub pseudo: u32,
    /// Bank of the pseudo channel: stack id, then bank group, then bank.
    pub bank: u32,
    /// Row of the bank.
    pub row: u32,
    /// Burst of the row.
    pub column: u32,
}

/// What a channel was told to do, and when: for checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Issued {
    /// The tick.
    pub tick: u64,
    /// The command.
    pub command: DramCommand,
    /// Pseudo channel.
    pub pseudo: usize,
    /// Bank of the pseudo channel; 0 for commands to all.
    pub bank: usize,
    /// Row, for activates.
    pub row: u32,
}

/// A command of the DRAM protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DramCommand {
    /// Opens a row (LPDDR5: the first half).
    Activate,
    /// The second half of an activate (LPDDR5).
    SecondActivate,
    /// Wakes the data clock (LPDDR5).
    WakeClock,
    /// Closes a bank's row.
    Precharge,
    /// Closes all rows.
    PrechargeAll,
    /// Reads a burst.
    Read,
    /// Writes a burst.
    Write,
    /// Reads a burst and closes the row.
    ReadAndClose,
    /// Writes a burst and closes the row.
    WriteAndClose,
    /// Refreshes all banks.
    Refresh,
    /// Refreshes a bank.
    RefreshBank,
}

/// A request that was served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Served {
    /// The sender's number for it.
    pub tag: u64,
    /// Whether it wrote.
    pub write: bool,
    /// Tick of arrival.
    pub arrived: u64,
    /// Tick at which its data has moved.
    pub done: u64,
}

/// What a channel made of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// It waits, and will be among the served.
    Queued,
    /// A waiting write has its data, or will write over it: done at the next tick, without DRAM.
    Merged,
    /// The queue is full; ask again later.
    Full,
}

/// Counts of what a channel did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChannelCounts {
    /// Reads served by DRAM.
    pub reads: u64,
    /// Writes served by DRAM.
    pub writes: u64,
    /// Reads and writes that met a waiting write.
    pub merged: u64,
    /// Requests that found their row open.
    pub row_hits: u64,
    /// Requests that found their bank closed.
    pub row_misses: u64,
    /// Requests that found another row open.
    pub row_conflicts: u64,
    /// Activates.
    pub activates: u64,
    /// Refresh commands.
    pub refreshes: u64,
    /// Waiting reads, summed over ticks.
    pub read_queue_ticks: u64,
    /// Waiting writes, summed over ticks.
    pub write_queue_ticks: u64,
    /// The most requests that waited at once.
    pub queue_peak: u64,
}

/// A refresh that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DueRefresh {
    pub pseudo: usize,
    /// One bank, or all.
    pub bank: Option<usize>,
}

/// LPDDR5's controller state.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LowPowerState {
    /// The bank whose second activate half is due, and by when.
    pub opening: Option<(usize, usize, u64)>,
    /// The access whose data clock was just woken: it is next.
    pub woken: Option<(Slot, bool)>,
    /// Until when the data clock runs.
    pub clock_until: u64,
}

/// One channel.
#[derive(Debug, Clone)]
pub struct Channel {
    pub(super) state: State,
    pub(super) options: ChannelOptions,
    pub(super) entries: Entries,
    /// Waiting reads and waiting writes.
    pub(super) queues: [Queue; 2],
    /// For each bank, the request that opened its row and has not been served: it keeps the row open.
    pub(super) owners: Vec<u32>,
    /// Banks with an owner, by pseudo channel.
    pub(super) owned: Vec<u64>,
    pub(super) banks: usize,
    pub(super) writing: bool,
    pub(super) due: VecDeque<DueRefresh>,
    pub(super) next_refresh: u64,
    pub(super) refresh_step: u64,
    pub(super) refresh_turn: usize,
    pub(super) low_power: LowPowerState,
    pub(super) counts: ChannelCounts,
    pub(super) log: Option<Vec<Issued>>,
    pub(super) served: Vec<Served>,
    sequence: u64,
    now: u64,
    wake: u64,
    quiet_since: u64,
}

impl Channel {
    /// A channel of a part, all banks closed, at tick 0.
    #[must_use]
    pub fn new(part: &DramPart, options: ChannelOptions) -> Self {
        let timing = DramTiming::new(part);
        let state = State::new(timing, &part.organization);
        let pseudos = state.pseudos.len();
        let banks = part.organization.banks_per_pseudo_channel() as usize;
        let per_bank = options.refresh == RefreshPolicy::PerBank && part.clocks.rfc_bank > 0;
        let refresh_step = match options.refresh {
            RefreshPolicy::None => u64::MAX,
            _ if per_bank => (timing.refresh_interval / banks as u64).max(1),
            _ => timing.refresh_interval,
        };
        let options = ChannelOptions {
            refresh: match options.refresh {
                RefreshPolicy::PerBank if !per_bank => RefreshPolicy::AllBanks,
                refresh => refresh,
            },
            ..options
        };
        Self {
            state,
            options,
            entries: Entries::default(),
            queues: [
                Queue::new(pseudos, banks, options.read_queue.max(1)),
                Queue::new(pseudos, banks, options.write_queue.max(1)),
            ],
            owners: vec![NONE; pseudos * banks],
            owned: vec![0; pseudos],
            banks,
            writing: false,
            due: VecDeque::new(),
            next_refresh: refresh_step,
            refresh_step,
            refresh_turn: 0,
            low_power: LowPowerState::default(),
            counts: ChannelCounts::default(),
            log: None,
            served: Vec::new(),
            sequence: 0,
            now: 0,
            wake: 1,
            quiet_since: 0,
        }
    }

    /// Distances between commands.
    #[must_use]
    pub fn timing(&self) -> &DramTiming {
        &self.state.timing
    }

    /// Keeps every command from now on, for [`Channel::log`].
    pub fn keep_log(&mut self) {
        self.log = Some(Vec::new());
    }

    /// The commands issued since [`Channel::keep_log`].
    #[must_use]
    pub fn log(&self) -> &[Issued] {
        self.log.as_deref().unwrap_or_default()
    }

    /// What the channel did since the last [`Channel::reset_counts`].
    #[must_use]
    pub fn counts(&self) -> ChannelCounts {
        self.counts
    }

    /// Starts counting anew.
    pub fn reset_counts(&mut self) {
        self.counts = ChannelCounts::default();
    }

    /// Requests that wait, those with an open row included.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let owned: u32 = self.owned.iter().map(|mask| mask.count_ones()).sum();
        self.queues[0].length + self.queues[1].length + owned as usize
    }

    /// The next tick at which [`Channel::advance`] can do something.
    #[must_use]
    pub fn wake(&self) -> u64 {
        self.wake
    }

    /// Whether another read (or write) can be queued.
    #[must_use]
    pub fn has_room(&self, write: bool) -> bool {
        !self.queues[usize::from(write)].is_full()
    }

    /// Hands a request over during the tick last advanced to. `tag` comes back in [`Served`].
    pub fn accept(&mut self, place: Place, write: bool, tag: u64) -> Accepted {
        let pseudo = place.pseudo as usize % self.owned.len();
        let bank = place.bank as usize % self.banks;
        let (row, column) = (place.row, place.column);
        let writes = &self.queues[1];
        if writes.length > 0 && writes.holds(&self.entries, pseudo, bank, row, column) {
            self.counts.merged += 1;
            return Accepted::Merged;
        }
        let queue = &mut self.queues[usize::from(write)];
        if queue.is_full() {
            return Accepted::Full;
        }
        let arrival = Arrival { row, column, sequence: self.sequence, arrived: self.now, tag, write };
        self.sequence += 1;
        queue.push(&mut self.entries, &self.state, pseudo, bank, arrival);
        let waiting = (self.queues[0].length + self.queues[1].length) as u64;
        self.counts.queue_peak = self.counts.queue_peak.max(waiting);
        self.wake = self.wake.min(self.now + 1);
        Accepted::Queued
    }

    /// Goes to `tick`, which must not be past [`Channel::wake`], and issues what can be issued then. Requests served
    /// are added to [`Channel::take_served`].
    pub fn advance(&mut self, tick: u64) {
        debug_assert!(
            tick >= self.now && tick <= self.wake,
            "no tick at which something happens may be skipped"
        );
        let passed = tick - self.quiet_since;
        self.counts.read_queue_ticks += self.queues[0].length as u64 * passed;
        self.counts.write_queue_ticks += self.queues[1].length as u64 * passed;
        (self.now, self.quiet_since) = (tick, tick);
        if tick < self.wake {
            return;
        }
        self.note_due_refreshes(tick);
        let wake = self.issue(tick);
        self.wake = wake.min(self.next_refresh).max(tick + 1);
    }

    /// Goes to `tick` at once if nothing waits: of the refreshes until then only their number, and that they leave all
    /// rows closed, matters. Does nothing when requests wait or `tick` is near.
    pub fn skip_idle(&mut self, tick: u64) {
        let near = self.next_refresh.saturating_add(2 * self.refresh_step.min(u64::MAX / 4));
        if self.waiting() > 0 || !self.due.is_empty() || tick <= near || tick <= self.now {
            return;
        }
        // One whole interval is left to be simulated as usual.
        let rounds = (tick - self.next_refresh) / self.refresh_step - 1;
        self.counts.refreshes += rounds * self.owned.len() as u64;
        self.next_refresh += rounds * self.refresh_step;
        let banks = self.banks as u64;
        self.refresh_turn = ((self.refresh_turn as u64 + rounds % banks) % banks) as usize;
        let resumed = self.next_refresh - 1;
        if self.options.refresh == RefreshPolicy::AllBanks {
            self.state.close_all();
        }
        (self.now, self.quiet_since) = (resumed, resumed);
        self.wake = self.next_refresh;
    }

    /// Requests served since this was last asked, in the order of their commands.
    pub fn take_served(&mut self) -> std::vec::Drain<'_, Served> {
        self.served.drain(..)
    }

    fn note_due_refreshes(&mut self, tick: u64) {
        while self.next_refresh <= tick {
            let bank = (self.options.refresh == RefreshPolicy::PerBank).then_some(self.refresh_turn);
            // A pseudo channel that is a whole round behind gets no second one on top.
            for pseudo in 0..self.owned.len() {
                let refresh = DueRefresh { pseudo, bank };
                if !self.due.contains(&refresh) {
                    self.due.push_back(refresh);
                }
            }
            self.refresh_turn = (self.refresh_turn + 1) % self.banks;
            self.next_refresh = self.next_refresh.saturating_add(self.refresh_step);
        }
    }
}
