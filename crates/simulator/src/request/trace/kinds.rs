//! The formats.

use memwall_units::Picos;

use super::line::{Fault, Word, Words};
use crate::request::access::{Access, MAX_ACCESS_BYTES, When};

/// Bytes of an access where a format does not say: a cache line.
const LINE: u32 = 64;

/// A format.
#[derive(Debug, Clone, Copy)]
pub struct TraceKind {
    /// The name users force it by.
    pub name: &'static str,
    /// What its lines look like, for help texts.
    pub looks_like: &'static str,
    /// Whether a first line is of this format.
    pub(super) tells: fn(&Words<'_>) -> bool,
    /// Reads a line.
    pub(super) read: fn(&Words<'_>, &mut Vec<Column>) -> Result<Option<Access>, Fault>,
}

/// All formats, in the order in which a first line is tried.
pub static KINDS: [TraceKind; 4] = [
    TraceKind {
        name: "load-store",
        looks_like: "LD 0x1f40, ST 0x2000 (Ramulator)",
        tells: |line| starts_with_one_of(line, &["LD", "ST"]),
        read: |line, _| load_store(line).map(Some),
    },
    TraceKind {
        name: "read-write",
        looks_like: "R 0x1f40 or 0x1f40 R (Ramulator)",
        tells: |line| {
            let words = line.by_blanks();
            starts_with_one_of(line, &["R", "W"])
                || matches!(words.as_slice(), [_, operation] if ["R", "W"].contains(&operation.text))
        },
        read: |line, _| read_write(line).map(Some),
    },
    TraceKind {
        name: "dramsim3",
        looks_like: "0x1f40 READ 12 (DRAMsim3)",
        tells: |line| {
            matches!(line.by_blanks().as_slice(),
                [_, operation, ..] if ["READ", "WRITE"].contains(&operation.text))
        },
        read: |line, _| dramsim(line).map(Some),
    },
    TraceKind {
        name: "csv",
        looks_like: "a header such as time_ns,op,address,bytes",
        tells: |line| line.by_commas().iter().any(|word| Column::from_name(word.text).is_some()),
        read: csv,
    },
];

/// The format of that name.
#[must_use]
pub fn kind_by_name(name: &str) -> Option<&'static TraceKind> {
    KINDS.iter().find(|kind| kind.name == name)
}

/// A line in none of the formats.
pub(super) fn unknown(text: &str) -> Fault {
    let line = Words::new(text);
    let range = line.by_blanks().first().map_or(0..0, |word| word.range.clone());
    let known: Vec<&str> = KINDS.iter().map(|kind| kind.looks_like).collect();
    Fault::new(range, "this is no trace in a known format", format!("expected one of: {}", known.join("; ")))
}

fn starts_with_one_of(line: &Words<'_>, names: &[&str]) -> bool {
    line.by_blanks().first().is_some_and(|word| names.contains(&word.text))
}

/// Exactly these words, named for what is missing.
fn exactly<'a, const N: usize>(line: &Words<'a>, names: [&str; N]) -> Result<[Word<'a>; N], Fault> {
    let words = line.by_blanks();
    if let Some(extra) = words.get(N) {
        return Err(extra.fault("one word too many", "expected the end of the line"));
    }
    let count = words.len();
    words.try_into().map_err(|_| {
        let missing = names.get(count).copied().unwrap_or_default();
        Fault::new(line.end(), "the line ends too soon", format!("expected {missing} after this"))
    })
}

fn load_store(line: &Words<'_>) -> Result<Access, Fault> {
    let [operation, address] = exactly(line, ["LD or ST", "an address"])?;
    let write = operation_of(&operation, &[("LD", false), ("ST", true)])?;
    Ok(Access { address: address.address()?, bytes: LINE, write, at: None })
}

fn read_write(line: &Words<'_>) -> Result<Access, Fault> {
    let [first, second] = exactly(line, ["R or W", "an address"])?;
    let names = [("R", false), ("W", true)];
    let turned = names.iter().any(|(name, _)| *name == second.text);
    let (operation, address) = if turned { (second, first) } else { (first, second) };
    let write = operation_of(&operation, &names)?;
    Ok(Access { address: address.address()?, bytes: LINE, write, at: None })
}

fn dramsim(line: &Words<'_>) -> Result<Access, Fault> {
    let [address, operation, clock] = exactly(line, ["an address", "READ or WRITE", "a clock"])?;
    let write = operation_of(&operation, &[("READ", false), ("WRITE", true)])?;
    let at = clock.text.parse().map_err(|_| clock.fault("not a clock", "expected a whole number"))?;
    Ok(Access { address: address.address()?, bytes: LINE, write, at: Some(When::Clock(at)) })
}

fn operation_of(word: &Word<'_>, names: &[(&str, bool)]) -> Result<bool, Fault> {
    let found = names.iter().find(|(name, _)| *name == word.text);
    found.map(|(_, write)| *write).ok_or_else(|| {
        let known: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
        word.fault("not an operation", format!("expected {}", known.join(" or ")))
    })
}

/// A column of a CSV trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Time,
    Operation,
    Address,
    Bytes,
}

impl Column {
    fn from_name(name: &str) -> Option<Self> {
        match name {
            "time_ns" => Some(Self::Time),
            "op" => Some(Self::Operation),
            "address" => Some(Self::Address),
            "bytes" => Some(Self::Bytes),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Time => "time_ns",
            Self::Operation => "op",
            Self::Address => "address",
            Self::Bytes => "bytes",
        }
    }
}

fn csv(line: &Words<'_>, columns: &mut Vec<Column>) -> Result<Option<Access>, Fault> {
    let words = line.by_commas();
    if columns.is_empty() {
        *columns = header(line, &words)?;
        return Ok(None);
    }
    if words.len() != columns.len() {
        let names: Vec<&str> = columns.iter().map(|column| column.name()).collect();
        let message = format!("{} fields where the header has {}", words.len(), columns.len());
        return Err(line.whole().fault(message, format!("expected {}", names.join(","))));
    }
    let mut access = Access { address: 0, bytes: LINE, write: false, at: None };
    for (word, column) in words.iter().zip(columns) {
        match column {
            Column::Time => access.at = Some(When::Time(time(word)?)),
            Column::Address => access.address = word.address()?,
            Column::Operation => {
                let names = [("read", false), ("write", true), ("R", false), ("W", true)];
                access.write = operation_of(word, &names)?;
            }
            Column::Bytes => {
                let bytes = word.text.parse().ok().filter(|bytes| (1..=MAX_ACCESS_BYTES).contains(bytes));
                access.bytes = bytes.ok_or_else(|| {
                    word.fault("not a size", format!("expected bytes from 1 to {MAX_ACCESS_BYTES}"))
                })?;
            }
        }
    }
    Ok(Some(access))
}

fn header(line: &Words<'_>, words: &[Word<'_>]) -> Result<Vec<Column>, Fault> {
    let mut columns = Vec::new();
    for word in words {
        let column = Column::from_name(word.text)
            .ok_or_else(|| word.fault("not a column", "expected time_ns, op, address or bytes"))?;
        if columns.contains(&column) {
            return Err(word.fault("this column stands twice", "expected each once"));
        }
        columns.push(column);
    }
    for needed in [Column::Operation, Column::Address] {
        if !columns.contains(&needed) {
            let message = format!("there is no column `{}`", needed.name());
            return Err(line.whole().fault(message, "expected op and address at least"));
        }
    }
    Ok(columns)
}

/// Nanoseconds, with at most three decimals counting.
fn time(word: &Word<'_>) -> Result<Picos, Fault> {
    let fault = || word.fault("not a time", "expected nanoseconds such as 1.5");
    let (whole, decimals) = word.text.split_once('.').unwrap_or((word.text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 18 || !digits(whole) || !digits(decimals) {
        return Err(fault());
    }
    let whole: u64 = whole.parse().map_err(|_| fault())?;
    let thousandths: String = decimals.chars().chain("000".chars()).take(3).collect();
    let thousandths: u64 = thousandths.parse().map_err(|_| fault())?;
    whole.checked_mul(1000).and_then(|picos| picos.checked_add(thousandths)).map(Picos).ok_or_else(fault)
}
