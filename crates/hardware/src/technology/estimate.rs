//! A figure with its range.

use std::iter::Sum;
use std::ops::{Add, Mul};

use serde::Serialize;

/// Where a figure likely is, and between what it may well be. Ranges are added as if all were low or high together,
/// which is wider than chance would have it.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Estimate {
    /// The low end.
    pub low: f64,
    /// The likely value.
    pub likely: f64,
    /// The high end.
    pub high: f64,
}

impl Estimate {
    /// Nothing.
    pub const ZERO: Self = Self { low: 0.0, likely: 0.0, high: 0.0 };

    /// A figure that is known.
    #[must_use]
    pub const fn exact(value: f64) -> Self {
        Self { low: value, likely: value, high: value }
    }

    /// The same figure as the product with `of`, low with low and high with high.
    #[must_use]
    pub fn times(self, of: Self) -> Self {
        Self { low: self.low * of.low, likely: self.likely * of.likely, high: self.high * of.high }
    }

    /// `value`, with this range around it as far as it reaches.
    #[must_use]
    pub fn around(self, value: f64) -> Self {
        Self { low: self.low.min(value), likely: value, high: self.high.max(value) }
    }

    /// The same three values, in order.
    #[must_use]
    pub fn sorted(self) -> Self {
        let Self { low, likely, high } = self;
        Self { low: low.min(likely).min(high), likely, high: low.max(likely).max(high) }
    }

    /// `each` of the low, the likely and the high of two estimates.
    #[must_use]
    pub fn with(self, other: Self, each: impl Fn(f64, f64) -> f64) -> Self {
        Self {
            low: each(self.low, other.low),
            likely: each(self.likely, other.likely),
            high: each(self.high, other.high),
        }
    }
}

impl Add for Estimate {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        self.with(other, |a, b| a + b)
    }
}

impl Mul<f64> for Estimate {
    type Output = Self;
    fn mul(self, factor: f64) -> Self {
        Self { low: self.low * factor, likely: self.likely * factor, high: self.high * factor }
    }
}

impl Sum for Estimate {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::ZERO, Add::add)
    }
}
