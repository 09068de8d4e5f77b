//! Tensors: what operators read and write.

use crate::{Dtype, Sparsity};

/// Index of a tensor in its [`crate::Graph`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TensorId(pub u32);

/// Identity of a tensor across graphs: the weights of layer 3 are the same bytes in every decode step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TensorKey(pub u64);

/// What a tensor is for; decides how long it lives and whether it is written back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TensorRole {
    /// Parameters: read-only, live for the whole run.
    Weight,
    /// Keys and values of earlier tokens: live for the whole run, grow.
    KvCache,
    /// Made by one operator and dead after its last reader.
    Activation,
    /// Given from outside (token ids, images), live for the step.
    Input,
    /// Held by whoever runs the operator again and again on the same buffers (a benchmark): live for the whole
    /// run, whoever reads or writes it.
    Held,
}

/// A block of memory with a shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// Name within the layer: `mlp.up.weight`.
    pub label: std::borrow::Cow<'static, str>,
    /// The layer it belongs to, if any.
    pub layer: Option<u32>,
    /// What it is for.
    pub role: TensorRole,
    /// Number format.
    pub dtype: Dtype,
    /// Extent of each dimension, outermost first.
    pub shape: Vec<u64>,
    /// Identity across graphs.
    pub key: TensorKey,
    /// Of pruned weights, what is left of them.
    pub sparsity: Option<Sparsity>,
}

impl Tensor {
    /// Product of the shape, held at `u64::MAX`.
    #[must_use]
    pub fn elements(&self) -> u64 {
        self.shape.iter().fold(1_u64, |product, extent| product.saturating_mul(*extent))
    }

    /// Bytes of the whole tensor.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes_of(self.elements())
    }

    /// Bytes that `elements` of it take in memory, indices of pruned weights included.
    #[must_use]
    pub fn bytes_of(&self, elements: u64) -> u64 {
        match self.sparsity {
            None => self.dtype.bytes_for(elements),
            Some(sparsity) => sparsity.bytes_for(elements, self.dtype.bits()),
        }
    }

    /// `layers.3.mlp.up.weight`.
    #[must_use]
    pub fn name(&self) -> String {
        match self.layer {
            Some(layer) => format!("layers.{layer}.{}", self.label),
            None => self.label.to_string(),
        }
    }
}

impl TensorKey {
    /// The identity of the tensor called `label` in `layer`: a hash that is the same in every version and on every
    /// machine. Two names of one model share a key with a chance below one in 10^12.
    #[must_use]
    pub fn of(layer: Option<u32>, label: &str) -> Self {
        // Eight bytes a round, each spread over the word by a product and folded back (as in splitmix64): building
        // a step hashes thousands of labels.
        let start = layer.map_or(0, |index| u64::from(index) + 1);
        let mut hash = mix(start ^ (label.len() as u64).rotate_left(40));
        for chunk in label.as_bytes().chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            hash = mix(hash ^ u64::from_le_bytes(word));
        }
        Self(hash)
    }
}

/// One step of splitmix64 (Steele, Lea and Flood 2014): a bijection that spreads every bit.
const fn mix(word: u64) -> u64 {
    let word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}
