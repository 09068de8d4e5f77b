//! Stacks of layers.

use super::attention::{Memory, attend_to_memory, attend_to_self};
use super::ends::{embed, finish, finish_encoder};
use super::feed_forward::feed_forward;
use super::names::{CROSS, SELF, name};
use super::scope::{Scope, Stream};
use crate::{NormPosition, Operand};

const MLP_NORM: super::names::Name = name!("mlp.norm");
const MLP_RESIDUAL: super::names::Name = name!("mlp.residual");

/// An encoder's pass; its output.
pub(super) fn encode(scope: &mut Scope<'_>) -> Operand {
    let mut stream = embed(scope);
    for index in 0..scope.arch.encoder_layers() {
        scope.layer = u32::try_from(index).ok();
        stream = self_attention(scope, index, stream, false);
        stream = mlp(scope, index, stream);
    }
    finish_encoder(scope, stream)
}

/// A decoder's pass, for which `scope` holds the new tokens.
pub(super) fn decode(scope: &mut Scope<'_>) {
    let mut stream = embed(scope);
    for index in 0..scope.arch.decoder_layers() {
        scope.layer = u32::try_from(index).ok();
        stream = self_attention(scope, index, stream, true);
        stream = mlp(scope, index, stream);
    }
    finish(scope, stream);
}

/// A pass of an encoder-decoder model's decoder. With the encoder's output at hand, its keys and values are
/// computed and cached first; without, they are in the cache.
pub(super) fn decode_with_memory(scope: &mut Scope<'_>, encoded: Option<Operand>) {
    let mut stream = embed(scope);
    let source = Memory { encoded, len: scope.step.prompt_len };
    let first = scope.arch.encoder_layers();
    for index in 0..scope.arch.decoder_layers() {
        scope.layer = u32::try_from(first.saturating_add(index)).ok();
        stream = self_attention(scope, index, stream, true);
        stream = cross_attention(scope, source, stream);
        stream = mlp(scope, index, stream);
    }
    finish(scope, stream);
}

fn self_attention(scope: &mut Scope<'_>, index: u64, stream: Stream, cached: bool) -> Stream {
    let pre = scope.arch.norm_position == NormPosition::Pre;
    let (input, sum) = scope.enter(SELF.norm, stream, pre);
    let output = attend_to_self(scope, index, input, cached);
    let stream = scope.leave(SELF.residual, sum, output);
    if pre { stream } else { scope.close(SELF.norm, stream) }
}

fn cross_attention(scope: &mut Scope<'_>, source: Memory, stream: Stream) -> Stream {
    let pre = scope.arch.norm_position == NormPosition::Pre;
    let (input, sum) = scope.enter(CROSS.norm, stream, pre);
    let output = attend_to_memory(scope, source, input);
    let stream = scope.leave(CROSS.residual, sum, output);
    if pre { stream } else { scope.close(CROSS.norm, stream) }
}

fn mlp(scope: &mut Scope<'_>, index: u64, stream: Stream) -> Stream {
    let pre = scope.arch.norm_position == NormPosition::Pre;
    let (input, sum) = scope.enter(MLP_NORM, stream, pre);
    let output = feed_forward(scope, index, input);
    let stream = scope.leave(MLP_RESIDUAL, sum, output);
    if pre { stream } else { scope.close(MLP_NORM, stream) }
}
