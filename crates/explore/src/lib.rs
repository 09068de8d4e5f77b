//! Many runs: the cases of a scenario, simulated side by side and reported together; measured kernels, predicted and
//! compared; figures fitted to them. Pure.

pub mod calibrate;
mod describe;
mod run;
pub mod validate;

pub use run::{RunError, expectations, run_case, run_scenario};
