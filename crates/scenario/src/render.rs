//! Diagnostics as text for a terminal.

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use crate::diagnostic::{Diagnostic, Diagnostics, Severity, Spot};

impl Diagnostics {
    /// The problems with their lines and carets, `width` columns wide, coloured on request. Ends with a newline.
    #[must_use]
    pub fn render(&self, color: bool, width: usize) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let renderer = renderer.term_width(width.max(40));
        let mut text = String::new();
        for diagnostic in &self.list {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&renderer.render(&[group(diagnostic)]));
            text.push('\n');
        }
        if self.more > 0 {
            text.push_str(&format!("\nand {} more\n", self.more));
        }
        text
    }
}

fn group(diagnostic: &Diagnostic) -> Group<'_> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = Group::with_title(level.primary_title(diagnostic.message.as_str()));
    for (index, spot) in diagnostic.spots.iter().enumerate() {
        let kind = if index == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
        let annotation = kind.span(spot.range.clone());
        let annotation =
            if spot.label.is_empty() { annotation } else { annotation.label(spot.label.as_str()) };
        let snippet = Snippet::source(spot.text.as_str()).line_start(spot.line).annotation(annotation);
        // Of a cut line only we know the column.
        group = if spot.cut {
            group.element(origin(spot)).element(snippet)
        } else {
            group.element(snippet.path(spot.file.as_str()))
        };
    }
    if diagnostic.spots.is_empty() && !diagnostic.file.is_empty() {
        group = group.element(Origin::path(diagnostic.file.as_str()));
    }
    for help in &diagnostic.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    group
}

fn origin(spot: &Spot) -> Origin<'_> {
    Origin::path(spot.file.as_str()).line(spot.line).char_column(spot.column)
}
