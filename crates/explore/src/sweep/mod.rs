//! Sweeps: many points of one scenario, in parallel, handed out in order.
//!
//! A [`SweepPlan`] says which points there are and what each changes; [`run_sweep`] runs them. A Monte Carlo is a sweep
//! whose axes are distributions; [`Spreads`] sums it up.

mod draw;
mod plan;
mod run;
mod spreads;

pub use plan::{Shard, SweepPlan};
pub use run::run_sweep;
pub use spreads::Spreads;
