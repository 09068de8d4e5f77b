//! Columns, bars, colours and wrapping.

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, TableStyle};

/// How the reader looks at a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// Columns of the terminal; text stays within them where it can.
    pub width: usize,
    /// Whether to colour with ANSI escapes.
    pub color: bool,
    /// Whether to show everything: each case in full, each operator, each engine.
    pub verbose: bool,
}

impl Default for View {
    fn default() -> Self {
        Self { width: 100, color: false, verbose: false }
    }
}

/// What a piece of text means; decides its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Title,
    Heading,
    Dim,
    Good,
    Bad,
    Warning,
}

impl View {
    pub(crate) fn paint(self, tone: Tone, text: &str) -> String {
        if !self.color || text.is_empty() {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Title => "1",
            Tone::Heading => "1;36",
            Tone::Dim => "2",
            Tone::Good => "32",
            Tone::Bad => "1;31",
            Tone::Warning => "33",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    // A bar's blocks, wherever a finished line has them: colours inside a cell would upset its width.
    fn paint_bars(self, line: &str, tone: Tone) -> String {
        let is_block = |c: char| ('\u{2588}'..='\u{258f}').contains(&c);
        match (line.find(is_block), line.rfind(is_block)) {
            (Some(start), Some(end)) if self.color => {
                let end = end + '\u{2588}'.len_utf8();
                format!("{}{}{}", &line[..start], self.paint(tone, &line[start..end]), &line[end..])
            }
            _ => line.to_owned(),
        }
    }
}

/// Rows in aligned columns, without borders.
pub(crate) struct Grid {
    table: Table,
    aligned: Vec<CellAlignment>,
    tones: Vec<Option<Tone>>,
    has_header: bool,
}

impl Grid {
    /// Columns aligned by `alignment`: one `<` or `>` each.
    pub fn new(alignment: &str) -> Self {
        let mut table = Table::new();
        table.load_style(TableStyle::new()).set_content_arrangement(ContentArrangement::Disabled);
        let side = |c: char| if c == '>' { CellAlignment::Right } else { CellAlignment::Left };
        Self { table, aligned: alignment.chars().map(side).collect(), tones: Vec::new(), has_header: false }
    }

    pub fn header<T: AsRef<str>>(&mut self, cells: &[T]) {
        let cells = self.cells(cells);
        self.table.set_header(cells);
        self.has_header = true;
    }

    /// Adds a row whose bar, if it has one, is painted in `tone`.
    pub fn row<T: AsRef<str>>(&mut self, tone: Option<Tone>, cells: &[T]) {
        let cells = self.cells(cells);
        self.table.add_row(cells);
        self.tones.push(tone);
    }

    /// The lines, indented, headers dimmed, each ended by a newline.
    pub fn render(&self, view: View) -> String {
        let mut text = String::new();
        for (index, line) in self.table.lines().enumerate() {
            let line = format!(" {}", line.trim_end());
            if self.has_header && index == 0 {
                text += &view.paint(Tone::Dim, &line);
            } else {
                let row = index - usize::from(self.has_header);
                let tone = self.tones.get(row).copied().flatten();
                text += &tone.map_or_else(|| line.clone(), |tone| view.paint_bars(&line, tone));
            }
            text.push('\n');
        }
        text
    }

    /// Columns the widest line takes.
    pub fn width(&self) -> usize {
        self.table.lines().map(|line| line.trim_end().chars().count() + 1).max().unwrap_or(0)
    }

    fn cells<T: AsRef<str>>(&self, cells: &[T]) -> Vec<Cell> {
        let pairs = cells.iter().zip(self.aligned.iter().copied());
        pairs.map(|(text, side)| Cell::new(clean(text.as_ref())).set_alignment(side)).collect()
    }
}

/// `share` of `width` columns in blocks, to an eighth of a column; something to see for any share above zero.
pub(crate) fn bar(share: f64, width: usize) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
    let eighths = (share * width as f64 * 8.0).round() as usize;
    let eighths = if share > 0.0 { eighths.max(1) } else { 0 };
    "█".repeat(eighths / 8) + PARTS[eighths % 8]
}

/// At most `most` characters of `text`, the cut marked.
pub(crate) fn shorten(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let head: String = text.chars().take(most.saturating_sub(1)).collect();
    head + "…"
}

/// `text` without control characters: a name from a file must not command the terminal.
pub(crate) fn clean(text: &str) -> String {
    text.trim()
        .chars()
        .map(|c| if c == '\n' || c == '\t' { ' ' } else { c })
        .filter(|c| !c.is_control())
        .collect()
}

/// Words in lines of at most `width` columns; `first` opens the first line, `rest` the others.
pub(crate) fn wrap(text: &str, width: usize, first: &str, rest: &str) -> String {
    let mut lines = String::new();
    let mut line = first.to_owned();
    let mut empty = true;
    for word in text.split_whitespace() {
        if !empty && line.chars().count() + 1 + word.chars().count() > width {
            lines += line.trim_end();
            lines.push('\n');
            rest.clone_into(&mut line);
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line += word;
        empty = false;
    }
    if !empty {
        lines += line.trim_end();
        lines.push('\n');
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_grow_by_eighths() {
        assert_eq!(bar(0.0, 8), "");
        assert_eq!(bar(0.5, 8), "████");
        assert_eq!(bar(1.0, 2), "██");
        assert_eq!(bar(0.000_1, 8), "▏");
        assert_eq!(bar(f64::NAN, 8), "");
        assert_eq!(bar(7.0, 2), "██");
    }

    #[test]
    fn wrapped_lines_fit() {
        let text = wrap("one two three four", 9, "- ", "  ");
        assert_eq!(text, "- one two\n  three\n  four\n");
    }

    #[test]
    fn names_cannot_command_the_terminal() {
        assert_eq!(clean("a\x1b[31mb\nc"), "a[31mb c");
    }

    #[test]
    fn uncoloured_text_has_no_escapes() {
        let view = View::default();
        assert_eq!(view.paint(Tone::Bad, "x"), "x");
        assert_eq!(View { color: true, ..view }.paint(Tone::Good, "x"), "\x1b[32mx\x1b[0m");
    }
}
