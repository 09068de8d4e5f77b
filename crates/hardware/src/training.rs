//! What a training framework does besides its kernels.

use memwall_units::{Bytes, Picos};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Figure;
use crate::check::Checker;
use crate::rows::Rows;

/// What a training framework does besides its kernels. A key that is left out is off, or no time.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TrainingSoftware {
    /// Whether gradients are summed over data-parallel ranks layer by layer, beside the backward pass; otherwise after
    /// it.
    #[serde(skip_serializing_if = "is_off")]
    pub overlaps_gradients: bool,
    /// Whether gradients of weights are computed while tensor-parallel ranks talk.
    #[serde(skip_serializing_if = "is_off")]
    pub overlaps_tensor: bool,
    /// Whether a matmul adds a weight's gradient to the sum over micro-batches; otherwise another kernel does.
    #[serde(skip_serializing_if = "is_off")]
    pub fuses_gradients: bool,
    /// Whether a layer that computes anything again in the backward pass computes everything again, its last result
    /// included, which nobody needs; otherwise it stops when it has what gradients need.
    #[serde(skip_serializing_if = "is_off")]
    pub recomputes_whole_layers: bool,
    /// Whether the host waits for the device at every message between stages.
    #[serde(skip_serializing_if = "is_off")]
    pub synchronises: bool,
    /// Whether gradients are set to zero by a pass of its own.
    #[serde(skip_serializing_if = "is_off")]
    pub zero_pass: bool,
    /// Whether gradients are copied to the master weights' format, and weights back, by passes of their own.
    #[serde(skip_serializing_if = "is_off")]
    pub copy_pass: bool,
    /// Whether gradients are scaled back and searched for overflow by a pass of its own.
    #[serde(skip_serializing_if = "is_off")]
    pub unscale_pass: bool,
    /// Whether the norm of all gradients is computed and they are scaled to it, by passes of their own.
    #[serde(skip_serializing_if = "is_off")]
    pub clip_pass: bool,
    /// Whether gradients of 16-bit floats (fp16) are summed in that format; otherwise in fp32.
    #[serde(skip_serializing_if = "is_off")]
    pub sums_in_fp16: bool,
    /// Share of activations that models are trained with zeroed, where measured iterations do not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usual_dropout: Option<Figure<f64>>,
    /// Host time to issue an operator of the backward pass. Default: as in the forward pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backward_issue: Option<Figure<Picos>>,
    /// Host time of a layer, each way, besides issuing its operators: hooks, autograd's bookkeeping.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer: Option<Figure<Picos>>,
    /// Host time of a micro-batch besides its layers: loading the batch, the loss.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub micro_batch: Option<Figure<Picos>>,
    /// Host time of an iteration besides its micro-batches, the device idle: the optimizer's loop, logging.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iteration: Option<Figure<Picos>>,
    /// Device memory that the driver's context and the libraries take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<Figure<Bytes>>,
    /// Device memory that each communicator's buffers take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub communicator: Option<Figure<Bytes>>,
    /// Share of what tensors take at most that the allocator holds besides, in pieces that nothing fits into.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fragmentation: Option<Figure<f64>>,
}

const fn is_off(on: &bool) -> bool {
    !*on
}

impl TrainingSoftware {
    /// Host times, each by its key.
    const fn times(&self) -> [(&'static str, &Option<Figure<Picos>>); 4] {
        [
            ("backward_issue", &self.backward_issue),
            ("layer", &self.layer),
            ("micro_batch", &self.micro_batch),
            ("iteration", &self.iteration),
        ]
    }

    /// Settings that are on or off, each by its key.
    const fn settings(&self) -> [(&'static str, bool); 10] {
        [
            ("overlaps_gradients", self.overlaps_gradients),
            ("overlaps_tensor", self.overlaps_tensor),
            ("fuses_gradients", self.fuses_gradients),
            ("recomputes_whole_layers", self.recomputes_whole_layers),
            ("synchronises", self.synchronises),
            ("zero_pass", self.zero_pass),
            ("copy_pass", self.copy_pass),
            ("unscale_pass", self.unscale_pass),
            ("clip_pass", self.clip_pass),
            ("sums_in_fp16", self.sums_in_fp16),
        ]
    }

    pub(crate) fn check(&self, checker: &mut Checker) {
        for (key, figure) in self.times() {
            checker.figure(key, figure.clone());
        }
        checker.figure("context", self.context.clone());
        checker.figure("communicator", self.communicator.clone());
        checker.figure("fragmentation", self.fragmentation.clone());
        checker.figure("usual_dropout", self.usual_dropout.clone());
    }

    pub(crate) fn rows(&self, rows: &mut Rows) {
        for (key, on) in self.settings() {
            if on {
                rows.setting(&format!("training.{key}"), "true");
            }
        }
        for (key, figure) in self.times() {
            rows.maybe(&format!("training.{key}"), figure.as_ref());
        }
        rows.maybe("training.context", self.context.as_ref());
        rows.maybe("training.communicator", self.communicator.as_ref());
        if let Some(figure) = &self.fragmentation {
            rows.number("training.fragmentation", figure);
        }
        if let Some(figure) = &self.usual_dropout {
            rows.number("training.usual_dropout", figure);
        }
    }
}
