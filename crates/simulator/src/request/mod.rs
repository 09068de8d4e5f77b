//! The `request` fidelity: DRAM command by command and caches line by line.
//!
//! It is far too slow to run a model with, and is not meant to: it derives what the faster fidelities need to know of
//! a memory, such as the share of its peak that streams sustain, and replays address traces.

mod bank_stream;
mod dram;
mod experiment;

pub use bank_stream::BankStream;
pub use dram::{
    Accepted, Channel, ChannelCounts, ChannelOptions, Distance, DramCommand, DramTiming, Issued, LowPower,
    PagePolicy, Place, RefreshPolicy, Served,
};
pub use experiment::{LoadPlan, StreamOutcome, StreamPlan, StreamTarget, loaded_latency, stream};
