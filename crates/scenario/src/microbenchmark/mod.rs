//! Scenarios of kind `microbenchmark`: one curve a case, measured points beside it.

mod build;
pub(crate) mod measured;
pub(crate) mod points;
pub(crate) mod spec;
mod table;

use std::sync::Arc;

use memwall_hardware::Device;
use memwall_simulator::Microbenchmark;

use crate::Expectation;
pub(crate) use build::build;
pub use spec::Over;
pub(crate) use table::{Table, Tables};

/// One validated microbenchmark, ready to run.
#[derive(Debug, Clone)]
pub struct MicrobenchmarkCase {
    /// What reports call it; no two cases of a scenario share one.
    pub name: String,
    /// What it shows, for people.
    pub description: Option<String>,
    /// What it runs on.
    pub device: Arc<Device>,
    /// What is measured.
    pub benchmark: Microbenchmark,
    /// The same in words: "latency", "bandwidth of triad", "bandwidth of reads".
    pub title: String,
    /// What the points count.
    pub over: Over,
    /// Where to measure, in ascending order: bytes, threads or a share.
    pub points: Vec<CurvePoint>,
    /// Who measured the values to compare with.
    pub source: Option<String>,
    /// What a reader should know when comparing.
    pub note: Option<String>,
    /// Seed of everything random; no microbenchmark has anything random yet.
    pub seed: u64,
    /// Assertions on the result.
    pub expect: Vec<Expectation>,
}

/// A point of a curve, with what was measured there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CurvePoint {
    /// Bytes, threads, or a share of all threads.
    pub at: f64,
    /// Seconds, or bytes a second.
    pub measured: Option<f64>,
}
