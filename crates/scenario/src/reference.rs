//! Published figures to print beside ours.

use memwall_units::Picos;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Figures somebody published for the same experiment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Reference {
    /// Where they were published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// What a reader should know when comparing: an erratum, another convention.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Operations, in units of 10^9.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gflops: Option<Published>,
    /// Bytes accessed, in units of 10^9.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gmops: Option<Published>,
    /// FLOPs per byte accessed (`intensity_mops`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intensity: Option<Published>,
    /// FLOPs per byte that crossed the DRAM tier (`intensity_dram`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intensity_dram: Option<Published>,
    /// Time as a multiple of the case that `normalise_to` names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency: Option<Published>,
    /// Time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Picos>,
    /// The case whose time is 1 in `latency`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub normalise_to: Option<String>,
}

/// A published number and how finely it was printed. In YAML `0.4`, or `"2.00"` in quotes where the zeros count, or
/// `{ printed: 73, corrected: 79.1 }` where the print is known to be wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Published {
    /// The number as printed.
    pub value: f64,
    /// Half a unit of its last printed digit: 0.05 for `0.4`.
    pub rounding: f64,
    /// What should have been printed, where the print is known to be wrong.
    pub corrected: Option<f64>,
}

impl Published {
    /// A number as printed, `None` if it is none (or not finite).
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let text = text.trim();
        let value = text.parse::<f64>().ok().filter(|value| value.is_finite())?;
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let decimals = mantissa.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        let last_digit = exponent.parse::<i32>().ok()?.checked_sub(i32::try_from(decimals).ok()?)?;
        // Through text, so that 0.05 is exactly what a person writes.
        let rounding = format!("5e{}", last_digit.checked_sub(1)?).parse().ok()?;
        Some(Self { value, rounding, corrected: None })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Erratum {
    printed: Published,
    corrected: f64,
}

impl Serialize for Published {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.value)
    }
}

impl<'de> Deserialize<'de> for Published {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Published;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number as it was printed, such as 0.4")
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Published, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Published, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Published, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Published, E> {
                Published::from_text(text)
                    .ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Published, A::Error> {
                let erratum = Erratum::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                if !erratum.corrected.is_finite() {
                    return Err(serde::de::Error::custom("`corrected` is not a finite number"));
                }
                Ok(Published { corrected: Some(erratum.corrected), ..erratum.printed })
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Published {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Published".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let printed = serde_json::json!([
            { "type": "number" },
            { "type": "string", "pattern": "^\\s*-?[0-9]+(\\.[0-9]+)?([eE][+-]?[0-9]+)?\\s*$" },
        ]);
        schemars::json_schema!({
            "description": "A number as it was printed; in quotes where trailing zeros count (\"2.00\"); with a \
                correction where the print is known to be wrong ({ printed: 73, corrected: 79.1 }).",
            "anyOf": [
                printed[0],
                printed[1],
                {
                    "type": "object",
                    "properties": {
                        "printed": {
                            "description": "The number as printed.",
                            "anyOf": printed,
                        },
                        "corrected": {
                            "description": "What should have been printed; errors are against this.",
                            "type": "number",
                        },
                    },
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
    fn rounding_is_half_a_unit_of_the_last_printed_digit() {
        let rounding = |text| Published::from_text(text).map(|published| published.rounding);
        assert_eq!(rounding("22"), Some(0.5));
        assert_eq!(rounding("0.4"), Some(0.05));
        assert_eq!(rounding("2.00"), Some(0.005));
        assert_eq!(rounding("1.5e3"), Some(50.0));
        for wrong in ["", "x", "nan", "inf", "1e999", "1e-999999999999"] {
            assert_eq!(rounding(wrong), None, "`{wrong}`");
        }
    }

    #[test]
    fn an_erratum_keeps_the_print_and_its_correction() {
        let reference: Reference = serde_yaml::from_str("gflops: { printed: 73, corrected: 79.1 }").unwrap();
        assert_eq!(reference.gflops, Some(Published { value: 73.0, rounding: 0.5, corrected: Some(79.1) }));
    }
}
