//! How it runs: event engine, flow network, mapping of operators to tiles, the stall ledger. No I/O.

mod book;
mod bound;
mod cause;
mod event_queue;
mod options;
mod quad_heap;
mod chip;
mod demand;
mod error;
mod flow_network;
mod kernel;
mod ledger;
mod lower;
mod memory;
mod outcome;
mod plan;
mod residency;
mod simulation;
mod record;

pub use cause::Cause;
pub use event_queue::{EventKey, EventQueue};
pub use error::SimulationError;
pub use flow_network::{FlowDemand, FlowError, FlowId, FlowNetwork, FlowSpec, Held, LinkId, max_min_rates};
pub use memory::{StepMemory, step_memory};
pub use options::{Fidelity, Limits, Options};
pub use record::{
    EngineRecord, OperatorRecord, PhaseRecord, Record, Stall, TierRecord,
};
pub use simulation::Simulation;
