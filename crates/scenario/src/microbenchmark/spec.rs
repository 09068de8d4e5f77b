//! The `microbenchmark:` block and its `reference:` as they are written.

use indexmap::IndexMap;
use memwall_units::Bytes;
use schemars::JsonSchema;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::expect::Amount;

/// What is measured, and where.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MicrobenchmarkSpec {
    /// What is measured: `latency` of a chain of loads over footprint, `bandwidth` of device memory while arrays stream
    /// through the cores, or `cache_bandwidth` while all cores read one buffer again and again.
    pub measure: MeasureSpec,
    /// With `bandwidth`, what each thread does: a name, or `{ reads: 2, writes: 1 }` for the arrays it reads and writes.
    #[serde(default)]
    pub kernel: Option<KernelSpec>,
    /// What the points count: `footprint` for `latency` and `cache_bandwidth`; `threads` (the default), `occupancy` or
    /// `in_flight` for `bandwidth`.
    #[serde(default)]
    pub over: Option<Over>,
    /// Where to measure: a list, or `{ from: 2 KiB, to: 2 GiB, count: 40 }`, each point the same factor above the one
    /// before. At most 2000. Where measured points are given they are taken too, and the key may be left out.
    #[serde(default)]
    pub points: Option<PointsSpec>,
    /// Bytes that a thread reads or writes at once. Default 8 B.
    #[serde(default)]
    pub element: Option<Bytes>,
    /// With `cache_bandwidth`, bytes of the buffer that one block of threads reads, blocks taking pieces in turn.
    /// Default: each block reads the whole buffer.
    #[serde(default)]
    pub piece: Option<Bytes>,
    /// With `cache_bandwidth`, loads that a thread has in flight. Default 4.
    #[serde(default)]
    pub loads: Option<u32>,
}

/// Keys of [`MicrobenchmarkSpec`] that go with each measurement.
pub(crate) const KEYS_OF: [(MeasureSpec, &[&str]); 3] = [
    (MeasureSpec::Latency, &["measure", "over", "points"]),
    (MeasureSpec::Bandwidth, &["measure", "kernel", "over", "points", "element"]),
    (MeasureSpec::CacheBandwidth, &["measure", "over", "points", "element", "piece", "loads"]),
];

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MeasureSpec {
    /// Time of one load that depends on the one before: one thread walks a random cycle through a buffer.
    Latency,
    /// Bandwidth of device memory: each thread moves one element of each array and ends, and another takes its place.
    Bandwidth,
    /// Bandwidth of reads while all cores go through one buffer again and again.
    CacheBandwidth,
}

impl MeasureSpec {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Latency => "latency",
            Self::Bandwidth => "bandwidth",
            Self::CacheBandwidth => "cache_bandwidth",
        }
    }
}

/// What the points of a curve count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Over {
    /// Bytes of the buffer.
    Footprint,
    /// Threads on the whole device.
    Threads,
    /// Threads as a share of those the device can hold: `25 %`.
    Occupancy,
    /// Bytes of reads in flight on the whole device.
    InFlight,
}

impl Over {
    /// `footprint`, as the YAML says it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Footprint => "footprint",
            Self::Threads => "threads",
            Self::Occupancy => "occupancy",
            Self::InFlight => "in_flight",
        }
    }
}

/// What each thread of a stream does.
#[derive(Debug, Clone, JsonSchema)]
#[serde(untagged)]
pub(crate) enum KernelSpec {
    /// By name.
    Named(KernelName),
    /// By the arrays it goes through.
    Arrays(ArraysSpec),
}

/// Kernels with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum KernelName {
    /// Writes one array.
    Init,
    /// Reads one array.
    Read,
    /// Reads one array and writes another.
    Copy,
    /// The same with a multiplication.
    Scale,
    /// Reads two arrays and writes a third.
    Add,
    /// The same with a multiplication.
    Triad,
    /// Reads an element and its neighbours of one array, which the cores' caches keep, and writes another.
    Stencil,
}

/// The arrays a kernel goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ArraysSpec {
    /// Arrays read. At most 64.
    #[serde(default)]
    pub reads: u32,
    /// Arrays written. At most 64.
    #[serde(default)]
    pub writes: u32,
}

impl KernelSpec {
    /// Arrays read and written.
    pub const fn arrays(&self) -> ArraysSpec {
        let (reads, writes) = match self {
            Self::Arrays(arrays) => return *arrays,
            Self::Named(KernelName::Init) => (0, 1),
            Self::Named(KernelName::Read) => (1, 0),
            Self::Named(KernelName::Copy | KernelName::Scale | KernelName::Stencil) => (1, 1),
            Self::Named(KernelName::Add | KernelName::Triad) => (2, 1),
        };
        ArraysSpec { reads, writes }
    }

    /// What reports call it.
    pub fn title(&self) -> String {
        match self {
            Self::Named(name) => format!("{name:?}").to_lowercase(),
            Self::Arrays(ArraysSpec { reads, writes }) => format!("{reads} reads, {writes} writes"),
        }
    }
}

/// Where to measure.
#[derive(Debug, Clone, JsonSchema)]
#[serde(untagged)]
pub(crate) enum PointsSpec {
    /// One by one.
    List(Vec<Amount>),
    /// A range.
    Range(RangeSpec),
}

/// Points between two ends, each the same factor above the one before.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RangeSpec {
    /// The first.
    pub from: Amount,
    /// The last.
    pub to: Amount,
    /// How many, both ends included: 2 to 2000.
    pub count: u32,
}

/// Measured points to compare with.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CurveReferenceSpec {
    /// Who measured them, with what.
    pub source: Option<String>,
    /// What a reader should know when comparing.
    pub note: Option<String>,
    /// The points, each `[where, value]`: `[2 KiB, 23.4 ns]`, `[1728, 72 GB/s]`.
    pub points: Option<Vec<(Amount, Amount)>>,
    /// Or a CSV file that has them, relative to this one: a line of column names, `#` before comments.
    pub file: Option<String>,
    /// Take only the rows of the file in which these columns hold these values: `{ gpu: v100 }`.
    #[serde(rename = "where")]
    pub only: Option<IndexMap<String, Amount>>,
    /// The column of the points.
    pub x: Option<String>,
    /// The column of the values.
    pub y: Option<String>,
    /// The unit of the points in the file: `KiB`, `%`. None for threads.
    pub x_unit: Option<String>,
    /// The unit of the values in the file: `ns`, `GB/s`.
    pub y_unit: Option<String>,
}

// Visitors instead of `#[serde(untagged)]` for reading: that would swallow the path to what is wrong inside.

impl<'de> Deserialize<'de> for KernelSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shape;
        impl<'de> Visitor<'de> for Shape {
            type Value = KernelSpec;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a kernel's name, or `{ reads: 2, writes: 1 }`")
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<KernelSpec, E> {
                KernelName::deserialize(name.into_deserializer()).map(KernelSpec::Named)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<KernelSpec, A::Error> {
                ArraysSpec::deserialize(MapAccessDeserializer::new(map)).map(KernelSpec::Arrays)
            }
        }
        deserializer.deserialize_any(Shape)
    }
}

impl<'de> Deserialize<'de> for PointsSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shape;
        impl<'de> Visitor<'de> for Shape {
            type Value = PointsSpec;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of points, or `{ from: 2 KiB, to: 2 GiB, count: 40 }`")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<PointsSpec, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(PointsSpec::List)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<PointsSpec, A::Error> {
                RangeSpec::deserialize(MapAccessDeserializer::new(map)).map(PointsSpec::Range)
            }
        }
        deserializer.deserialize_any(Shape)
    }
}
