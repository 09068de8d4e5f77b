//! Caches one behind the other, and what they ask of memory.

use super::config::{CacheConfig, WritePolicy};
use super::prefetch::Prefetcher;
use super::set::{Line, Lines};

/// What a cache did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CacheCounts {
    /// Line accesses: those of the level before it, or of the program. Prefetches are not among them.
    pub accesses: u64,
    /// Accesses that found all they wanted.
    pub hits: u64,
    /// Accesses that did not.
    pub misses: u64,
    /// Misses of which the line was there, but not the sectors.
    pub sector_misses: u64,
    /// Lines that came in.
    pub fills: u64,
    /// Lines that made room.
    pub evictions: u64,
    /// Evicted lines that had been written to.
    pub writebacks: u64,
    /// Lines brought in ahead.
    pub prefetches: u64,
    /// Lines brought in ahead that were then asked for.
    pub useful_prefetches: u64,
}

/// Why memory is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Reason {
    /// The access waits for it.
    Demand,
    /// An evicted line, or a write passed on.
    Write,
    /// Brought in ahead.
    Ahead,
}

/// Bytes to read from or write to memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct MemoryOperation {
    pub address: u64,
    pub bytes: u64,
    pub reason: Reason,
}

/// Where the bytes are and what is done with them.
#[derive(Debug, Clone, Copy)]
struct Part {
    address: u64,
    bytes: u64,
    write: bool,
    reason: Reason,
}

#[derive(Debug, Clone)]
struct Level {
    config: CacheConfig,
    lines: Lines,
    prefetcher: Prefetcher,
    counts: CacheCounts,
}

/// A hierarchy of caches, the one nearest the program first.
#[derive(Debug, Clone)]
pub struct Hierarchy {
    levels: Vec<Level>,
}

impl Hierarchy {
    /// Empty caches.
    ///
    /// # Errors
    /// What is wrong with a description, with the name of the level.
    pub fn new(configs: &[CacheConfig], seed: u64) -> Result<Self, String> {
        if configs.len() > super::MAX_CACHE_LEVELS {
            return Err(format!(
                "{} levels are too many: at most {}",
                configs.len(),
                super::MAX_CACHE_LEVELS
            ));
        }
        let level = |(index, config): (usize, &CacheConfig)| {
            config.check().map_err(|error| format!("cache {}: {error}", config.name))?;
            Ok(Level {
                lines: Lines::new(config, seed.wrapping_add(index as u64)),
                prefetcher: Prefetcher::new(config.prefetch),
                config: config.clone(),
                counts: CacheCounts::default(),
            })
        };
        Ok(Self { levels: configs.iter().enumerate().map(level).collect::<Result<_, String>>()? })
    }

    /// Whether there is no cache at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.levels.is_empty()
    }

    /// Bytes of a line of the first level.
    #[must_use]
    pub fn first_line_bytes(&self) -> Option<u64> {
        self.levels.first().map(|level| level.config.line.0)
    }

    /// Misses to memory that can be under way, if anything limits them.
    #[must_use]
    pub fn miss_limit(&self) -> Option<u32> {
        self.levels.iter().map(|level| level.config.mshrs).filter(|&mshrs| mshrs > 0).min()
    }

    /// Time of a hit in the level of that index; beyond the last, of the way to memory.
    #[must_use]
    pub fn hit_picos(&self, level: usize) -> u64 {
        let latencies = self.levels.iter().map(|level| level.config.latency.0);
        latencies.take(level.saturating_add(1)).fold(0, u64::saturating_add)
    }

    /// Names and counts.
    pub fn levels(&self) -> impl Iterator<Item = (&CacheConfig, CacheCounts)> {
        self.levels.iter().map(|level| (&level.config, level.counts))
    }

    /// Lines present in a level.
    #[must_use]
    pub fn resident(&self, level: usize) -> u64 {
        self.levels.get(level).map_or(0, |level| level.lines.resident())
    }

    /// Looks bytes up, which lie in one line of the first level. What memory must do is added to `operations`; says
    /// how many levels missed.
    pub(in super::super) fn access(
        &mut self,
        address: u64,
        bytes: u64,
        write: bool,
        operations: &mut Vec<MemoryOperation>,
    ) -> usize {
        self.part(0, Part { address, bytes, write, reason: Reason::Demand }, operations)
    }

    fn part(&mut self, at: usize, part: Part, operations: &mut Vec<MemoryOperation>) -> usize {
        let Some(level) = self.levels.get(at) else {
            let Part { address, bytes, write, reason } = part;
            let reason = if write { Reason::Write } else { reason };
            operations.push(MemoryOperation { address, bytes, reason });
            return 0;
        };
        let line = level.config.line.0;
        let end = part.address.saturating_add(part.bytes);
        let mut from = part.address;
        let mut deepest = 0;
        while from < end {
            let until = (from / line + 1).saturating_mul(line).min(end);
            let piece = Part { address: from, bytes: until - from, ..part };
            deepest = deepest.max(self.piece(at, piece, operations));
            if until == u64::MAX {
                break;
            }
            from = until;
        }
        deepest
    }

    /// Bytes of one line of a level. Says how many levels missed, from this one on.
    fn piece(&mut self, at: usize, piece: Part, operations: &mut Vec<MemoryOperation>) -> usize {
        let Some(level) = self.levels.get_mut(at) else { return 0 };
        let (line, sector) = (level.config.line.0, level.config.sector_bytes());
        let number = piece.address / line;
        let offset = piece.address % line;
        let wanted = mask(offset / sector, (offset + piece.bytes - 1) / sector);
        let counted = piece.reason != Reason::Ahead;
        level.counts.accesses += u64::from(counted);
        let found = level.lines.find(number);
        let (missing, first_use) = match found {
            Some(place) => {
                level.lines.touch(place);
                let line = level.lines.get_mut(place);
                let first_use = counted && std::mem::take(&mut line.ahead);
                (wanted & !line.valid, first_use)
            }
            None => (wanted, false),
        };
        level.counts.useful_prefetches += u64::from(first_use);
        let missed = missing != 0;
        if counted {
            level.counts.hits += u64::from(!missed);
            level.counts.misses += u64::from(missed);
            level.counts.sector_misses += u64::from(missed && found.is_some());
        }
        let mut deepest = 0;
        if missed {
            deepest = 1 + self.bring(at, piece, found, missing, operations);
        }
        self.write(at, piece, wanted, operations);
        if piece.reason == Reason::Demand && !piece.write {
            self.prefetch(at, piece.address, missed || first_use, operations);
        }
        deepest
    }

    /// Makes a line present with its missing sectors. Says how many levels missed beyond this one.
    fn bring(
        &mut self,
        at: usize,
        piece: Part,
        found: Option<usize>,
        missing: u64,
        operations: &mut Vec<MemoryOperation>,
    ) -> usize {
        let Some(level) = self.levels.get_mut(at) else { return 0 };
        let allocate = !piece.write || level.config.write_allocate;
        let (line, sector) = (level.config.line.0, level.config.sector_bytes());
        let number = piece.address / line;
        if !allocate {
            return 0;
        }
        let place = match found {
            Some(place) => place,
            None => {
                let (place, evicted) = level.lines.insert(number);
                level.counts.fills += 1;
                if piece.reason == Reason::Ahead {
                    level.counts.prefetches += 1;
                    level.lines.get_mut(place).ahead = true;
                }
                if let Some(evicted) = evicted {
                    level.counts.evictions += 1;
                    level.counts.writebacks += u64::from(evicted.dirty != 0);
                    self.write_out(at, &evicted, operations);
                }
                place
            }
        };
        let Some(level) = self.levels.get_mut(at) else { return 0 };
        level.lines.get_mut(place).valid |= missing;
        // What is overwritten as a whole need not be read.
        let whole = piece.address.is_multiple_of(sector) && piece.bytes.is_multiple_of(sector);
        if piece.write && (!level.config.fetch_on_write || whole) {
            return 0;
        }
        let mut deepest = 0;
        for (first, count) in runs(missing) {
            let address = number * line + first * sector;
            let part = Part { address, bytes: count * sector, write: false, reason: piece.reason };
            deepest = deepest.max(self.part(at + 1, part, operations));
        }
        deepest
    }

    /// Notes a write, or passes it on.
    fn write(&mut self, at: usize, piece: Part, wanted: u64, operations: &mut Vec<MemoryOperation>) {
        let Some(level) = self.levels.get_mut(at) else { return };
        if !piece.write {
            return;
        }
        let present = level.lines.find(piece.address / level.config.line.0);
        match (present, level.config.write) {
            (Some(place), WritePolicy::Back) => {
                let line = level.lines.get_mut(place);
                (line.valid, line.dirty) = (line.valid | wanted, line.dirty | wanted);
            }
            _ => {
                self.part(at + 1, Part { reason: Reason::Write, ..piece }, operations);
            }
        }
    }

    fn write_out(&mut self, at: usize, evicted: &Line, operations: &mut Vec<MemoryOperation>) {
        let Some(level) = self.levels.get(at) else { return };
        let (line, sector) = (level.config.line.0, level.config.sector_bytes());
        for (first, count) in runs(evicted.dirty) {
            let address = evicted.number * line + first * sector;
            let part = Part { address, bytes: count * sector, write: true, reason: Reason::Write };
            self.part(at + 1, part, operations);
        }
    }

    fn prefetch(&mut self, at: usize, address: u64, missed: bool, operations: &mut Vec<MemoryOperation>) {
        let Some(level) = self.levels.get_mut(at) else { return };
        let line = level.config.line.0;
        let Some(ahead) = level.prefetcher.after(address, line, missed) else { return };
        if level.lines.find(ahead / line).is_none() {
            self.part(
                at,
                Part { address: ahead, bytes: line, write: false, reason: Reason::Ahead },
                operations,
            );
        }
    }
}

/// Bits `first` to `last`.
fn mask(first: u64, last: u64) -> u64 {
    let count = last - first + 1;
    let ones = if count >= 64 { u64::MAX } else { (1 << count) - 1 };
    ones << first
}

/// The runs of ones of a mask: first bit and length.
fn runs(mut mask: u64) -> impl Iterator<Item = (u64, u64)> {
    std::iter::from_fn(move || {
        (mask != 0).then(|| {
            let first = u64::from(mask.trailing_zeros());
            let count = u64::from((mask >> first).trailing_ones());
            mask = if first + count >= 64 { 0 } else { mask >> (first + count) << (first + count) };
            (first, count)
        })
    })
}
