//! The `sparsity:` block.

use memwall_model_graph::{SparsePattern, Sparsity};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::build_case::present;
use crate::diagnostic::Diagnostics;
use crate::expect::{Amount, plain};
use crate::node::{Node, Step};
use crate::resolve::Resolver;
use crate::typed;

/// Pruned weights: those of the model's matmuls, tables of embeddings apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SparsitySpec {
    /// Which weights are zero.
    pub kind: SparsityKind,
    /// The share that is left, above 0 and at most 1: `0.2` or `20 %`. Not of `two_four`, which leaves half.
    #[serde(default)]
    pub density: Option<Amount>,
    /// With `unstructured`, bits of index beside each weight that is left. Default 16: a column within a block of rows
    /// of 65,536.
    #[serde(default)]
    pub index_bits: Option<u8>,
}

/// Which weights are zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SparsityKind {
    /// Whole input channels: every product is a smaller dense one.
    Structured,
    /// Any. Dense matrix engines multiply the zeros all the same.
    Unstructured,
    /// Two of each four, with two bits of index each; engines that `skips_two_of_four` take half the time.
    TwoFour,
}

/// The pruning that a scenario asks for; `Some(None)` where it asks for none.
pub(crate) fn build(
    resolver: &Resolver<'_>,
    root: &Node,
    problems: &mut Diagnostics,
) -> Option<Option<Sparsity>> {
    let Some(block) = present(root, "sparsity") else { return Some(None) };
    let spec: SparsitySpec = typed::read(&resolver.sources, block, "sparsity", problems)?;
    let mut wrong = |key: &str, message: &str, help: &str| {
        let path = [Step::Key(key.to_owned())];
        let problem = typed::problem_at(&resolver.sources, block, "sparsity", &path, message, "");
        problems.push(problem.with_help(help));
        None
    };
    let density = spec.density.as_ref().map(plain);
    let index = spec.index_bits;
    match spec.kind {
        SparsityKind::TwoFour if density.is_some() => {
            wrong("density", "`two_four` leaves half of the weights", "leave it out")
        }
        SparsityKind::TwoFour if index.is_some() => {
            wrong("index_bits", "`two_four` has two bits of index", "leave it out")
        }
        SparsityKind::Structured if index.is_some() => {
            wrong("index_bits", "`structured` sparsity needs no index", "leave it out")
        }
        SparsityKind::TwoFour => Some(Some(Sparsity::TWO_FOUR)),
        kind => {
            let Some(density) = density.flatten().filter(|density| (1e-6..=1.0).contains(density)) else {
                return wrong("density", "a density is above 0 and at most 1", "such as `density: 20 %`");
            };
            if index.is_some_and(|bits| bits > 64) {
                return wrong("index_bits", "an index has at most 64 bits", "");
            }
            let pattern = match kind {
                SparsityKind::Structured => SparsePattern::Structured,
                _ => SparsePattern::Unstructured,
            };
            let index_bits = if pattern == SparsePattern::Structured { 0 } else { index.unwrap_or(16) };
            let kept_ppm = (density * 1e6).round() as u32;
            Some(Some(Sparsity { pattern, kept_ppm, index_bits }))
        }
    }
}
