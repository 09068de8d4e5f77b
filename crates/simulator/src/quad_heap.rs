//! A 4-ary min-heap of 128-bit keys: the one ordered structure under the event queue and the flow network.
//!
//! A key is a time in the upper 64 bits and a tie-breaker in the lower 64, so that one comparison orders both.
//! The smallest key stands apart and its descendants lie in groups of four siblings, each group one 64-byte
//! cache line, padded with [`EMPTY`]: a step down the heap touches one line and needs no bounds cases.

/// Marks a vacant place; never a legal key.
const EMPTY: u128 = u128::MAX;

/// Four siblings in one cache line.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Group([u128; 4]);

impl Group {
    /// The smallest sibling and its index.
    #[inline]
    fn min(&self) -> (u128, usize) {
        // Indices from comparisons, not branches: which sibling is smallest is as good as random.
        let keys = &self.0;
        let left = usize::from(keys[1] < keys[0]);
        let right = 2 + usize::from(keys[3] < keys[2]);
        let swap = usize::from(keys[right] < keys[left]);
        let at = left + swap * (right - left);
        (keys[at & 3], at & 3)
    }
}

/// Joins an order and a tie-breaker into a key.
#[inline]
pub(crate) const fn key(major: u64, minor: u64) -> u128 {
    (major as u128) << 64 | minor as u128
}

/// The order in a key.
#[inline]
pub(crate) const fn major(key: u128) -> u64 {
    (key >> 64) as u64
}

/// The tie-breaker in a key.
#[inline]
pub(crate) const fn minor(key: u128) -> u64 {
    key as u64
}

/// The heap. Keys may be anything below `u128::MAX`.
#[derive(Debug, Clone)]
pub(crate) struct QuadHeap {
    /// The smallest key, or [`EMPTY`] when it was taken and nothing has filled its place.
    root: u128,
    /// Element `e` is `groups[e / 4].0[e % 4]`; its children are group `e + 1`. Group 0 holds the root's children.
    groups: Vec<Group>,
    /// Keys in `groups`.
    below: usize,
}

impl Default for QuadHeap {
    fn default() -> Self {
        Self { root: EMPTY, groups: Vec::new(), below: 0 }
    }
}

impl QuadHeap {
    /// Keys held.
    pub(crate) fn len(&self) -> usize {
        self.below + usize::from(self.root != EMPTY)
    }

    /// Whether it holds no key.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The smallest key.
    #[inline]
    pub(crate) fn peek(&self) -> Option<u128> {
        let key = match self.groups.first() {
            Some(children) if self.root == EMPTY => children.min().0,
            _ => self.root,
        };
        (key != EMPTY).then_some(key)
    }

    /// Adds a key.
    #[inline]
    pub(crate) fn push(&mut self, key: u128) {
        if self.root == EMPTY {
            self.replace_top(key);
            return;
        }
        let displaced = if key < self.root { std::mem::replace(&mut self.root, key) } else { key };
        let end = self.below;
        self.below += 1;
        if end / 4 == self.groups.len() {
            self.groups.push(Group([EMPTY; 4]));
        }
        self.sift_up(end, displaced);
    }

    /// Takes the smallest key. Its place stays vacant: most pops are followed by a push, which then fills it in
    /// one pass where filling it from the end and appending the new key would take two.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<u128> {
        if self.root == EMPTY {
            let end = self.below.checked_sub(1)?;
            self.below = end;
            let last = std::mem::replace(&mut self.groups[end / 4].0[end % 4], EMPTY);
            self.replace_top(last);
        }
        let top = std::mem::replace(&mut self.root, EMPTY);
        (top != EMPTY).then_some(top)
    }

    /// Puts `key` in place of the smallest one, which is at the root or was just taken from there.
    #[inline]
    fn replace_top(&mut self, key: u128) {
        let Some(first) = self.groups.first() else {
            self.root = key;
            return;
        };
        let (smallest, at) = first.min();
        if key <= smallest {
            self.root = key;
            return;
        }
        self.root = smallest;
        self.sift_down(at, key);
    }

    /// Drops every key.
    pub(crate) fn clear(&mut self) {
        self.root = EMPTY;
        self.groups.clear();
        self.below = 0;
    }

    /// Takes every key out, in no particular order.
    pub(crate) fn drain(&mut self) -> Vec<u128> {
        let root = (self.root != EMPTY).then_some(self.root);
        let rest = self.groups.iter().flat_map(|group| group.0).filter(|&key| key != EMPTY);
        let keys = root.into_iter().chain(rest).collect();
        self.clear();
        keys
    }

    /// Lets `key` rise from the vacant element `hole`.
    #[inline]
    fn sift_up(&mut self, mut hole: usize, key: u128) {
        while hole >= 4 {
            let parent = hole / 4 - 1;
            let above = self.groups[parent / 4].0[parent % 4];
            if above <= key {
                break;
            }
            self.groups[hole / 4].0[hole % 4] = above;
            hole = parent;
        }
        self.groups[hole / 4].0[hole % 4] = key;
    }

    /// Lets `key` sink from the vacant element `hole`.
    #[inline]
    fn sift_down(&mut self, mut hole: usize, key: u128) {
        while let Some(children) = self.groups.get(hole + 1) {
            let (smallest, at) = children.min();
            if key <= smallest {
                break;
            }
            self.groups[hole / 4].0[hole % 4] = smallest;
            hole = 4 * (hole + 1) + at;
        }
        self.groups[hole / 4].0[hole % 4] = key;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Any interleaving of pushes and pops gives the same keys as a sorted multiset.
        #[test]
        fn agrees_with_a_sorted_list(steps in prop::collection::vec((0u8..4, 0u64..40, any::<u16>()), 1..400)) {
            let mut heap = QuadHeap::default();
            let mut model: Vec<u128> = Vec::new();
            for (step, time, tie) in steps {
                let fresh = key(time, u64::from(tie));
                if step < 2 {
                    prop_assert_eq!(heap.pop(), if model.is_empty() { None } else { Some(model.remove(0)) });
                } else {
                    heap.push(fresh);
                    model.push(fresh);
                }
                model.sort_unstable();
                prop_assert_eq!(heap.len(), model.len());
                prop_assert_eq!(heap.peek(), model.first().copied());
            }
            let mut rest = heap.drain();
            rest.sort_unstable();
            prop_assert_eq!(rest, model);
            prop_assert_eq!(heap.len(), 0);
        }
    }
}
