//! The queue of future events: earliest first, equal times in the order they were scheduled.

use memwall_units::Picos;

use crate::quad_heap::{QuadHeap, key, major, minor};

/// Bits of a heap key's tie-breaker that name the payload's slot; the bits above are the sequence number.
const SLOT_BITS: u32 = 28;
/// Events that can be pending at once: 2^28.
const MAX_SLOTS: usize = 1 << SLOT_BITS;
/// First sequence number that no longer fits a key; pending events are then numbered afresh.
const MAX_SEQUENCE: u64 = 1 << (64 - SLOT_BITS);

/// Names one scheduled event, so that it can be cancelled. It never names a later event by accident: a key whose
/// event has fired or was cancelled is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EventKey {
    slot: u32,
    generation: u32,
}

/// A payload and the events that have used its place before it.
#[derive(Debug, Clone)]
struct Slot<T> {
    generation: u32,
    /// `None` when the event was cancelled, or the slot is free.
    payload: Option<T>,
}

/// Future events of payload `T`, in picoseconds.
///
/// A 4-ary heap of 16-byte keys (time, then sequence number and slot) over a slab of payloads. Cancelling takes
/// the payload at once and leaves the heap entry behind; when dead entries outnumber live ones the heap is
/// rebuilt without them, so memory stays within a constant factor of the events that are really pending.
#[derive(Debug, Clone)]
pub struct EventQueue<T> {
    heap: QuadHeap,
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    sequence: u64,
    /// Heap entries whose event was cancelled. The top of the heap is never one of them.
    dead: usize,
}

impl<T> Default for EventQueue<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> EventQueue<T> {
    /// An empty queue.
    #[must_use]
    pub fn new() -> Self {
        Self { heap: QuadHeap::default(), slots: Vec::new(), free: Vec::new(), sequence: 0, dead: 0 }
    }

    /// Events pending.
    #[must_use]
    pub fn len(&self) -> usize {
        self.heap.len() - self.dead
    }

    /// Whether nothing is pending.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Schedules `payload` for `at`, after everything already scheduled for that time.
    ///
    /// # Panics
    /// When 2^28 events (some 10 GB) are pending, as a vector does when its capacity overflows.
    #[inline]
    pub fn schedule(&mut self, at: Picos, payload: T) -> EventKey {
        if self.sequence == MAX_SEQUENCE {
            self.rebuild();
        }
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => self.grow(),
        };
        let place = &mut self.slots[slot as usize];
        place.payload = Some(payload);
        let generation = place.generation;
        self.heap.push(key(at.0, self.sequence << SLOT_BITS | u64::from(slot)));
        self.sequence += 1;
        EventKey { slot, generation }
    }

    /// Takes the earliest event and its time.
    #[inline]
    pub fn pop(&mut self) -> Option<(Picos, T)> {
        let entry = self.heap.pop()?;
        let payload = self.release(slot_of(entry));
        if self.dead > 0 {
            self.bury();
        }
        payload.map(|payload| (Picos(major(entry)), payload))
    }

    /// Time of the earliest event.
    #[must_use]
    #[inline]
    pub fn peek_time(&self) -> Option<Picos> {
        self.heap.peek().map(|entry| Picos(major(entry)))
    }

    /// Takes an event back, or `None` when it has fired or was cancelled before.
    pub fn cancel(&mut self, event: EventKey) -> Option<T> {
        let place = self.slots.get_mut(event.slot as usize)?;
        if place.generation != event.generation {
            return None;
        }
        let payload = place.payload.take()?;
        self.dead += 1;
        self.bury();
        // The constant keeps tiny queues from being rebuilt at every other call.
        if self.dead > 32 && 2 * self.dead > self.heap.len() {
            self.rebuild();
        }
        Some(payload)
    }

    /// Moves an event to `at`, as if it were scheduled now: behind everything already scheduled for that time.
    /// The new key, or `None` when the event has fired or was cancelled.
    pub fn reschedule(&mut self, event: EventKey, at: Picos) -> Option<EventKey> {
        let payload = self.cancel(event)?;
        Some(self.schedule(at, payload))
    }

    /// Frees a slot and hands out what it held. Keys to it become invalid.
    #[inline]
    fn release(&mut self, slot: u32) -> Option<T> {
        let place = &mut self.slots[slot as usize];
        place.generation = place.generation.wrapping_add(1);
        self.free.push(slot);
        place.payload.take()
    }

    /// Drops dead entries from the top, so that the top is an event that will fire.
    fn bury(&mut self) {
        while let Some(entry) = self.heap.peek() {
            if self.slots[slot_of(entry) as usize].payload.is_some() {
                break;
            }
            self.heap.pop();
            self.release(slot_of(entry));
            self.dead -= 1;
        }
    }

    /// Drops every dead entry and numbers the others from 0, in the order they will fire.
    #[cold]
    fn rebuild(&mut self) {
        let mut entries = self.heap.drain();
        entries.sort_unstable();
        self.sequence = 0;
        self.dead = 0;
        for entry in entries {
            let slot = slot_of(entry);
            if self.slots[slot as usize].payload.is_none() {
                self.release(slot);
                continue;
            }
            self.heap.push(key(major(entry), self.sequence << SLOT_BITS | u64::from(slot)));
            self.sequence += 1;
        }
    }

    /// A slot never used before.
    #[cold]
    fn grow(&mut self) -> u32 {
        assert!(self.slots.len() < MAX_SLOTS, "more than 2^28 events pending");
        let slot = self.slots.len() as u32;
        self.slots.push(Slot { generation: 0, payload: None });
        slot
    }
}

#[inline]
const fn slot_of(entry: u128) -> u32 {
    (minor(entry) & (MAX_SLOTS as u64 - 1)) as u32
}

#[cfg(test)]
#[path = "event_queue_tests.rs"]
mod tests;
