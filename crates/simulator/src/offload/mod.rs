//! Training with a second memory: what passes keep in the host's memory, behind CXL or in storage crosses a link, ahead
//! of and behind the passes, and what of it they have to wait for.
//!
//! Optimizer state, activations and weights are all the same here: bytes that have to be there before a pass, and bytes
//! that leave after it. What a pass leaves may be what a later one fetches, as with activations.

mod run;

use memwall_hardware::{Duplex, Tier};
use memwall_units::{Bytes, Picos};
use thiserror::Error;

pub use run::offload;

/// One pass of a stage, in the order in which it does them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OffloadedPass {
    /// How long it computes.
    pub compute: Picos,
    /// Bytes that have to be fetched before it begins.
    pub fetch: u64,
    /// The pass that leaves what this one fetches, by its place in the list; it must have been stored. None where what
    /// is fetched has been there from the start.
    pub fetch_from: Option<usize>,
    /// Bytes that are stored after it has ended.
    pub store: u64,
}

/// The way between device memory and the other one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OffloadLink {
    /// Bytes per second towards the device.
    pub read: f64,
    /// Bytes per second away from it.
    pub write: f64,
    /// From the end of a copy to when its bytes can be used.
    pub latency: Picos,
    /// Whether both directions share the time of the link.
    pub half_duplex: bool,
}

/// How copies are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OffloadRules {
    /// Whether what is fetched is copied ahead of the passes, as far as the buffer has room.
    pub prefetch: bool,
    /// Bytes of device memory for what was fetched, and as many again for what is to be stored; 0 for twice what the
    /// largest pass fetches or stores, or once without prefetch.
    pub buffer: u64,
}

/// What passes waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OffloadRecord {
    /// From the start of the first pass to when the last is done and all is stored: `compute` and all waits.
    pub wall: Picos,
    /// Time in passes.
    pub compute: Picos,
    /// Time in which passes waited for what is fetched.
    pub waiting_for_fetch: Picos,
    /// Time in which passes waited for room to leave what they store.
    pub waiting_for_store: Picos,
    /// Time after the last pass until all is stored.
    pub tail: Picos,
    /// Bytes fetched.
    pub fetched: u64,
    /// Bytes stored.
    pub stored: u64,
    /// Bytes of device memory that buffers take, of both directions.
    pub buffers: u64,
}

/// Why nothing can be offloaded so.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum OffloadError {
    /// Nothing crosses the link.
    #[error("the link to the memory behind carries nothing: {read} bytes/s one way and {write} the other")]
    Link {
        /// Towards the device.
        read: f64,
        /// Away from it.
        write: f64,
    },
    /// One pass has no room.
    #[error("the buffer of {} is smaller than the {} that one pass fetches or stores", Bytes(*buffer), Bytes(*needed))]
    Buffer {
        /// Bytes there are.
        buffer: u64,
        /// Bytes needed.
        needed: u64,
    },
    /// A pass fetches what comes later.
    #[error("pass {pass} fetches what pass {from} leaves, which does not come before it")]
    Order {
        /// The pass.
        pass: usize,
        /// The one that it fetches from.
        from: usize,
    },
    /// The clock cannot hold it.
    #[error("the passes and copies would take longer than 213 days")]
    TooLong,
}

impl OffloadLink {
    /// The link to a tier behind device memory, at what it sustains.
    #[must_use]
    pub fn to(tier: &Tier) -> Self {
        let read = tier.bandwidth.value.0;
        let write = tier.write_bandwidth.as_ref().map_or(read, |figure| figure.value.0);
        let efficiency = tier.efficiency.value;
        Self {
            read: read * efficiency,
            write: write * efficiency,
            latency: tier.latency.value,
            half_duplex: tier.duplex == Duplex::Half,
        }
    }
}

impl OffloadRecord {
    /// Time that would not be there if nothing were offloaded.
    #[must_use]
    pub const fn exposed(&self) -> Picos {
        Picos(self.wall.0 - self.compute.0)
    }
}
