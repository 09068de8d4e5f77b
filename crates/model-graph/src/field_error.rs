//! What is wrong with a value someone wrote, and where.

use thiserror::Error;

/// One wrong value: which field, what it should be, what it is.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}: expected {expected}, got {actual}", path.join("."))]
pub struct FieldError {
    /// Path of the field within the block it was written in: `["moe", "top_k"]`.
    pub path: Vec<String>,
    /// What would do: `a divisor of heads (32)`.
    pub expected: String,
    /// What stands there: `5`.
    pub actual: String,
}

/// What is wrong with an [`crate::Architecture`].
pub type ArchitectureError = FieldError;

/// What is wrong with a [`crate::Workload`].
pub type WorkloadError = FieldError;

/// Collects errors while a block is checked.
#[derive(Debug, Default)]
pub(crate) struct Checker {
    errors: Vec<FieldError>,
}

impl Checker {
    /// Demands `low <= value <= high` of the field at `path` (dot-separated).
    pub(crate) fn within(&mut self, path: &str, value: u64, low: u64, high: u64) {
        if !(low..=high).contains(&value) {
            self.push(path, format!("an integer from {low} to {high}"), value.to_string());
        }
    }

    /// Demands `holds` of the field at `path`.
    pub(crate) fn demand(
        &mut self,
        holds: bool,
        path: &str,
        expected: impl Into<String>,
        actual: impl ToString,
    ) {
        if !holds {
            self.push(path, expected.into(), actual.to_string());
        }
    }

    /// All that was wrong.
    pub(crate) fn finish(self) -> Result<(), Vec<FieldError>> {
        if self.errors.is_empty() { Ok(()) } else { Err(self.errors) }
    }

    fn push(&mut self, path: &str, expected: String, actual: String) {
        let path = path.split('.').map(str::to_owned).collect();
        self.errors.push(FieldError { path, expected, actual });
    }
}
