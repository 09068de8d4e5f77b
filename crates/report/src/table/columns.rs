//! A table whose less important columns give way where the terminal is narrow.

use super::layout::{Grid, Tone, View};

/// Columns in the order they are shown.
#[derive(Default)]
pub(crate) struct Columns {
    list: Vec<Column>,
    tone: Option<Tone>,
}

struct Column {
    heading: String,
    side: char,
    // 0 is never dropped; the highest goes first.
    drop: u8,
    cells: Vec<String>,
}

impl Columns {
    /// A table with a line of headings, and bars painted in `tone`.
    pub fn new(tone: Option<Tone>) -> Self {
        Self { list: Vec::new(), tone }
    }

    /// Adds a column, aligned to `side` (`<` or `>`). One without any content is left out; where the width is short,
    /// the column with the highest `drop` goes first and one with 0 never.
    pub fn add(&mut self, heading: &str, side: char, drop: u8, cells: impl IntoIterator<Item = String>) {
        let cells: Vec<String> = cells.into_iter().collect();
        if cells.iter().any(|cell| !cell.is_empty()) {
            self.list.push(Column { heading: heading.to_owned(), side, drop, cells });
        }
    }

    /// The table with as many columns as fit `view`.
    pub fn fit(mut self, view: View) -> Grid {
        loop {
            let grid = self.grid();
            let most = self.list.iter().map(|column| column.drop).max().unwrap_or(0);
            if grid.width() <= view.width || most == 0 {
                return grid;
            }
            self.list.retain(|column| column.drop != most);
        }
    }

    fn grid(&self) -> Grid {
        let mut grid = Grid::new(&self.list.iter().map(|column| column.side).collect::<String>());
        grid.header(&self.list.iter().map(|column| column.heading.as_str()).collect::<Vec<_>>());
        let rows = self.list.iter().map(|column| column.cells.len()).max().unwrap_or(0);
        for row in 0..rows {
            let cell = |column: &Column| column.cells.get(row).cloned().unwrap_or_default();
            grid.row(self.tone, &self.list.iter().map(cell).collect::<Vec<_>>());
        }
        grid
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(width: usize) -> String {
        let mut columns = Columns::new(None);
        columns.add("name", '<', 0, ["alpha".to_owned(), "beta".to_owned()]);
        columns.add("first to go", '>', 2, ["1".to_owned(), "2".to_owned()]);
        columns.add("second", '>', 1, ["3".to_owned(), "4".to_owned()]);
        columns.add("empty", '>', 0, [String::new(), String::new()]);
        columns.fit(View { width, ..View::default() }).render(View::default())
    }

    #[test]
    fn columns_give_way_by_importance() {
        let headings = |width| table(width).lines().next().map(str::trim).map(str::to_owned);
        assert_eq!(headings(80).as_deref(), Some("name   first to go  second"));
        assert_eq!(headings(20).as_deref(), Some("name   second"));
        assert_eq!(headings(3).as_deref(), Some("name"));
    }
}
