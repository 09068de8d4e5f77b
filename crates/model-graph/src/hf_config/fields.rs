//! Reading single keys strictly.

use serde_json::{Map, Value};

use super::ConfigError;
use crate::FfnActivation;

/// The keys of one `config.json`.
pub(super) struct Fields<'a> {
    pub(super) object: &'a Map<String, Value>,
    pub(super) model_type: &'a str,
}

impl Fields<'_> {
    /// A size that must be there.
    pub(super) fn size(&self, field: &'static str) -> Result<u64, ConfigError> {
        match self.size_if_any(field)? {
            Some(size) => Ok(size),
            None => Err(ConfigError::Missing { field, model_type: self.model_type.to_owned() }),
        }
    }

    /// A size, or `default` where the key is absent or null.
    pub(super) fn size_or(&self, field: &'static str, default: u64) -> Result<u64, ConfigError> {
        Ok(self.size_if_any(field)?.unwrap_or(default))
    }

    /// A size, or none where the key is absent or null.
    pub(super) fn size_if_any(&self, field: &'static str) -> Result<Option<u64>, ConfigError> {
        match self.object.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match value.as_u64() {
                Some(size) => Ok(Some(size)),
                None => Err(wrong(field, "an integer that is not negative", value)),
            },
        }
    }

    /// A switch, or `default` where the key is absent or null.
    pub(super) fn flag(&self, field: &'static str, default: bool) -> Result<bool, ConfigError> {
        match self.object.get(field) {
            None | Some(Value::Null) => Ok(default),
            Some(value) => value.as_bool().ok_or_else(|| wrong(field, "true or false", value)),
        }
    }

    /// A word, or `default` where the key is absent or null.
    pub(super) fn word(&self, field: &'static str, default: &'static str) -> Result<&str, ConfigError> {
        match self.object.get(field) {
            None | Some(Value::Null) => Ok(default),
            Some(value) => value.as_str().ok_or_else(|| wrong(field, "a string", value)),
        }
    }

    /// The feed-forward function that a key names.
    pub(super) fn activation(
        &self,
        field: &'static str,
        default: &'static str,
    ) -> Result<FfnActivation, ConfigError> {
        let word = self.word(field, default)?;
        activation(word).ok_or_else(|| {
            let expected = "gelu, gelu_new, gelu_fast, gelu_pytorch_tanh, quick_gelu, silu, swish or relu";
            wrong(field, expected, &Value::String(word.to_owned()))
        })
    }
}

/// The function of that name at Hugging Face; the approximations of GELU are one to us.
pub(super) fn activation(word: &str) -> Option<FfnActivation> {
    match word {
        "gelu" | "gelu_new" | "gelu_fast" | "gelu_pytorch_tanh" | "quick_gelu" | "gelu_python" => {
            Some(FfnActivation::Gelu)
        }
        "silu" | "swish" => Some(FfnActivation::Silu),
        "relu" => Some(FfnActivation::Relu),
        _ => None,
    }
}

/// The error for a key that holds `actual`.
pub(super) fn wrong(field: &'static str, expected: &str, actual: &Value) -> ConfigError {
    ConfigError::Field { field, expected: expected.to_owned(), actual: show(actual) }
}

/// What kind of JSON value it is: `a list`.
pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Scalars as they are written, at most 40 characters; lists and objects by kind.
fn show(value: &Value) -> String {
    let text = match value {
        Value::Array(_) | Value::Object(_) => return kind_of(value).to_owned(),
        scalar => scalar.to_string(),
    };
    let head: String = text.chars().take(40).collect();
    if head.len() < text.len() { format!("{head}...") } else { head }
}
