//! CSV files of measured points: a line of column names, a row a line, `#` before comments.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::limits::MAX_ROWS;
use crate::parse::{check_text, shorten};
use crate::resolve::Resolver;
use crate::source::{Place, Source, SourceKind};

/// One file's rows, each cell with its place.
#[derive(Debug)]
pub(crate) struct Table {
    pub name: String,
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Cell>>,
}

/// A cell: its text without quotes, and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    pub text: String,
    pub place: Place,
}

/// Files of measured points, each read once.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    read: BTreeMap<String, Option<Arc<Table>>>,
}

impl Tables {
    /// The table in the file `path`, named at a place of the scenario by the key of that path. `Ok(None)` where a
    /// problem of the file was told before.
    pub(crate) fn load(
        &mut self,
        resolver: &mut Resolver<'_>,
        path: &str,
        named: (Place, &str),
    ) -> Result<Option<Arc<Table>>, Box<Diagnostic>> {
        let from = resolver.file_of(named.0);
        let key = format!("{from}\n{path}");
        if let Some(known) = self.read.get(&key) {
            return Ok(known.clone());
        }
        let table = read(resolver, &from, path, named).map(Arc::new);
        self.read.insert(key, table.as_ref().ok().cloned());
        table.map(Some)
    }
}

fn read(
    resolver: &mut Resolver<'_>,
    from: &str,
    path: &str,
    (place, key): (Place, &str),
) -> Result<Table, Box<Diagnostic>> {
    let loaded = resolver.loader.load(from, path).map_err(|message| {
        let message = format!("cannot read `{}`: {message}", shorten(path));
        Box::new(Diagnostic::at(&resolver.sources, place, message, "named here").with_path(key))
    })?;
    check_text(&loaded.name, &loaded.text)?;
    let source = resolver.sources.add(Source::new(loaded.name.as_str(), SourceKind::File, loaded.text));
    let text = resolver.sources.text_of(source);
    let mut lines = lines(&text).filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    let Some((start, header)) = lines.next() else {
        return Err(Box::new(Diagnostic::of_file(&loaded.name, "the file has no line of column names")));
    };
    let columns: Vec<String> = cells(source, start, header).into_iter().map(|cell| cell.text).collect();
    let mut rows = Vec::new();
    for (start, line) in lines {
        let row = cells(source, start, line);
        let whole = Place { source, start: narrow(start), end: narrow(start + line.len()) };
        if row.len() != columns.len() {
            let message = format!("{} cells in a row of {} columns", row.len(), columns.len());
            return Err(Box::new(Diagnostic::at(&resolver.sources, whole, message, "")));
        }
        if rows.len() >= MAX_ROWS {
            let message = format!("more than {MAX_ROWS} rows");
            return Err(Box::new(Diagnostic::at(&resolver.sources, whole, message, "the first too many")));
        }
        rows.push(row);
    }
    Ok(Table { name: loaded.name, columns, rows })
}

/// Lines with the byte each starts at, ends cut off.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut start = 0;
    text.split_inclusive('\n').map(move |line| {
        let at = start;
        start += line.len();
        (at, line.trim_end_matches(['\n', '\r']))
    })
}

/// Cells between commas; one in quotes may hold commas, and quotes doubled.
fn cells(source: u32, start: usize, line: &str) -> Vec<Cell> {
    let mut cells = Vec::new();
    let (mut text, mut quoted, mut from) = (String::new(), false, 0);
    let cell = |text: &mut String, from: usize, to: usize| {
        let place = Place { source, start: narrow(start + from), end: narrow(start + to) };
        Cell { text: std::mem::take(text).trim().to_owned(), place }
    };
    for (at, c) in line.char_indices() {
        match c {
            '"' if !quoted && line[..at].ends_with('"') && at > from => {
                text.push('"');
                quoted = true;
            }
            '"' => quoted = !quoted,
            ',' if !quoted => {
                cells.push(cell(&mut text, from, at));
                from = at + 1;
            }
            c => text.push(c),
        }
    }
    cells.push(cell(&mut text, from, line.len()));
    cells
}

fn narrow(byte: usize) -> u32 {
    u32::try_from(byte).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_may_be_quoted() {
        let texts = |line| cells(0, 0, line).into_iter().map(|cell| cell.text).collect::<Vec<_>>();
        assert_eq!(texts("a, b ,c"), ["a", "b", "c"]);
        assert_eq!(texts("1,\"two, three\",4"), ["1", "two, three", "4"]);
        assert_eq!(texts("\"say \"\"x\"\"\",2"), ["say \"x\"", "2"]);
        assert_eq!(texts(",,"), ["", "", ""]);
    }

    #[test]
    fn lines_know_where_they_start() {
        let found: Vec<_> = lines("ab\r\n\ncd").collect();
        assert_eq!(found, [(0, "ab"), (4, ""), (5, "cd")]);
        assert_eq!(cells(0, 5, "cd,e")[1].place, Place { source: 0, start: 8, end: 9 });
    }
}
