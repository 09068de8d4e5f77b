//! What all quantities have in common: a grammar, and serde and JSON Schema through text.

use crate::UnitError;
use crate::text::Grammar;

/// A quantity that reads from and writes to text with a unit.
pub trait Quantity: Sized {
    /// Parses text such as `"3.35 TB/s"`.
    ///
    /// # Errors
    /// [`UnitError`] says what is wrong and which units would do.
    fn from_text(text: &str) -> Result<Self, UnitError>;

    /// Text that parses back to the same value.
    fn to_exact_text(&self) -> String;

    /// The quantity with its article, for messages: "a bandwidth".
    fn what() -> &'static str;
}

/// Parses `text` as a `T`.
///
/// # Errors
/// As [`Quantity::from_text`].
pub fn parse_quantity<T: Quantity>(text: &str) -> Result<T, UnitError> {
    T::from_text(text)
}

pub(crate) trait HasGrammar {
    fn grammar() -> &'static Grammar;
}

/// Implements text, serde and schema for a quantity that has `from_base(f64) -> Option<Self>` and `base_text`.
macro_rules! textual {
    ($type:ident, $name:literal) => {
        impl std::str::FromStr for $type {
            type Err = $crate::UnitError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                <Self as $crate::Quantity>::from_text(text)
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&$crate::Quantity::to_exact_text(self))
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any($crate::quantity::TextVisitor::<$type>::new())
            }
        }

        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let grammar = <$type as $crate::quantity::HasGrammar>::grammar();
                schemars::json_schema!({
                    "type": "string",
                    "description": format!("{} with its unit, such as `{}` ({})",
                        $crate::quantity::capitalised(grammar.what), grammar.example, grammar.units_help),
                    "examples": [grammar.example],
                    "pattern": "^\\s*[+]?[0-9][0-9_.]*([eE][+-]?[0-9]+)?\\s*[A-Za-z/µμ].*$",
                })
            }
        }
    };
}
pub(crate) use textual;

pub(crate) fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

pub(crate) struct TextVisitor<T>(std::marker::PhantomData<T>);

impl<T> TextVisitor<T> {
    pub fn new() -> Self {
        Self(std::marker::PhantomData)
    }
}

impl<T: Quantity> serde::de::Visitor<'_> for TextVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} with its unit", T::what())
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        T::from_text(text).map_err(E::custom)
    }

    // A bare number reaches us as a number: show it the same way as a text without a unit.
    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }
}
