//! What can be wrong with a description of hardware or software.

use std::fmt;

/// One thing wrong with a device, software profile or system, at a place in its YAML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HardwareError {
    /// Keys from the root of the description: `["memory", "hbm", "bandwidth"]`.
    pub path: Vec<String>,
    /// What is wrong, for the person who wrote it.
    pub message: String,
    /// What to do about it, if that is known.
    pub hint: Option<String>,
}

impl HardwareError {
    /// An error at `path` without a hint.
    pub fn new(path: &[&str], message: impl Into<String>) -> Self {
        let path = path.iter().map(|&key| key.to_owned()).collect();
        Self { path, message: message.into(), hint: None }
    }

    /// The same error with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for HardwareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path.join("."))?;
        }
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for HardwareError {}

/// Why a name of the catalog could not be turned into a part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    /// No entry has this name or alias.
    #[error("no {what} is called `{name}`{}", did_you_mean(.nearest))]
    Unknown {
        /// "device", "software profile" or "system".
        what: &'static str,
        /// The name as asked for, shortened.
        name: String,
        /// The nearest names, best first.
        nearest: Vec<&'static str>,
    },
    /// No DRAM part has this name.
    #[error("no DRAM part is called `{name}`{}", did_you_mean(.nearest))]
    UnknownDram {
        /// The name as asked for, shortened.
        name: String,
        /// The nearest names, best first.
        nearest: Vec<String>,
    },
    /// An entry that does not read; the catalog's own tests exclude it.
    #[error("the catalog entry `{name}` is broken: {message}")]
    Broken {
        /// The entry.
        name: String,
        /// What is wrong with it.
        message: String,
    },
}

fn did_you_mean<S: fmt::Display>(nearest: &[S]) -> String {
    if nearest.is_empty() {
        return String::new();
    }
    let quoted: Vec<String> = nearest.iter().map(|name| format!("`{name}`")).collect();
    format!("; did you mean {}?", quoted.join(" or "))
}
