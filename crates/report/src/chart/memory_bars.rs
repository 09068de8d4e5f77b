//! What lies in memory, as bars.

use super::{Chart, Figure, Section, StackedBars, Unit};
use crate::memory::MEMORY_ITEMS;
use crate::{MemoryDocument, MemoryReport};

/// Roles of the items, which decide their colours.
const ROLES: [&str; 5] = ["occupancy", "latency", "efficiency", "capacity", "compute"];

/// The charts of a memory: a bar a case, the memory there is as a mark on it.
#[must_use]
pub fn memory_sections(document: &MemoryDocument) -> Vec<Section> {
    let some = |name: &str| document.cases.iter().any(|case| case.bytes_of(name) > 0);
    let shown: Vec<(String, &str, &str)> = MEMORY_ITEMS
        .iter()
        .zip(ROLES)
        .filter(|(name, _)| some(name))
        .map(|(name, role)| (name.replace('_', " "), *name, role))
        .collect();
    let parts: Vec<(&str, &str)> = shown.iter().map(|(title, _, role)| (title.as_str(), *role)).collect();
    let bar = |case: &MemoryReport| {
        let values = shown.iter().map(|(_, name, _)| case.bytes_of(name) as f64);
        (case.name.clone(), values.collect::<Vec<f64>>())
    };
    let limits = document.cases.iter().map(|case| case.limit.as_ref().map(|limit| limit.bytes as f64));
    let chart = StackedBars::of_parts("memory", "case", Unit::Bytes, &parts, document.cases.iter().map(bar))
        .with_limits(limits.collect());
    let figure = Figure {
        id: "memory".to_owned(),
        title: "What lies in memory".to_owned(),
        summary: "A bar is what one device holds in a training step. The dark line is the memory it has: a bar that \
                  passes it does not fit."
            .to_owned(),
        chart: Chart::StackedBars(chart),
    };
    let fact = |case: &MemoryReport| {
        let verdict = match &case.limit {
            Some(limit) if limit.fits => ", fits",
            Some(_) => ", does not fit",
            None => "",
        };
        (case.name.clone(), format!("{}{verdict}", Unit::Bytes.text(case.total as f64)))
    };
    let notes = document.cases.iter().flat_map(|case| &case.notes);
    vec![Section {
        id: "memory".to_owned(),
        title: "Memory".to_owned(),
        lead: String::new(),
        facts: document.cases.iter().map(fact).collect(),
        figures: vec![figure],
        tables: Vec::new(),
        notes: notes.cloned().collect(),
    }]
}
