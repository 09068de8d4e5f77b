//! A figure of a datasheet, with where it comes from.

use serde::{Deserialize, Serialize};

/// How a figure is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Provenance {
    /// Published by the vendor.
    Datasheet,
    /// Measured; the source says by whom.
    Measured,
    /// Arithmetic over other figures; the source shows it.
    Derived,
    /// Fitted to measurements; the source says which rows and with what residual.
    Fitted,
    /// Published by nobody; the source gives the reasoning.
    Assumed,
    /// Written by the user in a scenario.
    Scenario,
}

/// A value and where it comes from. In YAML either `3.35 TB/s` or
/// `{ value: 3.35 TB/s, kind: datasheet, source: "..." }`.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure<T> {
    /// The figure.
    pub value: T,
    /// How it is known.
    pub kind: Provenance,
    /// Where it was published, or the reasoning.
    pub source: String,
}
