//! The YAML a person writes, validated into a model, a machine and a workload.

mod diagnostic;
mod limits;
mod nearest;
mod node;
mod parse;
mod render;
mod scalar;
mod source;

pub use diagnostic::{Diagnostic, Diagnostics, Severity, Spot};
pub use limits::{MAX_CASES, MAX_DEPTH, MAX_DIAGNOSTICS, MAX_EXTENDS, MAX_NODES, MAX_TEXT_BYTES};
