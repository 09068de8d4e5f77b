//! What the backward pass computes again.

use serde::{Deserialize, Serialize};

/// What the backward pass computes again instead of keeping it from the forward pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Recompute {
    /// Nothing: every tensor that a gradient needs is kept.
    #[default]
    None,
    /// What is large and cheap: inside attention, from queries, keys and values on (Korthikanti et al. 2022,
    /// arXiv:2205.05198). With a fused attention, which keeps none of it, all but its result and every second product's
    /// (torchtitan's selective checkpointing of operators).
    Selective,
    /// Whole layers: only their inputs are kept.
    Full,
    /// Whole layers, of which every that-many-th keeps what it needs: 1 is none of them.
    Every(u32),
    /// The schedule of least time whose activations take at most that many bytes (Checkmate, Jain et al. 2020,
    /// arXiv:1910.02653).
    Optimal(u64),
}
