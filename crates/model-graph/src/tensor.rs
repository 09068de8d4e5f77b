//! Tensors: what operators read and write.

use crate::Dtype;

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
        self.dtype.bytes_for(self.elements())
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
    /// The identity of the tensor called `label` in `layer` (FNV-1a, stable across versions and machines).
    #[must_use]
    pub fn of(layer: Option<u32>, label: &str) -> Self {
        let layer_bytes = layer.map_or([0xff; 5], |index| {
            let [a, b, c, d] = index.to_le_bytes();
            [0, a, b, c, d]
        });
        let bytes = layer_bytes.iter().chain(label.as_bytes());
        Self(bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
        }))
    }
}
