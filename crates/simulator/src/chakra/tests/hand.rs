//! Protobuf by hand, without prost: what a value looks like in bytes, and what bytes say.

/// How a field travels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wire {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(Vec<u8>),
    Fixed32([u8; 4]),
}

/// Seven bits a byte, the lowest first, all but the last byte with the eighth bit set.
pub fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 128 {
        bytes.push((value % 128) as u8 + 128);
        value /= 128;
    }
    bytes.push(value as u8);
    bytes
}

/// A field: its number and how it travels as one varint, then what it holds.
pub fn field(number: u64, wire: &Wire) -> Vec<u8> {
    let (kind, body) = match wire {
        Wire::Varint(value) => (0, varint(*value)),
        Wire::Fixed64(bytes) => (1, bytes.to_vec()),
        Wire::Bytes(bytes) => (2, delimited(bytes)),
        Wire::Fixed32(bytes) => (5, bytes.to_vec()),
    };
    [varint(number * 8 + kind), body].concat()
}

/// Bytes after their length.
pub fn delimited(bytes: &[u8]) -> Vec<u8> {
    [varint(bytes.len() as u64), bytes.to_vec()].concat()
}

pub fn text(number: u64, text: &str) -> Vec<u8> {
    field(number, &Wire::Bytes(text.as_bytes().to_vec()))
}

pub fn number(field_number: u64, value: u64) -> Vec<u8> {
    field(field_number, &Wire::Varint(value))
}

/// `AttributeProto` with one value, in field `kind`.
pub fn attribute(name: &str, kind: u64, value: &Wire) -> Vec<u8> {
    field(10, &Wire::Bytes([text(1, name), field(kind, value)].concat()))
}

/// A file of these nodes.
pub fn file(nodes: &[Vec<u8>]) -> Vec<u8> {
    let metadata = delimited(&text(1, "0.0.4"));
    nodes.iter().fold(metadata, |file, node| [file, delimited(node)].concat())
}

fn read_varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for place in 0.. {
        let (byte, rest) = bytes.split_first().expect("a varint goes on");
        *bytes = rest;
        value += u64::from(byte % 128) << (7 * place);
        if *byte < 128 {
            break;
        }
    }
    value
}

fn take(bytes: &mut &[u8], count: usize) -> Vec<u8> {
    let (taken, rest) = bytes.split_at(count);
    *bytes = rest;
    taken.to_vec()
}

/// The messages of a file.
pub fn messages(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    while !bytes.is_empty() {
        let length = read_varint(&mut bytes) as usize;
        messages.push(take(&mut bytes, length));
    }
    messages
}

/// The fields of a message, in order.
pub fn fields(mut bytes: &[u8]) -> Vec<(u64, Wire)> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = read_varint(&mut bytes);
        let wire = match key % 8 {
            0 => Wire::Varint(read_varint(&mut bytes)),
            1 => Wire::Fixed64(take(&mut bytes, 8).try_into().expect("eight bytes")),
            2 => {
                let length = read_varint(&mut bytes) as usize;
                Wire::Bytes(take(&mut bytes, length))
            }
            5 => Wire::Fixed32(take(&mut bytes, 4).try_into().expect("four bytes")),
            other => panic!("wire type {other}"),
        };
        fields.push((key / 8, wire));
    }
    fields
}

/// The numbers packed into a field.
pub fn packed(mut bytes: &[u8]) -> Vec<u64> {
    let mut numbers = Vec::new();
    while !bytes.is_empty() {
        numbers.push(read_varint(&mut bytes));
    }
    numbers
}
