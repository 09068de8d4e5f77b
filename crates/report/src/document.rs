//! The document that a run leaves: every case, and what they say together.

use memwall_simulator::Fidelity;
use serde::Serialize;

use crate::{Agreement, CaseReport, agreements};

/// The JSON document's version: raised when a field changes its meaning or goes away, not when one is added.
pub const SCHEMA_VERSION: u32 = 1;

/// All cases of one run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Document {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The version of memwall that wrote it.
    pub memwall_version: &'static str,
    /// The scenario's name.
    pub scenario: String,
    /// What the scenario shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The seed every random choice came from.
    pub seed: u64,
    /// The fidelity of the first case; each case carries its own.
    pub fidelity: Fidelity,
    /// The cases, in the order of the scenario.
    pub cases: Vec<CaseReport>,
    /// Agreement with published values, where the scenario names some.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub agreement: Vec<Agreement>,
    /// Where the published values come from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
}

impl Document {
    /// The document of `cases`, which ran with `seed`. `sources` names the publications compared with.
    #[must_use]
    pub fn new(
        scenario: &str,
        description: Option<&str>,
        seed: u64,
        cases: Vec<CaseReport>,
        sources: Vec<String>,
    ) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            memwall_version: env!("CARGO_PKG_VERSION"),
            scenario: scenario.to_owned(),
            description: description.map(str::to_owned),
            seed,
            fidelity: cases.first().map_or_else(Fidelity::default, |case| case.fidelity),
            agreement: agreements(&cases),
            cases,
            sources,
        }
    }

    /// Whether every expectation of every case came true.
    #[must_use]
    pub fn expectations_hold(&self) -> bool {
        self.cases.iter().flat_map(|case| &case.expectations).all(|checked| checked.passed)
    }

    /// The document as indented JSON, a newline at its end.
    ///
    /// # Errors
    /// When serde cannot write it, which no content of a document causes.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }
}
