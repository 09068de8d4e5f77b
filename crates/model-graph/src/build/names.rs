//! The names operators and their tensors go by, as string constants so that building a step formats nothing.

/// An operator's label, and those of the tensors that belong to it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Name {
    pub(super) op: &'static str,
    pub(super) weight: &'static str,
    pub(super) bias: &'static str,
    pub(super) out: &'static str,
}

macro_rules! name {
    ($label:expr) => {
        $crate::build::names::Name {
            op: $label,
            weight: concat!($label, ".weight"),
            bias: concat!($label, ".bias"),
            out: concat!($label, ".out"),
        }
    };
}
pub(super) use name;

/// The names of one attention block: a layer of an encoder-decoder model's decoder has two.
#[derive(Debug, Clone, Copy)]
pub(super) struct AttentionNames {
    pub(super) norm: Name,
    pub(super) q: Name,
    pub(super) k: Name,
    pub(super) v: Name,
    pub(super) qkv: Name,
    pub(super) q_norm: Name,
    pub(super) k_norm: Name,
    pub(super) append: Name,
    pub(super) k_cache: &'static str,
    pub(super) v_cache: &'static str,
    pub(super) k_read: Name,
    pub(super) v_read: Name,
    pub(super) scores: Name,
    pub(super) scale: Name,
    pub(super) mask: Name,
    pub(super) softmax: Name,
    pub(super) context: Name,
    pub(super) gather: Name,
    pub(super) fused: Name,
    pub(super) out: Name,
    pub(super) residual: Name,
}

macro_rules! attention_names {
    ($block:literal, $append:literal) => {
        AttentionNames {
            norm: name!(concat!($block, ".norm")),
            q: name!(concat!($block, ".q")),
            k: name!(concat!($block, ".k")),
            v: name!(concat!($block, ".v")),
            qkv: name!(concat!($block, ".qkv")),
            q_norm: name!(concat!($block, ".q_norm")),
            k_norm: name!(concat!($block, ".k_norm")),
            append: name!($append),
            k_cache: concat!($block, ".k_cache"),
            v_cache: concat!($block, ".v_cache"),
            k_read: name!(concat!($block, ".k_read")),
            v_read: name!(concat!($block, ".v_read")),
            scores: name!(concat!($block, ".scores")),
            scale: name!(concat!($block, ".scale")),
            mask: name!(concat!($block, ".mask")),
            softmax: name!(concat!($block, ".softmax")),
            context: name!(concat!($block, ".context")),
            gather: name!(concat!($block, ".gather")),
            fused: name!($block),
            out: name!(concat!($block, ".out")),
            residual: name!(concat!($block, ".residual")),
        }
    };
}

/// Attention of a stack to itself.
pub(super) const SELF: AttentionNames = attention_names!("attn", "kv.append");
/// Attention of a decoder to its encoder's output.
pub(super) const CROSS: AttentionNames = attention_names!("cross", "cross.append");
