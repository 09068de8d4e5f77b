//! What the faster fidelities need to know of a DRAM part: the shares of its peak that streams sustain.

use memwall_hardware::DramPart;

use super::dram::ChannelOptions;
use super::experiment::{StreamPlan, StreamTarget, stream};

/// Requests of each experiment: many refreshes long.
const REQUESTS: u64 = 100_000;
/// Ticks before measuring starts.
const WARM_UP: u64 = 5_000;
/// Bytes of a random access.
const RANDOM_BYTES: u32 = 64;

/// Shares of the peak bandwidth of a part.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DerivedEfficiency {
    /// Of a stream of reads.
    pub read: f64,
    /// Of a stream of which half of the bytes are writes.
    pub mixed: f64,
    /// Of reads of 64 bytes anywhere.
    pub random: f64,
}

/// The controller efficiencies are derived with. Its write queue is far deeper than a controller's own: in front of it a
/// last-level cache holds written lines back, so that the bus turns around once for hundreds of them.
#[must_use]
pub fn deriving_controller() -> ChannelOptions {
    ChannelOptions { read_queue: 256, write_queue: 512, ..ChannelOptions::default() }
}

/// Runs the streams on one channel: channels do not know of each other. The same on every machine.
#[must_use]
pub fn derive_efficiency(part: &DramPart) -> DerivedEfficiency {
    let options = deriving_controller();
    let run = |read_percent, target| {
        let plan = StreamPlan { requests: REQUESTS, read_percent, target, warm_up: WARM_UP, seed: 1 };
        stream(part, options, &plan).fraction_of_peak
    };
    let bursts = (RANDOM_BYTES / part.burst_bytes().max(1)).max(1);
    DerivedEfficiency {
        read: run(100, StreamTarget::Rows(0)),
        mixed: run(50, StreamTarget::Rows(0)),
        random: run(100, StreamTarget::Random(bursts)),
    }
}
