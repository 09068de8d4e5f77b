//! What a channel's banks are doing, and the earliest tick of each next command.
//!
//! A distance between two commands becomes a "not before" time at the level it holds for (bank, bank group, stack id,
//! pseudo channel, bus) when the first is issued. Whether a command may be issued is then a few comparisons.

use memwall_hardware::DramOrganization;

use super::timing::DramTiming;

/// No row is open.
pub(super) const CLOSED: u32 = u32::MAX;

/// One bank.
#[derive(Debug, Clone)]
pub(super) struct Bank {
    /// The open row, or [`CLOSED`].
    pub row: u32,
    /// Waits for the second half of its activate (LPDDR5).
    pub opening: bool,
    /// Which bank group and stack id of the pseudo channel it belongs to.
    group: usize,
    stack: usize,
    read: u64,
    write: u64,
    activate: u64,
    precharge: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Group {
    read: u64,
    write: u64,
    activate: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Stack {
    read: u64,
    write: u64,
}

/// One pseudo channel: banks that share a data bus.
#[derive(Debug, Clone)]
pub(super) struct Pseudo {
    /// Its banks: stack id, then group, then bank.
    pub banks: Vec<Bank>,
    groups: Vec<Group>,
    stacks: Vec<Stack>,
    /// Banks with an open (or opening) row, one bit each.
    pub open: u64,
    read: u64,
    write: u64,
    activate: u64,
    precharge: u64,
    precharge_all: u64,
    refresh: u64,
    /// Ticks of the last four activates, oldest at `activates[turn]`; 0 before the first.
    activates: [u64; 4],
    turn: usize,
}

/// The banks of a channel and its command buses.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub timing: DramTiming,
    pub pseudos: Vec<Pseudo>,
    row_bus: u64,
    column_bus: u64,
}

impl State {
    pub fn new(timing: DramTiming, organization: &DramOrganization) -> Self {
        let groups = (organization.stack_ids * organization.bank_groups) as usize;
        let bank = |index: usize| {
            let group = index / organization.banks as usize;
            let stack = group / organization.bank_groups as usize;
            let opening = false;
            Bank { row: CLOSED, opening, group, stack, read: 0, write: 0, activate: 0, precharge: 0 }
        };
        let pseudo = Pseudo {
            banks: (0..groups * organization.banks as usize).map(bank).collect(),
            groups: vec![Group::default(); groups],
            stacks: vec![Stack::default(); organization.stack_ids as usize],
            open: 0,
            read: 0,
            write: 0,
            activate: 0,
            precharge: 0,
            precharge_all: 0,
            refresh: 0,
            activates: [0; 4],
            turn: 0,
        };
        let pseudos = vec![pseudo; organization.pseudo_channels as usize];
        Self { timing, pseudos, row_bus: 0, column_bus: 0 }
    }

    /// Earliest tick at which any read (or write) of a pseudo channel may be issued.
    pub fn column_floor(&self, pseudo: usize, write: bool) -> u64 {
        let pseudo = &self.pseudos[pseudo];
        self.timing.edge(self.column_bus.max(if write { pseudo.write } else { pseudo.read }))
    }

    /// Earliest tick of a read (or write) of a bank's open row.
    pub fn column_ready(&self, pseudo: usize, bank: usize, write: bool) -> u64 {
        let floor = self.column_floor(pseudo, write);
        let pseudo = &self.pseudos[pseudo];
        let bank = &pseudo.banks[bank];
        let (group, stack) = (&pseudo.groups[bank.group], &pseudo.stacks[bank.stack]);
        let own = if write {
            bank.write.max(group.write).max(stack.write)
        } else {
            bank.read.max(group.read).max(stack.read)
        };
        self.timing.edge(own.max(floor))
    }

    /// Earliest tick of an activate.
    pub fn activate_ready(&self, pseudo: usize, bank: usize) -> u64 {
        let pseudo = &self.pseudos[pseudo];
        let bank = &pseudo.banks[bank];
        let own = bank.activate.max(pseudo.groups[bank.group].activate).max(pseudo.activate);
        self.timing.edge(own.max(self.row_bus))
    }

    /// Earliest tick at which any row of a pseudo channel may be opened.
    pub fn activate_floor(&self, pseudo: usize) -> u64 {
        self.timing.edge(self.pseudos[pseudo].activate.max(self.row_bus))
    }

    /// Earliest tick at which any row of a pseudo channel may be closed.
    pub fn precharge_floor(&self, pseudo: usize) -> u64 {
        self.pseudos[pseudo].precharge.max(self.row_bus)
    }

    /// Earliest tick of a precharge of one bank.
    pub fn precharge_ready(&self, pseudo: usize, bank: usize) -> u64 {
        let pseudo = &self.pseudos[pseudo];
        pseudo.banks[bank].precharge.max(pseudo.precharge).max(self.row_bus)
    }

    /// Earliest tick of a precharge of all banks.
    pub fn precharge_all_ready(&self, pseudo: usize) -> u64 {
        let pseudo = &self.pseudos[pseudo];
        pseudo.precharge_all.max(pseudo.precharge).max(self.row_bus)
    }

    /// Earliest tick of a refresh of all banks, all closed.
    pub fn refresh_ready(&self, pseudo: usize) -> u64 {
        self.timing.edge(self.pseudos[pseudo].refresh.max(self.row_bus))
    }

    /// Earliest tick of a refresh of one closed bank.
    pub fn refresh_bank_ready(&self, pseudo: usize, bank: usize) -> u64 {
        // It is timed like an activate, since it opens and closes rows of the bank, but is shorter on the bus.
        self.timing.edge(self.activate_ready(pseudo, bank) + self.timing.activate_length - 1)
    }

    fn take_bus(&mut self, column: bool, now: u64, length: u64) {
        let until = now + length;
        if column || !self.timing.two_buses {
            self.column_bus = until;
        }
        if !column || !self.timing.two_buses {
            self.row_bus = until;
        }
    }

    /// Issues an activate. LPDDR5 leaves the bank opening.
    pub fn activate(&mut self, at: usize, bank: usize, row: u32, now: u64) {
        let timing = self.timing;
        self.take_bus(false, now, timing.activate_length);
        let pseudo = &mut self.pseudos[at];
        pseudo.open |= 1 << bank;
        let group = &mut pseudo.groups[pseudo.banks[bank].group];
        group.activate = group.activate.max(now + timing.activate_to_activate.same_group);
        pseudo.activates[pseudo.turn] = now;
        pseudo.turn = (pseudo.turn + 1) % 4;
        let fourth = pseudo.activates[pseudo.turn];
        let window = if fourth == 0 { 0 } else { fourth + timing.four_activates };
        pseudo.activate = pseudo.activate.max(now + timing.activate_to_activate.same_stack).max(window);
        pseudo.precharge_all = pseudo.precharge_all.max(now + timing.activate_to_precharge);
        pseudo.refresh = pseudo.refresh.max(now + timing.activate_to_refresh);
        let bank = &mut pseudo.banks[bank];
        bank.row = row;
        bank.opening = timing.low_power.is_some();
        bank.read = now + timing.activate_to_read;
        bank.write = now + timing.activate_to_write;
        bank.precharge = now + timing.activate_to_precharge;
        bank.activate = now + timing.row_cycle;
    }

    /// Issues the second half of an activate (LPDDR5).
    pub fn second_activate(&mut self, at: usize, bank: usize, now: u64) {
        self.take_bus(false, now, 1);
        self.pseudos[at].banks[bank].opening = false;
    }

    /// Issues a command that only takes the bus: waking the data clock (LPDDR5).
    pub fn wake_clock(&mut self, now: u64) {
        self.take_bus(true, now, 1);
    }

    /// Issues a read or write of the open row.
    pub fn column(&mut self, at: usize, bank: usize, write: bool, now: u64) {
        let timing = self.timing;
        self.take_bus(true, now, timing.column_length);
        let pseudo = &mut self.pseudos[at];
        let (group, own_stack) = (pseudo.banks[bank].group, pseudo.banks[bank].stack);
        let (same, other, precharge) = if write {
            (timing.write_to_write, timing.write_to_read, timing.write_to_precharge)
        } else {
            let turn = timing.read_to_write;
            let turn = super::timing::Distance { same_group: turn, same_stack: turn, other_stack: turn };
            (timing.read_to_read, turn, timing.read_to_precharge)
        };
        // `same` bounds commands of the same direction, `other` those of the other.
        let bound = |slot: (&mut u64, &mut u64), same: u64, other: u64| {
            let (reads, writes) = slot;
            let (same_slot, other_slot) = if write { (writes, reads) } else { (reads, writes) };
            *same_slot = (*same_slot).max(now + same);
            *other_slot = (*other_slot).max(now + other);
        };
        let group = &mut pseudo.groups[group];
        bound((&mut group.read, &mut group.write), same.same_group, other.same_group);
        for (index, stack) in pseudo.stacks.iter_mut().enumerate() {
            if index == own_stack {
                bound((&mut stack.read, &mut stack.write), same.same_stack, other.same_stack);
            } else {
                bound((&mut stack.read, &mut stack.write), same.other_stack, other.other_stack);
            }
        }
        bound((&mut pseudo.read, &mut pseudo.write), timing.burst, other.same_stack);
        pseudo.precharge_all = pseudo.precharge_all.max(now + precharge);
        let bank = &mut pseudo.banks[bank];
        bank.precharge = bank.precharge.max(now + precharge);
    }

    /// Issues a precharge of one bank.
    pub fn precharge(&mut self, at: usize, bank: usize, now: u64) {
        self.take_bus(false, now, 1);
        let timing = self.timing;
        self.pseudos[at].precharge = now + timing.precharge_to_precharge;
        self.close(at, bank, now);
    }

    /// Closes a bank whose precharge starts at `start`: by command, or by itself after a column command.
    fn close(&mut self, at: usize, bank: usize, start: u64) {
        let timing = self.timing;
        let pseudo = &mut self.pseudos[at];
        pseudo.open &= !(1 << bank);
        pseudo.refresh = pseudo.refresh.max(start + timing.precharge_to_refresh);
        let bank = &mut pseudo.banks[bank];
        bank.row = CLOSED;
        bank.activate = bank.activate.max(start + timing.precharge_to_activate);
    }

    /// Lets a bank close by itself as soon as its last column command allows (auto-precharge).
    pub fn close_by_itself(&mut self, at: usize, bank: usize) {
        let start = self.pseudos[at].banks[bank].precharge;
        self.close(at, bank, start);
    }

    /// Leaves all banks closed, long ago.
    pub fn close_all(&mut self) {
        for pseudo in &mut self.pseudos {
            pseudo.open = 0;
            for bank in &mut pseudo.banks {
                bank.row = CLOSED;
            }
        }
    }

    /// Issues a precharge of all banks.
    pub fn precharge_all(&mut self, at: usize, now: u64) {
        self.take_bus(false, now, 1);
        let timing = self.timing;
        let pseudo = &mut self.pseudos[at];
        pseudo.open = 0;
        pseudo.precharge = now + timing.precharge_to_precharge;
        pseudo.refresh = pseudo.refresh.max(now + timing.precharge_to_refresh);
        pseudo.activate = pseudo.activate.max(now + timing.precharge_all_to_activate);
        for bank in &mut pseudo.banks {
            bank.row = CLOSED;
        }
    }

    /// Issues a refresh of all banks.
    pub fn refresh(&mut self, at: usize, now: u64) {
        self.take_bus(false, now, 1);
        let timing = self.timing;
        let pseudo = &mut self.pseudos[at];
        let until = now + timing.refresh_to_activate;
        pseudo.activate = pseudo.activate.max(until);
        // A second refresh that was held up must wait like an activate.
        pseudo.refresh = pseudo.refresh.max(until);
    }

    /// Issues a refresh of one bank.
    pub fn refresh_bank(&mut self, at: usize, bank: usize, now: u64) {
        self.take_bus(false, now, 1);
        let timing = self.timing;
        let pseudo = &mut self.pseudos[at];
        pseudo.activate = pseudo.activate.max(now + timing.refresh_bank_to_other);
        let until = now + timing.refresh_bank_to_activate;
        pseudo.refresh = pseudo.refresh.max(until);
        let bank = &mut pseudo.banks[bank];
        bank.activate = bank.activate.max(until);
    }
}
