//! What came out, as data: a record becomes a [`CaseReport`], cases a [`Document`], and a document JSON, CSV or a
//! table for a terminal. Arithmetic and text only; nothing here simulates, prints or reads.

mod agreement;
mod build;
mod calibration;
mod case;
pub mod chart;
mod collective;
mod compare;
mod csv;
mod curve;
mod document;
mod energy;
mod escape;
mod expect;
pub mod html;
mod memory;
mod metric;
mod number;
mod optimize;
mod plan;
mod published;
mod recompute;
mod replay;
mod replay_document;
pub mod svg;
mod sweep;
mod table;
mod team;
mod timeline;
mod trace_replay;
mod training;
mod trend;
mod validation;
mod wall;
mod whatif;

pub use agreement::{Agreement, Errors, Inversion, agreements, kendall_tau};
pub use calibration::{Calibration, CalibrationErrors, FittedParameter, Outcome, ParameterTexts};
pub use case::{
    CaseReport, ClassReport, Context, DeviceReport, EngineReport, OperatorReport, PhaseReport, StallReport,
    TierReport,
};
pub use collective::{
    CollectiveDocument, CollectivePoint, CollectiveReport, LevelPoint, check_collective_metric,
};
pub use compare::{CompareDocument, FigureChange, InputChange, PairReport};
pub use curve::{
    CurveAxis, CurveDocument, CurvePointReport, CurveReport, CurveUnit, Served, check_curve_metric,
};
pub use document::{Document, SCHEMA_VERSION};
pub use energy::{EnergyPartReport, EnergyReport, SiliconReport};
pub use expect::{Checked, Expectation, Wanted};
pub use memory::{
    Limit, MEMORY_ITEMS, MemoryDocument, MemoryItem, MemoryReport, PublishedSize, check_memory_metric,
};
pub use metric::{MetricUnit, UnknownMetric, check_metric_name, metric, metric_names, metric_text};
pub use optimize::{DesignReport, FreeAxis, LimitReport, OptimizeDocument};
pub use plan::{
    LoserReport, PlanConfig, PlanDocument, PlanParts, PlanReport, PlanRow, PublishedRow, SimulatedPlan,
};
pub use published::{Comparison, Published, Quantity, Reference, compare};
pub use recompute::{
    ClaimPoint, ClaimReport, RecomputeDocument, RecomputeOutcome, RecomputePoint, RecomputeReport,
    check_recompute_metric,
};
pub use replay::{DramReport, LatencyReport, ReplayReport};
pub use replay_document::{ReplayCaseReport, ReplayDocument};
pub use sweep::{
    Cell, Influence, MonteCarloReport, SpreadReport, SweepColumn, SweepColumns, SweepRow, SweepSummary,
    metric_columns,
};
pub use table::{View, explanation_text, figure_list, figure_table, name_list, paragraph, silicon_text};
pub use team::{CommunicationReport, DimensionReport, LinkReport, StageReport, TeamReport};
pub use timeline::perfetto_trace;
pub use trace_replay::{RankReport, TraceReplayReport, TrafficReport};
pub use training::{
    TrainingGoal, TrainingMemoryItem, TrainingMemoryReport, TrainingPictures, TrainingReport,
};
pub use trend::{Crossing, Growth, GrowthReport, Period, RatioReport, TrendDocument, TrendReport};
pub use validation::{
    ErrorStatistics, RowResult, Validation, ValidationGroup, ValidationKey, quantile, statistics,
};
pub use wall::{cause_text, wall_sentence};
pub use whatif::{ParameterReport, WallMove, WhatIfDocument, WhatIfReport};
