//! Lines of a file of any size, in bounded memory.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

/// Bytes of a line that are kept; the rest of a longer one is passed over, and its length told.
const KEPT: usize = 4096;

/// Reads lines.
pub struct Lines {
    input: Box<dyn BufRead>,
    line: Vec<u8>,
    /// Bytes of the current line.
    length: usize,
}

/// A line.
pub enum Line<'a> {
    /// As it is.
    Text(&'a str),
    /// Longer than is kept: its start, and its length in bytes.
    TooLong(String, usize),
    /// Not UTF-8: readable until there, in bytes.
    Bytes(usize, String),
}

impl Lines {
    /// Opens a file, or standard input for `-`.
    ///
    /// # Errors
    /// A message for people.
    pub fn open(name: &str) -> Result<Self, String> {
        let input: Box<dyn BufRead> = if name == "-" {
            Box::new(BufReader::new(io::stdin()))
        } else {
            let file = File::open(Path::new(name)).map_err(|error| message(&error))?;
            if file.metadata().is_ok_and(|data| data.is_dir()) {
                return Err("it is a folder".to_owned());
            }
            Box::new(BufReader::with_capacity(1 << 16, file))
        };
        Ok(Self { input, line: Vec::new(), length: 0 })
    }

    /// The next line, without its end.
    ///
    /// # Errors
    /// A message for people.
    pub fn next(&mut self) -> Result<Option<Line<'_>>, String> {
        self.line.clear();
        self.length = 0;
        let mut any = false;
        loop {
            let buffer = self.input.fill_buf().map_err(|error| message(&error))?;
            if buffer.is_empty() {
                break;
            }
            any = true;
            let end = buffer.iter().position(|&byte| byte == b'\n');
            let part = buffer.get(..end.unwrap_or(buffer.len())).unwrap_or_default();
            self.length += part.len();
            let room = KEPT.saturating_sub(self.line.len()).min(part.len());
            self.line.extend_from_slice(part.get(..room).unwrap_or_default());
            let used = part.len() + usize::from(end.is_some());
            self.input.consume(used);
            if end.is_some() {
                break;
            }
        }
        if !any {
            return Ok(None);
        }
        if self.line.last() == Some(&b'\r') && self.length == self.line.len() {
            self.line.pop();
        }
        Ok(Some(match std::str::from_utf8(&self.line) {
            _ if self.length > KEPT => Line::TooLong(
                String::from_utf8_lossy(self.line.get(..80).unwrap_or_default()).into_owned(),
                self.length,
            ),
            Ok(text) => Line::Text(text),
            Err(error) => {
                let good = self.line.get(..error.valid_up_to()).unwrap_or_default();
                Line::Bytes(good.len(), String::from_utf8_lossy(good).into_owned())
            }
        }))
    }
}

fn message(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}
