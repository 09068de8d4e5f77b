//! Many runs: the cases of a scenario, simulated side by side and reported together; the points of a sweep; measured kernels, predicted and
//! compared; figures fitted to them. Pure.

pub mod calibrate;
mod collective;
pub mod compare;
mod describe;
mod export;
mod memory;
mod microbenchmark;
pub mod optimize;
mod pictures;
pub mod plan;
mod recompute;
mod replay;
mod run;
mod sweep;
mod training_memory;
mod trend;
pub mod validate;
pub mod whatif;

pub use collective::{collective_expectations, run_collectives};
pub use export::chakra_traces;
pub use memory::{memory_report, run_memories};
pub use microbenchmark::{curve_expectations, run_microbenchmarks};
pub use pictures::{replay_pictures, run_pictures, trend_pictures};
pub use recompute::{recompute_expectations, recompute_points, run_recomputes};
pub use replay::{run_replays, run_replays_with};
pub use run::{RunError, expectations, run_case, run_case_with, run_scenario, run_scenario_with};
pub use sweep::{Shard, Spreads, SweepPlan, run_sweep};
pub use trend::{run_trends, trend_report};
