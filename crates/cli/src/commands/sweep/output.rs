//! Where the rows of a sweep go: a file, by way of its journal, or standard output.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use memwall_explore::SweepPlan;
use memwall_report::{SweepColumns, SweepRow};
use memwall_scenario::Scenario;

use crate::args::{Global, SweepArgs, SweepFormat};
use crate::commands::cannot_write;
use crate::exit::Exit;
use crate::files::{check_target, io_message, write_whole_with};
use crate::journal::{Header, Journal};
use crate::terminal::complain;

/// Where rows go.
pub struct Output {
    columns: SweepColumns,
    format: SweepFormat,
    rows: u64,
    to: To,
}

enum To {
    /// A file that appears when all rows are there.
    File { path: PathBuf, journal: Journal },
    /// Standard output, row by row.
    Stdout(BufWriter<io::Stdout>),
    /// Nowhere: a table follows at the end.
    Table,
}

impl Output {
    /// Opens it; each row that an earlier run left in the journal goes to `on_row`.
    pub fn open(
        args: &SweepArgs,
        plan: &SweepPlan<'_>,
        scenario: &Scenario,
        mut on_row: impl FnMut(&SweepRow),
    ) -> Result<Self, Exit> {
        let columns = plan.columns().clone();
        let format = args.format();
        let mut rows = 0;
        let to = match (&args.output, format) {
            (Some(path), _) => {
                check_target(path).map_err(|message| cannot_write(path, &message))?;
                let header = Header {
                    scenario: scenario.name.clone(),
                    fingerprint: plan.fingerprint(),
                    points: plan.points(),
                    shard: args.shard.map_or_else(
                        || "1/1".to_owned(),
                        |shard| format!("{}/{}", shard.index + 1, shard.count),
                    ),
                };
                let beside = journal_of(path);
                let journal = Journal::open(&beside, &header, |line| {
                    let row = columns.read_csv_line(line);
                    let row = row.filter(|row| rows < plan.rows() && row.index == plan.index(rows));
                    if let Some(row) = &row {
                        on_row(row);
                        rows += 1;
                    }
                    row.is_some()
                });
                let journal = journal.map_err(|message| {
                    complain(&format!("error: the journal {}: {message}", beside.display()));
                    Exit::InvalidInput
                })?;
                To::File { path: path.clone(), journal }
            }
            (None, SweepFormat::Table) => To::Table,
            (None, _) => {
                let mut out = BufWriter::new(io::stdout());
                if format == SweepFormat::Csv {
                    written(out.write_all(columns.csv_header().as_bytes()))?;
                }
                To::Stdout(out)
            }
        };
        Ok(Self { columns, format, rows, to })
    }

    /// Rows that are safe.
    pub const fn rows_done(&self) -> u64 {
        self.rows
    }

    /// Takes the next row.
    pub fn push(&mut self, row: &SweepRow) -> Result<(), Exit> {
        self.rows += 1;
        match &mut self.to {
            To::Table => Ok(()),
            To::Stdout(out) => written(out.write_all(line(&self.columns, self.format, row).as_bytes())),
            To::File { path, journal } => journal.push(&self.columns.csv_line(row)).map_err(|error| {
                let beside = journal_of(path);
                complain(&format!(
                    "error: cannot write {}: {}; what is in it stays, and the same command goes on from there",
                    beside.display(),
                    io_message(&error)
                ));
                Exit::InvalidInput
            }),
        }
    }

    /// Ends a sweep that is not done.
    pub fn interrupted(mut self, rows: u64, global: &Global) -> Exit {
        let done = self.rows;
        match &mut self.to {
            To::File { path, journal } => {
                if let Err(error) = journal.flush() {
                    return cannot_write(&journal_of(path), &io_message(&error));
                }
                complain(&format!(
                    "interrupted after {done} of {rows} points, which are kept in {}; the same command goes on from there",
                    journal_of(path).display()
                ));
            }
            To::Stdout(out) => {
                let _ = out.flush();
                complain(&format!("interrupted after {done} of {rows} points"));
            }
            To::Table if global.quiet => {}
            To::Table => complain(&format!(
                "interrupted after {done} of {rows} points; with `-o FILE` they would be kept"
            )),
        }
        Exit::Interrupted
    }

    /// Ends a sweep all of whose rows are there: the file appears, and the journal goes.
    pub fn finish(self) -> Result<(), Exit> {
        match self.to {
            To::Table => Ok(()),
            To::Stdout(mut out) => written(out.flush()),
            To::File { path, mut journal } => {
                let outcome = journal.rows().map_err(|error| io_message(&error)).and_then(|rows| {
                    write_whole_with(&path, |file| copy(&self.columns, self.format, rows, file))
                });
                outcome.map_err(|message| cannot_write(&path, &message))?;
                journal.remove();
                Ok(())
            }
        }
    }
}

/// The rows of a journal in the format of the output.
fn copy(
    columns: &SweepColumns,
    format: SweepFormat,
    rows: impl Iterator<Item = io::Result<String>>,
    file: &mut dyn Write,
) -> io::Result<()> {
    if format != SweepFormat::Jsonl {
        file.write_all(columns.csv_header().as_bytes())?;
    }
    for row in rows {
        let row = row?;
        if format == SweepFormat::Jsonl {
            let row = columns.read_csv_line(&row);
            let row = row.ok_or_else(|| io::Error::other("the journal was changed by somebody else"))?;
            file.write_all(columns.json_line(&row).as_bytes())?;
        } else {
            file.write_all(row.as_bytes())?;
            file.write_all(b"\n")?;
        }
    }
    Ok(())
}

fn line(columns: &SweepColumns, format: SweepFormat, row: &SweepRow) -> String {
    if format == SweepFormat::Jsonl { columns.json_line(row) } else { columns.csv_line(row) }
}

/// Standard output may be closed by whoever reads it: that ends the sweep, and is no error.
fn written(outcome: io::Result<()>) -> Result<(), Exit> {
    outcome.map_err(|error| {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Exit::Ok;
        }
        complain(&format!("error: cannot write the result: {error}"));
        Exit::InvalidInput
    })
}

fn journal_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".journal");
    PathBuf::from(name)
}
