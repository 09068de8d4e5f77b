//! The document that a scenario of kind `replay` leaves.

use serde::Serialize;

use crate::{SCHEMA_VERSION, TraceReplayReport, View, paragraph};

/// All cases of one scenario.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReplayDocument {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The version of memwall that wrote it.
    pub memwall_version: &'static str,
    /// `replay`: a run's document has no such field.
    pub kind: &'static str,
    /// The scenario's name.
    pub scenario: String,
    /// What the scenario shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The seed every random choice came from.
    pub seed: u64,
    /// The cases, in the order of the scenario.
    pub cases: Vec<ReplayCaseReport>,
}

/// One case.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReplayCaseReport {
    /// The case's name.
    pub name: String,
    /// What the case shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What came of it.
    pub report: TraceReplayReport,
}

impl ReplayDocument {
    /// The document of `cases`, which ran with `seed`.
    #[must_use]
    pub fn new(scenario: &str, description: Option<&str>, seed: u64, cases: Vec<ReplayCaseReport>) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            memwall_version: env!("CARGO_PKG_VERSION"),
            kind: "replay",
            scenario: scenario.to_owned(),
            description: description.map(str::to_owned),
            seed,
            cases,
        }
    }

    /// The document as indented JSON, a newline at its end.
    ///
    /// # Errors
    /// When serde cannot write it, which no content of a document causes.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    /// One line a rank and case as CSV, a header line first.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let mut text = String::new();
        for case in &self.cases {
            let own = case.report.to_csv();
            let mut lines = own.lines();
            let header = lines.next().unwrap_or_default();
            if text.is_empty() {
                text += &format!("case,{header}\n");
            }
            let name = csv_field(&case.name);
            lines.for_each(|line| text += &format!("{name},{line}\n"));
        }
        text
    }

    /// The document as text for a terminal: every case in full.
    #[must_use]
    pub fn to_table(&self, view: View) -> String {
        let mut text = String::new();
        if let Some(description) = &self.description {
            text += &paragraph(description, view);
        }
        for case in &self.cases {
            if !text.is_empty() {
                text.push('\n');
            }
            if self.cases.len() > 1 {
                text += &format!("{}\n", crate::table::clean(&case.name));
            }
            text += &case.report.to_table(view);
        }
        text
    }
}

fn csv_field(text: &str) -> String {
    let mut line = String::new();
    crate::csv::write_line(&mut line, std::iter::once(text.to_owned()));
    line.trim_end_matches('\n').to_owned()
}
