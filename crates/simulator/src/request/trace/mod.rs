//! Address traces, line by line: which format a text is in, and what its lines mean.
//!
//! A format is one row of [`KINDS`]: a name, how to tell it, and how to read a line. Nothing here reads files: lines
//! come one at a time, so that a trace of any length takes no memory.

mod kinds;
mod line;

pub use kinds::{KINDS, TraceKind, kind_by_name};
pub use line::Fault;

use super::access::Access;
use line::Words;

/// Longest line, in bytes; none of the formats needs a tenth of it.
pub const MAX_LINE_BYTES: usize = 1000;

/// Reads a trace.
#[derive(Debug, Clone)]
pub struct TraceReader {
    kind: Option<&'static TraceKind>,
    /// Columns of a CSV trace, once its header was read.
    columns: Vec<kinds::Column>,
    line: usize,
}

impl TraceReader {
    /// A reader of that format, or of the one the first line that says something is in.
    #[must_use]
    pub fn new(kind: Option<&'static TraceKind>) -> Self {
        Self { kind, columns: Vec::new(), line: 0 }
    }

    /// The format, once it is known.
    #[must_use]
    pub fn kind(&self) -> Option<&'static TraceKind> {
        self.kind
    }

    /// Lines read so far.
    #[must_use]
    pub fn lines(&self) -> usize {
        self.line
    }

    /// Reads the next line, without its end. Blank lines and comments (`#`, `//`) say nothing.
    ///
    /// # Errors
    /// What is wrong with it, and where in it.
    pub fn line(&mut self, text: &str) -> Result<Option<Access>, Fault> {
        self.line += 1;
        if text.len() > MAX_LINE_BYTES {
            let message = format!("a line of {} bytes is no trace: at most {MAX_LINE_BYTES}", text.len());
            return Err(Fault::new(0..1, message, "the line starts here"));
        }
        let trimmed = text.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') || trimmed.starts_with("//") {
            return Ok(None);
        }
        let kind = match self.kind {
            Some(kind) => kind,
            None => {
                let words = Words::new(text);
                let Some(kind) = KINDS.iter().find(|kind| (kind.tells)(&words)) else {
                    return Err(kinds::unknown(text));
                };
                self.kind = Some(kind);
                kind
            }
        };
        (kind.read)(&Words::new(text), &mut self.columns)
    }
}

#[cfg(test)]
mod tests {
    use super::super::access::When;
    use super::*;
    use memwall_units::Picos;

    fn read(text: &str) -> Result<(&'static str, Vec<Access>), String> {
        let mut reader = TraceReader::new(None);
        let mut accesses = Vec::new();
        for line in text.lines() {
            match reader.line(line) {
                Ok(access) => accesses.extend(access),
                Err(fault) => {
                    let part = line.get(fault.range.clone()).unwrap_or("?");
                    return Err(format!(
                        "line {} `{part}`: {} ({})",
                        reader.lines(),
                        fault.message,
                        fault.label
                    ));
                }
            }
        }
        Ok((reader.kind().map_or("none", |kind| kind.name), accesses))
    }

    fn at(address: u64, bytes: u32, write: bool, at: Option<When>) -> Access {
        Access { address, bytes, write, at }
    }

    #[test]
    fn every_format_is_told_by_its_first_line() {
        let load_store = "# made by hand\n\nLD 0x12340\nST 4660\n";
        assert_eq!(
            read(load_store),
            Ok(("load-store", vec![at(0x12340, 64, false, None), at(4660, 64, true, None)]))
        );
        let read_write = "R 0x40\nW 0x80\n";
        assert_eq!(
            read(read_write),
            Ok(("read-write", vec![at(64, 64, false, None), at(128, 64, true, None)]))
        );
        let old = "0x40 R\n0x80 W\n";
        assert_eq!(read(old), Ok(("read-write", vec![at(64, 64, false, None), at(128, 64, true, None)])));
        let clock = |clock| Some(When::Clock(clock));
        let dramsim = "0x40 READ 0\n0x80 WRITE 12\n";
        assert_eq!(
            read(dramsim),
            Ok(("dramsim3", vec![at(64, 64, false, clock(0)), at(128, 64, true, clock(12))]))
        );
        let csv = "time_ns,op,address,bytes\n0,read,0x40,32\n1.5,write,128,256\n";
        let time = |picos| Some(When::Time(Picos(picos)));
        assert_eq!(read(csv), Ok(("csv", vec![at(64, 32, false, time(0)), at(128, 256, true, time(1500))])));
        assert_eq!(read("address,op\n64,R\n"), Ok(("csv", vec![at(64, 64, false, None)])));
        assert_eq!(read("\n# nothing\n"), Ok(("none", Vec::new())));
    }

    #[test]
    fn faults_say_where_and_what_was_expected() {
        for (text, expected) in [
            ("LD 0x12\nLD zz", "line 2 `zz`: not an address (expected a number such as 0x1f40 or 8000)"),
            ("LD 0x12\nMV 0x1", "line 2 `MV`: not an operation (expected LD or ST)"),
            ("LD 0x12\nLD", "line 2 `D`: the line ends too soon (expected an address after this)"),
            ("LD 1\nLD 1 2", "line 2 `2`: one word too many (expected the end of the line)"),
            (
                "LD 0xfffffffffffffffff",
                "line 1 `0xfffffffffffffffff`: the address is too large (expected at most 64 bits)",
            ),
            (
                "R 0,0,1,4,7",
                "line 1 `0,0,1,4,7`: not an address (expected one number; address vectors are not read)",
            ),
            ("0x40 READ x", "line 1 `x`: not a clock (expected a whole number)"),
            ("time_ns,op,address\n-1,read,0", "line 2 `-1`: not a time (expected nanoseconds such as 1.5)"),
            ("op,address,bytes\nread,0,0", "line 2 `0`: not a size (expected bytes from 1 to 1048576)"),
            (
                "op,address\nread,0,0",
                "line 2 `read,0,0`: 3 fields where the header has 2 (expected op,address)",
            ),
            ("op,adress\n", "line 1 `adress`: not a column (expected time_ns, op, address or bytes)"),
            ("op,op,address\n", "line 1 `op`: this column stands twice (expected each once)"),
            (
                "op,bytes\n",
                "line 1 `op,bytes`: there is no column `address` (expected op and address at least)",
            ),
        ] {
            assert_eq!(read(text), Err(expected.to_owned()), "{text}");
        }
        let error = read("hello world").expect_err("no format");
        assert!(error.starts_with("line 1 `hello`: this is no trace in a known format"), "{error}");
    }
}
