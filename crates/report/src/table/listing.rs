//! Lists of names, and figures with their sources.

use memwall_hardware::{FigureRow, Provenance};

use super::layout::{Grid, Tone, View, wrap};

// Narrower than this, other names are not worth a column.
const LEAST_ALIAS_WIDTH: usize = 16;

/// Names with what they stand for and what else they are called, the other names wrapped below each other.
#[must_use]
pub fn name_list(entries: &[(String, String, String)], view: View) -> String {
    let widest = |get: fn(&(String, String, String)) -> &str| {
        entries.iter().map(|entry| get(entry).chars().count()).max().unwrap_or(0)
    };
    let left = 2 + widest(|entry| &entry.0) + 2 + widest(|entry| &entry.1) + 2;
    let room = view.width.saturating_sub(left);
    let mut grid = Grid::new("<<<");
    let with_aliases = room >= LEAST_ALIAS_WIDTH && entries.iter().any(|entry| !entry.2.is_empty());
    grid.header(&["name", "what it is", if with_aliases { "also called" } else { "" }]);
    for (name, title, aliases) in entries {
        let aliases = if with_aliases { wrap(aliases, room, "", "") } else { String::new() };
        let mut lines = aliases.lines();
        grid.row(None, &[name, title, lines.next().unwrap_or_default()]);
        for line in lines {
            grid.row(None, &["", "", line]);
        }
    }
    grid.render(view)
}

/// A title, and below it rows of three cells under headings, the numbers in the middle to the right.
#[must_use]
pub fn figure_table(title: &str, headings: [&str; 3], rows: &[[String; 3]], view: View) -> String {
    let mut grid = Grid::new("<><");
    grid.header(&headings);
    for row in rows {
        grid.row(None, row);
    }
    format!("{}\n{}", view.paint(Tone::Title, title), grid.render(view))
}

/// `text` in lines that fit the terminal.
#[must_use]
pub fn paragraph(text: &str, view: View) -> String {
    wrap(text, view.width, "", "")
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
        Provenance::Published => "published",
        Provenance::Measured => "measured",
        Provenance::Derived => "derived",
        Provenance::Fitted => "fitted",
        Provenance::Assumed => "assumed",
        Provenance::Scenario => "scenario",
    }
}
