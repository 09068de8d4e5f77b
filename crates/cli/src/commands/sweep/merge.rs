//! `memwall sweep --merge`: the shards of one sweep put together.

use std::fs::File;
use std::io::{BufRead, BufReader, Lines};
use std::path::Path;

use crate::args::{Global, SweepArgs, SweepFormat};
use crate::commands::cannot_write;
use crate::exit::Exit;
use crate::files::{check_target, io_message, write_whole_with};
use crate::terminal::complain;

/// One shard's file and its next row.
struct Part<'a> {
    name: &'a str,
    lines: Lines<BufReader<File>>,
    next: Option<(u64, String)>,
}

/// Puts the rows of all files into one, in the order of their index.
pub fn merge(args: &SweepArgs, global: &Global) -> Exit {
    let Some(output) = args.output.as_deref() else { return Exit::Usage };
    if let Err(message) = check_target(output) {
        return cannot_write(output, &message);
    }
    let format = args.format();
    let mut rows = 0;
    match merged(&args.merge, format, output, &mut rows) {
        Ok(()) => {
            if !global.quiet {
                complain(&format!("{}: {rows} points", output.display()));
            }
            Exit::Ok
        }
        Err(message) => {
            complain(&format!("error: {message}"));
            Exit::InvalidInput
        }
    }
}

fn merged(files: &[String], format: SweepFormat, output: &Path, rows: &mut u64) -> Result<(), String> {
    let mut parts = Vec::new();
    let mut heading: Option<String> = None;
    for name in files {
        let file = File::open(name).map_err(|error| format!("{name}: {}", io_message(&error)))?;
        let mut part = Part { name, lines: BufReader::new(file).lines(), next: None };
        if format == SweepFormat::Csv {
            let first = part.line()?.unwrap_or_default();
            if !first.starts_with("index,") {
                return Err(format!(
                    "{name}: no result of a sweep: its first line should begin with `index,`"
                ));
            }
            match &heading {
                Some(heading) if *heading != first => {
                    return Err(format!(
                        "{name} has other columns than {}: not shards of one sweep",
                        files[0]
                    ));
                }
                _ => heading = Some(first),
            }
        }
        part.advance(format)?;
        parts.push(part);
    }
    let mut failure = None;
    let outcome = write_whole_with(output, |file| {
        if let Some(heading) = &heading {
            writeln!(file, "{heading}")?;
        }
        loop {
            match next_row(&mut parts, *rows, format) {
                Ok(Some(line)) => writeln!(file, "{line}")?,
                Ok(None) => return Ok(()),
                Err(message) => {
                    failure = Some(message);
                    return Err(std::io::Error::other("the files do not fit together"));
                }
            }
            *rows += 1;
        }
    });
    match failure {
        Some(message) => Err(message),
        None => outcome.map_err(|message| format!("cannot write {}: {message}", output.display())),
    }
}

/// Row number `due`, from whichever part has it; `None` when all are at their end.
fn next_row(parts: &mut [Part<'_>], due: u64, format: SweepFormat) -> Result<Option<String>, String> {
    let first = parts.iter_mut().filter(|part| part.next.is_some()).min_by_key(|part| part.index());
    let Some(part) = first else { return Ok(None) };
    match part.index() {
        Some(index) if index == due => {
            let line = part.next.take().map(|(_, line)| line);
            part.advance(format)?;
            Ok(line)
        }
        Some(index) if index < due => Err(format!("{}: point {index} is there twice", part.name)),
        _ => Err(format!("point {due} is in none of the files: is a shard missing?")),
    }
}

impl Part<'_> {
    fn index(&self) -> Option<u64> {
        self.next.as_ref().map(|(index, _)| *index)
    }

    fn line(&mut self) -> Result<Option<String>, String> {
        self.lines.next().transpose().map_err(|error| format!("{}: {}", self.name, io_message(&error)))
    }

    fn advance(&mut self, format: SweepFormat) -> Result<(), String> {
        let Some(line) = self.line()? else { return Ok(()) };
        let after =
            if format == SweepFormat::Csv { Some(line.as_str()) } else { line.strip_prefix("{\"index\":") };
        let digits = after.map(|text| text.split([',', '}']).next().unwrap_or_default());
        let index = digits.and_then(|digits| digits.parse().ok());
        let index = index.ok_or_else(|| {
            let start: String = line.chars().take(40).collect();
            format!("{}: no row of a sweep: `{start}`", self.name)
        })?;
        self.next = Some((index, line));
        Ok(())
    }
}
