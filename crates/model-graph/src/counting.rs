//! How FLOPs and bytes accessed are counted.

use serde::{Deserialize, Serialize};

/// A counting convention.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Counting {
    /// What the machine does: multiply-accumulate is two, bytes in the tensors' own formats.
    #[default]
    Actual,
    /// As Gholami et al. 2024 and Kim et al. 2023 count: one byte an element, no fusion, each operand once.
    Paper,
}

/// Operations and bytes accessed of one operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Operations.
    pub flops: u128,
    /// Bytes read by the operator.
    pub bytes_read: u64,
    /// Bytes written by the operator.
    pub bytes_written: u64,
}
