//! Functions of whole rows: norms. (Softmax's constant stands with attention, which shares it.)

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which normalisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NormKind {
    /// Mean and variance, scale and shift.
    Layer,
    /// Root mean square, scale.
    Rms,
}

impl NormKind {
    /// Operations on one element: for the layer norm recovered by fit, see
    /// [`crate::Activation::flops_per_element`]; for the RMS norm square, add up, divide by the root, scale.
    #[must_use]
    pub const fn flops_per_element(self) -> u64 {
        match self {
            Self::Layer => 8,
            Self::Rms => 4,
        }
    }
}
