//! The operators, one file per family: shapes, and what they cost.
//!
//! To add one: give its shapes a variant of [`crate::OpKind`], its operation count a function in its family's
//! file here, and its line in [`crate::OpKind::name`] and in `counting.rs`.

mod attention;
mod collective;
mod elementwise;
mod experts;
mod gather_sum;
mod image;
mod matmul;
mod rows;

pub use attention::Attention;
pub(crate) use attention::SOFTMAX_FLOPS;
pub use collective::{Collective, CollectiveKind, Dimension};
pub use elementwise::Activation;
pub(crate) use elementwise::{ROPE_FLOPS, UPDATE_FLOPS};
pub use experts::{GroupedMatMul, balanced_groups, balanced_groups_of_rank};
pub(crate) use experts::{route_flops, unpermute_flops};
pub use gather_sum::GatherSum;
pub use image::{ChannelNorm, ChannelNormKind, Convolution, ConvolutionForm, Pool, PoolKind, Window};
pub use matmul::MatMul;
pub use rows::NormKind;

/// Product of extents as operations, which 128 bits hold for all shapes within limits; held at the maximum.
pub(crate) fn product(extents: &[u64]) -> u128 {
    extents.iter().fold(1_u128, |product, extent| product.saturating_mul(u128::from(*extent)))
}
