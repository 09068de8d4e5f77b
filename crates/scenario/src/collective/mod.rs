//! Scenarios of kind `collective`: one collective over sizes a case, measured times beside it.

mod build;
pub(crate) mod spec;

use std::sync::Arc;

use memwall_hardware::{CommunicationLibrary, System};
use memwall_simulator::Call;

use crate::Expectation;
pub(crate) use build::build;
pub use spec::CollectiveForm;

/// One validated collective, ready to run.
#[derive(Debug, Clone)]
pub struct CollectiveCase {
    /// What reports call it; no two cases of a scenario share one.
    pub name: String,
    /// What it shows, for people.
    pub description: Option<String>,
    /// What it runs on.
    pub system: Arc<System>,
    /// What the library adds.
    pub library: Arc<CommunicationLibrary>,
    /// What is run; `bytes` is that of each point instead.
    pub call: Call,
    /// How closely.
    pub form: CollectiveForm,
    /// The sizes, in ascending order.
    pub points: Vec<SizePoint>,
    /// Who measured the times to compare with.
    pub source: Option<String>,
    /// What a reader should know when comparing.
    pub note: Option<String>,
    /// Seed of everything random; no collective has anything random yet.
    pub seed: u64,
    /// Assertions on the result.
    pub expect: Vec<Expectation>,
}

/// A size, with what was measured there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SizePoint {
    /// Bytes of the buffer.
    pub bytes: u64,
    /// Seconds.
    pub measured: Option<f64>,
}
