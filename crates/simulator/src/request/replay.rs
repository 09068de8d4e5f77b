//! Replaying accesses on a memory: what is asked for, and what came of it.

use memwall_hardware::DramPart;
use memwall_units::{Bytes, BytesPerSec, Picos};
use serde::Serialize;
use thiserror::Error;

use super::access::Access;
use super::address_map::AddressOrder;
use super::cache::{CacheConfig, CacheCounts};
use super::dram::ChannelOptions;
use super::machine::Machine;

/// A memory, and how accesses reach it.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplaySetup {
    /// The kind of DRAM.
    pub part: DramPart,
    /// Channels of it.
    pub channels: u32,
    /// Their controllers.
    pub controller: ChannelOptions,
    /// How addresses are spread over them.
    pub order: AddressOrder,
    /// Caches in front, the one nearest the program first.
    pub caches: Vec<CacheConfig>,
    /// Time beside that in DRAM and caches for an access that goes to memory: the way there and back.
    pub path: Picos,
    /// The most accesses under way at once; 0 for as many as the queues take.
    pub outstanding: u32,
    /// Time from one access to the next, where the trace has no times; zero for as fast as they are taken.
    pub interval: Picos,
    /// When to give up.
    pub limits: ReplayLimits,
    /// Seed of random replacement.
    pub seed: u64,
}

/// Most channels of a memory: no machine has more.
pub const MAX_CHANNELS: u32 = 4096;

/// When to give up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplayLimits {
    /// Accesses.
    pub requests: u64,
    /// Simulated time.
    pub time: Picos,
}

impl Default for ReplayLimits {
    fn default() -> Self {
        Self { requests: 100_000_000, time: Picos(3600 * 1_000_000_000_000) }
    }
}

/// Why a replay stopped. `E` is what reading the accesses can end with.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ReplayError<E> {
    /// The accesses could not be read.
    #[error("{0}")]
    Source(E),
    /// The memory cannot be built.
    #[error("{0}")]
    Setup(String),
    /// There are more accesses than the limit.
    #[error("stopped after {0} accesses: that is the limit")]
    TooMany(u64),
    /// The accesses take longer than the limit.
    #[error("stopped at access {access}: it comes after the limit of {limit} simulated")]
    TooLong {
        /// Which access, from 1.
        access: u64,
        /// The limit.
        limit: Picos,
    },
    /// There is no access at all.
    #[error("there is no access to replay")]
    Empty,
}

/// What came of a replay.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReplayRecord {
    /// Accesses.
    pub requests: u64,
    /// Those that read.
    pub reads: u64,
    /// Those that wrote.
    pub writes: u64,
    /// Bytes asked for.
    pub bytes: Bytes,
    /// From the first access to the last data.
    pub time: Picos,
    /// Bytes asked for over the time.
    pub bandwidth: BytesPerSec,
    /// Time from a read's arrival to its data.
    pub read_latency: Latencies,
    /// What the caches did, the one nearest the program first.
    pub caches: Vec<CacheRecord>,
    /// What DRAM did.
    pub dram: DramRecord,
}

/// A distribution of latencies. Mean and largest are exact, percentiles at most 1 % too high.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Latencies {
    /// Mean.
    pub mean: Picos,
    /// Half of the reads were no slower.
    pub p50: Picos,
    /// Nine in ten.
    pub p90: Picos,
    /// Ninety-nine in a hundred.
    pub p99: Picos,
    /// The slowest.
    pub max: Picos,
}

/// What a cache did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CacheRecord {
    /// Its name.
    pub name: String,
    /// Accesses of the level before it.
    pub accesses: u64,
    /// Those that found all they wanted.
    pub hits: u64,
    /// Those that did not.
    pub misses: u64,
    /// Misses of which the line was there, but not the sectors.
    pub sector_misses: u64,
    /// `hits / accesses`, 0 when there was none.
    pub hit_rate: f64,
    /// Lines that came in.
    pub fills: u64,
    /// Lines that made room.
    pub evictions: u64,
    /// Evicted lines that were written back.
    pub writebacks: u64,
    /// Lines brought in ahead.
    pub prefetches: u64,
    /// Of those, the ones asked for afterwards.
    pub useful_prefetches: u64,
}

impl CacheRecord {
    pub(super) fn new(config: &CacheConfig, counts: CacheCounts) -> Self {
        let hit_rate = if counts.accesses == 0 { 0.0 } else { counts.hits as f64 / counts.accesses as f64 };
        Self {
            name: config.name.clone(),
            accesses: counts.accesses,
            hits: counts.hits,
            misses: counts.misses,
            sector_misses: counts.sector_misses,
            hit_rate,
            fills: counts.fills,
            evictions: counts.evictions,
            writebacks: counts.writebacks,
            prefetches: counts.prefetches,
            useful_prefetches: counts.useful_prefetches,
        }
    }
}

/// What DRAM did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DramRecord {
    /// The part.
    pub part: String,
    /// Its channels.
    pub channels: u32,
    /// Bandwidth of all pins.
    pub peak: BytesPerSec,
    /// Bytes it moved, in whole bursts.
    pub bytes: Bytes,
    /// Those over the time.
    pub bandwidth: BytesPerSec,
    /// As a fraction of the peak.
    pub fraction_of_peak: f64,
    /// Bursts read.
    pub reads: u64,
    /// Bursts written.
    pub writes: u64,
    /// Bursts that met a waiting write to the same place, and moved no data.
    pub merged: u64,
    /// Bursts that found their row open.
    pub row_hits: u64,
    /// Bursts that found their bank closed.
    pub row_misses: u64,
    /// Bursts that found another row open.
    pub row_conflicts: u64,
    /// Refresh commands.
    pub refreshes: u64,
    /// Bursts waiting in a channel's queues, on average over time and channels.
    pub queue_mean: f64,
    /// The most that waited in one channel.
    pub queue_max: u64,
}

/// Replays accesses until there are no more and all data has moved.
///
/// # Errors
/// [`ReplayError`].
pub fn replay<E>(
    setup: &ReplaySetup,
    accesses: impl IntoIterator<Item = Result<Access, E>>,
) -> Result<ReplayRecord, ReplayError<E>> {
    if setup.channels == 0 || setup.channels > MAX_CHANNELS {
        let message = format!("{} channels: from 1 to {MAX_CHANNELS} are possible", setup.channels);
        return Err(ReplayError::Setup(message));
    }
    Machine::new(setup).map_err(ReplayError::Setup)?.run(accesses.into_iter())
}
