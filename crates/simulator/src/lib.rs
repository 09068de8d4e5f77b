//! How it runs: event engine, flow network, mapping of operators to tiles, the stall ledger. No I/O.

mod cause;
mod options;
mod record;

pub use cause::Cause;
pub use options::{Fidelity, Limits, Options};
pub use record::{
    EngineRecord, OperatorRecord, PhaseRecord, Record, Stall, TierRecord,
};
