//! The numbers of a description in YAML, each by its path. Whatever figure a device or a profile has or will have is
//! found here, without a list to keep.

use memwall_hardware::Provenance;
use memwall_units::{Bytes, BytesPerSec, FlopsPerSec, Hertz, Joules, Picos, Quantity, Watts};
use serde_yaml::Value;

/// What a number measures, and so how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measure {
    /// A plain number, mostly a fraction.
    Plain,
    /// Bytes.
    Bytes,
    /// Seconds.
    Time,
    /// Bytes per second.
    Bandwidth,
    /// Operations per second.
    Rate,
    /// Hertz.
    Frequency,
    /// Watts.
    Power,
    /// Joules.
    Energy,
}

impl Measure {
    /// The unit its numbers are in; empty for a plain one.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Bytes => "B",
            Self::Time => "s",
            Self::Bandwidth => "B/s",
            Self::Rate => "FLOP/s",
            Self::Frequency => "Hz",
            Self::Power => "W",
            Self::Energy => "J",
        }
    }

    /// A text with a unit, and which measure that unit is of.
    fn read(text: &str) -> Option<(Self, f64)> {
        let number = |measure, value: Option<f64>| value.map(|value| (measure, value));
        number(Self::Time, Picos::from_text(text).ok().map(Picos::as_secs_f64))
            .or_else(|| number(Self::Bandwidth, BytesPerSec::from_text(text).ok().map(|rate| rate.0)))
            .or_else(|| number(Self::Bytes, Bytes::from_text(text).ok().map(Bytes::as_f64)))
            .or_else(|| number(Self::Rate, FlopsPerSec::from_text(text).ok().map(|rate| rate.0)))
            .or_else(|| number(Self::Frequency, Hertz::from_text(text).ok().map(|clock| clock.0)))
            .or_else(|| number(Self::Energy, Joules::from_text(text).ok().map(|energy| energy.0)))
            .or_else(|| number(Self::Power, Watts::from_text(text).ok().map(|power| power.0)))
    }

    /// As YAML that reads back as the same value.
    fn exact(self, value: f64) -> Value {
        Value::String(match self {
            Self::Plain => return Value::Number(value.into()),
            Self::Bytes => whole_bytes(value).to_exact_text(),
            Self::Time => Picos::from_secs_f64_ceil(value).to_exact_text(),
            Self::Bandwidth => BytesPerSec(value).to_exact_text(),
            Self::Rate => FlopsPerSec(value).to_exact_text(),
            Self::Frequency => Hertz(value).to_exact_text(),
            Self::Power => Watts(value).to_exact_text(),
            Self::Energy => Joules(value).to_exact_text(),
        })
    }

    /// For people, in four digits.
    pub fn text(self, value: f64) -> String {
        match self {
            Self::Plain => four_digits(value),
            Self::Bytes => whole_bytes(value).to_string(),
            Self::Time => Picos::from_secs_f64_ceil(value).to_string(),
            Self::Bandwidth => BytesPerSec(value).to_string(),
            Self::Rate => FlopsPerSec(value).to_string(),
            Self::Frequency => Hertz(value).to_string(),
            Self::Power => Watts(value).to_string(),
            Self::Energy => Joules(value).to_string(),
        }
    }

    /// The value that [`Measure::text`] stands for.
    pub fn rounded(self, value: f64) -> f64 {
        let text = self.text(value);
        match self {
            Self::Plain => text.parse().unwrap_or(value),
            _ => Self::read(&text).map_or(value, |(_, rounded)| rounded),
        }
    }

    /// A value in four digits, as it stands in a file.
    pub fn written(self, value: f64) -> Value {
        match self {
            Self::Plain => self.exact(self.rounded(value)),
            _ => Value::String(self.text(value)),
        }
    }
}

fn whole_bytes(value: f64) -> Bytes {
    Bytes(libm::round(value.max(0.0)) as u64)
}

fn four_digits(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return "0".to_owned();
    }
    let magnitude = libm::floor(libm::log10(value.abs())) as i32;
    let decimals = (3 - magnitude).clamp(0, 12) as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// One number of a description.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NumberFigure {
    /// Keys from the description's root, joined by dots.
    pub path: String,
    /// In the measure's unit.
    pub value: f64,
    /// What it measures.
    pub measure: Measure,
    /// How it is known.
    pub kind: Provenance,
}

/// Every figure below `root` that may take any value between two others: whole numbers and settings are none.
pub(crate) fn figures(root: &Value) -> Vec<NumberFigure> {
    let mut found = Vec::new();
    collect(root, "", &mut found);
    found
}

fn collect(value: &Value, path: &str, found: &mut Vec<NumberFigure>) {
    let Value::Mapping(mapping) = value else { return };
    if let Some(number) = mapping.get("value") {
        let kind = mapping.get("kind").and_then(|kind| serde_yaml::from_value(kind.clone()).ok());
        let read = match number {
            Value::String(text) => Measure::read(text),
            Value::Number(number) if number.is_f64() => number.as_f64().map(|value| (Measure::Plain, value)),
            _ => None,
        };
        if let Some((measure, value)) = read {
            let kind = kind.unwrap_or(Provenance::Scenario);
            found.push(NumberFigure { path: path.to_owned(), value, measure, kind });
        }
        return;
    }
    for (key, inner) in mapping {
        if let Value::String(key) = key {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            collect(inner, &path, found);
        }
    }
}

/// Puts `value` where the figure of that path stands; does nothing where there is none.
pub(crate) fn set(root: &mut Value, path: &str, measure: Measure, value: f64) {
    let mut place = root;
    for key in path.split('.') {
        let Some(inner) = place.get_mut(key) else { return };
        place = inner;
    }
    if let Some(number) = place.get_mut("value") {
        *number = measure.exact(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_of_a_catalog_part_is_found_and_can_be_set() {
        let device = memwall_hardware::catalog::device("h100-sxm").unwrap();
        let mut root = serde_yaml::to_value(device.to_spec()).unwrap();
        let before = figures(&root);
        // Counts and names of parts are nothing to fit.
        let counts = [
            "cores",
            "memory.hbm.dram.part",
            "memory.hbm.dram.channels",
            "load_cache.access.ways",
            "threads.group",
            "threads.per_core",
            "process",
            "die_area",
            "cores_built",
        ];
        let is_figure =
            |row: &memwall_hardware::FigureRow| row.kind.is_some() && !counts.contains(&row.path.as_str());
        let shown: Vec<String> = device.rows().into_iter().filter(is_figure).map(|row| row.path).collect();
        let missing: Vec<&String> =
            shown.iter().filter(|path| before.iter().all(|figure| figure.path != **path)).collect();
        assert!(missing.is_empty(), "{missing:?}");
        let shown = shown.len();
        assert_eq!(before.len(), shown, "every figure that `hardware show` lists, but the number of cores");
        for figure in &before {
            set(&mut root, &figure.path, figure.measure, figure.value * 0.75);
        }
        for (old, new) in before.iter().zip(figures(&root)) {
            assert_eq!((&old.path, old.measure), (&new.path, new.measure));
            let wanted = old.value * 0.75;
            assert!((new.value - wanted).abs() <= 1e-12_f64.max(1e-3 * wanted), "{}: {new:?}", old.path);
        }
    }

    #[test]
    fn texts_are_short_and_read_back_to_four_digits() {
        for (measure, value, text) in [
            (Measure::Plain, 0.123_456, "0.1235"),
            (Measure::Plain, 1.0, "1"),
            (Measure::Time, 8.1234e-7, "812.3 ns"),
            (Measure::Bandwidth, 3.351_23e12, "3.351 TB/s"),
            (Measure::Energy, 7.8712e-13, "787.1 fJ"),
        ] {
            assert_eq!(measure.text(value), text);
            let rounded = measure.rounded(value);
            assert!((rounded / value - 1.0).abs() < 6e-4, "{rounded} of {value}");
            assert_eq!(measure.rounded(rounded), rounded);
        }
    }
}
