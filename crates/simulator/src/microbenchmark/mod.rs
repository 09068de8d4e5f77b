//! Microbenchmarks: what a pointer chase, a stream of so many threads and a buffer read again and again would measure
//! on a device.
//!
//! They answer from the same causes as a run: links with a bandwidth, flows that share them, bytes in flight over
//! loaded latency, caches that overflow set by set. No operator is mapped and nothing is timed event by event: what is
//! measured is a steady state, so the flow network is solved for it.

mod chase;
mod hierarchy;
mod loaded;
mod miss;
mod reread;
mod stream;

#[cfg(test)]
mod tests;

use memwall_hardware::Device;

use crate::flow_network::FlowError;
use crate::{Cause, SimulationError};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Microbenchmark {
    /// Time of one load that depends on the one before, over footprints in bytes: one thread walks a random cycle
    /// through all lines of a buffer.
    Chase,
    /// Bandwidth of device memory while arrays far larger than any cache stream through the cores.
    Stream(Stream),
    /// Bandwidth of reads while all cores go through one buffer again and again, over its footprint in bytes.
    Reread(Reread),
}

/// A streaming kernel: each thread of a block reads and writes one element of each array and ends; the next block
/// takes its place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stream {
    /// Arrays read.
    pub reads: u32,
    /// Arrays written.
    pub writes: u32,
    /// Bytes of one element.
    pub element: u64,
    /// What the points count.
    pub over: StreamAxis,
}

/// What the points of a stream count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamAxis {
    /// Threads on the whole device, spread evenly over its cores.
    Threads,
    /// Threads as a share, 0 to 1, of those the device can hold.
    Occupancy,
    /// Bytes of reads in flight on the whole device, by cores that never pause.
    InFlight,
}

/// Reading a buffer again and again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reread {
    /// Bytes of the buffer that one block of threads reads, blocks taking pieces in turn; `None` when each reads all.
    pub piece: Option<u64>,
    /// Bytes of one load of one thread.
    pub element: u64,
    /// Loads a thread has in flight.
    pub loads: u32,
}

/// One point of a curve.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Where: bytes, threads or a share, as the benchmark counts.
    pub at: f64,
    /// Seconds a load takes, or bytes a second.
    pub value: f64,
    /// What holds it there: [`Cause::Latency`] or [`Cause::Bandwidth`].
    pub cause: Cause,
    /// The tier, or `turnaround` where threads spend longer on coming and going than on waiting for data.
    pub place: String,
    /// Share of the loads that each place serves, innermost first, those that serve none left out.
    pub served: Vec<(String, f64)>,
}

/// Measures `benchmark` on `device` at each of `points` (finite and above zero; others are taken as the smallest
/// amount there is: a byte, a thread).
///
/// # Errors
/// [`SimulationError::Machine`] when the device lacks a figure that the benchmark needs.
pub fn measure(
    device: &Device,
    benchmark: &Microbenchmark,
    points: &[f64],
) -> Result<Vec<Measured>, SimulationError> {
    let broken = |error: FlowError| SimulationError::Machine {
        device: device.name.clone(),
        reason: format!("its figures make no link: {error}"),
    };
    match benchmark {
        Microbenchmark::Chase => Ok(chase::measure(device, points)),
        Microbenchmark::Stream(kernel) => stream::measure(device, kernel, points),
        Microbenchmark::Reread(kernel) => reread::measure(device, kernel, points).map_err(broken),
    }
}

/// `count` points from `from` to `to`, each the same factor above the one before, whole numbers; both ends are points.
#[must_use]
pub fn log_points(from: f64, to: f64, count: usize) -> Vec<f64> {
    if count < 2 {
        return vec![from];
    }
    let (low, high) = (libm::log(from.max(f64::MIN_POSITIVE)), libm::log(to.max(f64::MIN_POSITIVE)));
    let last = count - 1;
    let mut points: Vec<f64> = (0..count)
        .map(|index| match index {
            0 => from,
            index if index == last => to,
            index => libm::exp(low + (high - low) * index as f64 / last as f64).round(),
        })
        .collect();
    points.dedup();
    points
}

/// `point`, or the smallest amount there is.
fn at_least(point: f64, smallest: f64) -> f64 {
    if point.is_finite() && point > smallest { point } else { smallest }
}
