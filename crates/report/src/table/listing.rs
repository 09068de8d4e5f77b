//! Lists of names, and figures with their sources.

use memwall_hardware::{FigureRow, Provenance};

use super::layout::{Grid, Tone, View, wrap};

/// Names with what they stand for and, dimmed, what else they are called.
#[must_use]
pub fn name_list(entries: &[(String, String, String)], view: View) -> String {
    let mut grid = Grid::new("<<<");
    grid.header(&["name", "what it is", "also called"]);
    for (name, title, aliases) in entries {
        grid.row(None, &[name, title, aliases]);
    }
    grid.render(view)
}

/// Figures under a title, each with its value, how it is known, and below it where it comes from.
#[must_use]
pub fn figure_list(title: &str, rows: &[FigureRow], view: View) -> String {
    let width = rows.iter().map(|row| row.path.chars().count()).max().unwrap_or(0);
    let value_width =
        rows.iter().map(|row| row.value.chars().count()).filter(|width| *width < 24).max().unwrap_or(0);
    let mut text = format!("{}\n\n", view.paint(Tone::Title, title));
    for row in rows {
        let kind = row.kind.map(provenance).unwrap_or_default();
        let line = format!(" {:<width$}  {:<value_width$}  {kind}", row.path, row.value);
        text += line.trim_end();
        text.push('\n');
        if !row.source.is_empty() {
            let indent = "     ";
            for line in wrap(&row.source, view.width, indent, indent).lines() {
                text += &view.paint(Tone::Dim, line);
                text.push('\n');
            }
        }
    }
    text
}

const fn provenance(kind: Provenance) -> &'static str {
    match kind {
        Provenance::Datasheet => "datasheet",
        Provenance::Measured => "measured",
        Provenance::Derived => "derived",
        Provenance::Fitted => "fitted",
        Provenance::Assumed => "assumed",
        Provenance::Scenario => "scenario",
    }
}
