//! The charts of a search for the best way to train: time against memory, and everything side by side.

use super::{Axis, Goal, Points, Section, Unit, design_figures};
use crate::{PlanDocument, PlanReport, PlanRow};

/// A section a case: its plans as dots, those of the front, the simulated and the published one.
#[must_use]
pub fn plan_sections(document: &PlanDocument) -> Vec<Section> {
    document.cases.iter().enumerate().map(|(number, case)| section(number, case)).collect()
}

fn section(number: usize, case: &PlanReport) -> Section {
    let named = |name: &'static str| move |row| (name, row);
    let published = case.published.iter().map(|published| &published.row).map(named("published"));
    let best = case.plans.iter().map(named("simulated"));
    let rows: Vec<(&str, &PlanRow)> =
        best.chain(case.front.iter().map(named("screened"))).chain(published).collect();
    let figures = |row: &PlanRow| {
        vec![
            row.time_s(),
            row.memory_bytes(),
            f64::from(row.tensor),
            f64::from(row.pipeline),
            f64::from(row.data),
            row.micro_batch as f64,
        ]
    };
    let points = Points {
        columns: vec![
            Axis::near("time of an iteration", Unit::Seconds),
            Axis::near("memory of the fullest device", Unit::Bytes),
            Axis::log("tensor", Unit::Plain),
            Axis::log("pipeline", Unit::Plain),
            Axis::log("data", Unit::Plain),
            Axis::log("micro-batch", Unit::Plain),
        ],
        rows: rows.iter().map(|(_, row)| figures(row)).collect(),
        names: rows.iter().map(|(name, row)| format!("{name}: {}", words(row))).collect(),
    };
    let goals = [(0, Goal::Least), (1, Goal::Least)];
    let mut figures = if rows.is_empty() { Vec::new() } else { design_figures(&points, 1, 0, &goals) };
    for figure in &mut figures {
        figure.id = format!("plan{number}-{}", figure.id);
    }
    let facts = [
        ("plans screened", case.screened),
        ("plans that fit", case.fitting),
        ("simulated", case.simulated),
        ("on the front", case.front.len() as u64),
    ];
    Section {
        id: format!("plan{number}"),
        title: case.name.clone(),
        lead: String::new(),
        facts: facts.map(|(name, number)| (name.to_owned(), number.to_string())).into(),
        figures,
        tables: Vec::new(),
        notes: case.notes.clone(),
    }
}

/// `TP 8, PP 16, DP 128, 1x16, 1f1b, recompute none, ZeRO-1`.
fn words(row: &PlanRow) -> String {
    let mut text = format!("TP {}, PP {}, DP {}", row.tensor, row.pipeline, row.data);
    for (name, size) in [("CP", row.context), ("EP", row.expert)] {
        if size > 1 {
            text += &format!(", {name} {size}");
        }
    }
    text + &format!(
        ", {}x{}, {}, recompute {}, ZeRO-{}",
        row.micro_batch, row.micro_batches, row.schedule, row.recompute, row.zero
    )
}
