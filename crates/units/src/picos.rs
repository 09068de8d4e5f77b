//! Time in whole picoseconds.

use std::fmt;

use crate::quantity::{HasGrammar, textual};
use crate::text::{Grammar, Unit, parse, write_scaled};
use crate::{Quantity, UnitError};

/// A time or a duration, in picoseconds. `u64` holds 213 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Picos(pub u64);

impl Picos {
    /// No time.
    pub const ZERO: Self = Self(0);
    /// The longest time that can be held.
    pub const MAX: Self = Self(u64::MAX);

    /// `seconds`, rounded up to a whole picosecond; [`Picos::MAX`] when it does not fit, zero when negative or NaN.
    #[must_use]
    pub fn from_secs_f64_ceil(seconds: f64) -> Self {
        // A float to integer cast saturates, and maps NaN to zero.
        Self((seconds * 1e12).ceil() as u64)
    }

    /// In seconds.
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e12
    }

    /// `self + other`, or `None` past 213 days.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// `self + other`, held at [`Picos::MAX`].
    #[must_use]
    pub fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// `self - other`, or zero.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// `self * count`, held at [`Picos::MAX`].
    #[must_use]
    pub fn saturating_mul(self, count: u64) -> Self {
        Self(self.0.saturating_mul(count))
    }
}

impl fmt::Display for Picos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SCALE: [(f64, &str); 5] = [(1e12, "s"), (1e9, "ms"), (1e6, "us"), (1e3, "ns"), (1.0, "ps")];
        write_scaled(f, self.0 as f64, &SCALE)
    }
}

static GRAMMAR: Grammar = Grammar {
    what: "a time",
    example: "1.5 us",
    suggest: "us",
    units_help: "ps, ns, us, ms, s, min, h",
    units: &[
        Unit { names: &["ps"], factor: 1.0 },
        Unit { names: &["ns"], factor: 1e3 },
        Unit { names: &["us", "µs", "μs"], factor: 1e6 },
        Unit { names: &["ms"], factor: 1e9 },
        Unit { names: &["s", "sec"], factor: 1e12 },
        Unit { names: &["min"], factor: 6e13 },
        Unit { names: &["h"], factor: 3.6e15 },
    ],
};

impl HasGrammar for Picos {
    fn grammar() -> &'static Grammar {
        &GRAMMAR
    }
}

impl Quantity for Picos {
    fn from_text(text: &str) -> Result<Self, UnitError> {
        let picos = parse(&GRAMMAR, text)?.round();
        if picos >= u64::MAX as f64 {
            let text = crate::text::shorten(text);
            return Err(UnitError::OutOfRange { text, what: GRAMMAR.what, range: "must be under 213 days" });
        }
        Ok(Self(picos as u64))
    }

    fn to_exact_text(&self) -> String {
        let (divisor, unit) =
            [(1_000_000_000_000, "s"), (1_000_000_000, "ms"), (1_000_000, "us"), (1_000, "ns")]
                .into_iter()
                .find(|(divisor, _)| self.0 != 0 && self.0.is_multiple_of(*divisor))
                .unwrap_or((1, "ps"));
        format!("{} {unit}", self.0 / divisor)
    }

    fn what() -> &'static str {
        GRAMMAR.what
    }
}

textual!(Picos, "Time");
