//! Scenarios of kind `replay`: recorded execution traces on a system.

mod build;
pub(crate) mod spec;

use std::sync::Arc;

use memwall_hardware::{CommunicationLibrary, Device, System};
use memwall_simulator::chakra::{CommunicatorGroups, ExecutionTrace};

pub(crate) use build::build;

/// One validated replay, ready to run.
#[derive(Debug, Clone)]
pub struct ReplayCase {
    /// What reports call it; no two cases of a scenario share one.
    pub name: String,
    /// What it shows, for people.
    pub description: Option<String>,
    /// What it runs on.
    pub system: Arc<System>,
    /// Each of its devices.
    pub device: Arc<Device>,
    /// What the communication library adds.
    pub library: Arc<CommunicationLibrary>,
    /// The files' traces, in order.
    pub traces: Vec<ExecutionTrace>,
    /// How many ranks run them.
    pub ranks: u32,
    /// Who communicates with whom.
    pub groups: CommunicatorGroups,
    /// The traces, for people.
    pub source: String,
    /// Seed of everything random; no replay has anything random yet.
    pub seed: u64,
}
