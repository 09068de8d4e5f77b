//! Rows of training: many columns, of which sources leave some open.

use memwall_model_graph::{Recompute, ZeroStage};

use super::read::{Fields, shorten};
use super::row::{Shape, TrainingShape};

/// Width of a head where heads are not stated: that of the models of Narayanan et al. 2021 (arXiv:2104.04473).
const USUAL_HEAD: u64 = 128;

/// The shape of a row.
pub(super) fn training(fields: &Fields<'_>) -> Result<Shape, String> {
    let hidden = fields.extent("hidden")?;
    let heads = open(fields, "heads")?.unwrap_or((hidden / USUAL_HEAD).max(1));
    let kv_heads = open(fields, "kv_heads")?.unwrap_or(heads);
    let shape = TrainingShape {
        layers: fields.extent("layers")?,
        hidden,
        heads,
        kv_heads,
        ffn: open(fields, "ffn")?.unwrap_or(hidden.saturating_mul(4)),
        vocab: fields.extent("vocab")?,
        seq: fields.extent("seq")?,
        gpus: fields.extent("gpus")?,
        tp: fields.extent("tp")?,
        pp: fields.extent("pp")?,
        dp: fields.extent("dp")?,
        interleave: open(fields, "interleave")?.unwrap_or(1),
        micro_batch: open(fields, "micro_batch")?,
        global_batch: fields.extent("global_batch")?,
        recompute: recompute(fields)?,
        sequence_parallel: matches!(fields.optional("sequence_parallel")?, Some("yes" | "true" | "1")),
        zero: zero(fields)?,
    };
    if hidden % heads != 0 || heads % kv_heads != 0 {
        return Err(format!(
            "hidden {hidden}, heads {heads} and kv_heads {kv_heads} do not divide one another"
        ));
    }
    Ok(Shape::Training(Box::new(shape)))
}

/// A column that a source may leave open.
fn open(fields: &Fields<'_>, column: &str) -> Result<Option<u64>, String> {
    match fields.optional(column)? {
        None | Some("unstated") => Ok(None),
        Some(_) => fields.extent(column).map(Some),
    }
}

fn recompute(fields: &Fields<'_>) -> Result<Option<Recompute>, String> {
    match fields.optional("recompute")? {
        None | Some("unstated") => Ok(None),
        Some("none" | "no") => Ok(Some(Recompute::None)),
        Some("full") => Ok(Some(Recompute::Full)),
        Some("selective") => Ok(Some(Recompute::Selective)),
        Some(other) => Err(format!("recompute is `{}`: none, selective, full, or nothing", shorten(other))),
    }
}

fn zero(fields: &Fields<'_>) -> Result<Option<ZeroStage>, String> {
    match fields.optional("zero")? {
        None | Some("unstated") => Ok(None),
        Some("0" | "none") => Ok(Some(ZeroStage::None)),
        Some("1" | "optimizer") => Ok(Some(ZeroStage::Optimizer)),
        Some("2" | "gradients") => Ok(Some(ZeroStage::Gradients)),
        Some("3" | "weights") => Ok(Some(ZeroStage::Weights)),
        Some(other) => Err(format!("zero is `{}`: 0 to 3, or nothing", shorten(other))),
    }
}
