//! Which command goes next: first ready, first come, first served.
//!
//! In this order, at most one command a tick and bus:
//! 1. the read or write of a request that opened its row: the row is its own until then;
//! 2. refreshes that are due; while one is, nothing new is begun;
//! 3. the oldest waiting request whose next command can be issued now. Reads wait while writes are drained and the
//!    other way round. A row is not closed while a request that came earlier still wants it.

use super::channel::{Channel, DramCommand, DueRefresh, Issued, PagePolicy, Served};
use super::queue::{Entry, NONE, Slot, bits};
use super::state::CLOSED;

/// What can be issued, and the earliest tick at which anything else could.
#[derive(Debug, Clone, Copy)]
pub(super) struct Search {
    now: u64,
    best: Option<(u64, Choice)>,
    pub later: u64,
}

/// A command that can be issued now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    /// The read or write of a row's owner.
    Owner(Slot),
    /// The read or write of a waiting request.
    Column(Slot),
    /// The activate for a waiting request.
    Activate(Slot),
    /// The precharge for a waiting request.
    Precharge(Slot),
    /// What a due refresh needs next.
    Refresh(DramCommand),
}

impl Search {
    pub fn new(now: u64) -> Self {
        Self { now, best: None, later: u64::MAX }
    }

    /// Offers a command that is ready at `ready`, of age `sequence`.
    pub fn offer(&mut self, ready: u64, sequence: u64, choice: Choice) {
        if ready > self.now {
            self.later = self.later.min(ready);
        } else if self.best.is_none_or(|(best, _)| sequence < best) {
            self.best = Some((sequence, choice));
        }
    }

    /// The banks to look at: none before `floor`, the earliest tick for any of them.
    fn skip_unless_ready(&mut self, banks: u64, floor: u64) -> u64 {
        if banks == 0 || floor <= self.now {
            return banks;
        }
        self.later = self.later.min(floor);
        0
    }

    pub fn choice(&self) -> Option<Choice> {
        self.best.map(|(_, choice)| choice)
    }
}

/// Which commands a search looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bus {
    /// Reads and writes.
    Column,
    /// Activates, precharges, refreshes.
    Row,
    /// All.
    Both,
}

impl Channel {
    /// Issues what can be issued at `now`; says when to come again.
    pub(super) fn issue(&mut self, now: u64) -> u64 {
        if self.state.timing.low_power.is_some() {
            return self.issue_low_power(now);
        }
        let buses: &[Bus] = if self.state.timing.two_buses { &[Bus::Column, Bus::Row] } else { &[Bus::Both] };
        let mut later = u64::MAX;
        for &bus in buses {
            if bus == Bus::Column && self.state.timing.edge(now) != now {
                // Reads and writes start at rising edges only.
                later = later.min(now + 1);
                continue;
            }
            let search = self.search(now, bus);
            match search.choice() {
                Some(choice) => {
                    self.perform(choice, now);
                    later = now + 1;
                }
                None => later = later.min(search.later),
            }
        }
        later
    }

    /// Looks for the next command of a bus.
    pub(super) fn search(&mut self, now: u64, bus: Bus) -> Search {
        let mut search = Search::new(now);
        if bus != Bus::Row {
            self.offer_owners(&mut search);
        }
        if search.best.is_none() && bus != Bus::Column {
            self.offer_refresh(&mut search);
        }
        // A refresh of all banks holds everything else back; one of a bank only that bank.
        let held = self.due.iter().any(|due| due.bank.is_none());
        if search.best.is_none() && !held {
            self.choose_direction();
            if bus != Bus::Row {
                self.offer_columns(&mut search);
            }
            if bus != Bus::Column {
                self.offer_rows(&mut search);
            }
        }
        search
    }

    /// Whether reads or writes are next: writes while no read waits, or from one watermark to the other.
    fn choose_direction(&mut self) {
        let [reads, writes] = &self.queues;
        let full = writes.capacity;
        if !self.writing {
            self.writing = writes.length * 5 > full * self.options.drain_above_fifths || reads.length == 0;
        } else if writes.length * 5 < full * self.options.drain_below_fifths && reads.length != 0 {
            self.writing = false;
        }
    }

    fn offer_owners(&self, search: &mut Search) {
        for pseudo in 0..self.owned.len() {
            let floor = self.state.column_floor(pseudo, false).min(self.state.column_floor(pseudo, true));
            for bank in bits(search.skip_unless_ready(self.owned[pseudo], floor)) {
                let entry = self.owners[pseudo * self.banks + bank];
                let owner = self.entries.get(entry);
                if self.state.pseudos[pseudo].banks[bank].opening {
                    continue;
                }
                let ready = self.state.column_ready(pseudo, bank, owner.write);
                search.offer(ready, owner.sequence, Choice::Owner(Slot { pseudo, bank, entry }));
            }
        }
    }

    fn offer_refresh(&self, search: &mut Search) {
        let Some(&DueRefresh { pseudo, bank }) = self.due.front() else { return };
        let device = &self.state.pseudos[pseudo];
        let (ready, command) = match bank {
            None if device.open == 0 => (self.state.refresh_ready(pseudo), DramCommand::Refresh),
            // A row is not closed under its owner, half open or open.
            None if self.owned[pseudo] != 0 => return,
            None => (self.state.precharge_all_ready(pseudo), DramCommand::PrechargeAll),
            Some(bank) if device.banks[bank].row == CLOSED => {
                (self.state.refresh_bank_ready(pseudo, bank), DramCommand::RefreshBank)
            }
            Some(bank) if self.owned[pseudo] >> bank & 1 == 1 => return,
            Some(bank) => (self.state.precharge_ready(pseudo, bank), DramCommand::Precharge),
        };
        let closes = matches!(command, DramCommand::Precharge | DramCommand::PrechargeAll);
        let edge = if closes { 0 } else { self.state.timing.edge(search.now) };
        search.offer(ready.max(edge), 0, Choice::Refresh(command));
    }

    fn offer_columns(&self, search: &mut Search) {
        let queue = &self.queues[usize::from(self.writing)];
        for (pseudo, masks) in queue.masks.iter().enumerate() {
            let floor = self.state.column_floor(pseudo, self.writing);
            for bank in bits(search.skip_unless_ready(masks.hits, floor)) {
                let entry = queue.hit(pseudo, bank);
                let ready = self.state.column_ready(pseudo, bank, self.writing);
                let sequence = self.entries.get(entry).sequence;
                search.offer(ready, sequence, Choice::Column(Slot { pseudo, bank, entry }));
            }
        }
    }

    fn offer_rows(&self, search: &mut Search) {
        let queue = &self.queues[usize::from(self.writing)];
        for (pseudo, masks) in queue.masks.iter().enumerate() {
            let (mut closed, mut wrong) = (masks.misses, masks.conflicts & !self.owned[pseudo]);
            if self.low_power.opening.is_some() {
                // One row is half open at a time.
                closed = 0;
            }
            for due in &self.due {
                if let (true, Some(bank)) = (due.pseudo == pseudo, due.bank) {
                    closed &= !(1 << bank);
                    wrong &= !(1 << bank);
                }
            }
            // At a falling edge rows are only closed.
            closed = search.skip_unless_ready(closed, self.state.timing.edge(search.now));
            closed = search.skip_unless_ready(closed, self.state.activate_floor(pseudo));
            wrong = search.skip_unless_ready(wrong, self.state.precharge_floor(pseudo));
            for bank in bits(closed) {
                let entry = queue.miss(pseudo, bank);
                let sequence = self.entries.get(entry).sequence;
                let ready = self.state.activate_ready(pseudo, bank);
                search.offer(ready, sequence, Choice::Activate(Slot { pseudo, bank, entry }));
            }
            for bank in bits(wrong) {
                let entry = queue.miss(pseudo, bank);
                let sequence = self.entries.get(entry).sequence;
                let ready = self.state.precharge_ready(pseudo, bank);
                search.offer(ready, sequence, Choice::Precharge(Slot { pseudo, bank, entry }));
            }
        }
    }

    /// Issues a command.
    pub(super) fn perform(&mut self, choice: Choice, now: u64) {
        match choice {
            Choice::Owner(slot) => {
                self.owned[slot.pseudo] &= !(1 << slot.bank);
                self.owners[slot.pseudo * self.banks + slot.bank] = NONE;
                self.access(slot, now);
                self.renew(slot.pseudo, slot.bank);
            }
            Choice::Column(slot) => {
                let write = self.entries.get(slot.entry).write;
                self.count(slot.entry, |counts| &mut counts.row_hits);
                self.queues[usize::from(write)].take(&mut self.entries, &self.state, slot);
                self.access(slot, now);
            }
            Choice::Activate(slot) => self.activate(slot, now),
            Choice::Precharge(Slot { pseudo, bank, entry }) => {
                self.count(entry, |counts| &mut counts.row_conflicts);
                self.state.precharge(pseudo, bank, now);
                self.note(now, DramCommand::Precharge, pseudo, bank, 0);
                self.renew(pseudo, bank);
            }
            Choice::Refresh(command) => self.refresh(command, now),
        }
    }

    fn activate(&mut self, slot: Slot, now: u64) {
        let Slot { pseudo, bank, entry } = slot;
        let (write, row) = (self.entries.get(entry).write, self.entries.get(entry).row);
        self.count(entry, |counts| &mut counts.row_misses);
        self.counts.activates += 1;
        self.state.activate(pseudo, bank, row, now);
        self.note(now, DramCommand::Activate, pseudo, bank, row);
        // From here on it owns the row, and no longer takes a place in the queue.
        self.queues[usize::from(write)].take(&mut self.entries, &self.state, slot);
        self.queues[usize::from(!write)].renew(&self.entries, &self.state, pseudo, bank);
        self.owners[pseudo * self.banks + bank] = entry;
        self.owned[pseudo] |= 1 << bank;
        if let Some(low_power) = self.state.timing.low_power {
            self.low_power.opening = Some((pseudo, bank, now + low_power.second_activate));
        }
    }

    fn refresh(&mut self, command: DramCommand, now: u64) {
        let Some(&DueRefresh { pseudo, bank }) = self.due.front() else { return };
        self.note(now, command, pseudo, bank.unwrap_or(0), 0);
        match (command, bank) {
            (DramCommand::PrechargeAll, _) => {
                self.state.precharge_all(pseudo, now);
                for bank in 0..self.banks {
                    self.renew(pseudo, bank);
                }
                return;
            }
            (DramCommand::Precharge, Some(bank)) => {
                self.state.precharge(pseudo, bank, now);
                self.renew(pseudo, bank);
                return;
            }
            (_, None) => self.state.refresh(pseudo, now),
            (_, Some(bank)) => self.state.refresh_bank(pseudo, bank, now),
        }
        self.counts.refreshes += 1;
        self.due.pop_front();
    }

    /// The read or write itself. The entry has left its queue.
    fn access(&mut self, slot: Slot, now: u64) {
        let Slot { pseudo, bank, entry } = slot;
        let served = *self.entries.get(entry);
        self.entries.release(entry);
        self.state.column(pseudo, bank, served.write, now);
        let wanted = self.owned[pseudo] >> bank & 1 == 1
            || self.queues.iter().any(|queue| queue.hit(pseudo, bank) != NONE);
        let close = self.options.page_policy == PagePolicy::Closed && !wanted;
        let command = match (served.write, close) {
            (false, false) => DramCommand::Read,
            (false, true) => DramCommand::ReadAndClose,
            (true, false) => DramCommand::Write,
            (true, true) => DramCommand::WriteAndClose,
        };
        self.note(now, command, pseudo, bank, served.row);
        if close {
            self.state.close_by_itself(pseudo, bank);
            self.renew(pseudo, bank);
        }
        let timing = &self.state.timing;
        let (counter, until) = if served.write {
            (&mut self.counts.writes, now + timing.write_latency + timing.burst)
        } else {
            (&mut self.counts.reads, now + timing.read_latency)
        };
        *counter += 1;
        let Entry { tag, write, arrived, .. } = served;
        self.served.push(Served { tag, write, arrived, done: until });
    }

    /// Finds the candidates of a bank anew, in both queues.
    pub(super) fn renew(&mut self, pseudo: usize, bank: usize) {
        for queue in &mut self.queues {
            queue.renew(&self.entries, &self.state, pseudo, bank);
        }
    }

    /// Counts a request once, by what its first command says.
    fn count(&mut self, entry: u32, counter: impl FnOnce(&mut super::channel::ChannelCounts) -> &mut u64) {
        let entry = self.entries.get_mut(entry);
        if !entry.counted {
            entry.counted = true;
            *counter(&mut self.counts) += 1;
        }
    }

    pub(super) fn note(&mut self, tick: u64, command: DramCommand, pseudo: usize, bank: usize, row: u32) {
        if let Some(log) = &mut self.log {
            log.push(Issued { tick, command, pseudo, bank, row });
        }
    }
}
