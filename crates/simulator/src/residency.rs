//! What a shared cache still holds when the next operator starts. Residency is state: it decides what misses.

use memwall_model_graph::TensorKey;

/// Bytes of one tensor in the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    key: TensorKey,
    bytes: u64,
    /// How many of them DRAM does not have yet.
    dirty: u64,
}

/// A cache's contents at tensor granularity, least recently used first.
///
/// A tensor that is only partly resident is taken to hit in proportion, wherever in it the access falls: addresses
/// are hashed over the sets, and what survives of a stream is spread over it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Residency {
    capacity: u64,
    entries: Vec<Entry>,
    held: u64,
    peak: u64,
    flows: Flows,
}

/// Bytes in and out of a cache since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Flows {
    /// Brought in by reads.
    pub fills: u64,
    /// Made room for by writes.
    pub write_allocates: u64,
    /// Pushed out, or given up because nobody will read them again.
    pub evictions: u64,
    /// Of what left, written to DRAM.
    pub write_backs: u64,
}

/// Fraction of the bytes of a cache that are still there when they are wanted again after `distance` other and own
/// bytes have passed. Addresses are hashed over the sets, so some sets overflow before the cache as a whole does:
/// repeated reads begin to miss at about two thirds of the capacity and all miss a little beyond it (A100 and H100 in
/// RRZE-HPC/gpu-benches @1038c5d, gpu-l2-cache).
pub(crate) fn survival(distance: f64, capacity: f64) -> f64 {
    const FIRST_LOSS: f64 = 0.65;
    const ALL_LOST: f64 = 1.1;
    if capacity <= 0.0 {
        return 0.0;
    }
    ((ALL_LOST - distance / capacity) / (ALL_LOST - FIRST_LOSS)).clamp(0.0, 1.0)
}

impl Residency {
    pub fn new(capacity: u64) -> Self {
        Self { capacity, entries: Vec::new(), held: 0, peak: 0, flows: Flows::default() }
    }

    /// Bytes it can hold.
    pub fn capacity(&self) -> u64 {
        self.capacity
    }

    /// The most bytes it held.
    pub fn peak(&self) -> u64 {
        self.peak
    }

    /// Bytes that can come in before anything has to leave: what was never filled, and lines of tensors whose memory
    /// is free to be used anew.
    pub fn room(&self) -> u64 {
        self.capacity - self.held
    }

    /// Whether its books close: what it holds is what came in less what left.
    pub fn is_balanced(&self) -> bool {
        self.held + self.flows.evictions == self.flows.fills + self.flows.write_allocates
            && self.held <= self.capacity
    }

    /// Fraction of `size` bytes of a tensor that hit.
    pub fn hit_fraction(&self, key: TensorKey, size: u64) -> f64 {
        if size == 0 {
            return 1.0;
        }
        let resident = self.entries.iter().find(|entry| entry.key == key).map_or(0, |entry| entry.bytes);
        (resident as f64 / size as f64).min(1.0)
    }

    /// `touched` bytes of a tensor of `size` are read: what is missing is brought in. Returns bytes written back to
    /// make room.
    pub fn read(&mut self, key: TensorKey, size: u64, touched: u64) -> u64 {
        let (resident, dirty) = self.take(key);
        let missing = (touched as f64 * (1.0 - (resident as f64 / size.max(1) as f64).min(1.0))) as u64;
        let wanted = resident.saturating_add(missing).min(size);
        let kept = self.survives(wanted);
        self.flows.fills += kept.saturating_sub(resident);
        self.flows.evictions += resident.saturating_sub(kept);
        let lost_dirty = dirty.saturating_sub(kept);
        self.flows.write_backs += lost_dirty;
        lost_dirty + self.put(key, kept, dirty.min(kept))
    }

    /// What is left of `bytes` read one after the other when the last has come in. A cache that evicted strictly the
    /// oldest would keep nothing of use for the next round once they do not fit.
    fn survives(&self, bytes: u64) -> u64 {
        if bytes <= self.capacity {
            return bytes;
        }
        ((bytes as f64 * survival(bytes as f64, self.capacity as f64)) as u64).min(self.capacity)
    }

    /// `touched` bytes of a tensor of `size` are written. Returns bytes written back to make room, its own included
    /// where it is larger than the cache.
    pub fn write(&mut self, key: TensorKey, size: u64, touched: u64) -> u64 {
        let (resident, dirty) = self.take(key);
        let wanted = resident.max(touched).min(size);
        let kept = wanted.min(self.capacity);
        self.flows.write_allocates += kept.saturating_sub(resident);
        self.flows.evictions += resident.saturating_sub(kept);
        let now_dirty = dirty.max(touched.min(size));
        let through = now_dirty.saturating_sub(kept);
        self.flows.write_backs += through;
        through + self.put(key, kept, now_dirty.min(kept))
    }

    /// Nobody will read the tensor again and its memory is used anew: it leaves without being written back.
    pub fn discard(&mut self, key: TensorKey) {
        let (resident, _) = self.take(key);
        self.flows.evictions += resident;
    }

    /// Dirty bytes still held.
    #[cfg(test)]
    pub fn dirty(&self) -> u64 {
        self.entries.iter().map(|entry| entry.dirty).sum()
    }

    fn take(&mut self, key: TensorKey) -> (u64, u64) {
        let Some(index) = self.entries.iter().rposition(|entry| entry.key == key) else { return (0, 0) };
        let entry = self.entries.remove(index);
        self.held -= entry.bytes;
        (entry.bytes, entry.dirty)
    }

    fn put(&mut self, key: TensorKey, bytes: u64, dirty: u64) -> u64 {
        let written = self.make_room(bytes);
        if bytes > 0 {
            self.entries.push(Entry { key, bytes, dirty });
            self.held += bytes;
            self.peak = self.peak.max(self.held);
        }
        written
    }

    /// Evicts from the least recently used until `bytes` fit. Returns the dirty bytes among them.
    fn make_room(&mut self, bytes: u64) -> u64 {
        let mut excess = (self.held + bytes).saturating_sub(self.capacity);
        let mut written = 0;
        let mut gone = 0;
        for entry in &mut self.entries {
            if excess == 0 {
                break;
            }
            let out = entry.bytes.min(excess);
            // Dirty bytes are spread evenly over what is held of the tensor.
            let out_dirty = if out == entry.bytes {
                entry.dirty
            } else {
                (u128::from(entry.dirty) * u128::from(out)).div_ceil(u128::from(entry.bytes)) as u64
            };
            entry.bytes -= out;
            entry.dirty -= out_dirty.min(entry.dirty);
            entry.dirty = entry.dirty.min(entry.bytes);
            written += out_dirty;
            excess -= out;
            self.held -= out;
            self.flows.evictions += out;
            gone += usize::from(entry.bytes == 0);
        }
        self.flows.write_backs += written;
        self.entries.drain(..gone);
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(number: u64) -> TensorKey {
        TensorKey(number)
    }

    #[test]
    fn a_tensor_read_twice_hits_the_second_time() {
        let mut cache = Residency::new(100);
        assert_eq!(cache.hit_fraction(key(1), 60), 0.0);
        assert_eq!(cache.read(key(1), 60, 60), 0);
        assert_eq!(cache.hit_fraction(key(1), 60), 1.0);
    }

    #[test]
    fn the_least_recently_used_leaves_first_and_only_dirty_bytes_are_written_back() {
        let mut cache = Residency::new(100);
        cache.read(key(1), 60, 60);
        cache.write(key(2), 40, 40);
        assert_eq!(cache.read(key(3), 60, 60), 0, "what leaves is clean");
        assert_eq!(cache.hit_fraction(key(1), 60), 0.0);
        assert_eq!(cache.read(key(4), 40, 40), 40, "the written tensor leaves");
    }

    #[test]
    fn a_discarded_result_is_never_written_back() {
        let mut cache = Residency::new(100);
        cache.write(key(1), 80, 80);
        cache.discard(key(1));
        assert_eq!(cache.read(key(2), 100, 100), 0);
        assert_eq!(cache.flows.write_backs, 0);
    }

    proptest! {
        /// Residency at the end = fills + write-allocates - evictions, and never more than the capacity.
        #[test]
        fn bytes_are_conserved(
            capacity in 0_u64..1000,
            accesses in prop::collection::vec((0_u64..6, 0_u64..4, 1_u64..800, 0.0_f64..=1.0), 1..200),
        ) {
            let mut cache = Residency::new(capacity);
            for (tensor, what, size, fraction) in accesses {
                // A tensor's size is a property of the tensor.
                let size = size % 97 + tensor * 150 + 1;
                let size = size.max(tensor * 150 + 1) / (tensor + 1) * (tensor + 1);
                let touched = (size as f64 * fraction) as u64;
                match what {
                    0 | 1 => { cache.read(key(tensor), size, touched); }
                    2 => { cache.write(key(tensor), size, touched); }
                    _ => cache.discard(key(tensor)),
                }
                prop_assert!(cache.is_balanced(), "{cache:?}");
                prop_assert!(cache.dirty() <= cache.held);
                prop_assert!(cache.peak() <= capacity);
            }
        }
    }
}
