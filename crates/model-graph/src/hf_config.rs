//! Models as Hugging Face publishes them: `config.json`.
//!
//! Keys that do not bear on shapes (dropout, token ids, ...) are ignored, whatever they hold. Keys that do
//! are read strictly: a missing one, or one that holds something else than it should, is an error that names
//! it.

mod families;
mod fields;

use serde_json::Value;
use thiserror::Error;

use crate::{Architecture, ArchitectureError};

pub use families::SUPPORTED_MODEL_TYPES;

/// Bytes of the largest `config.json` that is read; published ones have a few thousand.
pub const MAX_CONFIG_BYTES: usize = 8 << 20;

/// What is wrong with a `config.json`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// It is larger than [`MAX_CONFIG_BYTES`].
    #[error("the file has {bytes} bytes; a config.json may have {MAX_CONFIG_BYTES}")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// It is not JSON (or is nested too deeply to be one of these).
    #[error("not JSON: {message}")]
    Syntax {
        /// Line, from 1; 0 when unknown.
        line: usize,
        /// Column, from 1; 0 when unknown.
        column: usize,
        /// What the parser says, place included.
        message: String,
    },
    /// It is JSON, but not an object.
    #[error("a config.json is an object with keys, not {found}")]
    NotAnObject {
        /// What it is: `a list`.
        found: &'static str,
    },
    /// Its `model_type` is one we cannot build.
    #[error(
        "the model type {found} is not supported; supported are {}; any other can be written as an inline model",
        SUPPORTED_MODEL_TYPES.join(", ")
    )]
    UnknownModelType {
        /// What it says, or `nothing`.
        found: String,
    },
    /// A key that shapes depend on is not there.
    #[error("the key `{field}` is missing; a {model_type} model needs it")]
    Missing {
        /// The key.
        field: &'static str,
        /// The `model_type`.
        model_type: String,
    },
    /// A key holds what it should not.
    #[error("`{field}`: expected {expected}, got {actual}")]
    Field {
        /// The key.
        field: &'static str,
        /// What would do.
        expected: String,
        /// What it holds, shortened.
        actual: String,
    },
    /// All keys are there, but the model they describe makes no sense.
    #[error("the model is not valid: {}", .0.first().map(ToString::to_string).unwrap_or_default())]
    Invalid(Vec<ArchitectureError>),
}

impl Architecture {
    /// Reads a `config.json`.
    ///
    /// Returns a valid architecture, with `kv_heads` and `head_dim` filled in.
    ///
    /// # Errors
    /// A [`ConfigError`]; no input makes it panic or take more than time and memory in proportion to its
    /// size.
    pub fn from_hf_config(json: &str) -> Result<Self, ConfigError> {
        if json.len() > MAX_CONFIG_BYTES {
            return Err(ConfigError::TooLarge { bytes: json.len() });
        }
        let value: Value = serde_json::from_str(json).map_err(|error| ConfigError::Syntax {
            line: error.line(),
            column: error.column(),
            message: error.to_string(),
        })?;
        let Value::Object(object) = value else {
            return Err(ConfigError::NotAnObject { found: fields::kind_of(&value) });
        };
        let architecture = families::read(&object)?;
        architecture.validate().map_err(ConfigError::Invalid)?;
        Ok(architecture)
    }
}
