//! How it runs: event engine, flow network, mapping of operators to tiles, the stall ledger. No I/O.

mod bench;
mod book;
mod bound;
mod cause;
pub mod chakra;
mod chakra_export;
pub mod chakra_run;
mod chip;
mod collective;
mod demand;
mod energy;
mod error;
mod event_queue;
mod explain;
mod flow_network;
mod kernel;
mod least;
mod ledger;
mod lower;
mod memory;
pub mod memory_timeline;
mod microbenchmark;
pub mod offload;
mod options;
mod outcome;
pub mod pipeline;
mod plan;
mod quad_heap;
mod record;
pub mod request;
mod residency;
mod screen;
mod simulation;
mod team;
mod timeline;

pub use bench::{Bench, BenchRun, Warmth};
pub use cause::Cause;
pub use chakra_export::{ChakraExport, ExportError, ExportedRun};
pub use collective::{
    Algorithm, Call, CollectiveError, CollectiveOutcome, Communicator, ExplicitOutcome, LevelUse, Protocol,
};
pub use energy::{EnergyKind, EnergyPart, EnergyRecord};
pub use error::{LimitUnit, SimulationError};
pub use event_queue::{EventKey, EventQueue};
pub use explain::{ExplainedBound, ExplainedChoice, ExplainedOperand, ExplainedWaves, Explanation, explain};
pub use flow_network::{FlowDemand, FlowError, FlowId, FlowNetwork, FlowSpec, Held, LinkId, max_min_rates};
pub use least::least_times;
pub use memory::{StepMemory, step_memory};
pub use microbenchmark::{Measured, Microbenchmark, Reread, Stream, StreamAxis, log_points, measure};
pub use options::{Fidelity, Limits, Options, Placement};
pub use record::{
    CommunicationRecord, EngineRecord, LinkRecord, OperatorRecord, PhaseRecord, Record, StageRecord, Stall,
    TeamRecord, TierRecord, TrainingMemory, TrainingRecord,
};
pub use screen::{Screen, Screened};
pub use simulation::Simulation;
pub use team::train_memory::training_memory;
pub use team::{Team, TeamSetup};
pub use timeline::{Interval, Timeline, Track};
