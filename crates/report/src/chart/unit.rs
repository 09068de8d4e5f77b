//! What the numbers of an axis are in, and how they are written.

use memwall_units::{Bytes, BytesPerSec, FlopsPerSec, Picos};
use serde::Serialize;

use crate::number::{count, percent, significant};

/// What a number is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// Bytes, in powers of 1000.
    Bytes,
    /// Bytes, in powers of 1024: sizes that are doubled from point to point.
    BinaryBytes,
    /// Bytes a second.
    BytesPerSec,
    /// FLOPs a second.
    FlopsPerSec,
    /// A share, 0 to 1.
    Share,
    /// A plain number.
    #[default]
    Plain,
}

impl Unit {
    /// `value` for people: `3.35 TB/s`.
    #[must_use]
    pub fn text(self, value: f64) -> String {
        match self {
            Self::Seconds => Picos::from_secs_f64_ceil(value).to_string(),
            Self::Bytes => Bytes(value.round() as u64).to_string(),
            Self::BinaryBytes => binary(value),
            Self::BytesPerSec => BytesPerSec(value).to_string(),
            Self::FlopsPerSec => FlopsPerSec(value).to_string(),
            Self::Share => percent(value),
            Self::Plain if value.abs() >= 1e4 => count(value),
            Self::Plain => significant(value, 4),
        }
    }

    /// Whether its ticks are powers of two.
    #[must_use]
    pub const fn is_binary(self) -> bool {
        matches!(self, Self::BinaryBytes)
    }
}

fn binary(value: f64) -> String {
    const SCALE: [(f64, &str); 5] = [
        (1_099_511_627_776.0, "TiB"),
        (1_073_741_824.0, "GiB"),
        (1_048_576.0, "MiB"),
        (1024.0, "KiB"),
        (1.0, "B"),
    ];
    let (size, unit) = SCALE.into_iter().find(|(size, _)| value >= *size).unwrap_or((1.0, "B"));
    format!("{} {unit}", significant(value / size, 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_with_their_unit() {
        assert_eq!(Unit::BinaryBytes.text(16384.0), "16 KiB");
        assert_eq!(Unit::BinaryBytes.text(512.0), "512 B");
        assert_eq!(Unit::FlopsPerSec.text(989.4e12), "989.4 TFLOP/s");
        assert_eq!(Unit::Share.text(0.5), "50 %");
        assert_eq!(Unit::Plain.text(0.25), "0.25");
    }
}
