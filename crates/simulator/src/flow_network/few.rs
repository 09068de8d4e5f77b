//! A list that is nearly always short. Most flows use one or two links, and most links of a large machine carry a
//! flow or two: kept in place, such a list costs no allocation and no miss of the cache.

/// Elements kept in place.
const NEAR: usize = 2;

/// A list of copies.
#[derive(Debug, Clone, Default)]
pub(super) struct Few<T> {
    near: [T; NEAR],
    count: u32,
    /// All elements once there have been more than [`NEAR`]; until then empty.
    far: Vec<T>,
}

impl<T: Copy + Default> Few<T> {
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.count as usize
    }

    #[inline]
    pub(super) fn all(&self) -> &[T] {
        if self.far.is_empty() { &self.near[..self.count as usize] } else { &self.far }
    }

    #[inline]
    pub(super) fn all_mut(&mut self) -> &mut [T] {
        if self.far.is_empty() { &mut self.near[..self.count as usize] } else { &mut self.far }
    }

    #[inline]
    pub(super) fn push(&mut self, element: T) {
        let count = self.count as usize;
        self.count += 1;
        if self.far.is_empty() {
            if let Some(place) = self.near.get_mut(count) {
                *place = element;
                return;
            }
            self.far.extend_from_slice(&self.near);
        }
        self.far.push(element);
    }

    /// Takes out the element at `index`; the last one takes its place.
    #[inline]
    pub(super) fn swap_remove(&mut self, index: usize) {
        let all = self.all_mut();
        let last = all.len() - 1;
        all[index] = all[last];
        self.far.truncate(last);
        self.count -= 1;
    }

    #[inline]
    pub(super) fn clear(&mut self) {
        self.count = 0;
        self.far.clear();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// It holds what a vector holds after the same pushes and removals.
        #[test]
        fn agrees_with_a_vector(steps in prop::collection::vec((any::<bool>(), any::<u8>()), 0..60)) {
            let (mut few, mut model) = (Few::default(), Vec::new());
            for (push, value) in steps {
                if push || model.is_empty() {
                    few.push(value);
                    model.push(value);
                } else {
                    let index = usize::from(value) % model.len();
                    few.swap_remove(index);
                    model.swap_remove(index);
                }
                prop_assert_eq!(few.all(), model.as_slice());
                prop_assert_eq!(few.len(), model.len());
            }
        }
    }
}
