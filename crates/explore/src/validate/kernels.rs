//! From a measured row to the operators that were timed.

use memwall_hardware::{AttentionCall, Device, SoftwareProfile};
use memwall_model_graph::{
    Activation, Attention, Dtype, Graph, GraphBuilder, GroupedMatMul, MatMul, NormKind, OpClass, OpKind,
    Operand, Operator, TensorRole,
};

use super::experts::expert_loads;
use super::formats::{Formats, cache_format, formats};
use super::row::{Copies, Phase, Row, Shape};

/// Layers after which a model comes back to the buffers of one, where that is not stated: enough that none of what
/// they hold together stays in a cache, unless it is tiny.
const LAYERS: u64 = 16;

/// Elementwise operations a row may name.
pub(crate) const OPS: [&str; 17] = [
    "add",
    "addu",
    "mul",
    "mulu",
    "div",
    "divu",
    "pow",
    "powu",
    "relu",
    "gelu",
    "tanh",
    "copy",
    "silu_mul",
    "softmax",
    "layernorm",
    "rmsnorm",
    "rmsnorm_fused_add",
];

/// What an elementwise op does, and how many tensors it reads and writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ElementwiseOp {
    Function { function: Activation, inputs: u64 },
    Softmax,
    Norm { kind: NormKind, fused_add: bool },
}

/// An op by its label.
pub(crate) fn elementwise_op(label: &str) -> Option<ElementwiseOp> {
    let function = |function, inputs| Some(ElementwiseOp::Function { function, inputs });
    match label {
        "add" => function(Activation::Add, 2),
        "addu" => function(Activation::Add, 1),
        "mul" => function(Activation::Mul, 2),
        "mulu" => function(Activation::Mul, 1),
        "div" => function(Activation::Div, 2),
        "divu" => function(Activation::Div, 1),
        "pow" => function(Activation::Pow, 2),
        "powu" => function(Activation::Pow, 1),
        "relu" => function(Activation::Relu, 1),
        "gelu" => function(Activation::Gelu, 1),
        "tanh" => function(Activation::Tanh, 1),
        "copy" => function(Activation::Copy, 1),
        "silu_mul" => function(Activation::SiluMul, 2),
        "softmax" => Some(ElementwiseOp::Softmax),
        "layernorm" => Some(ElementwiseOp::Norm { kind: NormKind::Layer, fused_add: false }),
        "rmsnorm" => Some(ElementwiseOp::Norm { kind: NormKind::Rms, fused_add: false }),
        "rmsnorm_fused_add" => Some(ElementwiseOp::Norm { kind: NormKind::Rms, fused_add: true }),
        _ => None,
    }
}

/// Builds what a row timed: one graph for each set of buffers the benchmark goes round, or for each draw of the
/// experts' loads.
///
/// # Errors
/// The row's formats have no meaning here, or the shape is beyond what a graph may hold.
pub(crate) fn graphs(row: &Row, device: &Device, software: &SoftwareProfile) -> Result<Vec<Graph>, String> {
    let found = formats(&row.dtype).ok_or_else(|| format!("`{}` is no number format it knows", row.dtype))?;
    if let Shape::Moe { .. } = row.shape {
        return expert_loads(&row.shape)
            .iter()
            .map(|loads| graph(row, device, software, found, 0, loads))
            .collect();
    }
    let copies = match row.shape {
        Shape::Gemm { copies: Copies::Rotated(count), .. } => count,
        Shape::Elementwise { .. } if software.timed_in_model => LAYERS,
        _ => 1,
    };
    (0..copies).map(|copy| graph(row, device, software, found, copy, &[])).collect()
}

fn graph(
    row: &Row,
    device: &Device,
    software: &SoftwareProfile,
    formats: Formats,
    copy: u64,
    loads: &[(u64, u64)],
) -> Result<Graph, String> {
    let quantize = software.quantize_kernels.get(&row.dtype).copied().unwrap_or(0);
    let mut kernels = Kernels { builder: GraphBuilder::new(), formats, quantize, software };
    match &row.shape {
        Shape::Gemm { batch, m, n, k, .. } => kernels.gemm((*batch, *m, *n, *k), copy),
        Shape::Attention { .. } | Shape::Mla { .. } => kernels.attention(row, device)?,
        Shape::Moe { .. } => kernels.experts(row, loads),
        Shape::Elementwise { op, rows, cols } => kernels.elementwise(op, *rows, *cols, copy),
        Shape::Collective { .. } | Shape::Inference { .. } | Shape::Training(_) => {
            return Err(format!("{} is no kernel", row.shape_text()));
        }
    }
    kernels.builder.finish().map_err(|error| error.to_string())
}

struct Kernels<'a> {
    builder: GraphBuilder,
    formats: Formats,
    /// Kernels that bring activations into their format.
    quantize: u32,
    software: &'a SoftwareProfile,
}

impl Kernels<'_> {
    fn held(
        &mut self,
        label: impl Into<std::borrow::Cow<'static, str>>,
        dtype: Dtype,
        shape: Vec<u64>,
    ) -> Operand {
        let tensor = self.builder.tensor(label, None, TensorRole::Held, dtype, shape);
        self.builder.whole(tensor)
    }

    fn add(
        &mut self,
        label: &'static str,
        kind: OpKind,
        compute: Dtype,
        inputs: Vec<Operand>,
        outputs: Vec<Operand>,
    ) {
        let label = label.into();
        self.builder.operator(Operator {
            label,
            layer: None,
            kind,
            class: OpClass::Other,
            compute,
            inputs,
            outputs,
        });
    }

    /// The format products are computed in: the wider of both operands.
    fn compute(&self) -> Dtype {
        let Formats { weights, activations, .. } = self.formats;
        if weights.bits() > activations.bits() { weights } else { activations }
    }

    fn gemm(&mut self, (batch, m, n, k): (u64, u64, u64, u64), copy: u64) {
        let Formats { weights, activations, outside, scales } = self.formats;
        let a = self.activations("a", vec![batch, m, k], activations, outside);
        let b = self.held(format!("b.{copy}"), weights, vec![batch, k, n]);
        let c = self.held("c", outside, vec![batch, m, n]);
        let mut inputs = vec![a, b];
        if let Some((group, dtype)) = scales {
            let count = batch.saturating_mul(k).saturating_mul(n).div_ceil(group);
            inputs.push(self.held(format!("scales.{copy}"), dtype, vec![count]));
        }
        let kind = OpKind::MatMul(MatMul { batch, m, n, k, b_shared_by: 1 });
        self.add("gemm", kind, self.compute(), inputs, vec![c]);
    }

    /// Activations as the product takes them; brought into that format by kernels of their own first, where the
    /// software times them: one after the other looks for the range, scales and converts.
    fn activations(
        &mut self,
        label: &'static str,
        shape: Vec<u64>,
        inside: Dtype,
        outside: Dtype,
    ) -> Operand {
        if inside == outside || self.quantize == 0 {
            return self.held(label, inside, shape);
        }
        let wide = self.held("a.wide", outside, shape.clone());
        let mut narrow = self.held(label, inside, shape.clone());
        for pass in 0..self.quantize {
            if pass > 0 {
                narrow = self.held(format!("{label}.{pass}"), inside, shape.clone());
            }
            let kind = OpKind::Elementwise { function: Activation::Scale, elements: wide.elements };
            self.add("quantize", kind, Dtype::Fp32, vec![wide], vec![narrow]);
        }
        narrow
    }

    fn attention(&mut self, row: &Row, device: &Device) -> Result<(), String> {
        let (shape, kv_label) = attention_shape(row);
        let cache =
            cache_format(kv_label).ok_or_else(|| format!("`{kv_label}` is no number format it knows"))?;
        let Formats { activations, outside, .. } = self.formats;
        let q = self.held("q", activations, vec![shape.batch, shape.q_len, shape.heads, shape.qk_dim]);
        let kv = |width: u64| vec![shape.batch, shape.kv_len, shape.kv_heads, width];
        let part = |operand: Operand, tokens: u64| Operand {
            elements: (u128::from(operand.elements) * u128::from(tokens) / u128::from(shape.kv_len.max(1)))
                as u64,
            ..operand
        };
        let mut cached = vec![self.held("k", cache, kv(shape.qk_dim))];
        if !shape.shared_kv {
            cached.push(self.held("v", cache, kv(shape.v_dim)));
        }
        let fresh: Vec<Operand> = cached.iter().map(|operand| part(*operand, shape.q_len)).collect();
        self.before_attention(shape, cache.bits() < activations.bits(), device, q, fresh);
        let mut inputs = vec![q];
        inputs.extend(cached.iter().map(|operand| part(*operand, shape.visible())));
        let out = self.held("out", outside, vec![shape.batch, shape.q_len, shape.heads, shape.v_dim]);
        self.add("attention", OpKind::Attention(shape), activations, inputs, vec![out]);
        Ok(())
    }

    /// What a call of the library's attention does besides: it rotates queries and keys, and writes the `fresh` part
    /// of keys and values into the cache.
    fn before_attention(
        &mut self,
        shape: Attention,
        narrow_cache: bool,
        device: &Device,
        q: Operand,
        fresh: Vec<Operand>,
    ) {
        let kernels = &self.software.attention;
        let call = AttentionCall {
            q_len: shape.q_len,
            kv_len: shape.kv_len,
            group: shape.heads / shape.kv_heads.max(1),
            latent: shape.shared_kv,
            narrow_cache,
        };
        let Some(kernel) = kernels.kernel(device, &call) else { return };
        let (rotates, appends) = (kernel.rotates, kernel.appends);
        let outside = self.formats.outside;
        let width: u64 = fresh.iter().map(|operand| operand.elements).sum();
        let mut inputs = Vec::new();
        let mut outputs = Vec::new();
        if rotates {
            inputs.push(self.held("q.plain", outside, vec![q.elements]));
            outputs.push(q);
        }
        if appends {
            inputs.push(self.held("kv.fresh", outside, vec![width]));
            outputs.extend(fresh);
        }
        let elements = outputs.iter().map(|operand| operand.elements).sum();
        if rotates {
            self.add("rotate", OpKind::Rope { elements }, outside, inputs, outputs);
        } else if appends {
            self.add("append", OpKind::KvAppend { elements }, outside, inputs, outputs);
        }
    }

    /// A call of the library's mixture of experts on one device, whose experts get the rows of `loads`.
    fn experts(&mut self, row: &Row, loads: &[(u64, u64)]) {
        let Shape::Moe { tokens, hidden, expert_ffn, top_k, experts, tp, ep, gated, .. } = row.shape else {
            return;
        };
        let Formats { weights, activations, outside, scales } = self.formats;
        let kernels = self.software.experts.clone();
        let inner = expert_ffn.div_ceil(tp);
        let up = if gated { inner.saturating_mul(2) } else { inner };
        let rows: u64 = loads.iter().map(|(rows, experts)| rows.saturating_mul(*experts)).sum();
        let hit: u64 = loads.iter().map(|(_, experts)| experts).sum();
        let choices = tokens.saturating_mul(top_k);
        // Rows that pass between the products.
        let held_rows = if kernels.whole_batch { choices } else { rows };
        let some = |operand: Operand, width: u64| Operand { elements: rows.saturating_mul(width), ..operand };
        let chosen = self.held("choices", Dtype::Fp32, vec![tokens, top_k, 2]);
        let logits = if kernels.routes {
            self.held("logits", outside, vec![tokens, experts])
        } else {
            self.held("ids", Dtype::Fp32, vec![tokens, top_k])
        };
        let scored = if kernels.routes { experts } else { top_k };
        let kind = OpKind::Route { tokens, experts: scored, top_k: if kernels.routes { top_k } else { 1 } };
        self.add("route", kind, Dtype::Fp32, vec![logits], vec![chosen]);
        if rows == 0 && !kernels.whole_batch {
            return;
        }
        let compute = self.compute();
        let product =
            |kernels: &mut Self, label: &'static str, a: Operand, (n, k): (u64, u64), c: Operand| {
                if rows == 0 {
                    return;
                }
                let b = kernels.held(format!("{label}.weight"), weights, vec![hit, k, n]);
                let mut inputs = vec![a, b];
                if let Some((group, dtype)) = scales {
                    let count = hit.saturating_mul(k).saturating_mul(n).div_ceil(group);
                    inputs.push(kernels.held(format!("{label}.scales"), dtype, vec![count]));
                }
                let held = experts.div_ceil(ep);
                let kind =
                    OpKind::GroupedMatMul(GroupedMatMul { groups: loads.to_vec(), tokens, held, n, k });
                kernels.add(label, kind, compute, inputs, vec![c]);
            };
        // Tokens with a choice on this device; no more than there are.
        let seen = rows.min(tokens);
        let gathered = if kernels.copies {
            let early = activations != outside && scales.is_none();
            let source = if early { self.quantized("tokens", tokens, hidden) } else { None };
            let source = source.unwrap_or_else(|| self.held("tokens.wide", outside, vec![tokens, hidden]));
            let source = Operand { elements: seen.saturating_mul(hidden), ..source };
            let dtype = if early { activations } else { outside };
            let copied = self.held("tokens.copied", dtype, vec![rows, hidden]);
            let kind = OpKind::Permute { elements: copied.elements };
            self.add("permute", kind, Dtype::Fp32, vec![source, chosen], vec![copied]);
            if early || activations == outside {
                copied
            } else {
                self.scaled("tokens.scaled", copied, rows, hidden)
            }
        } else {
            let source = self.quantized("tokens", tokens, hidden);
            let source = source.unwrap_or_else(|| self.held("tokens", activations, vec![tokens, hidden]));
            Operand { elements: seen.saturating_mul(hidden), ..source }
        };
        let wide = self.held("up.out", outside, vec![held_rows, up]);
        product(self, "up", gathered, (up, hidden), some(wide, up));
        // Fused kernels write the format that the next product takes, unless each group of values needs a scale.
        let late = activations != outside && (!kernels.copies || scales.is_some());
        let dtype = if late { outside } else { activations };
        let mut narrow = self.held("act.out", dtype, vec![held_rows, inner]);
        let function = if gated { Activation::SiluMul } else { Activation::Silu };
        let kind = OpKind::Elementwise { function, elements: narrow.elements };
        self.add("act", kind, Dtype::Fp32, vec![wide], vec![narrow]);
        if late {
            narrow = self.scaled("act.scaled", narrow, held_rows, inner);
        }
        let back = self.held("down.out", outside, vec![held_rows, hidden]);
        if kernels.whole_batch && ep > 1 {
            // Rows of experts elsewhere are nothing.
            let kind = OpKind::Elementwise { function: Activation::Copy, elements: back.elements };
            let cleared = self.held("down.cleared", outside, vec![held_rows, hidden]);
            self.add("zero", kind, Dtype::Fp32, Vec::new(), vec![cleared]);
        }
        product(self, "down", some(narrow, inner), (hidden, inner), some(back, hidden));
        let sum = self.held("sum", outside, vec![tokens, hidden]);
        let kind = OpKind::Permute { elements: back.elements };
        self.add("sum", kind, Dtype::Fp32, vec![back, chosen], vec![sum]);
    }

    /// Activations brought into the product's format; none where they are in it already.
    fn quantized(&mut self, label: &'static str, rows: u64, width: u64) -> Option<Operand> {
        let Formats { activations, outside, .. } = self.formats;
        (activations != outside).then(|| {
            let wide = self.held(format!("{label}.wide"), outside, vec![rows, width]);
            self.scaled(label, wide, rows, width)
        })
    }

    fn scaled(&mut self, label: &'static str, wide: Operand, rows: u64, width: u64) -> Operand {
        let narrow = self.held(label, self.formats.activations, vec![rows, width]);
        let kind = OpKind::Elementwise { function: Activation::Scale, elements: wide.elements };
        self.add("quantize", kind, Dtype::Fp32, vec![wide], vec![narrow]);
        narrow
    }

    fn elementwise(&mut self, op: &str, rows: u64, cols: u64, copy: u64) {
        let Some(op) = elementwise_op(op) else { return };
        let dtype = self.formats.activations;
        let elements = rows.saturating_mul(cols);
        let shape = || vec![rows, cols];
        match op {
            ElementwiseOp::Function { function: Activation::SiluMul, .. }
                if !self.software.fused_elementwise =>
            {
                let (gate, up) = (self.held("gate", dtype, shape()), self.held("up", dtype, shape()));
                let middle = self.held("silu.out", dtype, shape());
                let out = self.held("out", dtype, shape());
                let kind = |function| OpKind::Elementwise { function, elements };
                self.add("silu", kind(Activation::Silu), dtype, vec![gate], vec![middle]);
                self.add("mul", kind(Activation::Mul), dtype, vec![middle, up], vec![out]);
            }
            ElementwiseOp::Function { function, inputs } => {
                // The first is the result of the kernel before it, the others lay waiting.
                let label = |index| if index == 0 { "in.0".to_owned() } else { format!("in.{index}.{copy}") };
                let inputs = (0..inputs).map(|index| self.held(label(index), dtype, shape())).collect();
                let out = self.held(format!("out.{copy}"), dtype, shape());
                self.add("op", OpKind::Elementwise { function, elements }, dtype, inputs, vec![out]);
            }
            ElementwiseOp::Softmax => {
                let (input, out) = (self.held("in", dtype, shape()), self.held("out", dtype, shape()));
                self.add("softmax", OpKind::Softmax { rows, cols }, dtype, vec![input], vec![out]);
            }
            ElementwiseOp::Norm { kind, fused_add } => {
                let mut inputs = vec![self.held("in", dtype, shape())];
                let mut outputs = vec![self.held("out", dtype, shape())];
                if fused_add {
                    inputs.push(self.held("residual", dtype, shape()));
                    outputs.push(self.held("sum", dtype, shape()));
                }
                let scales = if kind == NormKind::Layer { 2 } else { 1 };
                let tensor =
                    self.builder.tensor("scale", None, TensorRole::Weight, dtype, vec![scales, cols]);
                inputs.push(self.builder.whole(tensor));
                self.add("norm", OpKind::Norm { kind, rows, cols }, dtype, inputs, outputs);
            }
        }
    }
}

/// The attention of an attention or latent-attention row, and the label of its cache's format.
fn attention_shape(row: &Row) -> (Attention, &str) {
    // A latent and its rotary part (DeepSeek-V2, arXiv:2405.04434): 512 + 64; a head of an expanded one: 128 + 64.
    const LATENT: u64 = 512;
    const ROPE: u64 = 64;
    const HEAD: u64 = 128;
    match &row.shape {
        Shape::Mla { phase, kv_dtype, heads, batch, q_len, kv_len } => {
            let expanded = *phase == Phase::Prefill;
            let shape = Attention {
                batch: *batch,
                q_len: *q_len,
                kv_len: *kv_len,
                heads: *heads,
                kv_heads: if expanded { *heads } else { 1 },
                qk_dim: if expanded { HEAD + ROPE } else { LATENT + ROPE },
                v_dim: if expanded { HEAD } else { LATENT },
                causal: true,
                window: 0,
                shared_kv: !expanded,
            };
            (shape, kv_dtype)
        }
        Shape::Attention { kv_dtype, batch, q_len, kv_len, heads, kv_heads, head_dim, window, .. } => {
            let shape = Attention {
                batch: *batch,
                q_len: *q_len,
                kv_len: *kv_len,
                heads: *heads,
                kv_heads: *kv_heads,
                qk_dim: *head_dim,
                v_dim: *head_dim,
                causal: true,
                window: *window,
                shared_kv: false,
            };
            (shape, kv_dtype)
        }
        _ => {
            let none = Attention {
                batch: 1,
                q_len: 1,
                kv_len: 1,
                heads: 1,
                kv_heads: 1,
                qk_dim: 1,
                v_dim: 1,
                causal: true,
                window: 0,
                shared_kv: false,
            };
            (none, "bf16")
        }
    }
}
