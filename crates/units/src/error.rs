//! What can be wrong with a quantity written by a person.

use thiserror::Error;

/// Why a text is not the quantity that was expected. The message is written for the person who typed the text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UnitError {
    /// No text at all.
    #[error("an empty text where {what} is needed, such as `{example}`")]
    Empty {
        /// The quantity, with its article: "a bandwidth".
        what: &'static str,
        /// A text that would do.
        example: &'static str,
    },
    /// A number without a unit.
    #[error(
        "a bare number where {what} is needed: write it with a unit, such as `{number} {unit}` ({units})"
    )]
    Bare {
        /// The quantity, with its article.
        what: &'static str,
        /// The number as written.
        number: String,
        /// The unit to suggest.
        unit: &'static str,
        /// The units that would do.
        units: &'static str,
    },
    /// The part before the unit is no number.
    #[error("`{text}` does not start with a number; {what} looks like `{example}`")]
    NotANumber {
        /// The text as written.
        text: String,
        /// The quantity, with its article.
        what: &'static str,
        /// A text that would do.
        example: &'static str,
    },
    /// A unit that this quantity does not have.
    #[error("`{unit}` is not a unit of {what}; {hint}({units})")]
    UnknownUnit {
        /// The unit as written.
        unit: String,
        /// The quantity, with its article.
        what: &'static str,
        /// "did you mean `GB/s`? " or empty.
        hint: String,
        /// The units that would do.
        units: &'static str,
    },
    /// Not a number, infinite, negative, or too large to hold.
    #[error("`{text}` is out of range: {what} {range}")]
    OutOfRange {
        /// The text as written.
        text: String,
        /// The quantity, with its article.
        what: &'static str,
        /// The range, as the end of a sentence.
        range: &'static str,
    },
}
