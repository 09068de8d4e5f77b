//! Device memory over a training step: what it holds by name, when it holds most, and what to change if that is too much.

mod build;
mod change;
mod item;
mod liveness;
mod verdict;

pub use build::{PartMemory, StageMemory};
pub use change::{Divided, MemoryChange};
pub use item::{MemoryItem, MemoryPeak, MemoryTimeline, Moment};
pub use verdict::MemoryVerdict;
