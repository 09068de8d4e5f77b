//! Random operator graphs, each operator reading what earlier ones wrote wherever it is large enough.

use std::fmt;

use memwall_model_graph::{Dtype, Graph, OperatorSpec, Precision, SpecOp};
use proptest::prelude::*;

use crate::machines::Machine;

/// The entries of an inline graph and the format everything is in.
#[derive(Clone)]
pub struct Dag {
    /// As a scenario writes them.
    pub entries: Vec<OperatorSpec>,
    /// Which of the formats a machine has is used.
    pub format: prop::sample::Index,
}

impl fmt::Debug for Dag {
    // One line an entry, with the fields that are given.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "format {:?}", self.format)?;
        for entry in &self.entries {
            writeln!(f, "  {}", line(entry))?;
        }
        Ok(())
    }
}

/// An entry's name, inputs and sizes.
#[must_use]
pub fn line(entry: &OperatorSpec) -> String {
    let sizes = [
        ("batch", entry.batch),
        ("m", entry.m),
        ("n", entry.n),
        ("k", entry.k),
        ("rows", entry.rows),
        ("cols", entry.cols),
        ("elements", entry.elements),
        ("q", entry.q_len),
        ("kv", entry.kv_len),
        ("heads", entry.heads),
        ("kv_heads", entry.kv_heads),
        ("dim", entry.head_dim),
        ("window", entry.window),
        ("tokens", entry.tokens),
        ("experts", entry.experts),
        ("top_k", entry.top_k),
        ("height", entry.height),
        ("width", entry.width),
        ("in", entry.in_channels),
        ("out", entry.out_channels),
        ("groups", entry.groups),
        ("kernel", entry.kernel),
        ("stride", entry.stride),
        ("padding", entry.padding),
        ("causal", entry.causal.map(u64::from)),
    ];
    let sizes: Vec<String> =
        sizes.iter().filter_map(|(name, size)| size.map(|size| format!("{name} {size}"))).collect();
    format!("{} {:?} {}", entry.name, entry.inputs, sizes.join(" "))
}

impl Dag {
    /// The graph in a format that `machine` has.
    ///
    /// # Panics
    /// An entry is wrong.
    #[must_use]
    pub fn graph(&self, machine: &Machine) -> Graph {
        let formats: Vec<Dtype> =
            machine.formats().into_iter().filter(|dtype| *dtype != Dtype::Fp64).collect();
        graph(&self.entries, *self.format.get(&formats))
    }
}

/// The graph of `entries` with everything in `dtype`.
///
/// # Panics
/// An entry is wrong.
#[must_use]
pub fn graph(entries: &[OperatorSpec], dtype: Dtype) -> Graph {
    Graph::from_spec(entries, &Precision::uniform(dtype)).expect("the entries are right")
}

/// `C[m,n] = A[m,k] B[k,n]`.
#[must_use]
pub fn matmul(m: u64, n: u64, k: u64) -> OperatorSpec {
    let size = Some;
    OperatorSpec {
        name: "mm".into(),
        op: SpecOp::Matmul,
        m: size(m),
        n: size(n),
        k: size(k),
        ..Default::default()
    }
}

/// Fused causal attention of `heads` heads of 128.
#[must_use]
pub fn attention(batch: u64, q_len: u64, kv_len: u64, heads: u64, kv_heads: u64) -> OperatorSpec {
    OperatorSpec {
        name: "attention".into(),
        op: SpecOp::Attention,
        batch: Some(batch),
        q_len: Some(q_len),
        kv_len: Some(kv_len),
        heads: Some(heads),
        kv_heads: Some(kv_heads),
        head_dim: Some(128),
        ..Default::default()
    }
}

/// A row-wise operator (softmax, norms, gather).
#[must_use]
pub fn rows(op: SpecOp, rows: u64, cols: u64) -> OperatorSpec {
    OperatorSpec { name: op.name().into(), op, rows: Some(rows), cols: Some(cols), ..Default::default() }
}

/// An elementwise operator.
#[must_use]
pub fn elementwise(op: SpecOp, elements: u64) -> OperatorSpec {
    OperatorSpec { name: op.name().into(), op, elements: Some(elements), ..Default::default() }
}

/// Graphs of 1 to 12 operators.
pub fn dags() -> impl Strategy<Value = Dag> {
    let entries = prop::collection::vec((operators(), any::<prop::sample::Index>()), 1..12);
    (entries, any::<prop::sample::Index>())
        .prop_map(|(entries, format)| Dag { entries: connected(entries), format })
}

/// Graphs of one operator.
pub fn single() -> impl Strategy<Value = Dag> {
    let entries = prop::collection::vec((operators(), any::<prop::sample::Index>()), 1);
    (entries, any::<prop::sample::Index>())
        .prop_map(|(entries, format)| Dag { entries: connected(entries), format })
}

/// One operator of any kind and size.
pub fn operators() -> impl Strategy<Value = OperatorSpec> {
    let size = || prop_oneof![1 => 1_u64..20, 2 => 20_u64..300, 2 => 300_u64..5_000];
    let row_ops = vec![SpecOp::Softmax, SpecOp::Layernorm, SpecOp::Rmsnorm, SpecOp::Gather];
    let flat_ops = vec![
        SpecOp::Add,
        SpecOp::Mul,
        SpecOp::Div,
        SpecOp::Pow,
        SpecOp::Relu,
        SpecOp::Gelu,
        SpecOp::Silu,
        SpecOp::Tanh,
        SpecOp::SiluMul,
        SpecOp::GeluMul,
        SpecOp::Scale,
        SpecOp::Copy,
        SpecOp::Rope,
        SpecOp::Permute,
    ];
    prop_oneof![
        4 => matmuls(),
        2 => attentions(),
        2 => (prop::sample::select(row_ops), size(), size()).prop_map(|(op, m, n)| rows(op, m, n)),
        2 => (prop::sample::select(flat_ops), size(), size()).prop_map(|(op, m, n)| elementwise(op, m * n)),
        1 => (size(), 1_u64..64, 1_u64..9, 1_u64..1000, 1_u64..1000).prop_map(
            |(tokens, experts, top_k, n, k)| OperatorSpec {
                op: SpecOp::GroupedMatmul,
                tokens: Some(tokens),
                experts: Some(experts),
                top_k: Some(top_k.min(experts)),
                n: Some(n),
                k: Some(k),
                ..Default::default()
            }
        ),
        1 => gather_sums(),
        2 => convolutions(),
        1 => pools(),
        1 => (size(), 1_u64..300).prop_map(|(m, n)| rows(SpecOp::BatchNorm, m, n)),
        1 => (size(), 1_u64..64, 1_u64..9).prop_map(|(tokens, experts, top_k)| OperatorSpec {
            op: SpecOp::Route,
            tokens: Some(tokens),
            experts: Some(experts),
            top_k: Some(top_k.min(experts)),
            ..Default::default()
        }),
    ]
}

/// Look-ups in a table of any size and popularity, the cache cold.
pub fn gather_sums() -> impl Strategy<Value = OperatorSpec> {
    (1_u64..50_000, 1_u64..300, 1_u64..100, 1_u64..200_000, 0_u64..2_000).prop_map(
        |(look_ups, cols, pool, table_rows, skew)| OperatorSpec {
            op: SpecOp::GatherSum,
            pool: Some(pool),
            table_rows: Some(table_rows),
            skew_permille: Some(skew),
            ..rows(SpecOp::GatherSum, look_ups, cols)
        },
    )
}

/// A convolution of any shape that fits, in groups now and then.
pub fn convolutions() -> impl Strategy<Value = OperatorSpec> {
    let groups = prop_oneof![3 => Just(1_u64), 1 => 2_u64..9];
    let channels = (groups, 1_u64..40, 1_u64..40);
    (1_u64..5, 1_u64..60, 1_u64..60, channels, window()).prop_map(
        |(batch, height, width, (groups, read, written), (kernel, stride, padding))| OperatorSpec {
            op: SpecOp::Convolution,
            batch: Some(batch),
            // A window that does not fit is an error, which others test.
            height: Some(height.max(kernel)),
            width: Some(width.max(kernel)),
            in_channels: Some(groups * read),
            out_channels: Some(groups * written),
            groups: Some(groups),
            kernel: Some(kernel),
            stride: Some(stride),
            padding: Some(padding),
            ..Default::default()
        },
    )
}

/// A pool of any shape that fits.
pub fn pools() -> impl Strategy<Value = OperatorSpec> {
    let op = prop::sample::select(vec![SpecOp::MaxPool, SpecOp::AveragePool]);
    (op, convolutions()).prop_map(|(op, entry)| OperatorSpec {
        op,
        out_channels: None,
        groups: None,
        ..entry
    })
}

/// Kernel, stride and padding.
fn window() -> impl Strategy<Value = (u64, u64, u64)> {
    (1_u64..8, 1_u64..4, 0_u64..4)
}

/// A matmul of any shape, batched now and then.
pub fn matmuls() -> impl Strategy<Value = OperatorSpec> {
    let size = || prop_oneof![1 => 1_u64..20, 2 => 20_u64..300, 2 => 300_u64..5_000];
    (size(), size(), size(), prop_oneof![3 => Just(1_u64), 1 => 2_u64..20])
        .prop_map(|(m, n, k, batch)| OperatorSpec { batch: Some(batch), ..matmul(m, n, k) })
}

/// An attention of any shape.
pub fn attentions() -> impl Strategy<Value = OperatorSpec> {
    let q_len = prop_oneof![2 => Just(1_u64), 1 => 2_u64..40, 2 => 40_u64..1000];
    let heads = (1_u64..9, 1_u64..9);
    let more = (prop::sample::select(vec![8_u64, 64, 80, 128]), prop::option::of(1_u64..500), any::<bool>());
    (1_u64..9, q_len, 0_u64..3000, heads, more).prop_map(
        |(batch, q_len, context, (kv_heads, group), (head_dim, window, causal))| OperatorSpec {
            head_dim: Some(head_dim),
            window,
            causal: Some(causal),
            ..attention(batch, q_len, q_len + context, kv_heads * group, kv_heads)
        },
    )
}

/// Names the entries and lets those with one or two inputs read earlier results that are large enough.
fn connected(entries: Vec<(OperatorSpec, prop::sample::Index)>) -> Vec<OperatorSpec> {
    let mut made: Vec<(String, u64)> = Vec::new();
    let mut result = Vec::with_capacity(entries.len());
    for (index, (mut entry, choice)) in entries.into_iter().enumerate() {
        entry.name = format!("{}{index}", entry.op.name());
        let (reads, count, writes) = flow(&entry);
        let large: Vec<&(String, u64)> = made.iter().filter(|(_, elements)| *elements >= reads).collect();
        if count > 0 && !large.is_empty() {
            let chosen = choice.get(&large).0.clone();
            entry.inputs = vec![chosen; count];
        }
        made.push((entry.name.clone(), writes));
        result.push(entry);
    }
    result
}

/// Elements read of each input, how many inputs may be named, and elements written.
fn flow(entry: &OperatorSpec) -> (u64, usize, u64) {
    let product = |sizes: &[Option<u64>]| sizes.iter().map(|size| size.unwrap_or(1)).product::<u64>();
    let rows = product(&[entry.rows, entry.cols]);
    match entry.op {
        SpecOp::Matmul => {
            let batch = [entry.batch, entry.m];
            (product(&[batch[0], batch[1], entry.k]), 1, product(&[batch[0], batch[1], entry.n]))
        }
        SpecOp::Softmax | SpecOp::Layernorm | SpecOp::Rmsnorm => (rows, 1, rows),
        SpecOp::Gather => (rows, 0, rows),
        SpecOp::Add | SpecOp::Mul | SpecOp::Div | SpecOp::Pow | SpecOp::SiluMul | SpecOp::GeluMul => {
            (product(&[entry.elements]), 2, product(&[entry.elements]))
        }
        SpecOp::Relu | SpecOp::Gelu | SpecOp::Silu | SpecOp::Tanh | SpecOp::Scale | SpecOp::Copy => {
            (product(&[entry.elements]), 1, product(&[entry.elements]))
        }
        SpecOp::Rope | SpecOp::Permute => (product(&[entry.elements]), 1, product(&[entry.elements])),
        // Their results may be smaller than their shapes suggest; nobody reads them here.
        _ => (u64::MAX, 0, 0),
    }
}
