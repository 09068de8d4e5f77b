//! Many runs: the cases of a scenario, simulated side by side and reported together. Pure.

mod describe;
mod run;

pub use run::{RunError, expectations, run_case, run_scenario};
