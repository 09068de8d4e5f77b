//! Why nothing was fitted.

use thiserror::Error;

/// Why nothing was fitted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CalibrateError {
    /// The device or the profile is not in the catalog, or does not read.
    #[error("{0}")]
    Part(String),
    /// A parameter was asked for that the parts do not have.
    #[error("`{path}` is no figure of {device} or {software} that can be fitted{}", did_you_mean(.nearest))]
    UnknownParameter {
        /// As asked for.
        path: String,
        /// Catalog name.
        device: String,
        /// Catalog name.
        software: String,
        /// Paths that look alike.
        nearest: Vec<String>,
    },
    /// No row is left.
    #[error("no row can be fitted to: {reason}")]
    NoRows {
        /// What the rows are instead.
        reason: String,
    },
    /// The rows are of several profiles and none was chosen.
    #[error("the rows are of several software profiles: {}; choose one with --software", .found.join(", "))]
    SeveralProfiles {
        /// Each with its number of rows.
        found: Vec<String>,
    },
    /// Fewer rows than one parameter needs.
    #[error(
        "{rows} rows to fit to are too few: a parameter needs {needed} (another {held_out} rows are held out to judge by)"
    )]
    TooFewRows {
        /// Rows there are.
        rows: usize,
        /// Rows a parameter needs.
        needed: usize,
        /// Rows held out.
        held_out: usize,
    },
    /// More parameters were asked for than the rows carry.
    #[error(
        "{asked} parameters are too many for {rows} rows to fit to: at {needed} rows a parameter, {most} can be fitted \
         (another {held_out} rows are held out to judge by)"
    )]
    TooManyParameters {
        /// Parameters asked for.
        asked: usize,
        /// How many there may be.
        most: usize,
        /// Rows there are.
        rows: usize,
        /// Rows a parameter needs.
        needed: usize,
        /// Rows held out.
        held_out: usize,
    },
}

fn did_you_mean(nearest: &[String]) -> String {
    if nearest.is_empty() {
        return String::new();
    }
    let quoted: Vec<String> = nearest.iter().map(|path| format!("`{path}`")).collect();
    format!("; did you mean {}?", quoted.join(" or "))
}
