//! Pipeline parallelism in training: in what order each stage does its passes, and how long it all takes.
//!
//! [`PipelineOrder::of`] has the rules: who does what after what. [`run`] gives the passes their times, lets each
//! stage wait for what it needs, and says where the time goes.

mod dualpipe;
mod error;
mod interleaved;
mod order;
mod placement;
mod plain;
mod program;
mod record;
mod run;
mod stuck;
mod zero_bubble;
mod zero_bubble_v;

pub use error::{PipelineError, ScheduleError};
pub use order::{MAX_PASSES, Pass, PassKind, PipelineOrder};
pub use placement::Placement;
pub use record::{PassInterval, PipelineRecord, PipelineStage, PipelineWaits};
pub use run::{Detail, PartWork, PipelineWork, run};
