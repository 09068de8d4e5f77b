//! A figure of a datasheet, with where it comes from.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, Deserialize, Deserializer, IntoDeserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// How a figure is known.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Provenance {
    /// Published by the vendor.
    Datasheet,
    /// Published by others than the vendor: a paper, an analyst.
    Published,
    /// Measured; the source says by whom.
    Measured,
    /// Arithmetic over other figures; the source shows it.
    Derived,
    /// Fitted to measurements; the source says which rows and with what residual.
    Fitted,
    /// Published by nobody; the source gives the reasoning.
    Assumed,
    /// Written by the user in a scenario.
    Scenario,
}

impl Provenance {
    /// The word a YAML file uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Datasheet => "datasheet",
            Self::Published => "published",
            Self::Measured => "measured",
            Self::Derived => "derived",
            Self::Fitted => "fitted",
            Self::Assumed => "assumed",
            Self::Scenario => "scenario",
        }
    }
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A value and where it comes from. In YAML either `3.35 TB/s` or
/// `{ value: 3.35 TB/s, kind: datasheet, source: "..." }`.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure<T> {
    /// The figure.
    pub value: T,
    /// How it is known.
    pub kind: Provenance,
    /// Where it was published, or the reasoning.
    pub source: String,
}

impl<T> Figure<T> {
    /// A figure of kind [`Provenance::Assumed`].
    pub fn assumed(value: T, reasoning: &str) -> Self {
        Self { value, kind: Provenance::Assumed, source: reasoning.to_owned() }
    }

    /// A figure of kind [`Provenance::Scenario`]: the user's own.
    pub fn scenario(value: T) -> Self {
        Self { value, kind: Provenance::Scenario, source: "given in the scenario".to_owned() }
    }
}

impl<T: Serialize> Serialize for Figure<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("value", &self.value)?;
        map.serialize_entry("kind", &self.kind)?;
        map.serialize_entry("source", &self.source)?;
        map.end()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Figure<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FigureVisitor(PhantomData))
    }
}

// A visitor instead of `#[serde(untagged)]`: that would swallow the inner message ("a bare number where a
// bandwidth is needed") and the path to the key that is wrong.
struct FigureVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for FigureVisitor<T> {
    type Value = Figure<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a figure, or a mapping with `value`, `kind` and `source`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Figure<T>, E> {
        T::deserialize(text.into_deserializer()).map(Figure::scenario)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Figure<T>, E> {
        T::deserialize(value.into_deserializer()).map(Figure::scenario)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Figure<T>, E> {
        T::deserialize(number.into_deserializer()).map(Figure::scenario)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Figure<T>, E> {
        T::deserialize(number.into_deserializer()).map(Figure::scenario)
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Figure<T>, E> {
        T::deserialize(number.into_deserializer()).map(Figure::scenario)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Figure<T>, A::Error> {
        let (mut value, mut kind, mut source) = (None, None, None);
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Value if value.is_none() => value = Some(map.next_value()?),
                Key::Kind if kind.is_none() => kind = Some(map.next_value()?),
                Key::Source if source.is_none() => source = Some(map.next_value()?),
                Key::Value => return Err(de::Error::duplicate_field("value")),
                Key::Kind => return Err(de::Error::duplicate_field("kind")),
                Key::Source => return Err(de::Error::duplicate_field("source")),
            }
        }
        Ok(Figure {
            value: value.ok_or_else(|| de::Error::missing_field("value"))?,
            kind: kind.unwrap_or(Provenance::Scenario),
            source: source.unwrap_or_else(|| "given in the scenario".to_owned()),
        })
    }
}

#[derive(serde::Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Key {
    Value,
    Kind,
    Source,
}

impl<T: schemars::JsonSchema> schemars::JsonSchema for Figure<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("FigureOf{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let value = generator.subschema_for::<T>();
        let kind = generator.subschema_for::<Provenance>();
        schemars::json_schema!({
            "description": "A figure, bare or with how it is known and where it was published",
            "anyOf": [
                value.clone(),
                {
                    "type": "object",
                    "properties": {
                        "value": value,
                        "kind": kind,
                        "source": {
                            "type": "string",
                            "description": "Where it was published, or the reasoning",
                        },
                    },
                    "required": ["value"],
                    "additionalProperties": false,
                },
            ],
        })
    }
}
