//! The largest values accepted, so that nothing overflows and nothing takes forever.

/// Layers of a model (of each stack).
pub const MAX_LAYERS: u64 = 10_000;
/// Hidden width.
pub const MAX_HIDDEN: u64 = 1 << 20;
/// Heads of any kind.
pub const MAX_HEADS: u64 = 1 << 16;
/// Width of a head or of a latent.
pub const MAX_HEAD_DIM: u64 = 1 << 16;
/// Inner width of a feed-forward block.
pub const MAX_FFN: u64 = 1 << 24;
/// Rows of an embedding table.
pub const MAX_VOCAB: u64 = 1 << 28;
/// Ranks along one dimension of a parallel run, and micro-batches.
pub const MAX_PARALLEL: u64 = 1 << 20;
/// Experts of a mixture.
pub const MAX_EXPERTS: u64 = 1 << 16;
/// Sequences of a batch.
pub const MAX_BATCH: u64 = 1 << 20;
/// Tokens of a sequence.
pub const MAX_TOKENS: u64 = 1 << 27;
/// Pixels along an image's side.
pub const MAX_IMAGE: u64 = 1 << 16;
/// Elements of one tensor; above this, products of two tensors' sizes would no longer fit 128 bits with room.
pub const MAX_ELEMENTS: u64 = 1 << 60;
/// Operators of one graph.
pub const MAX_OPERATORS: usize = 1_000_000;
