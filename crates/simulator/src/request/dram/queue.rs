//! Requests that wait, by bank, and for each bank the two that matter next: the oldest that its open row serves and
//! the oldest that it does not.

use super::state::{CLOSED, State};

/// No entry.
pub(super) const NONE: u32 = u32::MAX;

/// A waiting request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub row: u32,
    pub column: u32,
    /// Order of arrival.
    pub sequence: u64,
    /// Tick of arrival.
    pub arrived: u64,
    /// The sender's own number for it.
    pub tag: u64,
    pub write: bool,
    /// Whether a command was already issued for it, so that it was counted as hit, miss or conflict.
    pub counted: bool,
    next: u32,
}

/// One bank's list, oldest first, and its candidates.
#[derive(Debug, Clone, Copy)]
struct List {
    head: u32,
    tail: u32,
    /// Oldest entry for the open row.
    hit: u32,
    /// Oldest entry for another row; when the bank is closed, the oldest entry.
    miss: u32,
}

/// Bits of one pseudo channel's banks.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Masks {
    /// Banks whose open row serves an entry.
    pub hits: u64,
    /// Open banks whose row should be closed: their oldest entry wants another row.
    pub conflicts: u64,
    /// Closed banks with entries.
    pub misses: u64,
}

/// Where an entry waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    pub pseudo: usize,
    pub bank: usize,
    pub entry: u32,
}

/// All reads, or all writes, that wait in a channel.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    lists: Vec<List>,
    banks: usize,
    pub masks: Vec<Masks>,
    pub length: usize,
    pub capacity: usize,
}

/// The entries of both queues.
#[derive(Debug, Clone, Default)]
pub(super) struct Entries {
    all: Vec<Entry>,
    free: Vec<u32>,
}

impl Entries {
    pub fn get(&self, entry: u32) -> &Entry {
        &self.all[entry as usize]
    }

    pub fn get_mut(&mut self, entry: u32) -> &mut Entry {
        &mut self.all[entry as usize]
    }

    fn add(&mut self, entry: Entry) -> u32 {
        match self.free.pop() {
            Some(index) => {
                self.all[index as usize] = entry;
                index
            }
            None => {
                self.all.push(entry);
                (self.all.len() - 1) as u32
            }
        }
    }

    /// Gives the place of an entry back.
    pub fn release(&mut self, entry: u32) {
        self.free.push(entry);
    }
}

/// A request to be queued.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    pub row: u32,
    pub column: u32,
    pub sequence: u64,
    pub arrived: u64,
    pub tag: u64,
    pub write: bool,
}

impl Queue {
    pub fn new(pseudos: usize, banks: usize, capacity: usize) -> Self {
        let list = List { head: NONE, tail: NONE, hit: NONE, miss: NONE };
        Self {
            lists: vec![list; pseudos * banks],
            banks,
            masks: vec![Masks::default(); pseudos],
            length: 0,
            capacity,
        }
    }

    pub fn is_full(&self) -> bool {
        self.length >= self.capacity
    }

    /// The oldest entry of a bank that its open row serves.
    pub fn hit(&self, pseudo: usize, bank: usize) -> u32 {
        self.lists[pseudo * self.banks + bank].hit
    }

    /// The oldest entry of a bank that its open row does not serve.
    pub fn miss(&self, pseudo: usize, bank: usize) -> u32 {
        self.lists[pseudo * self.banks + bank].miss
    }

    /// Appends a request.
    pub fn push(&mut self, entries: &mut Entries, state: &State, pseudo: usize, bank: usize, new: Arrival) {
        let Arrival { row, column, sequence, arrived, tag, write } = new;
        let entry =
            entries.add(Entry { row, column, sequence, arrived, tag, write, counted: false, next: NONE });
        let list = &mut self.lists[pseudo * self.banks + bank];
        if list.tail == NONE {
            list.head = entry;
        } else {
            entries.get_mut(list.tail).next = entry;
        }
        list.tail = entry;
        self.length += 1;
        // Only an empty place can be taken by the newest.
        let list = &mut self.lists[pseudo * self.banks + bank];
        let serves = state.pseudos[pseudo].banks[bank].row == row;
        let place = if serves { &mut list.hit } else { &mut list.miss };
        if *place == NONE {
            *place = entry;
            self.mark(entries, state, pseudo, bank);
        }
    }

    /// Takes an entry out; it stays in `entries`.
    pub fn take(&mut self, entries: &mut Entries, state: &State, slot: Slot) {
        let Slot { pseudo, bank, entry } = slot;
        let after = entries.get(entry).next;
        let list = &mut self.lists[pseudo * self.banks + bank];
        if list.head == entry {
            list.head = after;
            if after == NONE {
                list.tail = NONE;
            }
        } else {
            let mut before = list.head;
            while entries.get(before).next != entry {
                before = entries.get(before).next;
            }
            entries.get_mut(before).next = after;
            if list.tail == entry {
                list.tail = before;
            }
        }
        self.length -= 1;
        self.renew(entries, state, pseudo, bank);
    }

    /// Finds a bank's candidates anew: after an entry left, or after its row opened or closed.
    pub fn renew(&mut self, entries: &Entries, state: &State, pseudo: usize, bank: usize) {
        let row = state.pseudos[pseudo].banks[bank].row;
        let list = &mut self.lists[pseudo * self.banks + bank];
        (list.hit, list.miss) = (NONE, NONE);
        let mut at = list.head;
        while at != NONE && (list.hit == NONE || list.miss == NONE) {
            let entry = entries.get(at);
            let place = if entry.row == row { &mut list.hit } else { &mut list.miss };
            if *place == NONE {
                *place = at;
            }
            if row == CLOSED {
                break;
            }
            at = entry.next;
        }
        self.mark(entries, state, pseudo, bank);
    }

    /// Sets a bank's bits from its candidates.
    fn mark(&mut self, entries: &Entries, state: &State, pseudo: usize, bank: usize) {
        let list = self.lists[pseudo * self.banks + bank];
        let device = &state.pseudos[pseudo].banks[bank];
        let (mut hits, mut conflicts, mut misses) = (false, false, false);
        if device.row == CLOSED {
            misses = list.miss != NONE;
        } else if !device.opening {
            hits = list.hit != NONE;
            // A row is not closed before entries that came before, or with, the one that wants another.
            conflicts = list.miss != NONE
                && (!hits || entries.get(list.miss).arrived < entries.get(list.hit).arrived);
        }
        let masks = &mut self.masks[pseudo];
        let bit = 1_u64 << bank;
        for (mask, on) in
            [(&mut masks.hits, hits), (&mut masks.conflicts, conflicts), (&mut masks.misses, misses)]
        {
            *mask = if on { *mask | bit } else { *mask & !bit };
        }
    }

    /// Whether an entry for this very burst waits.
    pub fn holds(&self, entries: &Entries, pseudo: usize, bank: usize, row: u32, column: u32) -> bool {
        let mut at = self.lists[pseudo * self.banks + bank].head;
        while at != NONE {
            let entry = entries.get(at);
            if entry.row == row && entry.column == column {
                return true;
            }
            at = entry.next;
        }
        false
    }
}

/// The positions of the ones of a mask.
pub(super) fn bits(mut mask: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        (mask != 0).then(|| {
            let bit = mask.trailing_zeros() as usize;
            mask &= mask - 1;
            bit
        })
    })
}
