//! The best designs of many: screened with `bound`, the best of them simulated with `flow`.

mod front;
mod screening;
mod space;

pub use front::{Front, Scored};
pub use screening::{FrontTooLong, MOST_ON_THE_FRONT, Screening, Verdict, screen_designs};
pub use space::{DesignSpace, FreeFigure};
