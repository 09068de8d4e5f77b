//! The YAML a person writes, validated into a model, a machine and a workload.

mod build_case;
mod capacity;
mod case;
mod cases;
mod collective;
mod config;
mod diagnostic;
mod expect;
mod first_step;
mod formats;
mod graph;
mod limits;
mod loader;
mod memory;
mod microbenchmark;
mod nearest;
mod node;
mod optimize;
mod overlay;
mod parse;
mod placement;
mod plan;
mod recompute;
mod reference;
mod render;
mod replay;
mod resolve;
mod resolved;
mod scalar;
mod scenario;
mod schema;
mod set;
mod source;
mod sparsity;
mod spec;
mod sweep;
mod team;
mod training;
mod trend;
mod typed;
mod workload;

pub use case::{Case, Footprint, StepGraph, Subject, Team};
pub use collective::{CollectiveCase, CollectiveForm, SizePoint};
pub use diagnostic::{Diagnostic, Diagnostics, Severity, Spot};
pub use expect::{Amount, Check, ExpectSpec, Expectation};
pub use limits::{
    MAX_CASES, MAX_DEPTH, MAX_DIAGNOSTICS, MAX_EXTENDS, MAX_NODES, MAX_POINTS, MAX_ROWS, MAX_SCENARIO_POINTS,
    MAX_TEXT_BYTES,
};
pub use loader::{Loaded, Loader, NoFiles};
pub use memory::{MemoryCase, MemoryLimit, MemoryReference, MemorySubject, PublishedBytes};
pub use microbenchmark::{CurvePoint, MicrobenchmarkCase, Over};
pub use optimize::{Objective, Optimize};
pub use plan::{PlanCase, PlanChoices, PlanObjective, PublishedPlan, TrainingChoice};
pub use recompute::{Budget, Claim, RecomputeCase};
pub use reference::{Published, Reference};
pub use replay::ReplayCase;
pub use resolved::{Resolved, ResolvedLine};
pub use scenario::Scenario;
pub use schema::schema;
pub use spec::{Fusion, KindSpec, PrecisionSpec, WorkloadSpec};
pub use sweep::{Axis, AxisValue, MAX_AXES, MAX_SWEEP_POINTS, Points, Sample, SampleMethod, Shown, Sweep};
pub use training::{TrainingPlan, training_settings};
pub use trend::{Date, DatedPoint, PublishedGrowth, TrendCase, TrendRatio, TrendSeries};
