//! Reading measured rows from CSV. What is wrong is collected, line by line; what is right goes on.

use csv::{ByteRecord, ReaderBuilder};

use memwall_hardware::catalog;
use memwall_model_graph::CollectiveKind;

use super::row::{Copies, Distribution, Metric, Phase, Place, Row, Shape};

/// Rows and files one reading may have; a larger file is cut off with a problem that says so.
pub const MAX_ROWS: usize = 1_000_000;
/// No extent of a real kernel is larger, and products of four of them still fit 128 bits.
const MAX_EXTENT: u64 = 1 << 32;
/// Words of a label or source.
const MAX_LABEL: usize = 200;

/// What one file gave.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reading {
    /// Rows that make sense.
    pub rows: Vec<Row>,
    /// Lines that do not, in order.
    pub problems: Vec<Problem>,
    /// Set when the file is data for people: its first column is not `kind`, or no row has a known kind.
    pub passed_over: Option<String>,
}

/// A line that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// What is wrong and what was expected.
    pub message: String,
}

/// Reads one file. Nothing in it can fail the reading; see [`Reading::problems`].
#[must_use]
pub fn read_rows(file: &str, bytes: &[u8]) -> Reading {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(bytes);
    let mut reading = Reading::default();
    let header: Vec<String> = match reader.byte_headers() {
        Ok(header) => header.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect(),
        Err(error) => {
            reading.passed_over = Some(format!("its first line is no CSV header: {error}"));
            return reading;
        }
    };
    if header.first().is_none_or(|name| name != "kind") {
        reading.passed_over = Some("its first column is not `kind`".to_owned());
        return reading;
    }
    let mut record = ByteRecord::new();
    let mut unknown = 0_u64;
    let mut lines = Lines { bytes, counted: 0, line: 1 };
    loop {
        match reader.read_byte_record(&mut record) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                problem(&mut reading, file, line, format!("it is no CSV: {error}"));
                break;
            }
        }
        let line = lines.of(&record);
        if reading.rows.len() >= MAX_ROWS {
            problem(
                &mut reading,
                file,
                line,
                format!("there are more than {MAX_ROWS} rows; the rest is left out"),
            );
            break;
        }
        let place = Place { file: file.to_owned(), line };
        match parse(&header, &record, &place) {
            Parsed::Row(row) => reading.rows.push(*row),
            Parsed::UnknownKind(message) => {
                unknown += 1;
                reading.problems.push(Problem { place, message });
            }
            Parsed::Wrong(message) => reading.problems.push(Problem { place, message }),
        }
    }
    let nothing_known = reading.rows.is_empty();
    if nothing_known && unknown > 0 && unknown == reading.problems.len() as u64 {
        reading.problems.clear();
        reading.passed_over = Some("none of its rows has a known kind".to_owned());
    }
    reading
}

/// Counts lines up to a record. The reader's own count takes a record to begin where the one before it ended, which is
/// a line early after a blank line or a Windows line end.
struct Lines<'a> {
    bytes: &'a [u8],
    counted: usize,
    line: u64,
}

impl Lines<'_> {
    fn of(&mut self, record: &ByteRecord) -> u64 {
        let start = record.position().map_or(0, csv::Position::byte) as usize;
        let rest = self.bytes.get(start..).unwrap_or_default();
        let blank = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let begin = start.saturating_add(blank);
        let passed = self.bytes.get(self.counted..begin).unwrap_or_default();
        self.line += passed.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.counted = begin.max(self.counted);
        self.line
    }
}

fn problem(reading: &mut Reading, file: &str, line: u64, message: String) {
    reading.problems.push(Problem { place: Place { file: file.to_owned(), line }, message });
}

enum Parsed {
    Row(Box<Row>),
    UnknownKind(String),
    Wrong(String),
}

fn parse(header: &[String], record: &ByteRecord, place: &Place) -> Parsed {
    let fields = Fields { header, record };
    let kind = match fields.text("kind") {
        Ok(kind) => kind,
        Err(message) => return Parsed::Wrong(message),
    };
    let shape = match kind {
        "gemm" => gemm(&fields),
        "attention" => attention(&fields),
        "mla" => mla(&fields),
        "moe" => moe(&fields),
        "elementwise" => elementwise(&fields),
        "collective" => collective(&fields),
        "inference" => inference(&fields),
        "training" => super::read_training::training(&fields),
        _ => {
            return Parsed::UnknownKind(format!(
                "`{}` is no kind of row: kinds are gemm, attention, mla, moe, elementwise, collective, inference, training",
                shorten(kind)
            ));
        }
    };
    match shape.and_then(|shape| whole(&fields, place, shape)) {
        Ok(row) => Parsed::Row(Box::new(row)),
        Err(message) => Parsed::Wrong(message),
    }
}

fn whole(fields: &Fields<'_>, place: &Place, shape: Shape) -> Result<Row, String> {
    Ok(Row {
        place: place.clone(),
        device: fields.device()?.to_owned(),
        software: fields.label("software")?.to_owned(),
        dtype: fields.label("dtype")?.to_owned(),
        seconds: match shape {
            Shape::Inference { .. } => fields.positive("value")?,
            _ => fields.positive("seconds")?,
        },
        shape,
        source: fields.optional("source")?.unwrap_or_default().to_owned(),
    })
}

fn gemm(fields: &Fields<'_>) -> Result<Shape, String> {
    let copies = match fields.optional("weight_copies")? {
        None => Copies::Rotated(1),
        Some("cold") => Copies::Flushed,
        Some(text) => match text.parse::<u64>() {
            Ok(count @ 1..=1024) => Copies::Rotated(count),
            _ => return Err(format!("weight_copies is `{}`: 1 to 1024, `cold`, or nothing", shorten(text))),
        },
    };
    Ok(Shape::Gemm {
        batch: fields.extent("batch")?,
        m: fields.extent("m")?,
        n: fields.extent("n")?,
        k: fields.extent("k")?,
        copies,
    })
}

fn attention(fields: &Fields<'_>) -> Result<Shape, String> {
    let (q_len, kv_len) = lengths(fields)?;
    let (heads, kv_heads) = (fields.extent("heads")?, fields.extent("kv_heads")?);
    if heads % kv_heads != 0 {
        return Err(format!("kv_heads {kv_heads} does not divide heads {heads}"));
    }
    let window = fields.optional("window")?.unwrap_or("0");
    Ok(Shape::Attention {
        phase: fields.phase()?,
        kv_dtype: fields.label("kv_dtype")?.to_owned(),
        batch: fields.extent("batch")?,
        q_len,
        kv_len,
        heads,
        kv_heads,
        head_dim: fields.extent("head_dim")?,
        window: window.parse().map_err(|_| format!("window is `{}`, not a whole number", shorten(window)))?,
    })
}

fn mla(fields: &Fields<'_>) -> Result<Shape, String> {
    let (q_len, kv_len) = lengths(fields)?;
    Ok(Shape::Mla {
        phase: fields.phase()?,
        kv_dtype: fields.label("kv_dtype")?.to_owned(),
        heads: fields.extent("heads")?,
        batch: fields.extent("batch")?,
        q_len,
        kv_len,
    })
}

fn lengths(fields: &Fields<'_>) -> Result<(u64, u64), String> {
    let (q_len, kv_len) = (fields.extent("q_len")?, fields.extent("kv_len")?);
    if q_len > kv_len {
        return Err(format!("q_len {q_len} is more than kv_len {kv_len}, which includes it"));
    }
    Ok((q_len, kv_len))
}

fn moe(fields: &Fields<'_>) -> Result<Shape, String> {
    let text = fields.text("distribution")?;
    let distribution = match text.strip_prefix("power_law_").map(str::parse::<f64>) {
        None if text == "balanced" => Distribution::Balanced,
        Some(Ok(exponent)) if exponent.is_finite() && exponent > 0.0 => Distribution::PowerLaw(exponent),
        _ => return Err(format!("distribution is `{}`: balanced, or power_law_1.2", shorten(text))),
    };
    let gated = match fields.text("gated")? {
        "yes" | "true" | "1" => true,
        "no" | "false" | "0" => false,
        other => return Err(format!("gated is `{}`: yes or no", shorten(other))),
    };
    let (top_k, experts, ep) = (fields.extent("top_k")?, fields.extent("experts")?, fields.extent("ep")?);
    if top_k > experts || ep > experts {
        return Err(format!("top_k {top_k} and ep {ep} can be at most the {experts} experts"));
    }
    Ok(Shape::Moe {
        tokens: fields.extent("tokens")?,
        hidden: fields.extent("hidden")?,
        expert_ffn: fields.extent("expert_ffn")?,
        top_k,
        experts,
        tp: fields.extent("tp")?,
        ep,
        distribution,
        gated,
    })
}

fn collective(fields: &Fields<'_>) -> Result<Shape, String> {
    let system = fields.label("system")?;
    catalog::system_entry(system).map_err(|error| error.to_string())?;
    let text = fields.text("collective")?;
    // What one rank sends and another receives.
    let kind = if text == "send_recv" {
        Some(CollectiveKind::Send)
    } else {
        COLLECTIVES.into_iter().find(|kind| kind.name() == text)
    };
    let known = || COLLECTIVES.map(CollectiveKind::name).join(", ");
    let kind =
        kind.ok_or_else(|| format!("`{}` is no collective: they are {}, send_recv", shorten(text), known()))?;
    let (ranks, nodes) = (fields.extent("ranks")?, fields.extent("nodes")?);
    if ranks % nodes != 0 {
        return Err(format!("{ranks} ranks are not as many on each of {nodes} nodes"));
    }
    Ok(Shape::Collective { system: system.to_owned(), kind, ranks, nodes, bytes: fields.extent("bytes")? })
}

/// Collectives a row may name, beside `send_recv`.
const COLLECTIVES: [CollectiveKind; 6] = [
    CollectiveKind::AllReduce,
    CollectiveKind::AllGather,
    CollectiveKind::ReduceScatter,
    CollectiveKind::AllToAll,
    CollectiveKind::Broadcast,
    CollectiveKind::Reduce,
];

fn inference(fields: &Fields<'_>) -> Result<Shape, String> {
    let model = fields.label("model")?;
    if memwall_model_graph::catalog::find(model).is_none() {
        return Err(format!("no model is called `{}`", shorten(model)));
    }
    let batch = match fields.optional("batch")? {
        None => None,
        Some(_) => Some(fields.extent("batch")?),
    };
    let text = fields.text("metric")?;
    let metric = Metric::NAMED.iter().find(|(name, _)| *name == text).map(|(_, metric)| *metric);
    let metric = metric.ok_or_else(|| {
        let known = Metric::NAMED.map(|(name, _)| name).join(", ");
        format!("`{}` is no metric: they are {known}", shorten(text))
    })?;
    Ok(Shape::Inference {
        model: model.to_owned(),
        kv_dtype: fields.optional("kv_dtype")?.unwrap_or_default().to_owned(),
        tp: fields.extent("tp")?,
        pp: fields.extent("pp")?,
        batch,
        isl: fields.extent("isl")?,
        osl: fields.extent("osl")?,
        metric,
    })
}

fn elementwise(fields: &Fields<'_>) -> Result<Shape, String> {
    let op = fields.label("op")?;
    if super::kernels::elementwise_op(op).is_none() {
        return Err(format!(
            "`{}` is no elementwise op: ops are {}",
            shorten(op),
            super::kernels::OPS.join(", ")
        ));
    }
    Ok(Shape::Elementwise { op: op.to_owned(), rows: fields.extent("rows")?, cols: fields.extent("cols")? })
}

pub(super) struct Fields<'a> {
    header: &'a [String],
    record: &'a ByteRecord,
}

impl<'a> Fields<'a> {
    /// The field of a column, which must be there and hold something.
    pub(super) fn text(&self, column: &str) -> Result<&'a str, String> {
        self.optional(column)?.ok_or_else(|| format!("{column} is empty"))
    }

    /// The field of a column that may be empty, but not missing from the header.
    pub(super) fn optional(&self, column: &str) -> Result<Option<&'a str>, String> {
        let Some(index) = self.header.iter().position(|name| name == column) else {
            return Err(format!("the header has no column `{column}`"));
        };
        let Some(field) = self.record.get(index) else {
            return Err(format!(
                "it has {} fields and {column} is the {}th of the header's {}",
                self.record.len(),
                index + 1,
                self.header.len()
            ));
        };
        let text = std::str::from_utf8(field).map_err(|_| format!("{column} is not UTF-8 text"))?;
        Ok((!text.is_empty()).then_some(text))
    }

    fn label(&self, column: &str) -> Result<&'a str, String> {
        let text = self.text(column)?;
        if text.len() > MAX_LABEL {
            Err(format!("{column} is longer than {MAX_LABEL} bytes"))
        } else {
            Ok(text)
        }
    }

    /// A device that the catalog knows: the rows of one that it does not would all be refused, one by one.
    fn device(&self) -> Result<&'a str, String> {
        let name = self.label("device")?;
        memwall_hardware::catalog::device_entry(name).map_err(|error| error.to_string())?;
        Ok(name)
    }

    pub(super) fn extent(&self, column: &str) -> Result<u64, String> {
        let text = self.text(column)?;
        match text.parse::<u64>() {
            Ok(extent @ 1..=MAX_EXTENT) => Ok(extent),
            Ok(_) => Err(format!("{column} is {text}: it must be from 1 to {MAX_EXTENT}")),
            Err(_) => Err(format!("{column} is `{}`, not a whole number", shorten(text))),
        }
    }

    /// A measured time in seconds, or a rate.
    fn positive(&self, column: &str) -> Result<f64, String> {
        let text = self.text(column)?;
        let (what, most) =
            if column == "seconds" { ("a measured time", 1e6) } else { ("a measured value", 1e12) };
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() && value > 0.0 && value < most => Ok(value),
            Ok(_) => Err(format!("{column} is {text}: {what} is above 0 and below {}", limit_text(most))),
            Err(_) => Err(format!("{column} is `{}`, not a number", shorten(text))),
        }
    }

    fn phase(&self) -> Result<Phase, String> {
        match self.text("phase")? {
            "prefill" => Ok(Phase::Prefill),
            "decode" => Ok(Phase::Decode),
            other => Err(format!("phase is `{}`: prefill or decode", shorten(other))),
        }
    }
}

const fn limit_text(most: f64) -> &'static str {
    if most <= 1e6 { "a million" } else { "a million million" }
}

pub(super) fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(40).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
