//! Number formats: how many bits an element takes.

use serde::{Deserialize, Serialize};

/// The number format of a tensor's elements, or of an arithmetic unit's inputs.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// IEEE double precision.
    Fp64,
    /// IEEE single precision.
    Fp32,
    /// 19-bit format of NVIDIA tensor cores; stored in 32 bits.
    Tf32,
    /// Brain float, 8 exponent bits.
    Bf16,
    /// IEEE half precision.
    Fp16,
    /// 8-bit float (e4m3 or e5m2: the same size and speed).
    Fp8,
    /// 4-bit float (e2m1).
    Fp4,
    /// 32-bit integer, an accumulator format.
    Int32,
    /// 8-bit integer.
    Int8,
    /// 4-bit integer.
    Int4,
}

impl Dtype {
    /// Every format, widest first.
    pub const ALL: [Self; 10] = [
        Self::Fp64,
        Self::Fp32,
        Self::Tf32,
        Self::Int32,
        Self::Bf16,
        Self::Fp16,
        Self::Fp8,
        Self::Int8,
        Self::Fp4,
        Self::Int4,
    ];

    /// Bits one element takes in memory.
    #[must_use]
    pub const fn bits(self) -> u64 {
        match self {
            Self::Fp64 => 64,
            Self::Fp32 | Self::Tf32 | Self::Int32 => 32,
            Self::Bf16 | Self::Fp16 => 16,
            Self::Fp8 | Self::Int8 => 8,
            Self::Fp4 | Self::Int4 => 4,
        }
    }

    /// Bytes `elements` take, rounded up to a whole byte, held at `u64::MAX`.
    #[must_use]
    pub const fn bytes_for(self, elements: u64) -> u64 {
        let bits = elements as u128 * self.bits() as u128;
        let bytes = bits.div_ceil(8);
        if bytes > u64::MAX as u128 { u64::MAX } else { bytes as u64 }
    }

    /// The name a scenario uses: `bf16`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fp64 => "fp64",
            Self::Fp32 => "fp32",
            Self::Tf32 => "tf32",
            Self::Bf16 => "bf16",
            Self::Fp16 => "fp16",
            Self::Fp8 => "fp8",
            Self::Fp4 => "fp4",
            Self::Int32 => "int32",
            Self::Int8 => "int8",
            Self::Int4 => "int4",
        }
    }
}

impl std::fmt::Display for Dtype {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// The formats of the four kinds of data in a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Precision {
    /// Weights as stored in memory.
    pub weights: Dtype,
    /// Activations as stored in memory; matrix units compute in the wider of this and the weights' format.
    pub activations: Dtype,
    /// The KV cache.
    pub kv_cache: Dtype,
    /// Matmul accumulators, and outputs that leave the chip unrounded.
    pub accumulator: Dtype,
}

impl Precision {
    /// Everything in `dtype`, accumulating in fp32 (int32 for integers).
    #[must_use]
    pub const fn uniform(dtype: Dtype) -> Self {
        let accumulator = match dtype {
            Dtype::Int8 | Dtype::Int4 | Dtype::Int32 => Dtype::Int32,
            Dtype::Fp64 => Dtype::Fp64,
            _ => Dtype::Fp32,
        };
        Self { weights: dtype, activations: dtype, kv_cache: dtype, accumulator }
    }
}

/// The format with more bits; the first of two with as many.
pub(crate) fn wider(a: Dtype, b: Dtype) -> Dtype {
    if b.bits() > a.bits() { b } else { a }
}
