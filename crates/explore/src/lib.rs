//! Many runs: the cases of a scenario, simulated side by side and reported together; measured kernels, predicted and
//! compared; figures fitted to them. Pure.

pub mod calibrate;
mod collective;
pub mod compare;
mod describe;
mod export;
mod microbenchmark;
mod replay;
mod run;
pub mod validate;
pub mod whatif;

pub use collective::{collective_expectations, run_collectives};
pub use export::chakra_traces;
pub use microbenchmark::{curve_expectations, run_microbenchmarks};
pub use replay::run_replays;
pub use run::{RunError, expectations, run_case, run_case_with, run_scenario, run_scenario_with};
