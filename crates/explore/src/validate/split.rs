//! Which rows may be fitted on, and which are kept back to judge by.

use super::row::Row;

/// Whether a row is kept back from every fit. Decided by a hash of its kind and shape only, so the same shape falls on
/// the same side on every device, with every software and in every format: no fit sees it anywhere.
#[must_use]
pub fn held_out(row: &Row) -> bool {
    hash(&row.shape_text()) & 1 == 1
}

/// FNV-1a, then a mix so that the low bit depends on every byte.
fn hash(text: &str) -> u64 {
    let folded = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mixed = (folded ^ (folded >> 31)).wrapping_mul(0x7fb5_d329_728e_a185);
    mixed ^ (mixed >> 33)
}
