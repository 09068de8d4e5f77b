//! The `request` fidelity: DRAM command by command and caches line by line.
//!
//! It is far too slow to run a model with, and is not meant to: it derives what the faster fidelities need to know of
//! a memory, such as the share of its peak that streams sustain, and replays address traces.

mod access;
mod address_map;
mod bank_stream;
mod cache;
mod derive;
mod dram;
mod experiment;
mod histogram;
mod machine;
mod pattern;
mod replay;
mod trace;
mod zipf;

pub use access::{Access, MAX_ACCESS_BYTES, When};
pub use address_map::{AddressMap, AddressOrder};
pub use bank_stream::BankStream;
pub use cache::{CacheConfig, CacheCounts, Hierarchy, MAX_CACHE_LEVELS, Prefetch, Replacement, WritePolicy};
pub use derive::{DerivedEfficiency, derive_efficiency, deriving_controller};
pub use dram::{
    Accepted, Channel, ChannelCounts, ChannelOptions, Distance, DramCommand, DramTiming, Issued, LowPower,
    PagePolicy, Place, RefreshPolicy, Served,
};
pub use experiment::{LoadPlan, StreamOutcome, StreamPlan, StreamTarget, loaded_latency, stream};
pub use pattern::{Pattern, PatternPlan, Walk};
pub use replay::{
    CacheRecord, DramRecord, Latencies, MAX_CHANNELS, ReplayError, ReplayLimits, ReplayRecord, ReplaySetup,
    replay,
};
pub use trace::{Fault, KINDS, MAX_LINE_BYTES, TraceKind, TraceReader, kind_by_name};
