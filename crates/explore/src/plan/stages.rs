//! A plan's stages: what each computes, sends and keeps of a micro-batch.

use memwall_model_graph::Recompute;

use super::piece::{Piece, Sent};
use super::space::Shape;
use super::table::{Costs, LayerKinds, Rule};

/// One stage and one micro-batch: seconds, bytes and parameters.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Stage {
    /// The forward pass, computing and sending.
    pub forward: f64,
    /// Gradients of activations, with what is computed again, and sending that weight gradients cannot hide.
    pub backward: f64,
    /// Gradients of weights.
    pub weight: f64,
    /// Of the two passes, computing again.
    pub again: f64,
    /// Of the two passes, sending.
    pub sent: Sent,
    /// Bytes kept for the way back.
    pub kept: f64,
    /// The most bytes that come on top while it works.
    pub working: f64,
    /// Parameters that every data-parallel rank has.
    pub parameters: f64,
    /// Parameters of experts.
    pub experts: f64,
    /// Parameters of the largest layer.
    pub largest: f64,
}

impl Stage {
    /// All that a stage does of a micro-batch, in seconds.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.forward + self.backward + self.weight
    }

    /// The same without sending.
    #[must_use]
    pub fn computing(&self) -> f64 {
        self.total() - self.sent.total()
    }

    fn add(&mut self, piece: &Piece, count: f64) {
        self.forward += count * (piece.forward + piece.sent_forward.total());
        let hidden = piece.sent_back.total().min(piece.weight);
        let exposed = piece.sent_back.total() - hidden;
        self.backward += count * (piece.backward + exposed);
        self.weight += count * piece.weight;
        let seen = if piece.sent_back.total() > 0.0 { exposed / piece.sent_back.total() } else { 0.0 };
        let sent = |forward: f64, back: f64| count * (forward + seen * back);
        self.sent.tensor += sent(piece.sent_forward.tensor, piece.sent_back.tensor);
        self.sent.context += sent(piece.sent_forward.context, piece.sent_back.context);
        self.sent.expert += sent(piece.sent_forward.expert, piece.sent_back.expert);
        self.again += count * piece.again;
        self.backward += count * piece.again;
        self.kept += count * piece.kept;
        self.working = self.working.max(piece.working);
        self.parameters += count * piece.parameters;
        self.experts += count * piece.experts;
        self.largest = self.largest.max(piece.parameters + piece.experts);
    }
}

/// Writes the stages of a shape under a rule of recomputing.
pub fn stages(
    costs: &Costs,
    kinds: &LayerKinds,
    (shape, recompute, tied): (&Shape, Recompute, bool),
    stages: &mut Vec<Stage>,
) {
    stages.clear();
    let parallel = &shape.parallel;
    let all = kinds.layers();
    for number in 0..parallel.pipeline {
        let own = parallel.layers_of(number, all);
        let of_stage = (own.end - own.start) as f64;
        // Of every so many layers one is kept whole, the others are done again.
        let (rule, whole) = match recompute {
            Recompute::None | Recompute::Optimal(_) => (Rule::None, 1.0),
            Recompute::Selective => (Rule::Selective, 0.0),
            Recompute::Full => (Rule::Full, 0.0),
            Recompute::Every(every) => (Rule::Full, (of_stage / f64::from(every.max(1))).floor() / of_stage),
        };
        let (kept, again) = (costs.pieces(Rule::None), costs.pieces(rule));
        let mut stage = Stage::default();
        for (kind, (whole_piece, piece)) in kept.layers.iter().zip(&again.layers).enumerate() {
            let count = f64::from(kinds.count(kind, &own));
            if count == 0.0 {
                continue;
            }
            stage.add(whole_piece, count * whole);
            stage.add(piece, count * (1.0 - whole));
            if rule == Rule::Full {
                // While a layer is done again, all that it needs is there.
                stage.working = stage.working.max(piece.working + whole_piece.kept - piece.kept);
            }
        }
        if number == 0 {
            stage.add(&again.embedding, 1.0);
        }
        if parallel.is_last(number) {
            stage.add(&again.head, 1.0);
            if tied && parallel.pipeline == 1 {
                stage.parameters -= again.embedding.table;
            }
        }
        stages.push(stage);
    }
}
