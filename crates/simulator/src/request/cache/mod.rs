//! Set-associative caches.

mod config;
mod hierarchy;
mod prefetch;
mod set;
#[cfg(test)]
mod tests;

pub use config::{CacheConfig, MAX_CACHE_LEVELS, Prefetch, Replacement, WritePolicy};
pub use hierarchy::{CacheCounts, Hierarchy};
pub(super) use hierarchy::{MemoryOperation, Reason};
