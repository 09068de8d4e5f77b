//! How long a node of a rank's own takes, and on which of its streams.

use memwall_hardware::Device;
use memwall_units::Picos;

use crate::chakra::{TraceNode, TraceWork};

/// Formats whose matrix peak a roofline takes, the first that the device has: traces do not say theirs.
const FORMATS: [&str; 4] = ["bf16", "fp16", "fp32", "int8"];

/// Things of a rank that go on beside each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stream {
    Compute,
    Host,
    Memory,
    Communication,
}

impl Stream {
    pub const COUNT: usize = 4;
}

/// The device's datasheet, as far as rooflines need it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Roofs {
    peak: Option<f64>,
    bandwidth: Option<f64>,
}

/// What a node of the rank's own takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Alone {
    Takes(Stream, Picos),
    /// Nothing says how long.
    Unknown(Stream),
    /// The device lacks what it needs.
    Lacks(&'static str),
    /// It is a communication, or nothing at all.
    Other,
}

impl Roofs {
    pub fn new(device: &Device) -> Self {
        let positive = |rate: f64| (rate > 0.0).then_some(rate);
        Self {
            peak: FORMATS
                .iter()
                .find_map(|format| device.matmul_peak(format))
                .and_then(|peak| positive(peak.rate.0)),
            bandwidth: device.memory().and_then(|memory| positive(memory.bandwidth.value.0)),
        }
    }

    pub fn alone(&self, node: &TraceNode) -> Alone {
        let (stream, flops, bytes) = match node.work {
            TraceWork::Compute { on_host: true, .. } => (Stream::Host, 0, 0),
            TraceWork::Compute { flops, bytes, .. } => (Stream::Compute, flops, bytes),
            TraceWork::MemoryLoad { bytes } | TraceWork::MemoryStore { bytes } => (Stream::Memory, 0, bytes),
            _ => return Alone::Other,
        };
        if let Some(duration) = node.duration {
            return Alone::Takes(stream, duration);
        }
        if flops == 0 && bytes == 0 {
            return Alone::Unknown(stream);
        }
        let takes = |amount: u64, rate: Option<f64>| match (amount, rate) {
            (0, _) => Some(0.0),
            (amount, rate) => rate.map(|rate| amount as f64 / rate),
        };
        match (takes(flops, self.peak), takes(bytes, self.bandwidth)) {
            (None, _) => Alone::Lacks("has no peak in a format of matrices"),
            (_, None) => Alone::Lacks("has no memory of its own"),
            (Some(computing), Some(moving)) => {
                Alone::Takes(stream, Picos::from_secs_f64_ceil(computing.max(moving)))
            }
        }
    }
}
