//! The block as it is written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::expect::Amount;
use crate::training::spec::RecomputeSpec;

/// What is computed again, by which rules and for which budgets.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RecomputeBlock {
    /// Rules: `none`, `selective`, `full`, `{ every: 2 }`. Default: these, and `{ every: 4 }`. At most 32.
    pub rules: Option<Vec<RecomputeSpec>>,
    /// Budgets of memory for activations, for each of which the best schedule is looked for: bytes, or shares of what is
    /// needed when nothing is computed again. Default: `[50 %, 33 %, 25 %, 20 %]`. At most 32.
    pub budgets: Option<Vec<Amount>>,
    /// A claim to hold the results against.
    pub claim: Option<ClaimSpec>,
}

/// So much less memory for so much more work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClaimSpec {
    /// Times less memory: `5`.
    pub less: f64,
    /// For at most so much more work: `20 %`.
    pub extra: Amount,
}
