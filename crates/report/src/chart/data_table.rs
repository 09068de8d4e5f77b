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
}
