//! Several cases, a line each.

use memwall_units::Picos;

use super::layout::{Grid, Tone, View, clean, shorten, wrap};
use crate::CaseReport;
use crate::number::{count, percent, significant, times};

type Column = (&'static str, char, fn(&CaseReport) -> String);

// In the order a reader wants them; what does not fit the width is dropped from the end.
const COLUMNS: [Column; 8] = [
    ("time", '>', |case| Picos(case.time_ps).to_string()),
    ("tokens/s", '>', |case| case.tokens_per_s.map(count).unwrap_or_default()),
    ("bound by", '<', |case| case.bound_by.clone()),
    ("MFU", '>', |case| case.mfu.map(percent).unwrap_or_default()),
    ("roofline", '>', |case| case.times_roofline.map(times).unwrap_or_default()),
    ("FLOPs/byte", '>', |case| case.intensity_mops.map(|value| significant(value, 4)).unwrap_or_default()),
    ("TTFT", '>', |case| seconds(case.ttft_s)),
    ("TPOT", '>', |case| seconds(case.tpot_s)),
];

pub(super) fn many_block(cases: &[CaseReport], view: View) -> String {
    let used: Vec<&Column> =
        COLUMNS.iter().filter(|(_, _, get)| cases.iter().any(|case| !get(case).is_empty())).collect();
    let mut shown = used.len();
    loop {
        let grid = grid(cases, &used[..shown], view);
        if shown <= 2 || grid.width() <= view.width {
            return grid.render(view) + &notes(cases, view);
        }
        shown -= 1;
    }
}

fn grid(cases: &[CaseReport], columns: &[&Column], view: View) -> Grid {
    let mut grid =
        Grid::new(&std::iter::once('<').chain(columns.iter().map(|(_, side, _)| *side)).collect::<String>());
    let headings: Vec<&str> =
        std::iter::once("case").chain(columns.iter().map(|(name, _, _)| *name)).collect();
    grid.header(&headings);
    for case in cases {
        let name = shorten(&case.name, (view.width / 2).max(16));
        let cells: Vec<String> =
            std::iter::once(name).chain(columns.iter().map(|(_, _, get)| get(case))).collect();
        grid.row(None, &cells);
    }
    grid
}

fn seconds(value: Option<f64>) -> String {
    value.map(|value| Picos::from_secs_f64_ceil(value).to_string()).unwrap_or_default()
}

/// A blank line and every distinct note once, with the cases it belongs to when it is not all of them.
pub(super) fn notes(cases: &[CaseReport], view: View) -> String {
    let mut distinct: Vec<(&str, Vec<&str>)> = Vec::new();
    for case in cases {
        for note in &case.notes {
            match distinct.iter_mut().find(|(known, _)| *known == note.as_str()) {
                Some((_, names)) => names.push(&case.name),
                None => distinct.push((note, vec![&case.name])),
            }
        }
    }
    let mut text = String::new();
    for (note, names) in distinct {
        let of = match names.as_slice() {
            names if names.len() == cases.len() => String::new(),
            [first, second, third, _, ..] => {
                format!("{first}, {second}, {third} and {} more: ", names.len() - 3)
            }
            names => format!("{}: ", names.join(", ")),
        };
        let line = clean(&format!("{of}{note}"));
        text += &view.paint(Tone::Warning, wrap(&line, view.width, "Note: ", "  ").trim_end());
        text.push('\n');
    }
    if text.is_empty() { text } else { format!("\n{text}") }
}
