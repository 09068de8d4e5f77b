//! Counts that must be exact: bytes and floating-point operations.

use std::fmt;

use crate::quantity::{HasGrammar, textual};
use crate::text::{Grammar, Unit, parse, shorten, write_scaled};
use crate::{Quantity, UnitError};

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Bytes(pub u64);

/// A number of floating-point (or integer) operations; a multiply-accumulate is two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Flops(pub u128);

impl Bytes {
    /// No bytes.
    pub const ZERO: Self = Self(0);

    /// As a float, for rates.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        self.0 as f64
    }

    /// `self + other`, or `None` when it does not fit.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// `self * count`, or `None` when it does not fit.
    #[must_use]
    pub fn checked_mul(self, count: u64) -> Option<Self> {
        self.0.checked_mul(count).map(Self)
    }

    /// `self + other`, held at the largest count.
    #[must_use]
    pub fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// `self - other`, or zero.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Flops {
    /// No operations.
    pub const ZERO: Self = Self(0);

    /// As a float, for rates.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        self.0 as f64
    }

    /// `self + other`, held at the largest count.
    #[must_use]
    pub fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Operations per byte of `bytes`, or `None` when no byte moves.
    #[must_use]
    pub fn per_byte(self, bytes: Bytes) -> Option<f64> {
        (bytes.0 > 0).then(|| self.as_f64() / bytes.as_f64())
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SCALE: [(f64, &str); 6] =
            [(1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "B")];
        write_scaled(f, self.as_f64(), &SCALE)
    }
}

impl fmt::Display for Flops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SCALE: [(f64, &str); 7] = [
            (1e18, "EFLOP"),
            (1e15, "PFLOP"),
            (1e12, "TFLOP"),
            (1e9, "GFLOP"),
            (1e6, "MFLOP"),
            (1e3, "kFLOP"),
            (1.0, "FLOP"),
        ];
        write_scaled(f, self.as_f64(), &SCALE)
    }
}

static BYTES: Grammar = Grammar {
    what: "a size in bytes",
    example: "80 GB",
    suggest: "GB",
    units_help: "B, kB, MB, GB, TB, PB, or KiB, MiB, GiB, TiB",
    units: &[
        Unit { names: &["B"], factor: 1.0 },
        Unit { names: &["kB", "KB"], factor: 1e3 },
        Unit { names: &["MB"], factor: 1e6 },
        Unit { names: &["GB"], factor: 1e9 },
        Unit { names: &["TB"], factor: 1e12 },
        Unit { names: &["PB"], factor: 1e15 },
        Unit { names: &["KiB", "kiB"], factor: 1024.0 },
        Unit { names: &["MiB"], factor: 1_048_576.0 },
        Unit { names: &["GiB"], factor: 1_073_741_824.0 },
        Unit { names: &["TiB"], factor: 1_099_511_627_776.0 },
    ],
};

static FLOPS: Grammar = Grammar {
    what: "a number of operations",
    example: "22.4 GFLOP",
    suggest: "GFLOP",
    units_help: "FLOP, kFLOP, MFLOP, GFLOP, TFLOP, PFLOP, EFLOP",
    units: &[
        Unit { names: &["FLOP", "FLOPs"], factor: 1.0 },
        Unit { names: &["kFLOP", "kFLOPs"], factor: 1e3 },
        Unit { names: &["MFLOP", "MFLOPs"], factor: 1e6 },
        Unit { names: &["GFLOP", "GFLOPs"], factor: 1e9 },
        Unit { names: &["TFLOP", "TFLOPs"], factor: 1e12 },
        Unit { names: &["PFLOP", "PFLOPs"], factor: 1e15 },
        Unit { names: &["EFLOP", "EFLOPs"], factor: 1e18 },
    ],
};

impl HasGrammar for Bytes {
    fn grammar() -> &'static Grammar {
        &BYTES
    }
}

impl HasGrammar for Flops {
    fn grammar() -> &'static Grammar {
        &FLOPS
    }
}

impl Quantity for Bytes {
    fn from_text(text: &str) -> Result<Self, UnitError> {
        let bytes = parse(&BYTES, text)?.round();
        if bytes >= u64::MAX as f64 {
            return Err(UnitError::OutOfRange {
                text: shorten(text),
                what: BYTES.what,
                range: "must be under 18 EB",
            });
        }
        Ok(Self(bytes as u64))
    }

    fn to_exact_text(&self) -> String {
        const UNITS: [(u64, &str); 8] = [
            (1_000_000_000_000, "TB"),
            (1_099_511_627_776, "TiB"),
            (1_000_000_000, "GB"),
            (1_073_741_824, "GiB"),
            (1_000_000, "MB"),
            (1_048_576, "MiB"),
            (1_000, "kB"),
            (1_024, "KiB"),
        ];
        let exact = UNITS.into_iter().find(|(size, _)| self.0 != 0 && self.0.is_multiple_of(*size));
        let (size, unit) = exact.unwrap_or((1, "B"));
        format!("{} {unit}", self.0 / size)
    }

    fn what() -> &'static str {
        BYTES.what
    }
}

impl Quantity for Flops {
    fn from_text(text: &str) -> Result<Self, UnitError> {
        let flops = parse(&FLOPS, text)?.round();
        if flops >= 1e38 {
            return Err(UnitError::OutOfRange {
                text: shorten(text),
                what: FLOPS.what,
                range: "must be under 1e38",
            });
        }
        Ok(Self(flops as u128))
    }

    fn to_exact_text(&self) -> String {
        format!("{} FLOP", self.0)
    }

    fn what() -> &'static str {
        FLOPS.what
    }
}

textual!(Bytes, "Size");
textual!(Flops, "Operations");
