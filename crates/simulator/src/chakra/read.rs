//! From the bytes of a file to a trace.

use memwall_units::Picos;
use prost::Message;

use super::error::{ChakraError, NodeLabel, shortened};
use super::message::{Attribute, GlobalMetadata, Node, Value, attribute, node_type};
use super::trace::{
    ExecutionTrace, MAX_DEPENDENCIES, MAX_NODE_BYTES, MAX_NODES, TraceCollective, TraceNode, TraceWork,
};
use super::write::{PICOS_PER_MICRO, micros};

pub(super) fn read(bytes: &[u8]) -> Result<ExecutionTrace, ChakraError> {
    other_format(bytes)?;
    let mut messages = Messages { bytes, offset: 0, read: 0 };
    let metadata = messages.next::<GlobalMetadata>().map_err(|error| is_text(bytes).unwrap_or(error))?;
    let Some(metadata) = metadata else {
        return Err(ChakraError::Truncated {
            offset: 0,
            expected: "the metadata that every trace starts with".to_owned(),
        });
    };
    let mut nodes = Vec::new();
    let mut dependencies = 0;
    while let Some(message) = messages.next::<Node>()? {
        if nodes.len() == MAX_NODES {
            return Err(ChakraError::TooMany { what: "nodes", limit: MAX_NODES });
        }
        // Neither count can be more than the bytes there are.
        dependencies += message.data_deps.len() + message.ctrl_deps.len();
        if dependencies > MAX_DEPENDENCIES {
            return Err(ChakraError::TooMany { what: "dependencies", limit: MAX_DEPENDENCIES });
        }
        nodes.push(node(message)?);
    }
    let trace = ExecutionTrace { version: metadata.version, nodes };
    trace.check()?;
    Ok(trace)
}

/// What people give in place of a trace.
fn other_format(bytes: &[u8]) -> Result<(), ChakraError> {
    let (what, help) = match bytes {
        [0x1f, 0x8b, 0x08, ..] => ("a gzip file", "decompress it first"),
        [b'{', b'"' | b'\n' | b'\r' | b' ', ..] => ("JSON", "convert it with chakra_converter first"),
        _ => return Ok(()),
    };
    Err(ChakraError::OtherFormat { what, help })
}

/// What begins like a text, if it is no trace.
fn is_text(bytes: &[u8]) -> Option<ChakraError> {
    let start = &bytes[..bytes.len().min(64)];
    let is_text = start.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r'));
    let help = "it is a binary file, with one rank's nodes";
    is_text.then_some(ChakraError::OtherFormat { what: "text", help })
}

/// The messages of a file, one after the other.
struct Messages<'a> {
    bytes: &'a [u8],
    offset: usize,
    read: usize,
}

impl<'a> Messages<'a> {
    /// The next message, or `None` at the end of the file.
    fn next<M: Message + Default>(&mut self) -> Result<Option<M>, ChakraError> {
        if self.offset == self.bytes.len() {
            return Ok(None);
        }
        let length = self.length()?;
        let start = self.offset;
        let end = usize::try_from(length).ok().and_then(|length| start.checked_add(length));
        let Some(body) = end.and_then(|end| self.bytes.get(start..end)) else {
            let expected = format!("the {length} bytes of {}, from byte {start} on", self.name());
            return Err(ChakraError::Truncated { offset: self.bytes.len(), expected });
        };
        let failed = |message, reason| ChakraError::Message { offset: start, message, reason };
        if body.len() > MAX_NODE_BYTES {
            let reason = format!("it has {length} bytes, and the limit is {MAX_NODE_BYTES}");
            return Err(failed(self.name(), reason));
        }
        let message = M::decode(body).map_err(|error| {
            let text = error.to_string();
            let reason = text.strip_prefix("failed to decode Protobuf message: ").unwrap_or(&text);
            failed(self.name(), reason.to_owned())
        })?;
        self.offset = start + body.len();
        self.read += 1;
        Ok(Some(message))
    }

    /// A length: seven bits a byte, the lowest first, all but the last byte with the eighth bit set.
    fn length(&mut self) -> Result<u64, ChakraError> {
        let start = self.offset;
        let mut length = 0_u64;
        for shift in (0..u64::BITS).step_by(7) {
            let Some(byte) = self.bytes.get(self.offset) else {
                let expected = format!("the rest of the length of {}", self.name());
                return Err(ChakraError::Truncated { offset: self.offset, expected });
            };
            self.offset += 1;
            // Bits beyond the 64th are lost, as in every reader of protobuf; what is left is checked by the caller.
            length |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(length);
            }
        }
        Err(ChakraError::Length { offset: start, message: self.name() })
    }

    /// How errors call the message that is being read.
    fn name(&self) -> String {
        match self.read {
            0 => "the metadata".to_owned(),
            nodes => format!("the {} node of the file", ordinal(nodes)),
        }
    }
}

fn ordinal(number: usize) -> String {
    let ending = match (number % 10, number % 100) {
        (1, hundred) if hundred != 11 => "st",
        (2, hundred) if hundred != 12 => "nd",
        (3, hundred) if hundred != 13 => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

fn node(message: Node) -> Result<TraceNode, ChakraError> {
    let attributes = Attributes { node: &message };
    let work = work(&attributes)?;
    let duration = duration(&attributes)?;
    let Node { id, name, ctrl_deps, data_deps: mut after, .. } = message;
    after.extend(ctrl_deps);
    after.sort_unstable();
    after.dedup();
    after.shrink_to_fit();
    Ok(TraceNode { id, name, work, after, duration })
}

fn work(attributes: &Attributes<'_>) -> Result<TraceWork, ChakraError> {
    use attribute as name;
    Ok(match attributes.node.r#type {
        node_type::INVALID | node_type::METADATA => TraceWork::Nothing,
        node_type::MEM_LOAD => TraceWork::MemoryLoad { bytes: attributes.needed(name::TENSOR_SIZE)? },
        node_type::MEM_STORE => TraceWork::MemoryStore { bytes: attributes.needed(name::TENSOR_SIZE)? },
        node_type::COMP => TraceWork::Compute {
            flops: attributes.number(name::NUM_OPS)?.unwrap_or(0),
            bytes: attributes.number(name::TENSOR_SIZE)?.unwrap_or(0),
            on_host: attributes.truth(name::IS_CPU_OP)?.unwrap_or(false),
        },
        node_type::COMM_SEND => TraceWork::Send {
            to: attributes.needed(name::COMM_DST)?,
            bytes: attributes.needed(name::COMM_SIZE)?,
            tag: attributes.number(name::COMM_TAG)?.unwrap_or(0),
        },
        node_type::COMM_RECV => TraceWork::Receive {
            from: attributes.needed(name::COMM_SRC)?,
            bytes: attributes.needed(name::COMM_SIZE)?,
            tag: attributes.number(name::COMM_TAG)?.unwrap_or(0),
        },
        node_type::COMM_COLL => return collective(attributes),
        other => {
            let known = node_type::NOT_READ.iter().find(|(number, _)| *number == other);
            let kind = known.map_or(other.to_string(), |(number, name)| format!("{name} ({number})"));
            return Err(ChakraError::NodeType { node: attributes.label(), kind });
        }
    })
}

fn collective(attributes: &Attributes<'_>) -> Result<TraceWork, ChakraError> {
    let kind = match attributes.needed::<u64>(attribute::COMM_TYPE)? {
        0 => TraceCollective::AllReduce,
        1 => TraceCollective::Reduce,
        2 => TraceCollective::AllGather,
        3 => TraceCollective::Gather,
        4 => TraceCollective::Scatter,
        5 => TraceCollective::Broadcast,
        6 => TraceCollective::AllToAll,
        7 | 8 => TraceCollective::ReduceScatter,
        9 => return Ok(TraceWork::Nothing),
        other => {
            let reason = format!("is {other}: expected a collective from ALL_REDUCE (0) to BARRIER (9)");
            return Err(attributes.fault(attribute::COMM_TYPE, reason));
        }
    };
    Ok(TraceWork::Collective {
        kind,
        bytes: attributes.needed(attribute::COMM_SIZE)?,
        group: attributes.text(attribute::PG_NAME)?,
        dimensions: attributes.truths(attribute::INVOLVED_DIM)?,
        root: attributes.number(attribute::COMM_ROOT)?,
    })
}

fn duration(attributes: &Attributes<'_>) -> Result<Option<Picos>, ChakraError> {
    let given = attributes.node.duration_micros;
    // The exact duration counts only while it says the same: another program may have changed the rounded one.
    let exact = attributes.number(attribute::DURATION_PICOS)?.map(Picos);
    if let Some(exact) = exact.filter(|exact| micros(*exact) == given) {
        return Ok(Some(exact));
    }
    let micros = if given > 0 { given } else { attributes.number(attribute::RUNTIME)?.unwrap_or(0) };
    if micros == 0 {
        return Ok(None);
    }
    let picos = micros.checked_mul(PICOS_PER_MICRO);
    picos
        .map(|picos| Some(Picos(picos)))
        .ok_or_else(|| ChakraError::Duration { node: attributes.label(), micros })
}

/// The attributes of a node. Where a name stands twice, the first counts.
struct Attributes<'a> {
    node: &'a Node,
}

impl Attributes<'_> {
    fn label(&self) -> NodeLabel {
        NodeLabel::new(self.node.id, &self.node.name)
    }

    fn fault(&self, attribute: &'static str, reason: impl Into<String>) -> ChakraError {
        ChakraError::Attribute { node: self.label(), attribute, reason: reason.into() }
    }

    /// The value of an attribute, if the node has it.
    fn value(&self, name: &'static str) -> Result<Option<&Value>, ChakraError> {
        let found: Option<&Attribute> = self.node.attr.iter().find(|attribute| attribute.name == name);
        let Some(attribute) = found else { return Ok(None) };
        let value = attribute.value.as_ref();
        value.map(Some).ok_or_else(|| self.fault(name, "has no value, or a list of what is no list"))
    }

    /// A number of at least zero, of whatever type, if the node has it.
    fn number<T: TryFrom<u64>>(&self, name: &'static str) -> Result<Option<T>, ChakraError> {
        let Some(value) = self.value(name)? else { return Ok(None) };
        let number = whole(value).and_then(|number| T::try_from(number).ok());
        number.map(Some).ok_or_else(|| {
            let bits = 8 * size_of::<T>();
            self.fault(
                name,
                format!("is {}: expected a whole number of {bits} bits, from 0 on", shown(value)),
            )
        })
    }

    /// A number of at least zero.
    fn needed<T: TryFrom<u64>>(&self, name: &'static str) -> Result<T, ChakraError> {
        self.number(name)?.ok_or_else(|| self.fault(name, "is missing"))
    }

    fn truth(&self, name: &'static str) -> Result<Option<bool>, ChakraError> {
        let Some(value) = self.value(name)? else { return Ok(None) };
        match (value, whole(value)) {
            (Value::Bool(truth), _) => Ok(Some(*truth)),
            (_, Some(number @ 0..=1)) => Ok(Some(number == 1)),
            _ => Err(self.fault(name, format!("is {}: expected true or false", shown(value)))),
        }
    }

    fn truths(&self, name: &'static str) -> Result<Vec<bool>, ChakraError> {
        match self.value(name)? {
            None => Ok(Vec::new()),
            Some(Value::BoolList(list)) => Ok(list.values.clone()),
            Some(other) => {
                let reason = format!("is {}: expected a list of true and false", shown(other));
                Err(self.fault(name, reason))
            }
        }
    }

    /// A text that is not empty, if the node has one.
    fn text(&self, name: &'static str) -> Result<Option<String>, ChakraError> {
        match self.value(name)? {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
            Some(other) => Err(self.fault(name, format!("is {}: expected a text", shown(other)))),
        }
    }
}

/// A whole number of at least zero, or `None`.
fn whole(value: &Value) -> Option<u64> {
    match value {
        Value::Int32(number) | Value::Sint32(number) | Value::Sfixed32(number) => u64::try_from(*number).ok(),
        Value::Int64(number) | Value::Sint64(number) | Value::Sfixed64(number) => u64::try_from(*number).ok(),
        Value::Uint32(number) | Value::Fixed32(number) => Some(u64::from(*number)),
        Value::Uint64(number) | Value::Fixed64(number) => Some(*number),
        Value::Double(number) => whole_float(*number),
        Value::Float(number) => whole_float(f64::from(*number)),
        Value::Bool(_) | Value::BoolList(_) | Value::Text(_) => None,
    }
}

fn whole_float(number: f64) -> Option<u64> {
    // Above 2^64 the cast would saturate.
    (number >= 0.0 && number < u64::MAX as f64 && number.fract() == 0.0).then_some(number as u64)
}

fn shown(value: &Value) -> String {
    match value {
        Value::Double(number) => format!("{number:e}"),
        Value::Float(number) => format!("{number:e}"),
        Value::Int32(number) | Value::Sint32(number) | Value::Sfixed32(number) => number.to_string(),
        Value::Int64(number) | Value::Sint64(number) | Value::Sfixed64(number) => number.to_string(),
        Value::Uint32(number) | Value::Fixed32(number) => number.to_string(),
        Value::Uint64(number) | Value::Fixed64(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::BoolList(list) => format!("a list of {} truth values", list.values.len()),
        Value::Text(text) => format!("the text \"{}\"", shortened(text)),
    }
}
