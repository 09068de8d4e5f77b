//! How a cache is built.

use memwall_units::{Bytes, Picos};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most levels of a hierarchy.
pub const MAX_CACHE_LEVELS: usize = 8;
/// Most sectors of a line: they are bits of a word.
const MAX_SECTORS: u64 = 64;
/// Most lines of a level, so that a description cannot ask for all memory there is.
const MAX_LINES: u64 = 1 << 26;
/// Most ways.
const MAX_WAYS: u64 = 4096;

/// Which line makes room for a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Replacement {
    /// The one used longest ago.
    #[default]
    Lru,
    /// About that one: a tree of bits points away from what was used.
    Plru,
    /// Any, drawn at random.
    Random,
}

/// When a write goes on to the next level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WritePolicy {
    /// When the line is evicted.
    #[default]
    Back,
    /// At once.
    Through,
}

/// What is brought in before it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Prefetch {
    /// Nothing.
    #[default]
    None,
    /// After a miss, the line behind it.
    NextLine,
    /// Once two accesses in a row of a 4 KiB page were the same distance apart, the line two such distances ahead.
    Stride,
}

/// One cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CacheConfig {
    /// What to call it: `l2`.
    pub name: String,
    /// Capacity.
    pub size: Bytes,
    /// Lines of a set; 0 for one set of all lines (fully associative).
    pub ways: u32,
    /// Bytes of a line.
    #[serde(default = "line")]
    pub line: Bytes,
    /// Bytes brought in at once, a part of a line; 0 for whole lines.
    #[serde(default)]
    pub sector: Bytes,
    /// Which line makes room.
    #[serde(default)]
    pub replacement: Replacement,
    /// When writes go on.
    #[serde(default)]
    pub write: WritePolicy,
    /// Whether a write that misses takes a line.
    #[serde(default = "yes")]
    pub write_allocate: bool,
    /// Whether a write that misses first brings in what it writes to, as CPU caches do.
    #[serde(default)]
    pub fetch_on_write: bool,
    /// Misses to memory that can be under way; 0 for no limit.
    #[serde(default)]
    pub mshrs: u32,
    /// What is brought in ahead.
    #[serde(default)]
    pub prefetch: Prefetch,
    /// Time of a hit.
    #[serde(default)]
    pub latency: Picos,
}

fn line() -> Bytes {
    Bytes(64)
}

fn yes() -> bool {
    true
}

impl CacheConfig {
    /// A cache of 64-byte lines with everything else as usual.
    #[must_use]
    pub fn new(name: &str, size: Bytes, ways: u32) -> Self {
        Self {
            name: name.to_owned(),
            size,
            ways,
            line: line(),
            sector: Bytes(0),
            replacement: Replacement::Lru,
            write: WritePolicy::Back,
            write_allocate: true,
            fetch_on_write: false,
            mshrs: 0,
            prefetch: Prefetch::None,
            latency: Picos::ZERO,
        }
    }

    /// Bytes brought in at once.
    #[must_use]
    pub fn sector_bytes(&self) -> u64 {
        if self.sector.0 == 0 { self.line.0 } else { self.sector.0 }
    }

    /// Lines of a set.
    #[must_use]
    pub fn ways_of_a_set(&self) -> u64 {
        let lines = self.size.0 / self.line.0.max(1);
        if self.ways == 0 { lines } else { u64::from(self.ways) }
    }

    /// What makes it impossible, for people.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), String> {
        let (line, sector) = (self.line.0, self.sector_bytes());
        if !line.is_power_of_two() || !(8..=1 << 20).contains(&line) {
            return Err(format!("a line of {} is no power of two from 8 B to 1 MiB", self.line));
        }
        if !sector.is_power_of_two() || sector > line || line / sector > MAX_SECTORS || sector < 8 {
            return Err(format!("a sector of {} does not divide a line of {}", Bytes(sector), self.line));
        }
        let lines = self.size.0 / line;
        if lines == 0 || !self.size.0.is_multiple_of(line) {
            return Err(format!("{} does not hold whole lines of {}", self.size, self.line));
        }
        if lines > MAX_LINES {
            return Err(format!("{lines} lines are too many: at most {MAX_LINES}"));
        }
        let ways = self.ways_of_a_set();
        if ways > MAX_WAYS {
            return Err(format!("{ways} ways are too many: at most {MAX_WAYS}"));
        }
        if !lines.is_multiple_of(ways) {
            return Err(format!("{lines} lines do not make whole sets of {ways} ways"));
        }
        if self.replacement == Replacement::Plru && (!ways.is_power_of_two() || ways > 64) {
            return Err(format!("plru needs a power of two of at most 64 ways, not {ways}"));
        }
        Ok(())
    }
}
