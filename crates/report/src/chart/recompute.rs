//! The charts of recomputing: memory against time, one line a policy.

use super::{Axis, Chart, Figure, Line, Lines, Mark, Section, Unit};
use crate::number::{percent, times};
use crate::recompute::{RecomputeDocument, RecomputePoint, RecomputeReport};

/// The charts of a document: each case with its rules and budgets, and all cases' best together where there are several.
#[must_use]
pub fn recompute_sections(document: &RecomputeDocument) -> Vec<Section> {
    let mut sections = Vec::new();
    if document.cases.len() > 1 {
        sections.push(together(document));
    }
    sections.extend(document.cases.iter().enumerate().map(|(index, case)| section(index, case)));
    sections
}

fn together(document: &RecomputeDocument) -> Section {
    let line = |(colour, case): (usize, &RecomputeReport)| Line {
        name: case.name.clone(),
        mark: Mark::Line,
        colour,
        points: curve(case, "optimal"),
    };
    let lines = document.cases.iter().enumerate().map(line).collect();
    Section {
        id: "all-cases".to_owned(),
        title: "All cases".to_owned(),
        lead: String::new(),
        facts: Vec::new(),
        figures: vec![Figure {
            id: "best-of-all".to_owned(),
            title: "The best schedules of all cases".to_owned(),
            summary: "Further left is less memory, further down less time. A line ends where no schedule was found that needs \
                      less."
                .to_owned(),
            chart: Chart::Lines(Lines { x: memory(), y: time(), lines }),
        }],
        tables: Vec::new(),
        notes: Vec::new(),
    }
}

fn section(index: usize, case: &RecomputeReport) -> Section {
    let mut policies: Vec<&str> = Vec::new();
    for point in &case.points {
        if !policies.contains(&point.policy) {
            policies.push(point.policy);
        }
    }
    let line = |(colour, policy): (usize, &&str)| Line {
        name: (*policy).to_owned(),
        mark: if matches!(*policy, "optimal" | "every") { Mark::Line } else { Mark::Dots },
        colour,
        points: curve(case, policy),
    };
    let lines = policies.iter().enumerate().map(line).filter(|line| !line.points.is_empty()).collect();
    let fact = |point: &RecomputePoint| {
        let text = match &point.outcome {
            Some(outcome) => {
                format!(
                    "{} less memory, {} more time",
                    times(outcome.times_less),
                    percent(outcome.extra_time)
                )
            }
            None if point.impossible => "proven impossible".to_owned(),
            None => "no schedule found".to_owned(),
        };
        (point.name.clone(), text)
    };
    Section {
        id: format!("recompute-{}", index + 1),
        title: case.name.clone(),
        lead: case.description.clone().unwrap_or_default(),
        facts: case.points.iter().map(fact).collect(),
        figures: vec![Figure {
            id: format!("memory-and-time-{}", index + 1),
            title: "Memory against time".to_owned(),
            summary: "Each point is a schedule, simulated: how much of the memory it needs, and how much longer it takes."
                .to_owned(),
            chart: Chart::Lines(Lines { x: memory(), y: time(), lines }),
        }],
        tables: Vec::new(),
        notes: case.notes.clone(),
    }
}

fn memory() -> Axis {
    Axis::linear("memory, as a share of what is needed when nothing is computed again", Unit::Share)
}

fn time() -> Axis {
    Axis::linear("more time", Unit::Share)
}

/// A policy's points from the least memory to the most; of the best schedules, nothing computed again is one.
fn curve(case: &RecomputeReport, policy: &str) -> Vec<(f64, f64)> {
    let is_of =
        |point: &&RecomputePoint| point.policy == policy || (policy == "optimal" && point.policy == "none");
    let outcomes = case.points.iter().filter(is_of).filter_map(|point| point.outcome.as_ref());
    let mut points: Vec<(f64, f64)> = outcomes
        .map(|outcome| (outcome.peak_bytes as f64 / case.needed_bytes.max(1) as f64, outcome.extra_time))
        .collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    points
}
