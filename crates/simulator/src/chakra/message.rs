//! The messages of a Chakra trace, with the field numbers of its public schema (`et_def.proto`, package
//! `ChakraProtoMsg`).
//!
//! Only fields that are read stand here. What a file holds besides (tensors' shapes, documentation strings, start
//! times, lists other than of truth values) is skipped where it stands and takes no memory.

/// The first message of a file.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct GlobalMetadata {
    #[prost(string, tag = "1")]
    pub version: String,
}

/// Each further message of a file.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Node {
    #[prost(uint64, tag = "1")]
    pub id: u64,
    #[prost(string, tag = "2")]
    pub name: String,
    /// One of [`node_type`]. An enumeration travels as an `int32`.
    #[prost(int32, tag = "3")]
    pub r#type: i32,
    #[prost(uint64, repeated, tag = "4")]
    pub ctrl_deps: Vec<u64>,
    #[prost(uint64, repeated, tag = "5")]
    pub data_deps: Vec<u64>,
    #[prost(uint64, tag = "7")]
    pub duration_micros: u64,
    #[prost(message, repeated, tag = "10")]
    pub attr: Vec<Attribute>,
}

/// A named value: `AttributeProto` in the schema.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Attribute {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(oneof = "Value", tags = "3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 28, 29")]
    pub value: Option<Value>,
}

/// The value of an attribute.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum Value {
    #[prost(double, tag = "3")]
    Double(f64),
    #[prost(float, tag = "5")]
    Float(f32),
    #[prost(int32, tag = "7")]
    Int32(i32),
    #[prost(int64, tag = "9")]
    Int64(i64),
    #[prost(uint32, tag = "11")]
    Uint32(u32),
    #[prost(uint64, tag = "13")]
    Uint64(u64),
    #[prost(sint32, tag = "15")]
    Sint32(i32),
    #[prost(sint64, tag = "17")]
    Sint64(i64),
    #[prost(fixed32, tag = "19")]
    Fixed32(u32),
    #[prost(fixed64, tag = "21")]
    Fixed64(u64),
    #[prost(sfixed32, tag = "23")]
    Sfixed32(i32),
    #[prost(sfixed64, tag = "25")]
    Sfixed64(i64),
    #[prost(bool, tag = "27")]
    Bool(bool),
    #[prost(message, tag = "28")]
    BoolList(BoolList),
    #[prost(string, tag = "29")]
    Text(String),
}

/// A list of truth values.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct BoolList {
    #[prost(bool, repeated, tag = "1")]
    pub values: Vec<bool>,
}

/// Values of `Node.type`.
pub(super) mod node_type {
    pub const INVALID: i32 = 0;
    pub const METADATA: i32 = 1;
    pub const MEM_LOAD: i32 = 2;
    pub const MEM_STORE: i32 = 3;
    pub const COMP: i32 = 4;
    pub const COMM_SEND: i32 = 5;
    pub const COMM_RECV: i32 = 6;
    pub const COMM_COLL: i32 = 7;
    /// In schemas since 2026; none of them is read.
    pub const NOT_READ: [(i32, &str); 3] = [(8, "STORAGE_NODE"), (9, "BATCH_NODE"), (10, "CHECKPOINT_NODE")];
}

/// Names of the attributes that mean something here.
pub(super) mod attribute {
    pub const IS_CPU_OP: &str = "is_cpu_op";
    pub const NUM_OPS: &str = "num_ops";
    pub const TENSOR_SIZE: &str = "tensor_size";
    pub const COMM_TYPE: &str = "comm_type";
    pub const COMM_SIZE: &str = "comm_size";
    pub const COMM_SRC: &str = "comm_src";
    pub const COMM_DST: &str = "comm_dst";
    pub const COMM_TAG: &str = "comm_tag";
    pub const INVOLVED_DIM: &str = "involved_dim";
    pub const PG_NAME: &str = "pg_name";
    /// Microseconds, where old files have no `duration_micros`.
    pub const RUNTIME: &str = "runtime";
    /// Ours: the rank a collective goes out from or comes together at. The schema has no name for it.
    pub const COMM_ROOT: &str = "comm_root";
    /// Ours: the duration in picoseconds, where `duration_micros` would round it.
    pub const DURATION_PICOS: &str = "duration_picos";
}
