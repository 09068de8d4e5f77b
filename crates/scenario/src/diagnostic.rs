//! What is wrong with a scenario, with the line it is wrong at.

use std::fmt;

use crate::limits::MAX_DIAGNOSTICS;
use crate::source::{Place, SourceKind, Sources};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The scenario cannot run.
    Error,
    /// It runs, but probably not as meant.
    Warning,
}

/// A line of a text, and the part of it that is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    /// File name as the caller gave it, or `catalog:NAME`, or `--set`.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The line itself; of a very long one, the part around the place.
    pub text: String,
    /// Whether `text` is only a part of the line.
    pub cut: bool,
    /// Bytes of `text` that are meant.
    pub range: std::ops::Range<usize>,
    /// What to say at the caret; may be empty.
    pub label: String,
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one line.
    pub message: String,
    /// Where in the scenario: `workload.batch`; empty when nowhere in particular.
    pub path: String,
    /// The file, even where no line is known.
    pub file: String,
    /// Lines that show it, the one at fault first.
    pub spots: Vec<Spot>,
    /// How to put it right.
    pub help: Vec<String>,
}

/// All problems found in a scenario, in the order of the text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Diagnostics {
    /// The problems, at most [`crate::MAX_DIAGNOSTICS`].
    pub list: Vec<Diagnostic>,
    /// How many more there were.
    pub more: usize,
}

impl Diagnostics {
    /// Whether there is nothing to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether any of them keeps the scenario from running.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// Adds a problem unless the same was said before; the last ones are only counted.
    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        if self.list.contains(&diagnostic) {
            return;
        }
        if self.list.len() < MAX_DIAGNOSTICS {
            self.list.push(diagnostic);
        } else {
            self.more += 1;
        }
    }

    /// In the order of the text, file by file as they first came up.
    pub(crate) fn sorted(mut self) -> Self {
        let mut files: Vec<String> = Vec::new();
        for diagnostic in &self.list {
            if !files.contains(&diagnostic.file) {
                files.push(diagnostic.file.clone());
            }
        }
        self.list.sort_by_key(|diagnostic| {
            let file = files.iter().position(|file| *file == diagnostic.file);
            (file, diagnostic.spots.first().map(|spot| (spot.line, spot.column)))
        });
        self
    }

    pub(crate) fn is_full(&self) -> bool {
        self.list.len() >= MAX_DIAGNOSTICS
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self { list: vec![diagnostic], more: 0 }
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false, 100))
    }
}

impl std::error::Error for Diagnostics {}

impl Diagnostic {
    /// An error about a file as a whole.
    pub(crate) fn of_file(file: &str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            message: message.into(),
            path: String::new(),
            file: file.to_owned(),
            spots: Vec::new(),
            help: Vec::new(),
        }
    }

    /// An error at a place, with what to say at the caret.
    pub(crate) fn at(
        sources: &Sources,
        place: Place,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> Self {
        let spot = spot(sources, place, label.into());
        Self { file: spot.file.clone(), spots: vec![spot], ..Self::of_file("", message) }
    }

    pub(crate) fn with_path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Adds a second place that explains the first.
    pub(crate) fn and_at(mut self, sources: &Sources, place: Place, label: impl Into<String>) -> Self {
        self.spots.push(spot(sources, place, label.into()));
        self
    }

    /// Adds advice; an empty text adds nothing.
    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        let help = help.into();
        if !help.is_empty() {
            self.help.push(help);
        }
        self
    }
}

/// Longest line shown whole, in bytes; the renderer fits it to the terminal.
const MAX_LINE: usize = 10_000;
/// Bytes kept on each side of the place in a longer line.
const MARGIN: usize = 200;

fn spot(sources: &Sources, place: Place, label: String) -> Spot {
    let Some(source) = sources.get(place) else {
        return Spot {
            file: String::new(),
            line: 1,
            column: 1,
            text: String::new(),
            cut: false,
            range: 0..0,
            label,
        };
    };
    let file = match source.kind {
        SourceKind::File | SourceKind::Set | SourceKind::Derived => source.name.clone(),
        SourceKind::Catalog => format!("catalog:{}", source.name),
        SourceKind::Default => "default".to_owned(),
    };
    let (line, column) = source.line_and_column(place.start as usize);
    let whole = source.line_range(line);
    let start = source.text.floor_char_boundary((place.start as usize).clamp(whole.start, whole.end));
    // A place that runs over several lines is shown by its first.
    let end = source.text.ceil_char_boundary((place.end as usize).clamp(start, whole.end));
    let cut = whole.len() > MAX_LINE;
    let shown = if cut {
        let low = source.text.floor_char_boundary(start.saturating_sub(MARGIN).max(whole.start));
        low..source.text.ceil_char_boundary((start + MARGIN).min(whole.end))
    } else {
        whole
    };
    let (start, end) = (start.max(shown.start), end.min(shown.end));
    let text = source.text.get(shown.clone()).unwrap_or_default().to_owned();
    Spot { file, line, column, text, cut, range: start - shown.start..end - shown.start, label }
}
