//! The journal of a sweep: its rows as they come, in a file beside the output that a later run goes on with.
//!
//! The first line says which sweep it is of; each further line is one row as CSV. A row counts when its line has its
//! end, so that a run may be killed at any moment.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::files::io_message;

/// A journal that is being written.
pub struct Journal {
    path: PathBuf,
    file: BufWriter<File>,
    flushed: Instant,
}

/// Which sweep a journal is of.
pub struct Header {
    /// The scenario's name.
    pub scenario: String,
    /// Tells the scenario, its axes, its seed and its shard from any other.
    pub fingerprint: u64,
    /// Points of the whole sweep.
    pub points: u64,
    /// `1/4`.
    pub shard: String,
}

/// Rows wait this long at most before they are written: what a kill may cost.
const FLUSH_EVERY: Duration = Duration::from_millis(100);
/// Lines longer than this are no rows of ours.
const LONGEST_LINE: u64 = 1 << 20;

impl Journal {
    /// Opens the journal at `path`, a new one or one to go on with. Each row that is already there goes to `on_row`, which
    /// says whether it is the row that is due; a last line that was cut short is dropped.
    ///
    /// # Errors
    /// A message for people: it is of another sweep, it is damaged, another run writes it, it cannot be written.
    pub fn open(path: &Path, header: &Header, on_row: impl FnMut(&str) -> bool) -> Result<Self, String> {
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(path);
        let mut file = file.map_err(|error| io_message(&error))?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => return Err("another run is writing it".to_owned()),
            // Where locks are not to be had, two runs at once are the user's own care.
            Ok(()) | Err(TryLockError::Error(_)) => {}
        }
        let keep = read(&file, path, header, on_row)?;
        let prepared = file.set_len(keep).and_then(|()| file.seek(SeekFrom::Start(keep)));
        prepared.map_err(|error| io_message(&error))?;
        let mut journal = Self { path: path.to_owned(), file: BufWriter::new(file), flushed: Instant::now() };
        if keep == 0 {
            journal
                .push(&(header.line() + "\n"))
                .and_then(|()| journal.flush())
                .map_err(|error| io_message(&error))?;
        }
        Ok(journal)
    }

    /// Adds a row: a line with its end.
    ///
    /// # Errors
    /// The disk is full, or worse.
    pub fn push(&mut self, line: &str) -> io::Result<()> {
        self.file.write_all(line.as_bytes())?;
        if self.flushed.elapsed() > FLUSH_EVERY { self.flush() } else { Ok(()) }
    }

    /// Writes what waits.
    ///
    /// # Errors
    /// As [`Journal::push`].
    pub fn flush(&mut self) -> io::Result<()> {
        self.flushed = Instant::now();
        self.file.flush()
    }

    /// The rows, from the first.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn rows(&mut self) -> io::Result<impl Iterator<Item = io::Result<String>>> {
        self.flush()?;
        let lines = BufReader::new(File::open(&self.path)?).lines();
        Ok(lines.skip(1))
    }

    /// Removes it: the output has appeared.
    pub fn remove(self) {
        // A journal that stays does no harm: the next run finds it complete.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Bytes of the file up to the end of its last whole row.
fn read(
    file: &File,
    path: &Path,
    header: &Header,
    mut on_row: impl FnMut(&str) -> bool,
) -> Result<u64, String> {
    let mut reader = BufReader::new(file);
    let Some(first) = whole_line(&mut reader)? else {
        let length = file.metadata().map_err(|error| io_message(&error))?.len();
        let own = header.line();
        let mut start = String::new();
        let began = File::open(path)
            .and_then(|file| io::Read::read_to_string(&mut io::Read::take(file, LONGEST_LINE), &mut start));
        // Nothing yet, or our own first line cut short.
        let ours = length == 0 || began.is_ok() && own.starts_with(&start);
        return if ours { Ok(0) } else { Err("it is no journal of a sweep".to_owned()) };
    };
    header.check(&first)?;
    let mut kept = first.len() as u64 + 1;
    let mut number = 1_u64;
    while let Some(line) = whole_line(&mut reader)? {
        number += 1;
        if !on_row(&line) {
            return Err(format!("its line {number} is not the row that is due; remove it to start anew"));
        }
        kept += line.len() as u64 + 1;
    }
    Ok(kept)
}

/// The next line that has its end, without it.
fn whole_line(reader: &mut impl BufRead) -> Result<Option<String>, String> {
    let mut line = Vec::new();
    let read = io::Read::take(reader.by_ref(), LONGEST_LINE).read_until(b'\n', &mut line);
    read.map_err(|error| io_message(&error))?;
    if line.pop() != Some(b'\n') {
        return Ok(None);
    }
    String::from_utf8(line).map(Some).map_err(|_| "it is no journal of a sweep".to_owned())
}

impl Header {
    fn fields(&self) -> [(&'static str, Value); 6] {
        [
            ("memwall_sweep", json!(1)),
            ("version", json!(env!("CARGO_PKG_VERSION"))),
            ("scenario", json!(self.scenario)),
            ("points", json!(self.points)),
            ("shard", json!(self.shard)),
            ("fingerprint", json!(format!("{:016x}", self.fingerprint))),
        ]
    }

    fn line(&self) -> String {
        Value::Object(self.fields().map(|(key, value)| (key.to_owned(), value)).into_iter().collect())
            .to_string()
    }

    /// Whether a first line is this sweep's.
    fn check(&self, line: &str) -> Result<(), String> {
        let other: Value = serde_json::from_str(line).unwrap_or_default();
        if other.get("memwall_sweep").is_none() {
            return Err("it is no journal of a sweep".to_owned());
        }
        let differs = self.fields().into_iter().find(|(key, value)| other.get(*key) != Some(value));
        let Some((key, value)) = differs else { return Ok(()) };
        let theirs = other.get(key).cloned().unwrap_or_default();
        let what = match key {
            "fingerprint" => "the scenario, its axes or its seed have changed since".to_owned(),
            _ => format!("its {key} is {theirs}, and this sweep's is {value}"),
        };
        Err(format!("it is of another sweep: {what}; remove it to start anew"))
    }
}
