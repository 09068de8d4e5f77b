//! What lies in memory in a training step, whether it fits, and what `expect:` may say of it.

use serde::Serialize;

use crate::metric::MetricUnit;
use crate::number::ratio;
use crate::published::within;
use crate::{Checked, Expectation, SCHEMA_VERSION, UnknownMetric};

/// The document that a scenario of kind `memory` leaves.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MemoryDocument {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The version of memwall that wrote it.
    pub memwall_version: &'static str,
    /// `memory`: a run's document has no such field.
    pub kind: &'static str,
    /// The scenario's name.
    pub scenario: String,
    /// What the scenario shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The seed; nothing of a memory is random.
    pub seed: u64,
    /// The cases, in the order of the scenario.
    pub cases: Vec<MemoryReport>,
    /// Who published the figures beside ours.
    pub sources: Vec<String>,
}

/// What one rank holds in one case.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MemoryReport {
    /// The case's name.
    pub name: String,
    /// What the case shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What is trained.
    pub model: String,
    /// How, in words.
    pub training: String,
    /// Parameters of the model.
    pub parameters: u64,
    /// Ranks that each take a part of the batch.
    pub ranks: u64,
    /// Sequences or images that a rank works on at once.
    pub micro_batch: u64,
    /// What lies there, in the order of the table.
    pub items: Vec<MemoryItem>,
    /// Bytes of all of it.
    pub total: u64,
    /// The memory there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// The published total beside ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_published: Option<PublishedSize>,
    /// What a reader should know.
    pub notes: Vec<String>,
    /// Assertions and whether they hold.
    pub expectations: Vec<Checked>,
}

/// One thing that lies in memory.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MemoryItem {
    /// `weights`.
    pub name: &'static str,
    /// Its bytes.
    pub bytes: u64,
    /// As somebody published it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published: Option<PublishedSize>,
}

/// The memory there is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Limit {
    /// Whose; empty where only a number was given.
    pub name: String,
    /// Bytes.
    pub bytes: u64,
    /// Whether all of it fits.
    pub fits: bool,
    /// The smallest change that would make it fit, where it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// A published size, as it was printed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PublishedSize {
    /// The number, in `unit`.
    pub value: f64,
    /// Half a unit of its last printed digit.
    pub half_unit: f64,
    /// What should have been printed, where the print is known to be wrong; errors are then against this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corrected: Option<f64>,
    /// `GiB`.
    pub unit: String,
    /// Ours in that unit.
    pub ours: f64,
    /// `ours / published - 1`.
    pub error: Option<f64>,
    /// Whether the difference may be the print's rounding.
    pub within_rounding: bool,
}

impl PublishedSize {
    /// `bytes` beside a number in units of `scale` bytes, and half a unit of its last digit.
    #[must_use]
    pub fn new(
        bytes: u64,
        (value, half_unit): (f64, f64),
        corrected: Option<f64>,
        (unit, scale): (&str, f64),
    ) -> Self {
        let ours = bytes as f64 / scale;
        let target = corrected.unwrap_or(value);
        Self {
            value,
            half_unit,
            corrected,
            unit: unit.to_owned(),
            ours,
            error: ratio(ours - target, target),
            within_rounding: within(ours, target, half_unit),
        }
    }
}

/// Names of what may lie in memory, in the order of tables and pictures.
pub const MEMORY_ITEMS: [&str; 5] = ["weights", "gradients", "master_weights", "optimizer", "activations"];

const OTHERS: [(&str, MetricUnit); 5] = [
    ("of_limit", MetricUnit::Share),
    ("parameters", MetricUnit::Plain),
    ("bytes_per_parameter", MetricUnit::Plain),
    ("largest_model", MetricUnit::Plain),
    ("micro_batch", MetricUnit::Plain),
];

/// Whether `name` can name a figure of a memory: `weights.bytes`, `total.error`, `largest_model`.
///
/// # Errors
/// [`UnknownMetric`] with the names that would do.
pub fn check_memory_metric(name: &str) -> Result<(), UnknownMetric> {
    let known = match name.split_once('.') {
        Some((item, "bytes")) => MEMORY_ITEMS.contains(&item) || ["total", "limit"].contains(&item),
        Some((item, "error")) => MEMORY_ITEMS.contains(&item) || item == "total",
        _ => OTHERS.iter().any(|(known, _)| *known == name),
    };
    if known {
        return Ok(());
    }
    let hint = format!(
        "write `ITEM.bytes` or, with a published figure, `ITEM.error`, where ITEM is one of {}, total or limit; or one of {}",
        MEMORY_ITEMS.join(", "),
        OTHERS.map(|(name, _)| name).join(", ")
    );
    Err(UnknownMetric { name: name.chars().take(80).collect(), hint })
}

impl MemoryReport {
    /// Bytes of one thing; 0 where there is nothing of the kind.
    #[must_use]
    pub fn bytes_of(&self, name: &str) -> u64 {
        self.items.iter().find(|item| item.name == name).map_or(0, |item| item.bytes)
    }

    /// What is kept of each parameter, in bytes: all but the activations.
    #[must_use]
    pub fn bytes_per_parameter(&self) -> Option<f64> {
        let state = self.total - self.bytes_of("activations").min(self.total);
        ratio(state as f64, self.parameters as f64)
    }

    /// Parameters that would fit into the memory there is, without activations.
    #[must_use]
    pub fn largest_model(&self) -> Option<f64> {
        ratio(self.limit.as_ref()?.bytes as f64, self.bytes_per_parameter()?)
    }

    /// Holds `expected` against what was counted.
    #[must_use]
    pub fn checked(mut self, expected: &[Expectation]) -> Self {
        self.expectations = expected.iter().map(|one| one.held_against(self.metric(&one.metric))).collect();
        self
    }

    /// The figure called `name`: `weights.bytes`, `activations.error`, `largest_model`.
    ///
    /// # Errors
    /// [`UnknownMetric`] with the names that would do.
    pub fn metric(&self, name: &str) -> Result<(Option<f64>, MetricUnit), UnknownMetric> {
        check_memory_metric(name)?;
        let limit = self.limit.as_ref().map(|limit| limit.bytes as f64);
        Ok(match name.split_once('.') {
            Some(("total", "bytes")) => (Some(self.total as f64), MetricUnit::Bytes),
            Some(("limit", "bytes")) => (limit, MetricUnit::Bytes),
            Some((item, "bytes")) => (Some(self.bytes_of(item) as f64), MetricUnit::Bytes),
            Some((item, _)) => {
                let error = self.published(item).and_then(|published| published.error);
                (error.map(f64::abs), MetricUnit::Share)
            }
            None => match name {
                "of_limit" => (limit.and_then(|limit| ratio(self.total as f64, limit)), MetricUnit::Share),
                "parameters" => (Some(self.parameters as f64), MetricUnit::Plain),
                "bytes_per_parameter" => (self.bytes_per_parameter(), MetricUnit::Plain),
                "largest_model" => (self.largest_model(), MetricUnit::Plain),
                _ => (Some(self.micro_batch as f64), MetricUnit::Plain),
            },
        })
    }

    /// The published figure of an item or of the total.
    #[must_use]
    pub fn published(&self, name: &str) -> Option<&PublishedSize> {
        if name == "total" {
            return self.total_published.as_ref();
        }
        self.items.iter().find(|item| item.name == name)?.published.as_ref()
    }
}

impl MemoryDocument {
    /// The document of `cases`. `sources` says who published what is printed beside ours.
    #[must_use]
    pub fn new(
        scenario: &str,
        description: Option<&str>,
        seed: u64,
        cases: Vec<MemoryReport>,
        sources: Vec<String>,
    ) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            memwall_version: env!("CARGO_PKG_VERSION"),
            kind: "memory",
            scenario: scenario.to_owned(),
            description: description.map(str::to_owned),
            seed,
            cases,
            sources,
        }
    }

    /// The document as indented JSON, a newline at its end.
    ///
    /// # Errors
    /// When serde cannot write it, which no content of a document causes.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    /// One line a case as CSV (RFC 4180 with `\n` line ends), a header line first; bytes, and errors as shares.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let mut text = String::from(
            "name,model,parameters,ranks,micro_batch,weights,gradients,master_weights,optimizer,activations,total,\
             limit,fits,error_weights,error_optimizer,error_activations,error_total\n",
        );
        for case in &self.cases {
            let counts = [case.parameters, case.ranks, case.micro_batch].into_iter();
            let bytes = MEMORY_ITEMS.iter().map(|name| case.bytes_of(name)).chain([case.total]);
            let limit = case.limit.as_ref();
            let error = |name: &str| {
                let error = case.published(name).and_then(|published| published.error);
                error.map(|error| error.to_string()).unwrap_or_default()
            };
            let fields = [case.name.clone(), case.model.clone()]
                .into_iter()
                .chain(counts.chain(bytes).map(|number| number.to_string()))
                .chain([
                    limit.map(|limit| limit.bytes.to_string()).unwrap_or_default(),
                    limit.map(|limit| limit.fits.to_string()).unwrap_or_default(),
                ])
                .chain(["weights", "optimizer", "activations", "total"].map(error));
            crate::csv::write_line(&mut text, fields);
        }
        text
    }
}
