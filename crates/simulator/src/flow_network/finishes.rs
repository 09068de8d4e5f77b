//! Finish times in order. A heap of a million keys misses the cache at every level of every pop. When many keys
//! have come since the last time, as in a burst, they are cheaper to sort once and take from the end; what comes
//! later goes to a small heap beside.

use crate::quad_heap::QuadHeap;

/// Fewer keys than this stay in the heap: they fit the nearest cache.
const MANY: usize = 1024;

/// A priority queue of 128-bit keys, smallest first.
#[derive(Debug, Clone, Default)]
pub(super) struct Finishes {
    /// Largest first.
    sorted: Vec<u128>,
    heap: QuadHeap,
}

impl Finishes {
    pub(super) fn len(&self) -> usize {
        self.sorted.len() + self.heap.len()
    }

    #[inline]
    pub(super) fn push(&mut self, key: u128) {
        self.heap.push(key);
    }

    #[inline]
    pub(super) fn peek(&self) -> Option<u128> {
        match (self.sorted.last(), self.heap.peek()) {
            (Some(&a), Some(b)) => Some(if a < b { a } else { b }),
            (a, b) => a.copied().or(b),
        }
    }

    /// Drops the smallest key.
    #[inline]
    pub(super) fn pop(&mut self) {
        match (self.sorted.last(), self.heap.peek()) {
            (Some(&a), Some(b)) if b < a => drop(self.heap.pop()),
            (Some(_), _) => drop(self.sorted.pop()),
            (None, _) => drop(self.heap.pop()),
        }
    }

    /// Sorts what has come, if it is much beside what is sorted already.
    #[inline]
    pub(super) fn tidy(&mut self) {
        if self.heap.len() > MANY && 2 * self.heap.len() > self.sorted.len() {
            self.sorted.append(&mut self.heap.drain());
            self.sorted.sort_unstable_by(|a, b| b.cmp(a));
        }
    }

    /// Takes every key out, in no particular order.
    pub(super) fn drain(&mut self) -> Vec<u128> {
        let mut keys = self.heap.drain();
        keys.append(&mut self.sorted);
        keys
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Bursts, single keys and pops give the same keys as a sorted list.
        #[test]
        fn agrees_with_a_sorted_list(steps in prop::collection::vec((0u8..3, any::<u64>(), 0usize..3000), 1..12)) {
            let (mut finishes, mut model) = (Finishes::default(), Vec::new());
            for (step, seed, count) in steps {
                for number in 0..count as u64 {
                    if step == 0 {
                        prop_assert_eq!(finishes.peek(), model.pop());
                        finishes.pop();
                    } else {
                        let key = u128::from(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
                        finishes.push(key);
                        model.push(key);
                    }
                }
                model.sort_unstable_by(|a, b| b.cmp(a));
                if step == 1 {
                    finishes.tidy();
                }
                prop_assert_eq!((finishes.peek(), finishes.len()), (model.last().copied(), model.len()));
            }
            let mut rest = finishes.drain();
            rest.sort_unstable_by(|a, b| b.cmp(a));
            prop_assert_eq!(rest, model);
        }
    }
}
