//! The charts of many designs: the points of a sweep, and what an optimisation found.

use super::{Axis, Figure, Goal, Points, Section, Unit, design_figures};
use crate::sweep::short_name;
use crate::{Cell, DesignReport, MetricUnit, OptimizeDocument, SweepColumns, SweepRow};

/// The most rows of a sweep that are drawn.
pub const MOST_DRAWN: usize = 5000;

/// Figures of a point that are drawn beside its parameters.
const DRAWN: [(&str, &str); 3] = [("time_s", "time"), ("tokens_per_s", "tokens/s"), ("mfu", "MFU")];

/// The charts of a sweep of `total` points, of which `rows` are some: time over the first parameter that is a number, and
/// all of them side by side.
#[must_use]
pub fn sweep_sections(columns: &SweepColumns, rows: &[SweepRow], total: u64) -> Vec<Section> {
    let parameters = columns.columns.iter().take(columns.axes).enumerate();
    let mut drawn: Vec<(usize, Axis)> = parameters
        .filter(|(_, column)| column.unit.is_some())
        .map(|(at, column)| (at, Axis::linear(&short_name(&column.name), Unit::Plain)))
        .collect();
    let time = drawn.len();
    for (name, title) in DRAWN {
        let found = columns.columns.iter().position(|column| column.name == name);
        drawn.extend(found.map(|at| (at, Axis::log(title, unit_of(columns.columns[at].unit)))));
    }
    let number = |row: &SweepRow, at: usize| row.cells.get(at).and_then(Cell::as_number).unwrap_or(f64::NAN);
    let points = Points {
        columns: drawn.iter().map(|(_, axis)| axis.clone()).collect(),
        rows: rows.iter().map(|row| drawn.iter().map(|(at, _)| number(row, *at)).collect()).collect(),
        names: rows.iter().map(|row| format!("point {}", row.index)).collect(),
    };
    let figures = if time == 0 { Vec::new() } else { design_figures(&points, 0, time, &[]) };
    let some = (rows.len() as u64) < total;
    let note = some.then(|| format!("{} of the points are drawn, evenly chosen.", rows.len()));
    section("Sweep", vec![("points".to_owned(), total.to_string())], figures, note)
}

/// The charts of an optimisation: the first objective over the second, or over the first parameter, and everything side
/// by side.
#[must_use]
pub fn optimize_sections(document: &OptimizeDocument) -> Vec<Section> {
    let objectives = &document.minimize;
    let designs: Vec<&DesignReport> = std::iter::once(&document.as_it_is).chain(&document.designs).collect();
    let numbers = |design: &&DesignReport| -> Vec<f64> {
        let scores = objectives.iter().map(|objective| design.score(objective));
        let values = (0..document.axes.len()).map(|at| design.values.get(at).and_then(Cell::as_number));
        scores.chain(values).map(|number| number.unwrap_or(f64::NAN)).collect()
    };
    let rows: Vec<Vec<f64>> = designs.iter().map(numbers).collect();
    // Parts and other names have no place on an axis.
    let kept: Vec<usize> = (0..objectives.len() + document.axes.len())
        .filter(|at| document.designs.is_empty() || rows.iter().skip(1).all(|row| row[*at].is_finite()))
        .collect();
    let axis = |at: &usize| match (objectives.get(*at), at.checked_sub(objectives.len())) {
        (Some(objective), _) => objective_axis(objective),
        (None, free) => {
            let free = &document.axes[free.unwrap_or_default()];
            let unit = if free.unit.is_empty() { String::new() } else { format!(" ({})", free.unit) };
            Axis::linear(&short_name(&format!("{}{unit}", free.path)), Unit::Plain)
        }
    };
    let name = |design: &&DesignReport| {
        design.design.map_or_else(|| "as it is".to_owned(), |number| format!("design {number}"))
    };
    let points = Points {
        columns: kept.iter().map(axis).collect(),
        rows: rows.iter().map(|row| kept.iter().map(|at| row[*at]).collect()).collect(),
        names: designs.iter().map(name).collect(),
    };
    let goals: Vec<(usize, Goal)> = (0..objectives.len()).map(|at| (at, Goal::Least)).collect();
    let figures = if points.columns.len() > 1 { design_figures(&points, 1, 0, &goals) } else { Vec::new() };
    let facts = [
        ("designs screened", document.screened),
        ("simulated", document.simulated),
        ("on the front", document.designs.len() as u64),
    ];
    let facts = facts.map(|(name, number)| (name.to_owned(), number.to_string())).into();
    section("The best designs", facts, figures, None)
}

fn section(
    title: &str,
    facts: Vec<(String, String)>,
    figures: Vec<Figure>,
    note: Option<String>,
) -> Vec<Section> {
    vec![Section {
        id: "many-designs".to_owned(),
        title: title.to_owned(),
        lead: String::new(),
        facts,
        figures,
        tables: Vec::new(),
        notes: note.into_iter().collect(),
    }]
}

fn objective_axis(objective: &str) -> Axis {
    match objective {
        "time" => Axis::linear("time", Unit::Seconds),
        "area" => Axis::near("area in mm2", Unit::Plain),
        "cost" => Axis::near("cost in $", Unit::Plain),
        _ => Axis::near("power in W", Unit::Plain),
    }
}

const fn unit_of(unit: Option<MetricUnit>) -> Unit {
    match unit {
        Some(MetricUnit::Seconds) => Unit::Seconds,
        Some(MetricUnit::Bytes) => Unit::Bytes,
        Some(MetricUnit::BytesPerSec) => Unit::BytesPerSec,
        Some(MetricUnit::Share) => Unit::Share,
        _ => Unit::Plain,
    }
}
