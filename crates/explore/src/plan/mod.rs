//! The best way to train: every way to divide a model and a batch over a cluster is screened at `bound` fidelity, the best
//! are simulated with `flow`, and of the others it is said why they lost.

mod config;
mod links;
mod order;
mod piece;
mod reasons;
mod run;
mod sample;
mod screen;
mod search;
mod simulate;
mod space;
mod stages;
mod table;
mod tally;
mod words;

use thiserror::Error;

pub use run::{run_plan, run_plans};
pub use screen::{Memory, Parts, Screen, Screened, ShapeScreen};
pub use search::{Progress, Searched, screen_plans};
pub use space::{PlanSpace, Shape};
pub use table::{CostError, CostTable};

use crate::run::RunError;

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum PlanError {
    /// No way to divide is allowed.
    #[error("{0}")]
    NothingDivides(String),
    /// More ways than can be looked at.
    #[error(
        "more than {most} plans: say under `plan:` which to try, such as `plan: {{ pipeline: [4, 8, 16] }}`"
    )]
    TooMany {
        /// The most.
        most: u64,
    },
    /// The pieces of the model cannot be costed.
    #[error(transparent)]
    Cost(#[from] CostError),
    /// The best could not be simulated.
    #[error(transparent)]
    Run(#[from] RunError),
}

impl PlanError {
    /// Whether a limit was hit, rather than something be wrong.
    #[must_use]
    pub fn is_limit(&self) -> bool {
        match self {
            Self::TooMany { .. } => true,
            Self::Run(error) => error.is_limit(),
            _ => false,
        }
    }
}
