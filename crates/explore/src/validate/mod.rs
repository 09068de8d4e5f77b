//! Comparing the simulator with measured kernels.

mod collective;
mod experts;
mod fit_roofline;
mod formats;
mod inference;
mod kernels;
mod overlay;
mod predict;
mod read;
mod read_training;
mod roofline;
mod row;
mod run;
mod split;
mod training;

pub use overlay::Overlay;
pub use predict::{Parts, Prediction, Predictor, Refusal, catalog_parts};
pub use read::{MAX_ROWS, Problem, Reading, read_rows};
pub use row::{Copies, Distribution, Metric, Phase, Place, Row, Shape};
pub(crate) use run::remarks;
pub use run::{validate, validate_on};
pub use split::held_out;
