//! Rows and columns of text.

/// A table of text, for people and screen readers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DataTable {
    /// Names of the columns; the first names the rows.
    pub columns: Vec<String>,
    /// The rows, each as long as `columns`.
    pub rows: Vec<Vec<String>>,
    /// Rows that were left out because there are too many to read.
    pub left_out: usize,
}

/// More rows than this nobody reads on a page; the JSON output has them all.
const MOST_ROWS: usize = 200;

impl DataTable {
    /// A table with these columns, of as many `rows` as can be read.
    #[must_use]
    pub fn new(columns: Vec<String>, rows: impl ExactSizeIterator<Item = Vec<String>>) -> Self {
        let left_out = rows.len().saturating_sub(MOST_ROWS);
        Self { columns, rows: rows.take(MOST_ROWS).collect(), left_out }
    }

    /// The same without columns in which no row has anything.
    #[must_use]
    pub fn without_empty_columns(mut self) -> Self {
        let kept: Vec<bool> = (0..self.columns.len())
            .map(|column| self.rows.iter().any(|row| row.get(column).is_some_and(|cell| !cell.is_empty())))
            .collect();
        let keep = |cells: &mut Vec<String>| {
            let mut flags = kept.iter();
            cells.retain(|_| flags.next().copied().unwrap_or(true));
        };
        keep(&mut self.columns);
        self.rows.iter_mut().for_each(keep);
        self
    }
}
