//! Labels of number formats in measured rows, and the formats behind them.

use memwall_model_graph::Dtype;

/// The formats of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Formats {
    /// Weights as they lie in memory.
    pub weights: Dtype,
    /// Activations as the arithmetic takes them.
    pub activations: Dtype,
    /// Activations before they are quantized, and results.
    pub outside: Dtype,
    /// Elements that share a scale, and its bytes; `None` where the label's source does not say, or there is none.
    pub scales: Option<(u64, Dtype)>,
}

/// The formats a label stands for.
pub(crate) fn formats(label: &str) -> Option<Formats> {
    let plain = |dtype| Formats { weights: dtype, activations: dtype, outside: dtype, scales: None };
    Some(match label {
        "fp64" => plain(Dtype::Fp64),
        "fp32" => plain(Dtype::Fp32),
        "tf32" => plain(Dtype::Tf32),
        "fp16" => plain(Dtype::Fp16),
        "bf16" => plain(Dtype::Bf16),
        "w8a8" | "int8" => {
            Formats { weights: Dtype::Int8, activations: Dtype::Int8, outside: Dtype::Fp16, scales: None }
        }
        "w8a16" => Formats { weights: Dtype::Int8, ..plain(Dtype::Fp16) },
        // The group size of 4-bit weights is not stated by the source; 128 is what such checkpoints use.
        "w4a16" => Formats { weights: Dtype::Int4, scales: Some((128, Dtype::Fp16)), ..plain(Dtype::Fp16) },
        "w4a16_mxfp4" => {
            Formats { weights: Dtype::Fp4, scales: Some((32, Dtype::Fp8)), ..plain(Dtype::Bf16) }
        }
        "fp8" => Formats { weights: Dtype::Fp8, activations: Dtype::Fp8, outside: Dtype::Bf16, scales: None },
        "fp8_block" => Formats {
            weights: Dtype::Fp8,
            activations: Dtype::Fp8,
            outside: Dtype::Bf16,
            scales: Some((128 * 128, Dtype::Fp32)),
        },
        "nvfp4" | "fp4" => Formats {
            weights: Dtype::Fp4,
            activations: Dtype::Fp4,
            outside: Dtype::Bf16,
            scales: Some((16, Dtype::Fp8)),
        },
        _ => return None,
    })
}

/// The format a cache label stands for.
pub(crate) fn cache_format(label: &str) -> Option<Dtype> {
    match label {
        "int8" => Some(Dtype::Int8),
        _ => formats(label).map(|formats| formats.activations),
    }
}
