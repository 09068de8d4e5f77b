//! The best designs of many: all are screened with `bound`, and those that look best simulated with `flow`, round after
//! round, until what looks best has been simulated.

mod estimate;
mod front;
mod run;
mod screening;
mod search;
mod space;
mod space_of;

pub use front::{Front, Scored};
pub use run::{OptimizeError, optimize};
pub use screening::{FrontTooLong, MOST_ON_THE_FRONT, Screening, Verdict, screen_designs};
pub use space::{DesignSpace, FreeFigure};
