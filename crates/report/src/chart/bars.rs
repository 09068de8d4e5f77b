//! Stacked bars.

use serde::Serialize;

use super::{DataTable, Unit};
use crate::number::percent;

/// Bars of parts that add up.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct StackedBars {
    /// What the length of a bar is in.
    pub unit: Unit,
    /// What the length of a bar means: "time".
    pub measures: String,
    /// What a bar stands for: "operator".
    pub of: String,
    /// The parts that bars are made of, in the order they are stacked.
    pub parts: Vec<Part>,
    /// The bars, in the order they are read.
    pub bars: Vec<Bar>,
    /// Whether bars stand side by side: for many of a kind, such as layers.
    pub upright: bool,
    /// Of each bar that lies, a length it should not pass; empty where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<Option<f64>>,
}

/// A part that several bars have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// What the legend calls it: `bandwidth(hbm)`.
    pub name: String,
    /// What decides its colour: a cause of the ledger such as `bandwidth`, or `compute`.
    pub role: String,
    /// How many parts of the same role came before it: they share a colour in lighter tints.
    pub tint: u8,
}

/// One bar.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bar {
    /// What it is called.
    pub name: String,
    /// The length of each part.
    pub values: Vec<f64>,
}

/// Parts beyond these are drawn as "the rest".
const MOST_PARTS: usize = 9;

impl StackedBars {
    /// Bars out of what each is made of: pairs of a part's name (a cause, as [`crate::cause_text`] writes it) and a
    /// length. Parts are stacked with `compute` first, then the largest over all bars; the smallest become "the rest".
    #[must_use]
    pub fn new(measures: &str, of: &str, unit: Unit, bars: Vec<(String, Vec<(String, f64)>)>) -> Self {
        let mut totals: Vec<(String, f64)> = Vec::new();
        for (name, value) in bars.iter().flat_map(|(_, parts)| parts) {
            match totals.iter_mut().find(|(known, _)| known == name) {
                Some((_, total)) => *total += value,
                None => totals.push((name.clone(), *value)),
            }
        }
        totals.sort_by(|a, b| (b.0 == "compute").cmp(&(a.0 == "compute")).then(b.1.total_cmp(&a.1)));
        let whole: f64 = totals.iter().map(|(_, total)| total).sum();
        let shown: Vec<&str> = totals
            .iter()
            .take(MOST_PARTS)
            .filter(|(_, total)| *total > 0.001 * whole)
            .map(|(name, _)| name.as_str())
            .collect();
        let mut parts: Vec<Part> = Vec::new();
        for name in &shown {
            let role = super::role(name).unwrap_or("idle").to_owned();
            let tint = parts.iter().filter(|part| part.role == role).count().min(3) as u8;
            parts.push(Part { name: (*name).to_owned(), role, tint });
        }
        if totals.iter().any(|(name, total)| *total > 0.0 && !shown.contains(&name.as_str())) {
            parts.push(Part { name: "the rest".to_owned(), role: "idle".to_owned(), tint: 0 });
        }
        let bar = |(name, own): &(String, Vec<(String, f64)>)| {
            let of =
                |wanted: &str| own.iter().filter(|(part, _)| part == wanted).map(|(_, value)| value).sum();
            let mut values: Vec<f64> = shown.iter().map(|part| of(part)).collect();
            if parts.len() > shown.len() {
                let rest = own.iter().filter(|(part, _)| !shown.contains(&part.as_str()));
                values.push(rest.map(|(_, value)| value).sum());
            }
            Bar { name: name.clone(), values }
        };
        let bars = bars.iter().map(bar).collect();
        Self { unit, measures: measures.to_owned(), of: of.to_owned(), parts, bars, ..Self::default() }
    }

    /// Bars of the same few parts, each with what decides its colour.
    #[must_use]
    pub fn of_parts(
        measures: &str,
        of: &str,
        unit: Unit,
        parts: &[(&str, &str)],
        bars: impl Iterator<Item = (String, Vec<f64>)>,
    ) -> Self {
        let part = |(name, role): &(&str, &str)| Part {
            name: (*name).to_owned(),
            role: (*role).to_owned(),
            tint: 0,
        };
        Self {
            unit,
            measures: measures.to_owned(),
            of: of.to_owned(),
            parts: parts.iter().map(part).collect(),
            bars: bars.map(|(name, values)| Bar { name, values }).collect(),
            ..Self::default()
        }
    }

    /// The same, standing side by side.
    #[must_use]
    pub fn upright(mut self) -> Self {
        self.upright = true;
        self
    }

    /// The same, with a length that each bar should not pass.
    #[must_use]
    pub fn with_limits(mut self, limits: Vec<Option<f64>>) -> Self {
        self.limits = if limits.iter().any(Option::is_some) { limits } else { Vec::new() };
        self
    }

    /// The length of the longest bar, or the farthest limit.
    #[must_use]
    pub fn longest(&self) -> f64 {
        let bars = self.bars.iter().map(Bar::total);
        bars.chain(self.limits.iter().flatten().copied()).fold(0.0, f64::max)
    }

    pub(super) fn table(&self) -> DataTable {
        let mut columns = vec![self.of.clone(), self.measures.clone()];
        columns.extend(self.parts.iter().map(|part| part.name.clone()));
        columns.extend((!self.limits.is_empty()).then(|| "limit".to_owned()));
        let row = |(index, bar): (usize, &Bar)| {
            let total = bar.total();
            let mut cells = vec![bar.name.clone(), self.unit.text(total)];
            let share = |value: &f64| crate::number::ratio(*value, total).map(percent).unwrap_or_default();
            match self.unit {
                Unit::Seconds => cells.extend(bar.values.iter().map(share)),
                _ => cells.extend(bar.values.iter().map(|value| self.unit.text(*value))),
            }
            let limit = |limit: &Option<f64>| limit.map(|limit| self.unit.text(limit)).unwrap_or_default();
            cells.extend(self.limits.get(index).map(limit));
            cells
        };
        DataTable::new(columns, self.bars.iter().enumerate().map(row))
    }
}

impl Bar {
    /// Its whole length.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.values.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(list: &[(&str, f64)]) -> Vec<(String, f64)> {
        list.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
    }

    #[test]
    fn bars_keep_their_length_whatever_is_merged() {
        let many: Vec<(String, f64)> =
            (0..20).map(|i| (format!("latency(t{i})"), f64::from(i + 1))).collect();
        let whole: f64 = many.iter().map(|(_, value)| value).sum();
        let chart = StackedBars::new("time", "operator", Unit::Seconds, vec![("a".to_owned(), many)]);
        assert_eq!(chart.parts.last().map(|part| part.name.as_str()), Some("the rest"));
        assert!((chart.longest() - whole).abs() < 1e-9);
    }

    #[test]
    fn compute_comes_first_and_causes_share_a_colour_in_tints() {
        let own = parts(&[("bandwidth(hbm)", 5.0), ("bandwidth(l2)", 2.0), ("compute", 1.0)]);
        let chart = StackedBars::new("time", "operator", Unit::Seconds, vec![("a".to_owned(), own)]);
        let drawn: Vec<_> =
            chart.parts.iter().map(|part| (&part.name[..], &part.role[..], part.tint)).collect();
        let expected = [
            ("compute", "compute", 0),
            ("bandwidth(hbm)", "bandwidth", 0),
            ("bandwidth(l2)", "bandwidth", 1),
        ];
        assert_eq!(drawn, expected);
    }
}
