//! Fitting the figures of a device and a software profile to measured kernels.
//!
//! A fit sees only rows that are not [held out](crate::validate::held_out), changes only figures that those rows say
//! something about, and gives each an interval. The result is the same for any number of threads.

mod error;
mod figures;
mod fit;
mod identify;
mod known;
mod linear;
mod model;
mod parameters;
mod rows;
mod run;
mod write;

pub use error::CalibrateError;
pub(crate) use identify::student;
pub use run::{Progress, ROWS_A_PARAMETER, Request, calibrate};
