//! The blocks as they are written.

use std::fmt;

use memwall_units::Bytes;
use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::reference::Published;

/// What is counted besides the model, and the memory there is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MemorySpec {
    /// The memory there is, instead of that of `hardware`.
    pub limit: Option<Bytes>,
    /// So many parameters, instead of a `model`: `7.5e9`. They have no activations.
    pub parameters: Option<f64>,
}

/// Figures somebody published for the same training step, each with its unit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MemoryReference {
    /// Where they were published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// What a reader should know when comparing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<PublishedBytes>,
    /// Their gradients.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gradients: Option<PublishedBytes>,
    /// What the optimizer remembers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub optimizer: Option<PublishedBytes>,
    /// Activations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activations: Option<PublishedBytes>,
    /// All of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<PublishedBytes>,
}

/// Published bytes and how finely they were printed: `0.22 GiB`, or `{ printed: 1.71 GiB, corrected: 1.17 GiB }` where the
/// print is known to be wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct PublishedBytes {
    /// The number as printed, in `unit`.
    pub printed: Published,
    /// `GiB`.
    pub unit: String,
    /// Bytes of one.
    pub scale: f64,
}

impl PublishedBytes {
    /// A number and a unit of bytes; `None` for anything else.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let text = text.trim();
        let at = text.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let (number, unit) = (&text[..at], text[at..].trim());
        let scale = memwall_units::parse_quantity::<Bytes>(&format!("1 {unit}")).ok()?;
        let printed = Published::from_text(number)?;
        Some(Self { printed, unit: unit.to_owned(), scale: scale.0 as f64 })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Erratum {
    printed: PublishedBytes,
    corrected: PublishedBytes,
}

impl Serialize for PublishedBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{} {}", self.printed.value, self.unit))
    }
}

impl<'de> Deserialize<'de> for PublishedBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Words;
        impl<'de> Visitor<'de> for Words {
            type Value = PublishedBytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes as they were printed, such as `0.22 GB`")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<PublishedBytes, E> {
                PublishedBytes::from_text(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<PublishedBytes, A::Error> {
                let Erratum { printed, corrected } = Erratum::deserialize(MapAccessDeserializer::new(map))?;
                let value = corrected.printed.value * corrected.scale / printed.scale;
                Ok(PublishedBytes {
                    printed: Published { corrected: Some(value), ..printed.printed },
                    ..printed
                })
            }
        }
        deserializer.deserialize_any(Words)
    }
}

impl JsonSchema for PublishedBytes {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PublishedBytes".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let printed =
            serde_json::json!({ "type": "string", "pattern": "^\\s*[0-9]+(\\.[0-9]+)? *[KMGTPE]?i?B\\s*$" });
        schemars::json_schema!({
            "description": "Bytes as they were printed (0.22 GB); with a correction where the print is known to be wrong \
                ({ printed: 1.71 GB, corrected: 1.17 GB }).",
            "anyOf": [
                printed,
                {
                    "type": "object",
                    "properties": { "printed": printed, "corrected": printed },
                    "required": ["printed", "corrected"],
                    "additionalProperties": false,
                },
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_keep_their_unit_and_how_finely_they_were_printed() {
        let published = PublishedBytes::from_text("0.22 GiB").unwrap();
        assert_eq!((published.printed.value, published.printed.rounding), (0.22, 0.005));
        assert_eq!((published.unit.as_str(), published.scale), ("GiB", 1_073_741_824.0));
        for wrong in ["0.22", "GiB", "1 s", "-1 GB", "", "1 2 GB"] {
            assert_eq!(PublishedBytes::from_text(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_correction_may_have_another_unit() {
        let published: PublishedBytes =
            serde_yaml::from_str("{ printed: 2 GB, corrected: 1500 MB }").unwrap();
        assert_eq!(published.printed.corrected, Some(1.5));
    }
}
