//! How it runs: event engine, flow network, mapping of operators to tiles, the stall ledger. No I/O.

mod cause;
mod event_queue;
mod options;
mod quad_heap;
mod record;

pub use cause::Cause;
pub use event_queue::{EventKey, EventQueue};
pub use options::{Fidelity, Limits, Options};
pub use record::{
    EngineRecord, OperatorRecord, PhaseRecord, Record, Stall, TierRecord,
};
