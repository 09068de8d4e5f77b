//! Whether it fits, and if not, what would.

use std::fmt;

use memwall_units::Bytes;

/// Whether a step fits in device memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemoryVerdict {
    /// It does.
    Fits {
        /// Bytes left.
        spare: u64,
    },
    /// It does after one of the changes that were offered: the first that is enough.
    FitsAfter {
        /// Bytes needed now.
        peak: u64,
        /// Bytes there are.
        capacity: u64,
        /// The change.
        change: String,
        /// Bytes needed then.
        then: u64,
    },
    /// None of the changes is enough.
    TooMuch {
        /// Bytes needed now.
        peak: u64,
        /// Bytes there are.
        capacity: u64,
        /// The change after which least is needed, and how much that is; none if none was offered.
        closest: Option<(String, u64)>,
    },
}

impl MemoryVerdict {
    /// On a step that needs `peak` bytes of `capacity`. `changes` are what could be done and the bytes needed then, least
    /// costly first; they are asked for one after the other until one is enough, and not at all if none is needed.
    #[must_use]
    pub fn of(peak: u64, capacity: u64, changes: impl IntoIterator<Item = (String, u64)>) -> Self {
        if let Some(spare) = capacity.checked_sub(peak) {
            return Self::Fits { spare };
        }
        let mut closest: Option<(String, u64)> = None;
        for (change, then) in changes {
            if then <= capacity {
                return Self::FitsAfter { peak, capacity, change, then };
            }
            if closest.as_ref().is_none_or(|(_, least)| then < *least) {
                closest = Some((change, then));
            }
        }
        Self::TooMuch { peak, capacity, closest }
    }
}

impl fmt::Display for MemoryVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fits { spare } => write!(f, "fits, {} are left", Bytes(*spare)),
            Self::FitsAfter { peak, capacity, change, then } => write!(
                f,
                "needs {} of {}: with {change} it needs {} and fits",
                Bytes(*peak),
                Bytes(*capacity),
                Bytes(*then)
            ),
            Self::TooMuch { peak, capacity, closest: Some((change, then)) } => write!(
                f,
                "needs {} of {}, and nothing tried fits; closest is {change}, with {}",
                Bytes(*peak),
                Bytes(*capacity),
                Bytes(*then)
            ),
            Self::TooMuch { peak, capacity, closest: None } => {
                write!(f, "needs {} of {}", Bytes(*peak), Bytes(*capacity))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_change_that_is_enough_is_named_and_no_later_one_is_asked_for() {
        let giga = 1_000_000_000;
        let mut asked = 0;
        let offers = [("a", 95), ("b", 75), ("c", 10)];
        let changes = offers.iter().map(|(name, peak)| {
            asked += 1;
            ((*name).to_owned(), peak * giga)
        });
        let verdict = MemoryVerdict::of(90 * giga, 80 * giga, changes);
        assert_eq!(asked, 2);
        assert_eq!(verdict.to_string(), "needs 90 GB of 80 GB: with b it needs 75 GB and fits");
        let none = MemoryVerdict::of(
            90 * giga,
            80 * giga,
            [("a".to_owned(), 85 * giga), ("b".to_owned(), 81 * giga)],
        );
        assert_eq!(
            none.to_string(),
            "needs 90 GB of 80 GB, and nothing tried fits; closest is b, with 81 GB"
        );
        let unasked = std::iter::from_fn(|| -> Option<(String, u64)> { unreachable!("it fits as it is") });
        assert_eq!(MemoryVerdict::of(80 * giga, 80 * giga, unasked), MemoryVerdict::Fits { spare: 0 });
    }
}
